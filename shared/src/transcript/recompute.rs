//! Recomputation: from the ballots on the record to the sum, the label ciphertexts and their squashed digits, bit for
//! bit.
//!
//! A trustee goes through it before it opens anything, an auditor whenever it wants.

use std::sync::atomic::AtomicBool;

use super::{Check, CountedBallot, Fault, Place, Recorded, Replay, RoundRecord, StepRecord};
use crate::{
    ballot::{Bodies, Door, ValidBallot},
    federation::{FederationConfig, Founding, KNOWN_ANSWER_INSTANCES, KNOWN_ANSWER_VOTES, KeyCertificate},
    fhe::{
        self, BallotBody, EvaluationKeys, LabelCiphertexts, Layout, Resolution, RunningSum, Squashed,
        SquashedRecord, SquashingKey, TallyError,
    },
    ids::Digest,
    round::{AnnouncementError, Judgement, Step, judge},
};

/// Says why an artefact is not at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// This copy of the transcript, or this reader, does not have it.
    #[error("it is not in this copy of the transcript, or not served to this reader")]
    Withheld,
    /// It cannot be read, or was changed.
    #[error("{0}")]
    Damaged(String),
}

/// Gives the artefacts of a transcript by their digests.
pub trait Blobs {
    /// Returns the bytes stored under a digest; the caller checks the digest.
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError>;
}

/// Says why something was not recomputed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecomputeError {
    /// It was, and differs, or an artefact is not what it should be.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An artefact is not at hand.
    #[error("the {what} with digest {digest} is missing: {error}", error = BlobError::Withheld)]
    Withheld {
        /// What it is.
        what: String,
        /// Its digest.
        digest: Digest,
    },
    /// The caller asked to stop.
    #[error("stopped before it was finished")]
    Cancelled,
}

/// Fetches an artefact and checks its digest; a wrong one is a fault of `check`.
pub fn fetch(blobs: &dyn Blobs, check: Check, what: &str, digest: Digest) -> Result<Vec<u8>, RecomputeError> {
    let place = || Place::Blob(format!("{what} {digest}"));
    match blobs.blob(digest) {
        Ok(bytes) => {
            let found = Digest::of(&bytes);
            if found != digest {
                let what = format!("its bytes have digest {found}: they were changed");
                return Err(Fault { check, place: place(), what }.into());
            }
            Ok(bytes)
        }
        Err(BlobError::Withheld) => Err(RecomputeError::Withheld { what: what.to_owned(), digest }),
        Err(BlobError::Damaged(what)) => Err(Fault { check, place: place(), what }.into()),
    }
}

/// Returns what the circuit resolves in the known answer.
pub fn known_answer_resolution(config: &FederationConfig) -> Result<Resolution, AnnouncementError> {
    let layout = Layout::new(config.classes.len(), KNOWN_ANSWER_INSTANCES as usize)?;
    Ok(Resolution::new(layout, config.argmax, KNOWN_ANSWER_VOTES, 0.0)?)
}

/// Is what the tally of one step begins with.
#[derive(Debug, Clone)]
pub struct TallyInput {
    /// What the circuit resolves.
    pub resolution: Resolution,
    /// The sum of the ballots.
    pub sum: RunningSum,
    /// The instances to be tallied, from 0 and ascending; at least one.
    pub instances: Vec<usize>,
}

impl TallyInput {
    /// Takes every instance of a sum.
    pub fn of_all(resolution: Resolution, sum: RunningSum) -> Self {
        Self { resolution, sum, instances: (0..resolution.layout().instances()).collect() }
    }

    /// Returns the layout of what the tally puts out.
    ///
    /// # Errors
    /// Refuses a tally of no instance.
    pub fn outcomes(&self) -> Result<Layout, TallyError> {
        let outcomes = self.resolution.outcomes();
        outcomes.of_instances(self.instances.len()).map_err(|_| TallyError::NoInstance)
    }
}

/// Checks every counted ballot as the coordinator's door does, and adds up one step of them with the coordinator's
/// noise.
pub fn add_up(
    door: Door<'_>,
    ballots: &[CountedBallot],
    noise_ballot: Digest,
    step: Step,
    blobs: &dyn Blobs,
) -> Result<RunningSum, RecomputeError> {
    let fault = |what: &str, digest: Digest, error: String| Fault {
        check: Check::Ballots,
        place: Place::Blob(format!("{what} {digest}")),
        what: error,
    };
    let layout = door.announcement.layout();
    let layout = layout.map_err(|e| fault("announcement", door.announcement.digest(), e.to_string()))?;
    let mut sum = RunningSum::new(layout);
    for counted in ballots {
        let name = format!("ballot of participant {}", counted.participant);
        let bytes = fetch(blobs, Check::Ballots, &name, counted.digest)?;
        let unusable = |e: String| fault(&name, counted.digest, e);
        let ValidBallot { bodies, .. } =
            door.admit(&bytes, counted.participant).map_err(|e| unusable(e.to_string()))?;
        add_step(&mut sum, &bodies, step).map_err(unusable)?;
    }
    let name = "noise ballot of the coordinator";
    let bytes = fetch(blobs, Check::Ballots, name, noise_ballot)?;
    let unusable = |e: String| fault(name, noise_ballot, e);
    let bodies = Bodies::parse(&bytes, door.announcement).map_err(|e| unusable(e.to_string()))?;
    add_step(&mut sum, &bodies, step).map_err(unusable)?;
    Ok(sum)
}

fn add_step(sum: &mut RunningSum, bodies: &Bodies, step: Step) -> Result<(), String> {
    let body = bodies.of(step).ok_or_else(|| format!("it has no ciphertexts for the step `{step}`"))?;
    sum.add(body).map_err(|e| e.to_string())
}

/// Adds up the counted ballots of a round's step again; the sum must be the recorded one.
pub fn sum_of_round(
    record: &RoundRecord,
    founding: &Founding,
    step: Step,
    blobs: &dyn Blobs,
) -> Result<TallyInput, RecomputeError> {
    let (Some(ballots), Some(noise_ballot), Some(recorded), Some(instances)) =
        (&record.ballots, record.noise_ballot, record.tally(step), record.instances_of(step))
    else {
        return Err(Check::Sum.fault(record.height, "the round was not tallied").into());
    };
    let resolution = record.announcement.resolution(founding, &record.roster, step);
    let resolution = resolution.map_err(|e| Check::Tally.fault(recorded.height, e))?;
    let door = Door { announcement: &record.announcement, roster: &record.roster };
    let sum = add_up(door, ballots, noise_ballot, step, blobs)?;
    check_sum(recorded, &sum)?;
    Ok(TallyInput { resolution, sum, instances })
}

/// Checks that the instances said to pass a test are those that its openings, all that came so far, combine to.
///
/// The sole trustee's word is held to the record by the replay. A plain round has nothing to check.
pub fn check_test(replay: &Replay, round: &RoundRecord, blobs: &dyn Blobs) -> Result<(), RecomputeError> {
    let (Some(test), Some(StepRecord { tally, openings })) = (&round.test, round.steps.get(&Step::Test))
    else {
        return Ok(());
    };
    let (Some(squashed), Some(layout)) = (tally.tally.squashed, round.outcomes(Step::Test)) else {
        return Ok(());
    };
    let fault = |what: String| Check::Openings.fault(test.height, what);
    let bytes = fetch(blobs, Check::Openings, "record of squashed digits", squashed)?;
    let record = SquashedRecord::from_bytes(&bytes, layout).map_err(|e| fault(e.to_string()))?;
    let policy = replay.founding().config.trustees;
    let judged = judge(policy, &replay.trustees(), layout.classes(), &record, openings);
    match judged.map_err(|e| fault(e.to_string()))? {
        Judgement::Labels { labels, .. } if labels == round.bits(&test.passed) => Ok(()),
        Judgement::Labels { .. } => Err(fault(
            "the openings of the test combine to other instances than those said to pass".to_owned(),
        )
        .into()),
        Judgement::Disputed { .. } => {
            Err(fault("the openings of the test contradict each other".to_owned()).into())
        }
    }
}

/// Returns what the known answer's tally began with: its one ballot.
pub fn sum_of_known_answer(replay: &Replay, blobs: &dyn Blobs) -> Result<TallyInput, RecomputeError> {
    let fault = |what: String| Check::Ceremony.fault(0, what);
    let ceremony = replay.ceremony();
    let (Some(digest), Some(recorded)) = (ceremony.known_answer(), ceremony.tally()) else {
        return Err(fault("there is no known answer on the record".to_owned()).into());
    };
    let resolution = known_answer_resolution(&replay.founding().config).map_err(|e| fault(e.to_string()))?;
    let bytes = fetch(blobs, Check::Ceremony, "ballot of the known answer", digest)?;
    let body = BallotBody::parse(&bytes, resolution.layout()).map_err(|e| fault(e.to_string()))?;
    let mut sum = RunningSum::new(resolution.layout());
    sum.add(&body).map_err(|e| fault(e.to_string()))?;
    check_sum(recorded, &sum)?;
    Ok(TallyInput::of_all(resolution, sum))
}

fn check_sum(recorded: Recorded, sum: &RunningSum) -> Result<(), Fault> {
    let (found, expected) = (Digest::of(&sum.to_bytes()), recorded.tally.sum);
    if found != expected {
        let what = format!("the counted ballots and the noise add up to {found}, the tally says {expected}");
        return Err(Check::Sum.fault(recorded.height, what));
    }
    Ok(())
}

/// The keys with which a tally is computed, by the coordinator and again by whoever checks it.
#[derive(Debug)]
pub struct TallyKeys {
    /// Keyswitching and bootstrapping keys.
    pub evaluation: EvaluationKeys,
    /// The squashing key; `None` with one trustee.
    pub squashing: Option<SquashingKey>,
}

impl TallyKeys {
    /// Loads the certified keys: about 120 MB, and up to 1.22 GB more for the squashing key.
    pub fn load(
        certificate: &KeyCertificate,
        config: &FederationConfig,
        blobs: &dyn Blobs,
    ) -> Result<Self, RecomputeError> {
        let get = |what, digest| fetch(blobs, Check::Keys, what, digest);
        let unusable = |e: fhe::KeyError| Check::Keys.fault(0, e);
        let set = certificate.parameters;
        let keyswitching = get("keyswitching key", certificate.keyswitching_key)?;
        let bootstrapping = get("bootstrapping key", certificate.bootstrapping_key)?;
        let evaluation = EvaluationKeys::from_parts(&keyswitching, &bootstrapping, config.scheme());
        let squashing = match &certificate.sharing {
            None => None,
            Some(sharing) => {
                let bytes = get("squashing key", sharing.squashing_key)?;
                Some(SquashingKey::from_bytes(&bytes, set, config.scheme().transform).map_err(unusable)?)
            }
        };
        Ok(Self { evaluation: evaluation.map_err(unusable)?, squashing })
    }

    /// Tallies a sum and squashes what comes out. `on_progress` is told how many of `steps` labels are done, each
    /// counted once for the argmax and once for the squash; `on_squashed` gets every squashed digit in order.
    pub fn tally(
        &self,
        input: &TallyInput,
        cancel: &AtomicBool,
        mut on_progress: impl FnMut(usize),
        mut on_squashed: impl FnMut(&Squashed),
    ) -> Result<Computed, TallyError> {
        let TallyInput { resolution, sum, instances } = input;
        let keys = &self.evaluation;
        let labels = fhe::tally_instances(keys, resolution, sum, instances, cancel, &mut on_progress)?;
        let Some(squashing) = &self.squashing else { return Ok(Computed { labels, squashed: None }) };
        let layout = labels.layout();
        let mut record = SquashedRecord::new(layout);
        fhe::squash(keys, squashing, &labels, cancel, |instance, digits| {
            for digit in &digits {
                record.push(digit.record());
                on_squashed(digit);
            }
            on_progress(layout.instances() + instance + 1);
        })?;
        Ok(Computed { labels, squashed: Some(record) })
    }

    /// Returns how many steps [`TallyKeys::tally`] reports in all for a round of so many instances.
    pub const fn steps(&self, instances: usize) -> usize {
        if self.squashing.is_some() { 2 * instances } else { instances }
    }

    /// Tallies a sum again and holds the result to the record, bit for bit.
    pub fn recompute(
        &self,
        recorded: Recorded,
        input: &TallyInput,
        cancel: &AtomicBool,
        on_progress: impl FnMut(usize),
        on_squashed: impl FnMut(&Squashed),
    ) -> Result<Computed, RecomputeError> {
        let fault = |what: String| Check::Tally.fault(recorded.height, what);
        let computed = self.tally(input, cancel, on_progress, on_squashed).map_err(|e| match e {
            TallyError::Cancelled { .. } => RecomputeError::Cancelled,
            other => RecomputeError::Fault(fault(other.to_string())),
        })?;
        computed.check(recorded)?;
        Ok(computed)
    }
}

/// Is what a tally computes.
#[derive(Debug, Clone)]
pub struct Computed {
    /// One label ciphertext per instance.
    pub labels: LabelCiphertexts,
    /// The record of their squashed digits; `None` with one trustee.
    pub squashed: Option<SquashedRecord>,
}

impl Computed {
    fn check(&self, recorded: Recorded) -> Result<(), Fault> {
        let differs = |what: &str, found: Digest, expected: Digest| {
            let what = format!(
                "the {what} come out as {found}, the tally says {expected}: the coordinator tallied something \
                 else, or this machine computes other bits than the coordinator's"
            );
            (found != expected).then(|| Check::Tally.fault(recorded.height, what))
        };
        let labels = Digest::of(&self.labels.to_bytes());
        let squashed = self.squashed.as_ref().map(|record| Digest::of(&record.to_bytes()));
        let fault = differs("label ciphertexts", labels, recorded.tally.ciphertexts);
        let fault = fault.or_else(|| {
            let (found, expected) = squashed.zip(recorded.tally.squashed)?;
            differs("squashed digits", found, expected)
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        if squashed.is_some() != recorded.tally.squashed.is_some() {
            return Err(Check::Tally.fault(recorded.height, "squashed digits are recorded where none belong"));
        }
        Ok(())
    }
}
