//! The ledger at home: an institution's own cap holds, whatever the coordinator's ledger says or has forgotten.

use std::path::Path;

use anyhow::Context as _;
use base::{decimal::Decimal, ids::RoundId};
use participant::config::Config;
use privacy::{NoisePlan, RoundCost, Sensitivity};
use protocol::{
    round::{FailureReason, RoundState},
    wire::{Attendance, EntryState, RoundView},
};
use tests::{
    Federation, Member, Plan, data,
    federation::Candidate,
    ledger::check,
    proxy::{Hold, Proxy},
    wait::{PATIENCE, until},
};

const INSTANCES: u32 = 10;
/// Long enough that two agents vote on any machine; a round that misses a third ballot waits for its end.
const WINDOW_SECONDS: u32 = 20;
/// Whose own cap is reached after one round.
const CAPPED: usize = 2;

/// Three participants of whom two suffice.
fn plan() -> anyhow::Result<Plan> {
    Ok(Plan::toy()?.with_quorum(2))
}

/// Returns ε about one person of a round, against a coordinator that colludes with participants.
fn price(plan: &Plan) -> anyhow::Result<f64> {
    let noise = NoisePlan::new(plan.config.noise, u32::try_from(plan.participants)?, 2)?;
    let sensitivity = Sensitivity { participants_per_person: 1, teachers: plan.teachers };
    let cost = RoundCost::new(&noise, sensitivity, INSTANCES)?;
    cost.epsilon(plan.config.privacy.delta)?.person.both.context("the participants' noise bounds it")
}

/// Founds the federation; the cap of one institution pays exactly one round.
fn found(plan: &Plan) -> anyhow::Result<(Federation, f64)> {
    let mut federation = Federation::assemble(plan)?;
    let price = price(plan)?;
    let member = federation.members.get(CAPPED).context("three are enrolled")?;
    let mut config = Config::load(&member.home)?;
    config.limits.epsilon = Some(Decimal::from_float(price)?);
    std::fs::write(member.home.config(), config.to_toml()?)?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    Ok((federation, price))
}

fn candidate(seed: u64) -> anyhow::Result<Candidate> {
    Ok(Candidate::over(data::instances(Plan::toy()?.classes(), INSTANCES as usize, seed)?))
}

/// What `participant ledger show` says: ε about one person, and every round with whether it came back.
#[derive(Debug, PartialEq)]
struct Shown {
    spent: f64,
    cap: Option<f64>,
    rounds: Vec<(RoundId, bool)>,
}

fn shown(federation: &Federation, member: &Member) -> anyhow::Result<Shown> {
    let facts: serde_json::Value =
        federation.member(member, &["ledger", "show", "--format", "json"])?.facts()?;
    let entries = facts["entries"].as_array().context("entries")?;
    let entry = |entry: &serde_json::Value| -> anyhow::Result<(RoundId, bool)> {
        let returned = entry["returned"].as_bool().context("returned")?;
        Ok((serde_json::from_value(entry["round"].clone())?, returned))
    };
    let cap: Option<Decimal> = serde_json::from_value(facts["epsilon"].clone())?;
    Ok(Shown {
        spent: facts["spent"]["person"]["both"].as_f64().context("spent")?,
        cap: cap.map(Decimal::to_f64),
        rounds: entries.iter().map(entry).collect::<anyhow::Result<_>>()?,
    })
}

/// Waits until a participant has noted that it declined a round, and returns the reason.
fn declined(federation: &Federation, member: &Member, round: RoundId) -> anyhow::Result<String> {
    until("a declined round", PATIENCE, || {
        let rounds: serde_json::Value =
            federation.member(member, &["rounds", "--format", "json"])?.facts()?;
        let of = |one: &&serde_json::Value| one["record"]["round"].as_str() == Some(&round.to_string());
        let record = rounds.as_array().context("a list")?.iter().find(of);
        let stage = record.map(|one| &one["record"]["stage"]).filter(|stage| stage["name"] == "declined");
        Ok(stage.and_then(|stage| stage["reason"].as_str()).map(str::to_owned))
    })
}

fn log(federation: &Federation, index: usize) -> anyhow::Result<String> {
    let member = federation.members.get(index).context("three are enrolled")?;
    Ok(std::fs::read_to_string(federation.log(&member.name))?)
}

fn attendance(view: &RoundView) -> Vec<Attendance> {
    view.voters.iter().map(|voter| voter.attendance).collect()
}

#[test]
fn an_agent_at_its_own_cap_does_not_vote_and_what_was_never_opened_comes_back() -> anyhow::Result<()> {
    let plan = plan()?;
    let (mut federation, price) = found(&plan)?;
    let capped = federation.members[CAPPED].clone();

    // Noise is drawn, so the round counts at home; cancelled before any opening, it comes back.
    federation.halt_agent(0)?;
    let cancelled = federation.announce(&candidate(1)?)?;
    federation.wait_for(cancelled, "the capped agent's ballot", |view| {
        attendance(view).get(CAPPED) == Some(&Attendance::Cast)
    })?;
    let charged = Shown { spent: price, cap: Some(price), rounds: vec![(cancelled, false)] };
    assert_eq!(shown(&federation, &capped)?, charged);
    assert_eq!(check(&federation)?.count(EntryState::Reserved), 1);
    federation.cancel(cancelled)?;
    federation.resume_agent(0)?;
    let back = until("the cancelled round's return", PATIENCE, || {
        Ok(Some(shown(&federation, &capped)?).filter(|shown| shown.rounds == [(cancelled, true)]))
    })?;
    assert_eq!(back.spent, 0.0);
    assert_eq!(check(&federation)?.count(EntryState::Returned), 1);

    // The cap pays one whole round.
    let voted = federation.announce(&candidate(2)?)?;
    let view = federation.wait_for(voted, "the release", |view| tests::federation::released(&view.state))?;
    assert_eq!(attendance(&view), [Attendance::Counted; 3]);
    let spent = Shown { spent: price, cap: Some(price), rounds: vec![(cancelled, true), (voted, false)] };
    assert_eq!(shown(&federation, &capped)?, spent);

    // It does not pay a second one: the two others reach the quorum, and the round goes on without it.
    let beyond = federation.announce(&candidate(3)?.within_seconds(WINDOW_SECONDS))?;
    let reason = declined(&federation, &capped, beyond)?;
    assert!(reason.contains(&format!("limits.epsilon = {price}: ")), "{reason}");
    assert!(log(&federation, CAPPED)?.contains(&reason), "the agent says so itself");
    let view = federation.wait_for(beyond, "the release", |view| tests::federation::released(&view.state))?;
    assert_eq!(attendance(&view), [Attendance::Counted, Attendance::Counted, Attendance::Absent]);
    assert_eq!(shown(&federation, &capped)?, spent, "what it did not vote in costs it nothing");

    // With one more away, the round fails below the quorum, and nothing of it is charged.
    federation.kill_agent(1);
    let failed = federation.announce(&candidate(4)?.within_seconds(3))?;
    let view = federation.wait_for_state(failed, "failed")?;
    let is_below_quorum = |state: &RoundState| {
        let RoundState::Failed { reason: FailureReason::QuorumNotMet { ballots, quorum: 2 }, charged: false } =
            state
        else {
            return false;
        };
        *ballots < 2
    };
    assert!(is_below_quorum(&view.state), "{:?}", view.state);
    let by_hand = check(&federation)?;
    assert_eq!((by_hand.count(EntryState::Committed), by_hand.count(EntryState::Returned)), (2, 2));
    federation.finish()
}

#[test]
fn what_trustees_were_asked_to_tally_is_charged_although_nothing_is_released() -> anyhow::Result<()> {
    let plan = plan()?.with_trustees(3, 1);
    let mut federation = Federation::found(&plan)?;
    federation.kill_agent(2);
    let proxy = Proxy::before(federation.address())?;
    federation.members[2].dial(&proxy.url())?;
    federation.start_agent(2)?;
    proxy.hold_messages(Hold::Request);
    let round = federation.announce(&candidate(7)?)?;
    federation.wait_for(round, "a session that waits for the third", |view| {
        view.session.as_ref().is_some_and(|session| session.words.ends_with("waiting for hospital-3"))
    })?;
    federation.restart_coordinator()?;
    assert_eq!(check(&federation)?.count(EntryState::Reserved), 1, "it may still be released");
    federation.cancel(round)?;
    assert_eq!(federation.round(round)?.state, RoundState::Cancelled { charged: true });
    assert_eq!(check(&federation)?.count(EntryState::Charged), 1);
    let ledger = federation.ledger()?;
    assert_eq!(ledger.spent.person.both, Some(price(&plan)?), "in full");
    let first = federation.members[0].clone();
    let kept = Shown { spent: price(&plan)?, cap: None, rounds: vec![(round, false)] };
    assert_eq!(shown(&federation, &first)?, kept);
    federation.finish()
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Kills the coordinator, restores its folder from a copy, and starts it again.
fn restore(federation: &mut Federation, backup: &Path) -> anyhow::Result<()> {
    federation.kill_coordinator();
    std::fs::remove_dir_all(federation.coordinator_home())?;
    copy(backup, &federation.coordinator_home())?;
    federation.serve()
}

#[test]
fn a_cap_outlives_a_coordinator_that_was_rolled_back() -> anyhow::Result<()> {
    let plan = plan()?;
    let (mut federation, price) = found(&plan)?;
    let backup = federation.folder.join("backup");
    federation.kill_coordinator();
    copy(&federation.coordinator_home(), &backup)?;
    federation.serve()?;
    let voted = federation.announce(&candidate(5)?)?;
    federation.wait_for_labels(voted)?;
    assert_eq!(check(&federation)?.count(EntryState::Committed), 1);

    // The institution loses its copy of the transcript too: only what it noted of its own votes is left.
    let capped = federation.members[CAPPED].clone();
    federation.kill_agent(CAPPED);
    std::fs::remove_file(capped.home.transcript())?;
    let spent = Shown { spent: price, cap: Some(price), rounds: vec![(voted, false)] };
    assert_eq!(shown(&federation, &capped)?, spent, "without a transcript nothing comes back");
    restore(&mut federation, &backup)?;
    federation.start_agent(CAPPED)?;
    let forgotten = check(&federation)?;
    assert!(forgotten.lines.is_empty(), "the coordinator knows of no round any more");

    let again = federation.announce(&candidate(6)?.within_seconds(WINDOW_SECONDS))?;
    let reason = declined(&federation, &capped, again)?;
    assert!(reason.contains(&format!("limits.epsilon = {price}: ")), "{reason}");
    assert!(
        !log(&federation, CAPPED)?.contains("rolled back"),
        "it cannot know that, and refuses all the same"
    );
    for index in [0, 1] {
        until("the refusal of the rollback", PATIENCE, || {
            Ok(log(&federation, index)?.contains("the transcript was rolled back").then_some(()))
        })?;
    }
    let view = federation.wait_for_state(again, "failed")?;
    let reason = FailureReason::QuorumNotMet { ballots: 0, quorum: 2 };
    assert_eq!(view.state, RoundState::Failed { reason, charged: false }, "nobody votes");
    assert_eq!(shown(&federation, &capped)?, spent);
    federation.finish()
}
