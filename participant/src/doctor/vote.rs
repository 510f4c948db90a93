//! A vote on one record of the own data, from prediction to ballot, that is thrown away.

use std::collections::HashMap;

use base::{
    clock::{Clock, Millis},
    ids::{Digest, RoundId},
};
use fhe::EncryptionKey;
use privacy::draw_shares;
use protocol::{
    ballot::{StepCounts, cast},
    federation::Roster,
    round::{Announcement, AnnouncementError, RoundRequest},
    transcript::{BlobError, Blobs},
};
use runtime::doctor::Finding;
use zeroize::Zeroizing;

use super::coordinator::Seen;
use crate::{
    approval::{Membership, Pin, approved_roster},
    home::Home,
    identity,
    teacher::{ensemble::Ensemble, terms::Approved, train::Lesson},
    transcript::Chain,
    trustee::artefacts::{Cached, Wanted, encryption_key_of},
};
use runtime::files::read_json;

const CHECK: &str = "vote";

/// Why no vote could be cast, and what helps.
enum Trouble {
    /// Something is not there yet.
    Early(&'static str, &'static str),
    /// Something is wrong.
    Broken(String, &'static str),
}

/// Predicts, draws noise, encrypts and signs for one record; nothing is sent and nothing is kept.
pub(super) async fn rehearse(
    home: &Home,
    membership: &Membership,
    seen: Option<Seen>,
    lesson: Lesson,
    clock: &dyn Clock,
) -> Finding {
    let (keys, key) = match keys(home, membership, seen).await {
        Ok(found) => found,
        Err(trouble) => return finding(trouble),
    };
    let (home, membership, now) = (home.clone(), membership.clone(), clock.now());
    let job = move || ballot(&home, &membership, (keys, &key), &lesson, now);
    match tokio::task::spawn_blocking(job).await {
        Ok(Ok(bytes)) => {
            let found = format!(
                "the teachers voted on one record of the own data: a ballot of {bytes} bytes, thrown away"
            );
            Finding::ok(CHECK, found)
        }
        Ok(Err(trouble)) => finding(trouble),
        Err(error) => finding(Trouble::Broken(error.to_string(), "report this as a bug")),
    }
}

fn finding(trouble: Trouble) -> Finding {
    match trouble {
        Trouble::Early(found, remedy) => Finding::warn(CHECK, found, remedy),
        Trouble::Broken(found, remedy) => Finding::fail(CHECK, found, remedy),
    }
}

/// Returns the digest of the keys and the encryption key, each held against the transcript and what was seen first.
async fn keys(
    home: &Home,
    membership: &Membership,
    seen: Option<Seen>,
) -> Result<(Digest, EncryptionKey), Trouble> {
    const REMEDY: &str = "ask the operator what happened to the federation's keys; do not vote";
    const EARLY: Trouble = Trouble::Early(
        "the federation has no keys yet, or the coordinator was not reached",
        "run the doctor again when the federation is keyed",
    );
    let broken = |error: &dyn std::fmt::Display| Trouble::Broken(error.to_string(), REMEDY);
    let mut chain = Chain::peek(home, membership).map_err(|e| broken(&e))?;
    let replay = match &seen {
        Some(seen) => chain.follow(&seen.client).await.map_err(|e| broken(&e))?,
        None => chain.replay().ok_or(EARLY)?,
    };
    let shown = replay.ceremony().keys().ok_or(EARLY)?;
    let roster = roster(home, membership)?;
    let approved = Approved { founding: &membership.founding, roster: &roster };
    let pinned: Option<Digest> = read_json(&home.keys().join("keys.json")).map_err(|e| broken(&e))?;
    let keys = approved.check_keys(&replay, pinned).map_err(|e| broken(&e))?;
    let mut artefacts = Artefacts { cached: Cached::of(home), fetched: HashMap::new() };
    for Wanted { digest, limit } in encryption_key_of(shown) {
        if home.cached(digest).is_none() {
            let seen = seen.as_ref().ok_or(Trouble::Early(
                "the encryption key was never fetched",
                "run the doctor again when the coordinator answers",
            ))?;
            // A limit of a few kilobytes.
            let bytes = seen.client.artefact(digest, limit as usize).await.map_err(|e| broken(&e))?;
            artefacts.fetched.insert(digest, bytes);
        }
    }
    let key = replay.encryption_key(&artefacts).map_err(|e| {
        Trouble::Broken(e.to_string(), "delete HOME/cache/blobs/*: it is fetched and checked again")
    })?;
    Ok((keys, key))
}

/// What is in the cache, and what was fetched for now; nothing is kept.
struct Artefacts {
    cached: Cached,
    fetched: HashMap<Digest, Vec<u8>>,
}

impl Blobs for Artefacts {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        self.fetched.get(&digest).map_or_else(|| self.cached.blob(digest), |bytes| Ok(bytes.clone()))
    }
}

fn roster(home: &Home, membership: &Membership) -> Result<Roster, Trouble> {
    const NOTHING: Trouble = Trouble::Early("no roster is approved", "participant approve");
    let broken = |e: &dyn std::fmt::Display| Trouble::Broken(e.to_string(), super::files::RESTORE);
    let federation = membership.federation();
    let pin = Pin::load(home, federation).map_err(|e| broken(&e))?.ok_or(NOTHING)?;
    approved_roster(home, federation, pin.roster).map_err(|e| broken(&e))?.ok_or(NOTHING)
}

/// Makes the ballot and returns its length.
fn ballot(
    home: &Home,
    membership: &Membership,
    (keys, key): (Digest, &EncryptionKey),
    lesson: &Lesson,
    now: Millis,
) -> Result<usize, Trouble> {
    let broken =
        |error: &dyn std::fmt::Display| Trouble::Broken(error.to_string(), "participant train --force");
    let early =
        |error: AnnouncementError| Trouble::Broken(error.to_string(), "wait until more institutions enrol");
    let roster = roster(home, membership)?;
    let record =
        lesson.first_record().ok_or(Trouble::Early("the data has no record", "participant data describe"))?;
    let request = RoundRequest {
        round: RoundId::from_bytes([0; 16]),
        instances: Digest::of(b"one record, never sent"),
        instance_count: 1,
        keys,
        opens_at: now,
        closes_at: Millis(now.0.saturating_add(1000)),
    };
    let founding = &membership.founding;
    let announcement = Announcement::derive(founding, &roster, &request).map_err(early)?;
    let ensemble =
        Ensemble::load(home, membership.federation(), membership.teachers).map_err(|e| broken(&e))?;
    ensemble.check(&founding.config.instances, founding.config.classes.len()).map_err(|e| broken(&e))?;
    let slots = announcement.layout().map_err(|e| broken(&e))?.slots();
    let mut votes = Zeroizing::new(vec![0; slots]);
    ensemble.add_votes(&record, announcement.classes as usize, &mut votes).map_err(|e| broken(&e))?;
    let mut counts = Vec::new();
    for step in announcement.steps() {
        let mut noisy = draw_shares(announcement.share_sizes(*step).0, slots).map_err(|e| broken(&e))?;
        noisy.iter_mut().zip(votes.iter()).for_each(|(count, votes)| *count = count.saturating_add(*votes));
        let encoding = announcement.encoding(founding, &roster, *step).map_err(early)?;
        counts.push((encoding, noisy));
    }
    let steps: Vec<StepCounts<'_>> =
        counts.iter().map(|(encoding, counts)| StepCounts { encoding, counts }).collect();
    let identity = identity::load(home).map_err(|e| broken(&e))?;
    let bytes =
        cast(&identity, membership.participant, &announcement, key, &steps).map_err(|e| broken(&e))?;
    Ok(bytes.len())
}
