//! A vote on one record of the own data, from prediction to ballot, that is thrown away.

use base::{
    clock::{Clock, Millis},
    ids::{Digest, RoundId},
};
use fhe::EncryptionKey;
use privacy::draw_shares;
use protocol::{
    ballot::{StepCounts, cast},
    federation::{KeyCertificate, Roster},
    round::{Announcement, AnnouncementError, RoundRequest},
};
use runtime::doctor::Finding;
use zeroize::Zeroizing;

use super::coordinator::Seen;
use crate::{
    approval::{Membership, Pin, approved_roster},
    home::Home,
    identity,
    teacher::{ensemble::Ensemble, terms::Approved, train::Lesson},
};
use runtime::files::{read_if_there, read_json};

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
    let (keys, key) = match keys(home, membership, seen.as_ref()).await {
        Ok(found) => found,
        Err(trouble) => return finding(trouble),
    };
    let (home, membership, now) = (home.clone(), membership.clone(), clock.now());
    let job = move || ballot(&home, &membership, &keys, &key, &lesson, now);
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

/// Returns the certificate and the public key, each held against the other and against what was seen first.
async fn keys(
    home: &Home,
    membership: &Membership,
    seen: Option<&Seen>,
) -> Result<(KeyCertificate, Vec<u8>), Trouble> {
    const REMEDY: &str = "ask the operator what happened to the federation's keys; do not vote";
    let broken = |error: &dyn std::fmt::Display| Trouble::Broken(error.to_string(), REMEDY);
    let pinned: Option<KeyCertificate> =
        read_json(&home.keys().join("certificate.json")).map_err(|e| broken(&e))?;
    let certificate = match seen.filter(|seen| seen.keys.is_some()) {
        Some(seen) => {
            let roster = roster(home, membership)?;
            let approved = Approved { founding: &membership.founding, roster: &roster };
            let before = pinned.as_ref().map(KeyCertificate::digest);
            approved.check_keys(seen.keys.as_ref(), before).map_err(|e| broken(&e))?
        }
        None => pinned.ok_or(Trouble::Early(
            "the federation has no keys yet, or the coordinator was not reached",
            "run the doctor again when the federation is keyed",
        ))?,
    };
    let stored = home.keys().join(format!("{}.bin", certificate.public_key));
    let stored = read_if_there(&stored).map_err(|e| broken(&e))?;
    let bytes = match (stored, seen) {
        (Some(bytes), _) => bytes,
        (None, Some(seen)) => seen.client.public_key().await.map_err(|e| broken(&e))?,
        (None, None) => {
            return Err(Trouble::Early(
                "the public key was never fetched",
                "run the doctor again when the coordinator answers",
            ));
        }
    };
    if Digest::of(&bytes) != certificate.public_key {
        let found =
            format!("the public key does not have the digest {} of the certificate", certificate.public_key);
        return Err(Trouble::Broken(found, "delete HOME/state/keys/*.bin: it is fetched and checked again"));
    }
    Ok((certificate, bytes))
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
    keys: &KeyCertificate,
    key: &[u8],
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
        keys: keys.digest(),
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
        let resolution = announcement.resolution(founding, &roster, *step).map_err(early)?;
        counts.push((resolution, noisy));
    }
    let steps: Vec<StepCounts<'_>> =
        counts.iter().map(|(resolution, counts)| StepCounts { resolution, counts }).collect();
    let key = EncryptionKey::from_bytes(key, announcement.parameters).map_err(|e| broken(&e))?;
    let identity = identity::load(home).map_err(|e| broken(&e))?;
    let bytes =
        cast(&identity, membership.participant, &announcement, &key, &steps).map_err(|e| broken(&e))?;
    Ok(bytes.len())
}
