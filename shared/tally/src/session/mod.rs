//! The tally of one step by the trustees that are present: one attempt as a state machine over signed exchanges.
//!
//! Messages go in, and out come entries to store, messages to send, and in the end labels, or why there are none. There is no
//! clock and no network: whoever drives a session hands it what it fetched from the board and carries out what it returns, in
//! order. The same messages make the same outputs, so after a restart the driver begins the attempt again from the journal and
//! hands in the board's messages once more.

mod agreement;
mod batch;
mod context;
mod delivery;
pub(crate) mod message;
pub(crate) mod openings;
mod outcome;
mod record;
pub(crate) mod terms;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::identity::{Identity, PublicIdentity};
use base::ids::Digest;

use crate::assignment::Assignment;
use crate::keyring::Keyring;
use crate::plan::Plan;
use crate::roster;
use crate::shares::Holder;
use crate::sharing::{Group, Trustee};
use crate::sum::Sum;
use batch::{Batch, Step};
pub(crate) use context::Context;
pub use delivery::{Place, is_whole, place, readers, without_ciphertext};
use message::{Body, Message, STOP, seen_after};
pub use outcome::{End, Output, Refusal};
pub use record::{Entry, Record, RecordError, Testimony};
pub use terms::{ENGINE_VERSION, Facts, Terms, name};
pub use verify::{VerifyError, verify};

/// How many batches are computed at a time.
const IN_FLIGHT: usize = 2;

/// What a trustee brings to an attempt.
pub struct Party {
    /// The roots of its pieces.
    pub keyring: Arc<Keyring>,
    /// The keys with which it signs.
    pub identity: Arc<Identity>,
    /// The public keys of all trustees, in their order.
    pub trustees: Vec<PublicIdentity>,
}

/// Why an attempt does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The record of the step forbids it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It is not this trustee's turn.
    #[error("attempt {attempt} is computed by trustees {present}; trustee {trustee} waits for another one")]
    NotPresent {
        /// The attempt.
        attempt: u32,
        /// Who computes it.
        present: Group,
        /// Who asked.
        trustee: Trustee,
    },
    /// Sum, plan, record and keyring do not belong together.
    #[error("the {0} belongs to another step or another key than the plan")]
    Mismatch(&'static str),
}

/// One attempt at the tally of a step.
pub struct Session {
    context: Context,
    record: Record,
    firsts: BTreeMap<Trustee, (Vec<u8>, Terms)>,
    /// What has been seen once all first messages are in.
    seen: Option<Digest>,
    batches: BTreeMap<u32, Batch>,
    done: usize,
    /// Why the attempt ends once what was agreed on is open.
    ending: Option<End>,
    over: bool,
}

impl Session {
    /// Begins an attempt, or begins it again after a restart; the outputs are the same.
    ///
    /// # Errors
    /// Refuses what the record forbids, an attempt of others, and what does not belong together.
    pub fn begin(
        party: Party,
        facts: &Facts,
        plan: Arc<Plan>,
        sum: Arc<Sum>,
        record: Record,
    ) -> Result<(Self, Vec<Output>), BeginError> {
        let context = Self::context(party, facts, plan, sum, &record)?;
        let mut session = Self {
            context,
            record,
            firsts: BTreeMap::new(),
            seen: None,
            batches: BTreeMap::new(),
            done: 0,
            ending: None,
            over: false,
        };
        let outputs = session.first()?;
        Ok((session, outputs))
    }

    fn context(
        party: Party,
        facts: &Facts,
        plan: Arc<Plan>,
        sum: Arc<Sum>,
        record: &Record,
    ) -> Result<Context, BeginError> {
        let (sharing, trustee) = (plan.sharing(), party.keyring.trustee());
        let question = plan.question();
        for (fits, what) in [
            (party.keyring.sharing() == sharing, "keyring"),
            (roster::fills(sharing, &party.trustees), "list of trustees"),
            (party.trustees.get(trustee.index()) == Some(&party.identity.public()), "identity"),
            (sum.layout() == question.layout, "sum"),
            ((record.round(), record.step()) == (facts.round, question.step), "record"),
        ] {
            if !fits {
                return Err(BeginError::Mismatch(what));
            }
        }
        let present = sharing.group(facts.attempt);
        let assignment = Assignment::new(sharing, present);
        let terms = Terms::new(facts, &plan, sum.digest(), &assignment);
        let absent = BeginError::NotPresent { attempt: facts.attempt, present, trustee };
        let holder = Holder::new(party.keyring, Arc::new(assignment)).ok_or(absent)?;
        let session = terms.session();
        Ok(Context {
            plan,
            sum,
            holder,
            identity: party.identity,
            trustees: party.trustees,
            terms,
            session,
            #[cfg(test)]
            tamper: crate::tests::lies::current(),
        })
    }

    /// Signs the first message, once the record of the sum is stored.
    fn first(&mut self) -> Result<Vec<Output>, BeginError> {
        let terms = &self.context.terms;
        let entry =
            self.record.begin((terms.sum(), self.context.plan.asked()), terms.attempt(), terms.digest())?;
        let mut outputs = vec![Output::Store(entry)];
        let body = Body::First(Box::new(terms.clone()));
        let (_, message) = self.context.say((0, 0), terms.head(), body, Vec::new());
        if let Err(end) = self.send((0, 0), &message, &mut outputs) {
            self.end(end, &mut outputs);
            return Ok(outputs);
        }
        if let Ok(Err(end)) = self.hear(message, &mut outputs) {
            self.end(end, &mut outputs);
        }
        Ok(outputs)
    }

    /// Enters a message in the record and sends it.
    fn send(&mut self, at: (u32, u32), message: &Message, outputs: &mut Vec<Output>) -> Result<(), End> {
        let digest = Digest::of(&base::ids::canonical(&message.signed));
        let entry =
            self.record.say(at, digest).map_err(|_| End::Restarted { batch: at.0, exchange: at.1 })?;
        outputs.extend(entry.map(Output::Store));
        outputs.push(Output::Send(message.to_bytes()));
        Ok(())
    }

    /// Takes a message from the board, this trustee's own included.
    ///
    /// # Errors
    /// Refuses what is not a message of this attempt, not signed, or not yet due; nothing has changed then.
    pub fn handle(&mut self, bytes: &[u8]) -> Result<Vec<Output>, Refusal> {
        if self.over {
            return Err(Refusal::Over);
        }
        let message = Message::from_bytes(bytes).ok_or(Refusal::Malformed(bytes.len()))?;
        let mut outputs = Vec::new();
        if let Err(end) = self.hear(message, &mut outputs)? {
            self.end(end, &mut outputs);
        }
        Ok(outputs)
    }

    /// Checks a message's place and signature and hands it on.
    fn hear(&mut self, message: Message, outputs: &mut Vec<Output>) -> Result<Result<(), End>, Refusal> {
        let malformed = Refusal::Malformed(message.sealed.len());
        let claimed = message.signed.unverified().map_err(|_| malformed)?;
        if (claimed.session, claimed.attempt) != (self.context.session, self.context.terms.attempt()) {
            return Err(Refusal::Foreign { session: claimed.session, attempt: claimed.attempt });
        }
        if !self.context.terms.present().contains(claimed.sender) {
            return Err(Refusal::Absent);
        }
        let identity = self.context.trustees.get(claimed.sender.index()).ok_or(Refusal::Absent)?;
        let said = message.signed.verify(identity).map_err(|_| Refusal::Unsigned(claimed.sender))?;
        let (batch, exchange) = (said.batch, said.exchange);
        if exchange == 0 {
            return Ok(match said.body {
                Body::First(terms) if batch == 0 => self.hear_first(said.sender, &message, *terms, outputs),
                _ => Err(End::Form { batch, exchange, trustee: said.sender }),
            });
        }
        if let (Body::Stop(names), STOP) = (&said.body, exchange) {
            return Ok(Err(End::Stopped { by: said.sender, names: *names }));
        }
        if exchange > self.context.plan.exchanges(batch) {
            return Err(Refusal::Never { batch, exchange });
        }
        let absent = if self.ending.is_some() { Refusal::Over } else { Refusal::Early { batch, exchange } };
        let heard = self.batches.get_mut(&batch).ok_or(absent)?.hear(&self.context, said, message)?;
        Ok(heard.and_then(|step| self.follow(batch, step, outputs)))
    }

    /// Compares first messages; when all are in, the first batches begin.
    fn hear_first(
        &mut self,
        sender: Trustee,
        message: &Message,
        terms: Terms,
        outputs: &mut Vec<Output>,
    ) -> Result<(), End> {
        let signed = base::ids::canonical(&message.signed);
        if let Some((before, _)) = self.firsts.get(&sender) {
            let twice = End::Twice { batch: 0, exchange: 0, trustee: sender };
            return if *before == signed { Ok(()) } else { Err(twice) };
        }
        self.firsts.insert(sender, (signed, terms));
        if self.firsts.len() < self.context.terms.present().size() {
            return Ok(());
        }
        // All are compared before anything is derived.
        let other = self.firsts.iter().find(|(_, (_, terms))| *terms != self.context.terms);
        if let Some((trustee, _)) = other {
            return Err(End::Terms(*trustee));
        }
        let messages = self.firsts.values().map(|(signed, _)| signed.as_slice());
        self.seen = Some(seen_after(&self.context.terms.digest(), messages));
        self.begin_batches(outputs)
    }

    /// Begins batches until so many are in flight.
    fn begin_batches(&mut self, outputs: &mut Vec<Output>) -> Result<(), End> {
        while let Some(seen) = self.seen
            && self.ending.is_none()
            && self.batches.len() < (self.done + IN_FLIGHT).min(self.context.plan.batches())
        {
            let number = self.batches.len() as u32;
            let (batch, step) = Batch::begin(&self.context, number, &seen)?;
            self.batches.insert(number, batch);
            self.follow(number, step, outputs)?;
        }
        Ok(())
    }

    /// Carries out what a batch does next, and hears its own messages.
    fn follow(&mut self, number: u32, mut step: Step, outputs: &mut Vec<Output>) -> Result<(), End> {
        loop {
            let batch = self.batches.get_mut(&number).ok_or(End::Keyring)?;
            outputs.extend(batch.liars.drain(..).map(|trustee| Output::Liar { trustee, batch: number }));
            step = match step {
                Step::Wait => return Ok(()),
                Step::Say(saying) => {
                    self.send((number, saying.exchange), &saying.message, outputs)?;
                    let said = saying.message.signed.unverified().map_err(|_| End::Keyring)?;
                    let batch = self.batches.get_mut(&number).ok_or(End::Keyring)?;
                    batch.hear(&self.context, said, saying.message).map_err(|_| End::Keyring)??
                }
                Step::Labels(labels) => {
                    outputs.push(Output::Labels { batch: number, labels });
                    self.done += 1;
                    if self.done == self.context.plan.batches() {
                        outputs.push(Output::Finished);
                    }
                    self.conclude(outputs);
                    return self.begin_batches(outputs);
                }
            };
        }
    }

    /// Ends the attempt, but first lets the batches be opened on which all have agreed: nobody can stop these any more, and
    /// least of all what is finished. Of other batches whatever it knew is forgotten.
    fn end(&mut self, end: End, outputs: &mut Vec<Output>) {
        self.ending.get_or_insert(end);
        self.conclude(outputs);
    }

    /// Ends an attempt that is to end, once nothing that was agreed on is left to be opened.
    fn conclude(&mut self, outputs: &mut Vec<Output>) {
        if self.is_finished() {
            return;
        }
        let Some(end) = self.ending.take() else { return };
        self.batches.retain(|_, batch| batch.is_opening());
        if !self.batches.is_empty() {
            self.ending = Some(end);
            return;
        }
        self.over = true;
        outputs.push(Output::Store(self.record.end(self.context.terms.attempt())));
        if !matches!(end, End::Stopped { .. }) {
            // The others need not wait until the turn ends.
            let (head, body) = (self.context.terms.head(), Body::Stop(end.names()));
            let (_, message) = self.context.say((0, STOP), head, body, Vec::new());
            outputs.push(Output::Send(message.to_bytes()));
        }
        outputs.push(Output::Ended(end));
    }

    /// Ends the turn of this group: a driver calls it when nothing was said for too long. Nothing happens once all labels are
    /// out.
    pub fn end_turn(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        if !self.over && !self.is_finished() {
            let silent = End::Silent(self.waits_for());
            self.batches.clear();
            self.end(silent, &mut outputs);
        }
        outputs
    }

    /// Returns the trustees whose messages are waited for.
    #[must_use]
    pub fn waits_for(&self) -> Group {
        let present = self.context.terms.present();
        if self.seen.is_none() {
            return Group::of(present.members().filter(|trustee| !self.firsts.contains_key(trustee)));
        }
        Group::of(self.batches.values().flat_map(|batch| batch.waits_for(&self.context)))
    }

    /// Returns whether all labels are out.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.done == self.context.plan.batches()
    }

    /// Returns who computes this attempt.
    #[must_use]
    pub const fn present(&self) -> Group {
        self.context.terms.present()
    }

    /// Returns the record of the step, for the next attempt.
    #[must_use]
    pub fn into_record(self) -> Record {
        self.record
    }

    #[cfg(test)]
    pub(crate) fn view(&self) -> Vec<u64> {
        self.batches.values().flat_map(|batch| batch.view.iter().copied()).collect()
    }
}
