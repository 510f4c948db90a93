//! What the database and the blobs say, held against each other.

use std::path::Path;

use base::clock::Clock;
use fhe::{Layout, Transform};
use protocol::{
    federation::{FederationConfig, FederationKeys},
    transcript::Replay,
};
use runtime::doctor::{Diagnosis, Finding};

use crate::{home::Home, storage::Storage};

/// What helps against a damaged database.
pub(super) const RESTORE: &str = "restore a backup to a new folder: coordinator restore FILE --home NEW";
/// Room that is needed before anything is known of the federation.
pub(super) const LEAST_ROOM: u64 = 64 << 20;
/// Instances of the round for which there should be room.
const INSTANCES: usize = 1000;

/// Checks schema, integrity, transcript and keys; tells the federation's transform and how much room a round needs.
pub(super) async fn examine(
    home: &Path,
    storage: &Storage,
    clock: &dyn Clock,
    diagnosis: &mut Diagnosis,
    transform: &mut Transform,
    needed: &mut u64,
) {
    let is_current = schema(storage, diagnosis).await;
    diagnosis.extend([integrity(storage).await]);
    if !is_current {
        return;
    }
    match facts(storage).await {
        Err(error) => diagnosis.extend([Finding::fail("transcript", error, RESTORE)]),
        Ok(None) => diagnosis.extend([Finding::ok("transcript", "no federation was founded yet")]),
        Ok(Some(facts)) => {
            diagnosis.extend([transcript(home, &facts), time(&facts, clock), keys(storage, &facts).await]);
            *transform = facts.config.transform();
            *needed = room(&facts.config, facts.members);
        }
    }
}

/// Compares the database's schema with this program's; only the same one is read further.
async fn schema(storage: &Storage, diagnosis: &mut Diagnosis) -> bool {
    const CHECK: &str = "schema";
    let schema = match storage.schema().await {
        Ok(schema) => schema,
        Err(error) => {
            diagnosis.extend([Finding::fail(CHECK, error.to_string(), RESTORE)]);
            return false;
        }
    };
    let found = format!("{}, this program knows up to {}", schema.found, schema.known);
    if schema.is_of_first_version() {
        let remedy =
            "keep the folder for Psephos 0.1, which alone reads it, and use another for this version";
        diagnosis.extend([Finding::fail(CHECK, found, remedy)]);
        return false;
    }
    diagnosis.extend([match schema.found.cmp(&schema.known) {
        std::cmp::Ordering::Equal => Finding::ok(CHECK, found),
        std::cmp::Ordering::Less => {
            Finding::warn(CHECK, found, "back up, then start the service once: it migrates the database")
        }
        std::cmp::Ordering::Greater => Finding::fail(
            CHECK,
            found,
            "install the newer version again, or restore a backup of before the upgrade",
        ),
    }]);
    schema.found == schema.known
}

async fn integrity(storage: &Storage) -> Finding {
    match storage.damages().await {
        Ok(damages) if damages.is_empty() => Finding::ok("database", "whole"),
        Ok(damages) => Finding::fail("database", damages.join("; "), RESTORE),
        Err(error) => Finding::fail("database", error.to_string(), RESTORE),
    }
}

/// What the replayed transcript says.
struct Facts {
    events: u64,
    coordinator: base::identity::PublicIdentity,
    last: Option<base::clock::Millis>,
    config: FederationConfig,
    members: usize,
    keys: Option<FederationKeys>,
}

async fn facts(storage: &Storage) -> Result<Option<Facts>, String> {
    let words = |error: crate::storage::StorageError| error.to_string();
    let mut tx = storage.read().await.map_err(words)?;
    let Some(row) = tx.federation().await.map_err(words)? else { return Ok(None) };
    let ask = |replay: &Replay| {
        let keys = replay.ceremony().keys().cloned();
        (replay.head().length, replay.coordinator(), replay.roster().members.len(), keys)
    };
    let replayed = tx.replay(ask).await.map_err(words)?;
    let Some((events, coordinator, members, keys)) = replayed else { return Ok(None) };
    drop(tx);
    let (page, _) = storage.events(events.saturating_sub(1), 1).await.map_err(words)?;
    let last = page.last().and_then(|event| event.unverified().ok()).map(|event| event.at);
    Ok(Some(Facts { events, coordinator, last, config: row.founding.config, members, keys }))
}

fn transcript(home: &Path, facts: &Facts) -> Finding {
    const CHECK: &str = "transcript";
    match Home::read_identity(home) {
        Ok(Some(identity)) if identity.public() == facts.coordinator => Finding::ok(
            CHECK,
            format!("{} events follow all rules, signed by this coordinator", facts.events),
        ),
        Ok(_) => Finding::fail(
            CHECK,
            "secret/identity is not the key that signed it",
            "restore secret/identity from the backup of this folder",
        ),
        Err(error) => Finding::fail(CHECK, error.to_string(), RESTORE),
    }
}

/// Holds this machine's clock against the last event and against reason.
fn time(facts: &Facts, clock: &dyn Clock) -> Finding {
    const CHECK: &str = "clock";
    const REMEDY: &str = "set the clock and let it follow NTP: timedatectl set-ntp true";
    let now = clock.now();
    match facts.last {
        Some(last) if last > now => {
            Finding::fail(CHECK, format!("it is {now}, but the last event is of {last}"), REMEDY)
        }
        _ => Finding::ok(CHECK, format!("{now}, after every event")),
    }
}

/// Digests every published key again.
async fn keys(storage: &Storage, facts: &Facts) -> Finding {
    const CHECK: &str = "keys";
    let Some(keys) = &facts.keys else { return Finding::ok(CHECK, "none are published yet") };
    let blobs = keys.blobs();
    for digest in &blobs {
        if let Err(error) = storage.blobs().get(*digest).await {
            return Finding::fail(CHECK, error.to_string(), RESTORE);
        }
    }
    Finding::ok(CHECK, format!("{} blobs have the digests of the certificate", blobs.len()))
}

/// Estimates the bytes of a round: a ballot of each member and our own, the labels, and twice that for safety.
fn room(config: &FederationConfig, members: usize) -> u64 {
    let Ok(layout) = Layout::new(config.classes.len(), INSTANCES) else { return LEAST_ROOM };
    // 8 bytes a slot and a mask of 2048 words for each list.
    let lists = layout.slots().div_ceil(2048) as u64;
    let steps = if config.test_noise().is_some() { 2 } else { 1 };
    let ballots = (members as u64 + 1) * lists * 2 * 2048 * 8 * steps;
    // A label ciphertext, or what several trustees send each other for a label of a hundred classes.
    let labels = INSTANCES as u64 * 2048 * 8 * steps;
    LEAST_ROOM.saturating_add((ballots + labels).saturating_mul(2))
}
