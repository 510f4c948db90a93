//! Everything before the noise is drawn: terms, limits, key, instances and teachers, each checked.

use std::sync::Arc;

use base::ids::{BallotId, Digest, RoundId};
use fhe::EncryptionKey;
use learning::{Dataset, files::instances_from_npy_bytes};
use protocol::{
    federation::Roster,
    round::{Announcement, RoundState},
    transcript::{Replay, RoundRecord},
    wire::RoundView,
};

use super::{VoteError, seal::SealingJob};
use crate::{
    agent::Agent,
    approval::{Pin, approved_roster},
    teacher::{
        ensemble::Ensemble,
        journal::{Journal, Record},
        ledger::HomeLedger,
        limits,
        terms::{Approved, TermsError},
    },
    trustee::artefacts::{Cached, encryption_key_of},
};
use runtime::files::{read_json, write_json};

/// Checks a round and gathers what a ballot needs; nothing is drawn, and nothing is written but public keys.
pub(super) async fn prepare(
    agent: &Agent,
    replay: &Replay,
    view: &RoundView,
    mut record: Record,
) -> Result<SealingJob, VoteError> {
    let announcement = &view.announcement;
    if view.state != RoundState::Voting {
        return Err(VoteError::NotVoting(view.state.name()));
    }
    let roster = latest_roster(agent)?;
    let approved = Approved { founding: &agent.membership.founding, roster: &roster };
    let keys = check_keys(agent, replay, &approved)?;
    approved.check_round(record.round, announcement, keys, agent.membership.participant)?;
    check_limits(agent, announcement, record.round)?;
    // Computed here from what was approved; the coordinator's figure is never used.
    let cost = announcement.cost(approved.founding, &roster)?;
    let records = Journal::of(&agent.home).records()?;
    let ledger = HomeLedger::of(&records, &approved.founding.config, Some(replay));
    ledger.check(&agent.config.limits, record.round, &cost)?;
    record.cost = Some(cost);
    check_keys_unused(agent, replay, record.round)?;
    let encodings: Vec<_> = announcement
        .steps()
        .iter()
        .map(|step| announcement.encoding(approved.founding, &roster, *step))
        .collect::<Result<_, _>>()?;
    let ensemble = load_ensemble(agent).await?;
    let key = encryption_key(agent, replay).await?;
    let instances = instances(agent, announcement).await?;
    Ok(SealingJob {
        journal: Journal::of(&agent.home),
        identity: Arc::clone(&agent.identity),
        participant: agent.membership.participant,
        clock: Arc::clone(&agent.clock),
        announcement: announcement.clone(),
        encodings,
        key,
        instances,
        ensemble,
        record,
        ballot: random_ballot_id()?,
    })
}

/// Returns the roster that a person approved last.
fn latest_roster(agent: &Agent) -> Result<Roster, VoteError> {
    let federation = agent.membership.federation();
    let pin = Pin::load(&agent.home, federation)?.ok_or(TermsError::NothingApproved)?;
    let roster = approved_roster(&agent.home, federation, pin.roster)?;
    Ok(roster.ok_or(TermsError::NothingApproved)?)
}

/// Checks the keys on the transcript against the approved trustees and against those seen first.
fn check_keys(agent: &Agent, replay: &Replay, approved: &Approved<'_>) -> Result<Digest, VoteError> {
    let path = agent.home.keys().join("keys.json");
    let pinned: Option<Digest> = read_json(&path)?;
    let keys = approved.check_keys(replay, pinned)?;
    if pinned.is_none() {
        write_json(&path, &keys)?;
    }
    Ok(keys)
}

fn check_limits(agent: &Agent, announcement: &Announcement, round: RoundId) -> Result<(), VoteError> {
    let journal = Journal::of(&agent.home);
    let consent = journal.consent(round)?;
    Ok(limits::check(
        &agent.config.limits,
        &journal.records()?,
        announcement.digest(),
        announcement.instance_count,
        consent.as_ref(),
        agent.clock.now(),
    )?)
}

/// Without noise every opened label is a hint about the key: after one opened round nothing more is encrypted.
fn check_keys_unused(agent: &Agent, replay: &Replay, round: RoundId) -> Result<(), VoteError> {
    if !agent.membership.founding.config.throw_away_keys() {
        return Ok(());
    }
    let records = Journal::of(&agent.home).records()?;
    let mut others = records.iter().filter(|other| other.round != round && other.stage.drawn_at().is_some());
    let is_begun = |other: &&Record| replay.round(other.round).is_some_and(RoundRecord::is_begun);
    match others.find(is_begun) {
        Some(other) => Err(VoteError::KeysUsed(other.round)),
        None => Ok(()),
    }
}

async fn load_ensemble(agent: &Agent) -> Result<Ensemble, VoteError> {
    let (home, federation) = (agent.home.clone(), agent.membership.federation());
    let teachers = agent.membership.teachers;
    let ensemble = agent.pool.run(move || Ensemble::load(&home, federation, teachers)).await??;
    let config = &agent.membership.founding.config;
    ensemble.check(&config.instances, config.classes.len())?;
    Ok(ensemble)
}

/// Returns the key with which everybody encrypts, made from artefacts of certified digests.
async fn encryption_key(agent: &Agent, replay: &Replay) -> Result<EncryptionKey, VoteError> {
    let keys = replay.ceremony().keys().ok_or(TermsError::NoKeys)?;
    agent.fetch(&encryption_key_of(keys)).await?;
    Ok(replay.encryption_key(&Cached::of(&agent.home))?)
}

/// Downloads the instances and checks digest, number, shape and values.
async fn instances(agent: &Agent, announcement: &Announcement) -> Result<Dataset, VoteError> {
    let schema = agent.membership.founding.config.instances.clone();
    let announced = announcement.instance_count;
    let bytes = agent.client().instances(announcement.round, announced, schema.values()).await?;
    let expected = announcement.instances;
    let read = move || {
        check_digest("file of instances", &bytes, expected)?;
        let dataset = instances_from_npy_bytes(&bytes, schema.shape())?;
        dataset.check_schema(&schema)?;
        let found = dataset.len();
        if found != announced as usize {
            return Err(VoteError::Count { announced, found });
        }
        Ok(dataset)
    };
    agent.pool.run(read).await?
}

fn check_digest(what: &'static str, bytes: &[u8], expected: Digest) -> Result<(), VoteError> {
    let found = Digest::of(bytes);
    if found != expected {
        return Err(VoteError::Digest { what, found, expected });
    }
    Ok(())
}

fn random_ballot_id() -> Result<BallotId, VoteError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| VoteError::Randomness(e.to_string()))?;
    Ok(BallotId::from_bytes(bytes))
}
