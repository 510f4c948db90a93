//! What several trustees compute together: the task of a session as it follows from the chain, and the record it leaves.

use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use super::{Blobs, Check, Fault, RecomputeError, Replay, fetch};
use crate::federation::known_answer_round;
use base::{
    Step,
    identity::PublicIdentity,
    ids::{Digest, ParticipantId, RoundId},
};
use fhe::{EncryptionKey, RunningSum};
use tally::{
    ceremony::PublicKey,
    grid::Grid,
    known_answer::KnownAnswer,
    plan::{Plan, Question, Verdict},
    session::{self, Facts},
    sharing::Sharing,
    sum::{Layout, Sum, SumError},
};

/// The label of an instance of which no class beats or equals all others.
pub const UNDECIDED: u16 = u16::MAX;

/// The range of the known answer's counts, in votes: −2 to 6.
const KNOWN_ANSWER_BOUND: u64 = 8;

/// One step of a round that several trustees are asked to tally, or the known answer of their ceremony.
#[derive(Debug, Clone)]
pub struct Task {
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// What is computed.
    pub plan: Arc<Plan>,
    /// Digest of the sum as the chain names it, in the form of [`sum_digest`].
    pub sum: Digest,
    /// How the key is shared.
    pub sharing: Sharing,
    /// The trustees' signing keys, in their order.
    pub trustees: Vec<PublicIdentity>,
    facts: Facts,
}

impl Task {
    /// Returns what an attempt rests on.
    pub const fn facts(&self, attempt: u32) -> Facts {
        Facts { attempt, ..self.facts }
    }

    /// Returns the name of the session, which every message of it carries.
    pub fn session(&self) -> Digest {
        session::name(&self.facts, self.step)
    }

    /// Returns the id under which the session and its record go: the round's, or that of the known answer.
    pub const fn id(&self) -> RoundId {
        self.facts.round
    }

    /// Reads the labels of an attempt out of its record: one per instance of the plan, class + 1, 0 for an abstention, or 1
    /// and 0 for a test. A dishonest record of messages cannot show labels that the trustees did not open.
    ///
    /// # Errors
    /// Where the record does not show that all trustees of the attempt agreed, that the check passed, and what was opened.
    pub fn labels(&self, attempt: u32, record: &SessionRecord) -> Result<Vec<u16>, String> {
        let facts = self.facts(attempt);
        let mut labels = Vec::with_capacity(self.plan.question().instances.len());
        for (batch, messages) in (0_u32..).zip(record.batches(self)) {
            let verdicts = session::verify(&self.plan, (&facts, self.sum, batch), &self.trustees, &messages)
                .map_err(|e| format!("batch {batch}: {e}"))?;
            labels.extend(verdicts.into_iter().map(|(_, verdict)| label(verdict)));
        }
        Ok(labels)
    }
}

/// Returns how a verdict stands among labels.
pub const fn label(verdict: Verdict) -> u16 {
    match verdict {
        Verdict::Class(class) => class + 1,
        Verdict::Abstained | Verdict::Failed => 0,
        Verdict::Passed => 1,
        Verdict::Undecided => UNDECIDED,
    }
}

/// Returns the index of the class that a label names; nothing for an abstention, and where no class beat all others.
pub const fn class_of(label: u16) -> Option<u16> {
    match label {
        0 | UNDECIDED => None,
        class => Some(class - 1),
    }
}

/// The signed messages of the attempt that ended with labels, without their ciphertexts, in the order of the board.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SessionRecord(pub Vec<Vec<u8>>);

impl SessionRecord {
    /// Returns the record as it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        base::ids::canonical(self)
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// Says so if the bytes are no record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Self::try_from_slice(bytes).map_err(|_| "the bytes are not the record of a session".to_owned())
    }

    /// Returns the messages that concern each batch: the first ones, and those of the batch itself.
    fn batches(&self, task: &Task) -> Vec<Vec<Vec<u8>>> {
        let mut batches: Vec<Vec<Vec<u8>>> = vec![Vec::new(); task.plan.batches()];
        for message in &self.0 {
            let Some(place) = session::place(message, &task.trustees) else { continue };
            if place.exchange == 0 {
                batches.iter_mut().for_each(|batch| batch.push(message.clone()));
            } else if let Some(batch) = batches.get_mut(place.batch as usize) {
                batch.push(message.clone());
            }
        }
        batches
    }
}

/// Takes the words of a running sum for the trustees' tally.
///
/// # Errors
/// Refuses a layout that no round has.
pub fn shared_sum(sum: &RunningSum) -> Result<Sum, SumError> {
    let layout = sum.layout();
    // A layout has at most 100 classes and 10^6 instances.
    let layout = Layout::new(layout.classes() as u16, layout.instances() as u32)?;
    Sum::new(layout, sum.words().to_vec())
}

/// Returns the digest by which the chain names a sum: that of its words where trustees tally it on shares, else that of its
/// frame.
///
/// # Errors
/// Refuses a layout that no round has.
pub fn sum_digest(sum: &RunningSum, is_sole: bool) -> Result<Digest, SumError> {
    if is_sole { Ok(Digest::of(&sum.to_bytes())) } else { shared_sum(sum).map(|sum| sum.digest()) }
}

impl Replay {
    /// Returns what the trustees are asked in a step of a round, once its sum is named; nothing before, and nothing where a
    /// sole trustee opens.
    ///
    /// # Errors
    /// Refuses a round for which the trustees' tally has no plan.
    pub fn task(&self, round: RoundId, step: Step) -> Result<Option<Task>, Fault> {
        let Some(record) = self.round(round) else { return Ok(None) };
        let (Some(asked), Some(instances), Some(ballots), Some(keys)) =
            (record.asked(step), record.instances_of(step), record.ballots_digest(), self.ceremony().keys())
        else {
            return Ok(None);
        };
        let fault = |what: String| Check::Tally.fault(asked.height, what);
        let Some(shared) = keys.shared() else { return Ok(None) };
        let sharing = shared.certificate.sharing();
        let instances = instances.into_iter().filter_map(|instance| u32::try_from(instance).ok()).collect();
        let question = record.announcement.question(self.founding(), &record.roster, (step, instances));
        let plan = Plan::new(sharing, question.map_err(|e| fault(e.to_string()))?);
        let facts = Facts {
            federation: self.federation(),
            certificate: shared.certificate.digest(),
            round,
            head: asked.event,
            ballots,
            attempt: 0,
        };
        Ok(Some(Task {
            round: Some(round),
            step,
            plan: Arc::new(plan.map_err(|e| fault(e.to_string()))?),
            sum: asked.sum,
            sharing,
            trustees: self.trustees().identities(),
            facts,
        }))
    }

    /// Returns the public key that several trustees made, from the shares that their certificate names.
    ///
    /// # Errors
    /// Where a share is missing, or the key is not the certified one.
    pub fn shared_public_key(&self, blobs: &dyn Blobs) -> Result<PublicKey, RecomputeError> {
        let fault = |what: &str| Check::Keys.fault(0, what);
        let keys = self.ceremony().keys().and_then(|keys| keys.shared());
        let keys = keys.ok_or_else(|| fault("several trustees have not made a key"))?;
        let get = |digest: &Digest| fetch(blobs, Check::Keys, "share of the public key", *digest);
        let shares = keys.certificate.shares().iter().map(get).collect::<Result<Vec<_>, _>>()?;
        let roster = (&self.federation(), self.trustees().identities());
        let key = keys.certificate.public_key((roster.0, &roster.1), &keys.signatures, &shares);
        Ok(key.map_err(|e| fault(&e.to_string()))?)
    }

    /// Returns the key with which everybody encrypts.
    ///
    /// # Errors
    /// Where nothing is published, and where an artefact is missing or not the certified one.
    pub fn encryption_key(&self, blobs: &dyn Blobs) -> Result<EncryptionKey, RecomputeError> {
        let fault = |what: String| Check::Keys.fault(0, what);
        let keys = self.ceremony().keys().ok_or_else(|| fault("no keys are published".to_owned()))?;
        let key = match keys.sole() {
            Some(certificate) => {
                let bytes = fetch(blobs, Check::Keys, "public key", certificate.public_key)?;
                EncryptionKey::from_bytes(&bytes, certificate.parameters)
            }
            None => {
                let key = self.shared_public_key(blobs)?;
                EncryptionKey::from_words(&key.mask, &key.body, self.founding().config.parameter_set())
            }
        };
        Ok(key.map_err(|e| fault(e.to_string()))?)
    }

    /// Returns the known answer of a key that several trustees made, and the task of tallying it.
    ///
    /// # Errors
    /// Where nothing is published, and where an artefact is missing or not the certified one.
    pub fn known_answer_task(&self, blobs: &dyn Blobs) -> Result<(Task, KnownAnswer), RecomputeError> {
        let key = self.shared_public_key(blobs)?;
        let fault = |what: String| Check::Ceremony.fault(0, what);
        let missing = || fault("several trustees have not made a key".to_owned());
        let shared = self.ceremony().keys().and_then(|keys| keys.shared()).ok_or_else(missing)?;
        let (_, head) = self.ceremony().published().ok_or_else(missing)?;
        let (certificate, sharing) = (shared.certificate.digest(), shared.certificate.sharing());
        // At most 100 classes.
        let classes = self.founding().config.classes.len() as u16;
        let grid = Grid::whole(sharing, 1, |_| KNOWN_ANSWER_BOUND).map_err(|e| fault(e.to_string()))?;
        let known = KnownAnswer::new(&certificate, &key, classes, &grid).map_err(|e| fault(e.to_string()))?;
        let layout = known.sum.layout();
        let instances = (0..layout.instances()).collect();
        let question = Question { step: Step::Label, layout, instances, grid, threshold: None };
        let plan = Plan::new(sharing, question).map_err(|e| fault(e.to_string()))?;
        let facts = Facts {
            federation: self.federation(),
            certificate,
            round: known_answer_round(shared.certificate.ceremony()),
            head,
            ballots: certificate,
            attempt: 0,
        };
        let task = Task {
            round: None,
            step: Step::Label,
            plan: Arc::new(plan),
            sum: known.sum.digest(),
            sharing,
            trustees: self.trustees().identities(),
            facts,
        };
        Ok((task, known))
    }

    /// Returns the participants whose places these are among the trustees.
    pub fn named(&self, group: tally::sharing::Group) -> Vec<ParticipantId> {
        self.trustees().participants(group)
    }
}
