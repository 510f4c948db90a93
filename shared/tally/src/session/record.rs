//! What a trustee must remember of a step, whatever happens to its machine.
//!
//! Entries are appended to a journal before what they guard is sent. Read back they make the same record, which then refuses
//! another sum, an older attempt, and other words in a place where something was said.

use std::collections::BTreeMap;

use base::Step;
use base::identity::{PublicIdentity, Signed, Statement};
use base::ids::{Digest, RoundId};
use borsh::{BorshDeserialize, BorshSerialize};

use super::message::{Body, Message};
use super::terms::Terms;
use crate::sharing::{Sharing, Trustee};

/// One entry of the journal of a (round, step).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Entry {
    /// An attempt began on a sum.
    Began {
        /// The digest of the sum.
        sum: Digest,
        /// The number of the attempt.
        attempt: u32,
        /// The digest of its terms.
        terms: Digest,
        /// The digest of what was asked of the sum.
        question: Digest,
    },
    /// A message is about to be sent.
    Said {
        /// The batch, 0 for the first message.
        batch: u32,
        /// The exchange.
        exchange: u32,
        /// The digest of the signed message.
        message: Digest,
    },
    /// An attempt ended; nothing more is said in it.
    Ended {
        /// Its number.
        attempt: u32,
    },
    /// The trustee promised, to be bound by it, that it never begins this step.
    Renounced,
    /// The home of this trustee was restored from a backup, or is a successor's, after this step was announced.
    Restored {
        /// The nonce with which it announced itself.
        nonce: [u8; 32],
    },
    /// All other trustees testified what they saw signed.
    Admitted {
        /// The sum that was signed, if any.
        sum: Option<Digest>,
        /// The highest attempt.
        attempt: Option<u32>,
    },
}

/// Why a trustee does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Another sum was signed for this step.
    #[error("this trustee signed the sum {signed} for this step and signs no other; {asked} was asked for")]
    OtherSum {
        /// The sum that was signed.
        signed: Digest,
        /// The sum asked for.
        asked: Digest,
    },
    /// Something else was asked of the sum.
    #[error(
        "this trustee answers one question of a sum; another threshold, grid or list of instances was asked for"
    )]
    OtherQuestion,
    /// An attempt that is over, or was begun on other terms.
    #[error("attempt {asked} is not after attempt {last}, the last one this trustee took part in")]
    Attempt {
        /// The attempt asked for.
        asked: u32,
        /// The last one.
        last: u32,
    },
    /// Something else was said there.
    #[error(
        "batch {batch}, exchange {exchange}: this trustee said something else there before it was restarted; the board shows \
         another past"
    )]
    Said {
        /// The batch.
        batch: u32,
        /// The exchange.
        exchange: u32,
    },
    /// The trustee promised not to.
    #[error("this trustee promised never to begin this step")]
    Renounced,
    /// A promise that comes too late.
    #[error("this trustee began attempt {attempt} of this step and can no longer promise not to")]
    Begun {
        /// The last attempt.
        attempt: u32,
    },
    /// A restored home must first hear the others.
    #[error(
        "this home was restored: it signs only once all other trustees have said over its nonce what they saw signed"
    )]
    Restored,
    /// A testimony is missing, not signed, or about something else.
    #[error("trustee {0} has not testified over the nonce of this restored home")]
    Testimony(Trustee),
    /// Testimonies that cannot all be true.
    #[error("trustees saw different sums signed for this step: {one} and {other}")]
    Testimonies {
        /// One sum.
        one: Digest,
        /// Another.
        other: Digest,
    },
}

/// What another trustee saw signed by a restored one, over that one's fresh nonce.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Testimony {
    /// The round.
    pub round: RoundId,
    /// The step.
    pub step: Step,
    /// The nonce of the restored home.
    pub nonce: [u8; 32],
    /// Whose home was restored.
    pub about: Trustee,
    /// Its first message of the highest attempt in which it was seen, as it signed it. Nobody is believed without.
    pub first: Option<Vec<u8>>,
}

impl Statement for Testimony {
    const DOMAIN: &'static str = "tally testimony";
}

/// The record of one (round, step).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    round: RoundId,
    step: Step,
    sum: Option<Digest>,
    question: Option<Digest>,
    attempt: Option<u32>,
    terms: Option<Digest>,
    ended: bool,
    renounced: bool,
    nonce: Option<[u8; 32]>,
    /// Whether this home was ever restored after the step was announced.
    restored: bool,
    /// Of the last attempt: what was said where.
    said: BTreeMap<(u32, u32), Digest>,
}

impl Record {
    /// Reads the record of a step back from its journal; an empty one for a step that was never begun.
    pub fn new<'a>(round: RoundId, step: Step, journal: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut record = Self {
            round,
            step,
            sum: None,
            question: None,
            attempt: None,
            terms: None,
            ended: false,
            renounced: false,
            nonce: None,
            restored: false,
            said: BTreeMap::new(),
        };
        journal.into_iter().for_each(|entry| record.apply(entry));
        record
    }

    /// Returns the round.
    #[must_use]
    pub const fn round(&self) -> RoundId {
        self.round
    }

    /// Returns the step.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// Returns the sum that was signed, if any.
    #[must_use]
    pub const fn sum(&self) -> Option<Digest> {
        self.sum
    }

    /// Returns the last attempt, if any.
    #[must_use]
    pub const fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    fn apply(&mut self, entry: &Entry) {
        match *entry {
            Entry::Began { sum, attempt, terms, question } => {
                if self.attempt != Some(attempt) {
                    self.said.clear();
                    self.ended = false;
                }
                (self.sum, self.question) = (Some(sum), Some(question));
                (self.attempt, self.terms) = (Some(attempt), Some(terms));
            }
            Entry::Said { batch, exchange, message } => {
                self.said.insert((batch, exchange), message);
            }
            Entry::Ended { attempt } => self.ended |= self.attempt == Some(attempt),
            Entry::Renounced => self.renounced = true,
            Entry::Restored { nonce } => {
                self.nonce = Some(nonce);
                self.restored = true;
            }
            Entry::Admitted { sum, attempt } => {
                self.nonce = None;
                self.sum = sum;
                self.attempt = attempt;
                self.ended = true;
            }
        }
    }

    fn enter(&mut self, entry: Entry) -> Entry {
        self.apply(&entry);
        entry
    }

    /// Begins an attempt, or goes on with the last one after a restart.
    pub(super) fn begin(
        &mut self,
        (sum, question): (Digest, Digest),
        attempt: u32,
        terms: Digest,
    ) -> Result<Entry, RecordError> {
        if self.renounced {
            return Err(RecordError::Renounced);
        }
        if self.nonce.is_some() {
            return Err(RecordError::Restored);
        }
        if let Some(signed) = self.sum.filter(|signed| *signed != sum) {
            return Err(RecordError::OtherSum { signed, asked: sum });
        }
        if self.question.is_some_and(|answered| answered != question) {
            return Err(RecordError::OtherQuestion);
        }
        let goes_on = !self.ended && self.attempt == Some(attempt) && self.terms == Some(terms);
        if let Some(last) = self.attempt.filter(|last| attempt <= *last && !goes_on) {
            return Err(RecordError::Attempt { asked: attempt, last });
        }
        Ok(self.enter(Entry::Began { sum, attempt, terms, question }))
    }

    /// Enters a message before it is sent; nothing if it was entered before.
    pub(super) fn say(
        &mut self,
        (batch, exchange): (u32, u32),
        message: Digest,
    ) -> Result<Option<Entry>, RecordError> {
        match self.said.get(&(batch, exchange)) {
            Some(before) if *before == message => Ok(None),
            Some(_) => Err(RecordError::Said { batch, exchange }),
            None => Ok(Some(self.enter(Entry::Said { batch, exchange, message }))),
        }
    }

    pub(super) fn end(&mut self, attempt: u32) -> Entry {
        self.enter(Entry::Ended { attempt })
    }

    /// Promises never to begin this step, so that institutions may take back what they charged. Store the entry, then sign.
    ///
    /// # Errors
    /// Refuses once an attempt was begun, and for good in a home that was restored after the step was announced.
    pub fn renounce(&mut self) -> Result<Entry, RecordError> {
        if self.restored {
            return Err(RecordError::Restored);
        }
        if let Some(attempt) = self.attempt {
            return Err(RecordError::Begun { attempt });
        }
        Ok(self.enter(Entry::Renounced))
    }

    /// Marks the record of a step that was announced before this home was restored, or taken over by a successor.
    pub fn restore(&mut self, nonce: [u8; 32]) -> Entry {
        self.enter(Entry::Restored { nonce })
    }

    /// Takes the testimonies of all other trustees about what was signed with this place's key (a successor names that of its
    /// predecessor); then the restored home signs the sum they saw, if any, in later attempts.
    ///
    /// # Errors
    /// Refuses a missing or foreign testimony, and testimonies of two sums.
    pub fn admit(
        &mut self,
        (sharing, me, signer): (Sharing, Trustee, &PublicIdentity),
        trustees: &[PublicIdentity],
        testimonies: &[(Trustee, Signed<Testimony>)],
    ) -> Result<Entry, RecordError> {
        let nonce = self.nonce.ok_or(RecordError::Restored)?;
        let (mut sum, mut attempt) = (self.sum, self.attempt);
        for other in sharing.everyone().members().filter(|other| *other != me) {
            let missing = RecordError::Testimony(other);
            let (_, signed) = testimonies.iter().find(|(by, _)| *by == other).ok_or(missing)?;
            let identity = trustees.get(other.index()).ok_or(missing)?;
            let seen = signed.verify(identity).map_err(|_| missing)?;
            if (seen.round, seen.step, seen.nonce, seen.about) != (self.round, self.step, nonce, me) {
                return Err(missing);
            }
            let Some(bytes) = &seen.first else { continue };
            let terms = self.began(me, signer, bytes).ok_or(missing)?;
            if let Some(one) = sum.filter(|one| *one != terms.sum()) {
                return Err(RecordError::Testimonies { one, other: terms.sum() });
            }
            sum = Some(terms.sum());
            attempt = attempt.max(Some(terms.attempt()));
        }
        Ok(self.enter(Entry::Admitted { sum, attempt }))
    }

    /// Returns the terms of a first message of this step that a trustee signed.
    fn began(&self, trustee: Trustee, signer: &PublicIdentity, bytes: &[u8]) -> Option<Terms> {
        let said = Message::from_bytes(bytes)?.signed.verify(signer).ok()?;
        match said.body {
            Body::First(terms) if said.sender == trustee && terms.of() == (self.round, self.step) => {
                Some(*terms)
            }
            _ => None,
        }
    }
}
