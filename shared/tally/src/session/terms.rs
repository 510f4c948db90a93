//! The first message of an attempt: everything that its trustees must agree on before anything is derived.

use base::Step;
use base::ids::{Digest, RoundId};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::assignment::Assignment;
use crate::plan::Plan;
use crate::sharing::Group;

/// The version of this engine; trustees of different versions do not compute together.
pub const ENGINE_VERSION: u16 = 1;

/// What an attempt rests on, as a trustee found it on the chain and checked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The federation.
    pub federation: Digest,
    /// The certificate of the key.
    pub certificate: Digest,
    /// The round.
    pub round: RoundId,
    /// The head of the chain.
    pub head: Digest,
    /// The digest of the list of counted ballots.
    pub ballots: Digest,
    /// The number of the attempt; it decides who computes.
    pub attempt: u32,
}

impl Facts {
    /// Returns the name of the session: one step of one round under one key.
    #[must_use]
    pub fn session(&self, step: Step) -> Digest {
        name_of((&self.federation, &self.certificate), self.round, step)
    }
}

/// The content of the first message. Messages that differ in any of it end the attempt.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Terms {
    version: u16,
    federation: Digest,
    certificate: Digest,
    round: RoundId,
    step: Step,
    attempt: u32,
    head: Digest,
    ballots: Digest,
    sum: Digest,
    present: Group,
    /// How the instances are cut into batches.
    division: Digest,
    /// Who multiplies what.
    assignment: Digest,
    /// What is computed: classes, scale, k, g, D, threshold, instances, gates.
    plan: Digest,
}

impl Terms {
    pub(super) fn new(facts: &Facts, plan: &Plan, sum: Digest, assignment: &Assignment) -> Self {
        Self {
            version: ENGINE_VERSION,
            federation: facts.federation,
            certificate: facts.certificate,
            round: facts.round,
            step: plan.question().step,
            attempt: facts.attempt,
            head: facts.head,
            ballots: facts.ballots,
            sum,
            present: assignment.present(),
            division: plan.division(),
            assignment: Digest::of_value("tally assignment", assignment),
            plan: plan.digest(),
        }
    }

    /// Returns the name of the session: one step of one round under one key.
    pub(super) fn session(&self) -> Digest {
        name_of((&self.federation, &self.certificate), self.round, self.step)
    }

    /// Returns the round and the step.
    pub(super) const fn of(&self) -> (RoundId, Step) {
        (self.round, self.step)
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of_value("tally terms", self)
    }

    pub(super) const fn head(&self) -> Digest {
        self.head
    }

    pub(super) const fn sum(&self) -> Digest {
        self.sum
    }

    /// Returns the trustees that compute.
    #[must_use]
    pub const fn present(&self) -> Group {
        self.present
    }

    pub(super) const fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// Returns the name of the session of a step: the same in all attempts.
#[must_use]
pub fn name(facts: &Facts, step: Step) -> Digest {
    name_of((&facts.federation, &facts.certificate), facts.round, step)
}

fn name_of((federation, certificate): (&Digest, &Digest), round: RoundId, step: Step) -> Digest {
    Digest::of_value("tally session", &(federation, certificate, round, step))
}

#[cfg(test)]
impl Terms {
    /// Returns the same terms with another value in one field, for every field.
    pub(crate) fn variations(&self) -> Vec<Self> {
        let other = Digest::of(b"other");
        let this = || self.clone();
        vec![
            Self { version: 2, ..this() },
            Self { federation: other, ..this() },
            Self { certificate: other, ..this() },
            Self { round: RoundId::from_bytes([1; 16]), ..this() },
            Self { step: Step::Test, ..this() },
            Self { attempt: self.attempt + 1, ..this() },
            Self { head: other, ..this() },
            Self { ballots: other, ..this() },
            Self { sum: other, ..this() },
            Self { present: Group::of([]), ..this() },
            Self { division: other, ..this() },
            Self { assignment: other, ..this() },
            Self { plan: other, ..this() },
        ]
    }
}
