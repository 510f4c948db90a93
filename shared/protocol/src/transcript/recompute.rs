//! Recomputation: from the ballots on the record to the sum that the tally begins with, bit for bit.
//!
//! A trustee goes through it before it opens anything, an auditor whenever it wants.

use super::{
    BlobError, Blobs, Check, CountedBallot, Fault, Place, Recorded, Replay, RoundRecord, StepRecord,
    TallyInput, fetch,
};
use crate::{
    ballot::{Bodies, Door, ValidBallot},
    federation::{FederationConfig, Founding, KNOWN_ANSWER_INSTANCES, KNOWN_ANSWER_VOTES},
    round::{AnnouncementError, Judgement, judge},
};
use base::{Step, ids::Digest};
use fhe::{BallotBody, Layout, Resolution, RunningSum, SquashedRecord};

/// Why something was not recomputed.
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

/// Returns what the circuit resolves in the known answer.
pub fn known_answer_resolution(config: &FederationConfig) -> Result<Resolution, AnnouncementError> {
    let layout = Layout::new(config.classes.len(), KNOWN_ANSWER_INSTANCES as usize)?;
    Ok(Resolution::new(layout, config.argmax, KNOWN_ANSWER_VOTES, 0.0)?)
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
    let layout = door.announcement.layout();
    let layout = layout.map_err(|e| unusable("announcement", door.announcement.digest())(e.to_string()))?;
    let mut sum = RunningSum::new(layout);
    add_ballots(&mut sum, door, ballots, step, blobs)?;
    add_noise(&mut sum, door, noise_ballot, step, blobs)?;
    Ok(sum)
}

/// Checks ballots as the coordinator's door does, and adds one step of each to a sum.
pub fn add_ballots(
    sum: &mut RunningSum,
    door: Door<'_>,
    ballots: &[CountedBallot],
    step: Step,
    blobs: &dyn Blobs,
) -> Result<(), RecomputeError> {
    for counted in ballots {
        let name = format!("ballot of participant {}", counted.participant);
        let bytes = fetch(blobs, Check::Ballots, &name, counted.digest)?;
        let fault = unusable(&name, counted.digest);
        let admitted = door.admit(&bytes, counted.participant);
        let ValidBallot { bodies, .. } = admitted.map_err(|e| fault(e.to_string()))?;
        add_step(sum, &bodies, step).map_err(fault)?;
    }
    Ok(())
}

/// Adds one step of the coordinator's noise to a sum.
pub fn add_noise(
    sum: &mut RunningSum,
    door: Door<'_>,
    noise_ballot: Digest,
    step: Step,
    blobs: &dyn Blobs,
) -> Result<(), RecomputeError> {
    let name = "noise ballot of the coordinator";
    let bytes = fetch(blobs, Check::Ballots, name, noise_ballot)?;
    let fault = unusable(name, noise_ballot);
    let bodies = Bodies::parse(&bytes, door.announcement).map_err(|e| fault(e.to_string()))?;
    add_step(sum, &bodies, step).map_err(fault)?;
    Ok(())
}

/// Returns what makes a fault of the reason why something cannot be added.
fn unusable(what: &str, digest: Digest) -> impl Fn(String) -> Fault {
    let place = Place::Blob(format!("{what} {digest}"));
    move |reason| Fault { check: Check::Ballots, place: place.clone(), what: reason }
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
