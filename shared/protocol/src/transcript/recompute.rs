//! Recomputation: from the ballots on the record to the sum that the tally begins with, bit for bit.
//!
//! A trustee among several goes through it before it begins a session, an auditor whenever it wants.

use super::{BlobError, Blobs, Check, CountedBallot, Fault, Place, RoundRecord, fetch, sum_digest};
use crate::{
    ballot::{Bodies, Door, ValidBallot},
    federation::{FederationConfig, KNOWN_ANSWER_INSTANCES, KNOWN_ANSWER_VOTES},
    round::AnnouncementError,
};
use base::{Step, ids::Digest};
use fhe::{Layout, Resolution, RunningSum};

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
}

/// Returns what the circuit resolves in the known answer of a sole trustee.
pub fn known_answer_resolution(config: &FederationConfig) -> Result<Resolution, AnnouncementError> {
    let layout = Layout::new(config.classes.len(), KNOWN_ANSWER_INSTANCES as usize)?;
    Ok(Resolution::new(layout, config.circuit(), KNOWN_ANSWER_VOTES, 0.0)?)
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

/// Adds up the counted ballots of a round's step again; the sum must be the one that the chain names.
pub fn sum_of_round(
    record: &RoundRecord,
    step: Step,
    blobs: &dyn Blobs,
) -> Result<RunningSum, RecomputeError> {
    let named = match (record.asked(step), record.tally(step)) {
        (Some(asked), _) => Some((asked.sum, asked.height)),
        (None, recorded) => recorded.map(|recorded| (recorded.tally.sum, recorded.height)),
    };
    let (Some(ballots), Some(noise_ballot), Some((expected, height))) =
        (&record.ballots, record.noise_ballot, named)
    else {
        return Err(Check::Sum.fault(record.height, "no sum of the round is named").into());
    };
    let door = Door { announcement: &record.announcement, roster: &record.roster };
    let sum = add_up(door, ballots, noise_ballot, step, blobs)?;
    let found = sum_digest(&sum, record.asked(step).is_none()).map_err(|e| Check::Sum.fault(height, e))?;
    check_sum((found, expected), height)?;
    Ok(sum)
}

fn check_sum((found, expected): (Digest, Digest), height: u64) -> Result<(), Fault> {
    if found != expected {
        let what = format!("the counted ballots and the noise add up to {found}, the chain says {expected}");
        return Err(Check::Sum.fault(height, what));
    }
    Ok(())
}
