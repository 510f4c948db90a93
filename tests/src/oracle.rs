//! A tally in the clear: every ballot of a finished round decrypted one by one with the trustee's key.
//!
//! Nobody in a federation can do this; a test can, because it may read the coordinator's blobs and the trustee's
//! vault on one machine.

use anyhow::{Context as _, ensure};
use base::{
    Step,
    identity::SIGNATURE_BYTES,
    ids::{Digest, RoundId},
};
use fhe::{Layout, RunningSum, SecretKeys};
use learning::files::instances_from_npy_bytes;
use participant::{teacher::ensemble::Ensemble, trustee::vault::Vault};
use protocol::{
    ballot::{Bodies, HEADER_BYTES},
    wire::RoundView,
};

use crate::{Federation, Member};

/// A round's counts in the clear, one per slot (instance-major).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearTally {
    /// Number of classes.
    pub classes: usize,
    /// Each counted participant's noisy counts, in the order of the transcript.
    pub ballots: Vec<(u32, Vec<i64>)>,
    /// The coordinator's own noise.
    pub noise: Vec<i64>,
    /// The sum of all of them.
    pub totals: Vec<i64>,
}

/// Reads the trustee's key from its vault.
pub fn trustee_key(federation: &Federation) -> anyhow::Result<SecretKeys> {
    let trustee = federation.members.first().context("no participant, so no trustee")?;
    let vault = Vault::load(&trustee.home)?.context("the trustee has made no key")?;
    Ok(vault.unlock()?)
}

/// Decrypts one ballot, with header and signature, to the noisy counts that find the labels.
pub fn decrypt_ballot(key: &SecretKeys, view: &RoundView, bytes: &[u8]) -> anyhow::Result<Vec<i64>> {
    decrypt_body(key, view, Step::Label, body_of(bytes)?)
}

/// Returns a ballot's ciphertexts, without header and signature.
fn body_of(bytes: &[u8]) -> anyhow::Result<&[u8]> {
    let end = bytes.len().checked_sub(SIGNATURE_BYTES).context("shorter than a signature")?;
    bytes.get(HEADER_BYTES..end).context("shorter than a header")
}

fn decrypt_body(key: &SecretKeys, view: &RoundView, step: Step, body: &[u8]) -> anyhow::Result<Vec<i64>> {
    let mut sum = RunningSum::new(layout(view)?);
    add(&mut sum, view, step, body)?;
    Ok(key.decrypt_counts(&sum, scale(view, step)))
}

/// Adds a step of a ballot, without header and signature.
fn add(sum: &mut RunningSum, view: &RoundView, step: Step, body: &[u8]) -> anyhow::Result<()> {
    let bodies = Bodies::parse(body, &view.announcement)?;
    Ok(sum.add(bodies.of(step).context("the round has no such step")?)?)
}

/// Returns the scale at which a step encodes one vote.
fn scale(view: &RoundView, step: Step) -> u64 {
    match (step, view.announcement.test) {
        (Step::Test, Some(test)) => test.scale,
        _ => view.announcement.scale,
    }
}

fn layout(view: &RoundView) -> anyhow::Result<Layout> {
    let announcement = &view.announcement;
    Ok(Layout::new(announcement.classes as usize, announcement.instance_count as usize)?)
}

impl ClearTally {
    /// Decrypts everything that the labels of a released round were found with, each ballot once.
    pub fn of(federation: &Federation, round: RoundId) -> anyhow::Result<Self> {
        Self::of_step(federation, round, Step::Label)
    }

    /// Decrypts everything that a step of a released round counted, each ballot once.
    pub fn of_step(federation: &Federation, round: RoundId, step: Step) -> anyhow::Result<Self> {
        let (key, view) = (trustee_key(federation)?, federation.round(round)?);
        let tallied = view.state.last_tally().context("the round was not tallied")?;
        let mut ballots = Vec::new();
        for (participant, digest) in federation.counted(round)? {
            let bytes = federation.blob(digest)?;
            ballots.push((participant, decrypt_body(&key, &view, step, body_of(&bytes)?)?));
        }
        let noise = decrypt_body(&key, &view, step, &federation.blob(tallied.noise_ballot)?)?;
        let mut totals = noise.clone();
        for (_, counts) in &ballots {
            ensure!(
                counts.len() == totals.len(),
                "a ballot of {} slots in a round of {}",
                counts.len(),
                totals.len()
            );
            totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        }
        Ok(Self { classes: view.announcement.classes as usize, ballots, noise, totals })
    }

    /// Decrypts the homomorphic sum of everything that a round counted, as the tally adds it up before the argmax.
    pub fn sum_of(federation: &Federation, round: RoundId) -> anyhow::Result<Vec<i64>> {
        let (key, view) = (trustee_key(federation)?, federation.round(round)?);
        let tallied = view.state.tally(Step::Label).context("the round was not tallied")?;
        let mut sum = RunningSum::new(layout(&view)?);
        for (_, digest) in federation.counted(round)? {
            let bytes = federation.blob(digest)?;
            add(&mut sum, &view, Step::Label, body_of(&bytes)?)?;
        }
        add(&mut sum, &view, Step::Label, &federation.blob(tallied.noise_ballot)?)?;
        Ok(key.decrypt_counts(&sum, view.announcement.scale))
    }

    /// Returns the counts of each instance.
    pub fn instances(&self) -> impl Iterator<Item = &[i64]> {
        self.totals.chunks_exact(self.classes)
    }

    /// Lists every label that a clear-text tally does not permit: one that is `resolution` votes or more below
    /// the best class. With a resolution of zero the label must be the lowest of the best classes.
    ///
    /// A gap of at least `resolution` votes to every other class therefore permits one label alone.
    pub fn objections(&self, labels: &[Option<u16>], resolution: u64) -> Vec<String> {
        let mut objections = Vec::new();
        if labels.len() * self.classes != self.totals.len() {
            objections.push(format!("{} labels for {} slots", labels.len(), self.totals.len()));
        }
        for ((instance, counts), label) in self.instances().enumerate().zip(labels) {
            let best = counts.iter().max().copied().unwrap_or(0);
            let lowest = counts.iter().position(|count| *count == best);
            let label = label.map(usize::from);
            let behind = label.and_then(|label| counts.get(label)).map(|count| best.abs_diff(*count));
            let is_right = label == lowest || behind.is_some_and(|behind| behind < resolution);
            if !is_right {
                objections.push(format!("instance {instance}: label {label:?}, counts {counts:?}"));
            }
        }
        objections
    }

    /// Returns how many labels a clear-text tally leaves no choice about.
    pub fn decided(&self, resolution: u64) -> usize {
        let is_decided = |counts: &[i64]| {
            let mut sorted = counts.to_vec();
            sorted.sort_unstable();
            match sorted.as_slice() {
                [.., second, best] => best.abs_diff(*second) >= resolution,
                _ => true,
            }
        };
        self.instances().filter(|counts| is_decided(counts)).count()
    }
}

/// Returns the votes of all teachers of all participants, one count per slot, as their stored models predict.
pub fn plain_votes(federation: &Federation, round: RoundId) -> anyhow::Result<Vec<i64>> {
    let view = federation.round(round)?;
    let slots = layout(&view)?.slots();
    let mut votes = vec![0; slots];
    for member in &federation.members {
        let noise = noise_of(federation, member, &view, &vec![0; slots])?;
        votes.iter_mut().zip(noise).for_each(|(votes, negated)| *votes -= negated);
    }
    Ok(votes)
}

/// Returns the noise in one participant's ballot: its noisy counts less the votes of its teachers.
pub fn noise_of(
    federation: &Federation,
    member: &Member,
    view: &RoundView,
    counts: &[i64],
) -> anyhow::Result<Vec<i64>> {
    let membership = member.membership()?;
    let config = &membership.founding.config;
    let instances =
        instances_from_npy_bytes(&federation.blob(view.announcement.instances)?, config.instances.shape())?;
    let ensemble = Ensemble::load(&member.home, membership.federation(), membership.teachers)?;
    let mut votes = vec![0; counts.len()];
    ensemble.add_votes(&instances, config.classes.len(), &mut votes)?;
    Ok(counts.iter().zip(&votes).map(|(count, votes)| count - votes).collect())
}

/// Returns the bytes of the ballot that a participant has stored, posted or not.
pub fn stored_ballot(member: &Member, round: RoundId) -> anyhow::Result<Vec<u8>> {
    let path = member.home.round(round).join("ballot.bin");
    std::fs::read(&path).with_context(|| path.display().to_string())
}

/// Returns the digest of the ballot that a participant has stored.
pub fn stored_digest(member: &Member, round: RoundId) -> anyhow::Result<Digest> {
    Ok(Digest::of(&stored_ballot(member, round)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(totals: &[i64]) -> ClearTally {
        ClearTally { classes: 3, ballots: Vec::new(), noise: Vec::new(), totals: totals.to_vec() }
    }

    #[test]
    fn a_label_may_be_within_the_resolution_and_no_further() {
        let clear = tally(&[5, 9, 7, 4, 4, 0]);
        assert!(clear.objections(&[Some(1), Some(0)], 0).is_empty());
        assert!(clear.objections(&[Some(2), Some(1)], 3).is_empty());
        assert_eq!(
            clear.objections(&[Some(2), Some(0)], 2).len(),
            1,
            "two votes behind at a resolution of two"
        );
        assert_eq!(clear.objections(&[Some(1), Some(1)], 0).len(), 1, "a tie goes to the lowest class");
        assert_eq!(clear.objections(&[Some(1), None], 3).len(), 1, "a plain round has no abstentions");
        assert_eq!(clear.objections(&[Some(1)], 3).len(), 1, "a label is missing");
        assert_eq!((clear.decided(2), clear.decided(3), clear.decided(0)), (1, 0, 2));
    }
}
