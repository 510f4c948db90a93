//! The ceremony: drives the engine's [`Ceremony`] over its board until there is a key, through any restart.
//!
//! Whatever the engine puts out is carried out in its order: a secret or an entry is on disk before the message after it
//! is posted. After a restart the ceremony begins again from journal and secrets, and hears the board from its beginning.

pub mod store;

use std::{sync::Arc, time::Duration};

use base::{identity::Identity, ids::Digest};
use protocol::{transcript::Replay, wire::BoardId};
use runtime::{Pool, PoolError};
use tally::{
    ceremony::{Ceremony, CeremonyError, CeremonyRefusal, Entry, Output, Setup},
    sharing::Group,
};

use self::store::{Store, StoreError};
use super::{
    agreement::{AgreementError, Seat},
    carrier::{Carrier, Read, Reading, post},
    journal::Journal,
    standing::{Standing, names_of},
};
use crate::home::Home;
use client::ClientError;

/// Why this trustee does not go on with a ceremony.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The coordinator refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The trustees are not those that a person approved.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// The board is not of the ceremony that the transcript names.
    #[error(
        "the coordinator asks for ceremony {asked}, which the transcript that this institution follows does not name"
    )]
    Other {
        /// The ceremony asked for.
        asked: Digest,
    },
    /// The pieces were destroyed when the federation was closed.
    #[error("what this trustee held of the key was destroyed when the federation was closed")]
    Destroyed,
    /// Something cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine does not begin.
    #[error(transparent)]
    Engine(#[from] CeremonyError),
    /// The computation failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl From<runtime::files::FileError> for HoldError {
    fn from(error: runtime::files::FileError) -> Self {
        Self::Store(error.into())
    }
}

/// What this trustee brings to a ceremony.
pub struct Holder {
    /// Where secrets and journal lie.
    pub home: Home,
    /// How it signs.
    pub identity: Arc<Identity>,
    /// Its seat, as a person approved it.
    pub seat: Seat,
    /// The ceremony.
    pub ceremony: Digest,
    /// The names of all trustees, in their order.
    pub names: Vec<String>,
    /// Where it computes.
    pub pool: Pool,
    /// Where it says how far it is.
    pub standing: Arc<Standing>,
}

/// Checks that a ceremony is the one that the transcript names, among the trustees that a person approved.
///
/// # Errors
/// Where it is not, and where the pieces were destroyed.
pub fn check(home: &Home, replay: &Replay, seat: &Seat, ceremony: Digest) -> Result<(), HoldError> {
    seat.check_approved(home)?;
    if replay.current_ceremony() != Some(ceremony) {
        return Err(HoldError::Other { asked: ceremony });
    }
    if super::keys::is_destroyed(home, replay.federation())? {
        return Err(HoldError::Destroyed);
    }
    Ok(())
}

/// Takes part in a ceremony for as long as its board is read; it ends by an error or when it is dropped.
///
/// # Errors
/// Where something cannot be kept, the engine does not begin, or the coordinator refuses.
pub async fn hold(carrier: &impl Carrier, holder: &Holder) -> Result<(), HoldError> {
    let (mut held, outputs) = Held::begin(holder)?;
    held.carry_out(carrier, outputs).await?;
    let mut reading = Reading::of(held.board(), 0);
    loop {
        held.say();
        let Read::Messages(messages) = reading.next(carrier).await? else {
            // A ceremony has one attempt.
            return Ok(());
        };
        for message in messages {
            if !held.hear(carrier, message).await? {
                // Something was missing in it: all is fetched again.
                tokio::time::sleep(AGAIN).await;
                reading.again();
                break;
            }
        }
    }
}

/// A ceremony under way.
struct Held<'a> {
    holder: &'a Holder,
    store: Store,
    journal: Journal<Entry>,
    /// Absent only while a message is handled.
    ceremony: Option<Ceremony>,
    /// Messages that came too early; each trustee has a few places, so they are few.
    early: Vec<Vec<u8>>,
    /// How it ended, in words.
    ended: Option<String>,
}

/// Pause before what was incomplete is fetched again.
const AGAIN: Duration = Duration::from_secs(2);

/// Most early messages that are kept: all that five trustees can say, twice.
const MOST_EARLY: usize = 60;

impl<'a> Held<'a> {
    fn begin(holder: &'a Holder) -> Result<(Self, Vec<Output>), HoldError> {
        let store = Store::of(&holder.home, holder.ceremony);
        let journal = store.journal()?;
        let secrets = store.secrets(!journal.entries().is_empty())?;
        let setup = Setup {
            federation: holder.seat.trustees.federation,
            ceremony: holder.ceremony,
            sharing: holder.seat.sharing,
            trustees: holder.seat.trustees.identities(),
            trustee: holder.seat.place,
        };
        let identity = Arc::clone(&holder.identity);
        let (ceremony, outputs) = Ceremony::begin(setup, identity, secrets, journal.entries())?;
        let held = Self { holder, store, journal, ceremony: Some(ceremony), early: Vec::new(), ended: None };
        Ok((held, outputs))
    }

    const fn board(&self) -> BoardId {
        BoardId::Ceremony(self.holder.ceremony)
    }

    /// Hears a message, and those again that were too early before; returns whether nothing was missing in any.
    async fn hear(&mut self, carrier: &impl Carrier, message: Vec<u8>) -> Result<bool, HoldError> {
        let mut waiting = vec![message];
        let mut is_whole = true;
        while let Some(message) = waiting.pop() {
            let Some(mut ceremony) = self.ceremony.take() else { break };
            let job = move || {
                let outcome = ceremony.handle(&message);
                (ceremony, message, outcome)
            };
            let (ceremony, message, outcome) = self.holder.pool.run(job).await?;
            self.ceremony = Some(ceremony);
            match outcome {
                Ok(outputs) if outputs.is_empty() => {}
                Ok(outputs) => {
                    self.carry_out(carrier, outputs).await?;
                    waiting.append(&mut self.early);
                }
                Err(CeremonyRefusal::Early | CeremonyRefusal::TooSoon(_)) => {
                    if self.early.len() < MOST_EARLY && !self.early.contains(&message) {
                        self.early.push(message);
                    }
                }
                Err(refusal @ CeremonyRefusal::Share(_)) => {
                    tracing::warn!("the ceremony: {refusal}");
                    is_whole = false;
                }
                Err(refusal) => tracing::warn!("the ceremony: {refusal}"),
            }
        }
        Ok(is_whole)
    }

    /// Carries out what the engine puts out, in its order.
    async fn carry_out(&mut self, carrier: &impl Carrier, outputs: Vec<Output>) -> Result<(), HoldError> {
        for output in outputs {
            match output {
                Output::Keep(name, bytes) => self.store.keep(name, &bytes)?,
                Output::Destroy(name) => self.store.destroy(name)?,
                Output::Store(entry) => self.journal.append(entry)?,
                Output::Send(message) => post(carrier, self.board(), 0, &message).await?,
                Output::Keyed(keyed) => {
                    let certificate = keyed.certificate.digest();
                    self.store.certify(certificate)?;
                    tracing::info!(%certificate, "the trustees made a key together");
                    self.ended = Some("the key is made, all have signed its certificate".to_owned());
                }
                Output::Dead(reason) => {
                    tracing::error!("the ceremony is dead: {reason}; a new one follows under another name");
                    self.ended = Some(format!("dead: {reason}"));
                }
                Output::Named(liars) => {
                    let words = match liars.size() {
                        0 => "dead; what everybody showed names nobody".to_owned(),
                        _ => format!("dead; what everybody showed names {}", self.names(liars)),
                    };
                    tracing::error!("the ceremony is {words}");
                    self.ended = Some(words);
                }
            }
        }
        Ok(())
    }

    fn names(&self, group: Group) -> String {
        names_of(group, &self.holder.names)
    }

    /// Says how far the ceremony is.
    fn say(&self) {
        let waits_for = self.ceremony.as_ref().map(Ceremony::waits_for);
        let waiting = waits_for.filter(|group| group.size() > 0).map(|group| self.names(group));
        let words = match (&self.ended, waiting) {
            (Some(ended), Some(names)) if ended.starts_with("dead") => {
                format!("{ended}: waiting for {names}")
            }
            (Some(ended), _) => ended.clone(),
            (None, Some(names)) => format!("making the key: waiting for {names}"),
            (None, None) => "making the key".to_owned(),
        };
        if self.holder.standing.set(self.board(), 0, words.clone()) {
            tracing::info!(ceremony = %self.holder.ceremony.short(), "{words}");
        }
    }
}

#[cfg(test)]
mod tests;
