//! One attempt: messages in, outputs carried out, until a later attempt is held.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tally::session::{Output, Party, Refusal, Session, place};

use super::{Desk, SessionError};
use crate::trustee::{
    carrier::{Carrier, Read, Reading, post},
    standing::names_of,
};

/// Most bytes of messages that came too early and are kept; what is beyond is fetched again.
const MOST_EARLY: usize = 64 << 20;
/// Pause before what was incomplete is fetched again.
const AGAIN: Duration = Duration::from_secs(2);

/// An attempt under way.
pub(super) struct Attempt {
    number: u32,
    /// Absent only while a message is handled.
    session: Option<Session>,
    early: Early,
    /// The exchange of the last message that this trustee said, per batch that is not open yet.
    said: BTreeMap<u32, u32>,
    /// Why it is over, in words.
    over: Option<String>,
}

/// Messages that came too early: one of each sender and place.
#[derive(Default)]
struct Early {
    messages: BTreeMap<(u32, u32, u8), Vec<u8>>,
    bytes: usize,
    /// Whether some did not fit, so that the board has to be read again.
    is_full: bool,
}

impl Attempt {
    /// Begins an attempt, or begins it again after a restart.
    pub(super) async fn begin(desk: &Desk<'_>, number: u32) -> Result<(Self, Vec<Output>), SessionError> {
        let (subject, tallier) = (desk.subject, desk.tallier);
        let party = Party {
            keyring: Arc::clone(&subject.keyring),
            identity: Arc::clone(&tallier.identity),
            trustees: subject.task.trustees.clone(),
        };
        let (facts, plan) = (subject.task.facts(number), Arc::clone(&subject.task.plan));
        let (sum, record) = (Arc::clone(&subject.sum), desk.book.record());
        let begun = tallier.pool.run(move || Session::begin(party, &facts, plan, sum, record)).await?;
        let (session, outputs) = begun?;
        let (early, said) = (Early::default(), BTreeMap::new());
        Ok((Self { number, session: Some(session), early, said, over: None }, outputs))
    }

    /// Goes on until a later attempt is held, and returns that.
    pub(super) async fn run(
        mut self,
        desk: &mut Desk<'_>,
        carrier: &impl Carrier,
        outputs: Vec<Output>,
    ) -> Result<u32, SessionError> {
        let mut reading = Reading::of(desk.subject.board, self.number);
        let mut trouble = self.carry_out(desk, carrier, outputs).await.err();
        loop {
            self.say(desk);
            let messages = match (reading.next(carrier).await?, trouble) {
                (Read::Later(later), _) => return Ok(later),
                // What was refused was of this attempt: nothing but a restart helps.
                (Read::Messages(_), Some(error)) => return Err(error),
                (Read::Messages(messages), None) => messages,
            };
            trouble = match self.hear(desk, carrier, messages).await {
                Ok(true) => None,
                Ok(false) => {
                    tokio::time::sleep(AGAIN).await;
                    reading.again();
                    None
                }
                Err(error @ SessionError::Client(_)) => Some(error),
                Err(error) => return Err(error),
            };
        }
    }

    /// Hears messages, and those again that were too early before; returns whether all of them were at hand.
    async fn hear(
        &mut self,
        desk: &mut Desk<'_>,
        carrier: &impl Carrier,
        messages: Vec<Vec<u8>>,
    ) -> Result<bool, SessionError> {
        let mut waiting = VecDeque::from(messages);
        let mut is_whole = true;
        while let Some(message) = waiting.pop_front() {
            let Some(mut session) = self.session.take() else { break };
            let job = move || {
                let outcome = session.handle(&message);
                (session, message, outcome)
            };
            let (session, message, outcome) = desk.tallier.pool.run(job).await?;
            self.session = Some(session);
            match outcome {
                Ok(outputs) if outputs.is_empty() => {}
                Ok(outputs) => {
                    self.carry_out(desk, carrier, outputs).await?;
                    is_whole &= !self.early.is_full;
                    waiting.extend(self.early.take());
                }
                Err(Refusal::Early { .. }) => self.early.keep(desk, message),
                Err(refusal @ Refusal::Ciphertext { .. }) => {
                    tracing::warn!(board = %desk.subject.board, "{refusal}");
                    is_whole = false;
                }
                Err(Refusal::Over) => {}
                Err(refusal) => tracing::warn!(board = %desk.subject.board, "not taken: {refusal}"),
            }
        }
        Ok(is_whole)
    }

    /// Carries out what the engine puts out, in its order.
    async fn carry_out(
        &mut self,
        desk: &mut Desk<'_>,
        carrier: &impl Carrier,
        outputs: Vec<Output>,
    ) -> Result<(), SessionError> {
        for output in outputs {
            match output {
                Output::Store(entry) => desk.enter(entry)?,
                Output::Send(message) => {
                    if let Some(place) = place(&message, &desk.subject.task.trustees)
                        && place.stops.is_none()
                    {
                        self.said.insert(place.batch, place.exchange);
                    }
                    post(carrier, desk.subject.board, self.number, &message).await?;
                }
                Output::Labels { batch, labels } => {
                    self.said.remove(&batch);
                    desk.keep(self.number, &labels)?;
                }
                Output::Liar { trustee, batch } => {
                    let name = names_of(tally::sharing::Group::of([trustee]), &desk.subject.names);
                    tracing::error!(board = %desk.subject.board, batch, "{name} contradicted what it had signed");
                }
                Output::Finished => {
                    desk.finish(self.number)?;
                    self.over = Some("the labels are open".to_owned());
                }
                Output::Ended(end) => {
                    let names = names_of(end.names(), &desk.subject.names);
                    let whom = if names.is_empty() { String::new() } else { format!(" ({names})") };
                    let words = format!("attempt {} ended: {end}{whom}", self.number);
                    tracing::warn!(board = %desk.subject.board, "{words}");
                    self.over = Some(format!("{words}; the next one follows"));
                }
            }
        }
        Ok(())
    }

    /// Says how far the attempt is.
    fn say(&self, desk: &Desk<'_>) {
        if let Some(words) = &self.over {
            return desk.say(self.number, words);
        }
        let Some(session) = &self.session else { return };
        // Batch 0 stands for the first message too.
        let (batch, exchange) = self.said.iter().next().map_or((0, 0), |(batch, said)| (*batch, *said));
        let phase = desk.subject.task.plan.phase(batch, exchange);
        let waits_for = names_of(session.waits_for(), &desk.subject.names);
        desk.say(self.number, &format!("{phase}: waiting for {waits_for}"));
    }
}

impl Early {
    fn keep(&mut self, desk: &Desk<'_>, message: Vec<u8>) {
        let Some(place) = place(&message, &desk.subject.task.trustees) else { return };
        if self.bytes + message.len() > MOST_EARLY {
            self.is_full = true;
            return;
        }
        self.bytes += message.len();
        let before = self.messages.insert((place.batch, place.exchange, place.sender.number()), message);
        self.bytes -= before.map_or(0, |before| before.len());
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        let taken = std::mem::take(self);
        taken.messages.into_values().collect()
    }
}
