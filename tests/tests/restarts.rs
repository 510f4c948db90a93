//! Power cuts in every phase: nothing is lost, nothing is counted twice, no noise is drawn twice.

use base::ids::{Digest, RoundId};
use protocol::{
    transcript::EventBody,
    wire::{Attendance, Labels, RoundView},
};
use tests::{
    Federation, Plan, data,
    federation::Candidate,
    oracle::{ClearTally, stored_digest},
    proxy::{Hold, Proxy},
};

/// Enough instances that a kill falls into the tally.
const INSTANCES: usize = 400;

fn announce(federation: &Federation, seed: u64) -> anyhow::Result<RoundId> {
    let classes = Plan::toy()?.classes();
    federation.announce(&Candidate::over(data::instances(classes, INSTANCES, seed)?))
}

fn cast(view: &RoundView) -> usize {
    view.voters.iter().filter(|voter| voter.attendance == Attendance::Cast).count()
}

/// Checks that the round counted each participant's stored ballot exactly once and one noise ballot.
///
/// A ballot counted twice, or not at all, would move the sums away from those in the clear.
fn counted_once(federation: &Federation, round: RoundId) -> anyhow::Result<Labels> {
    let labels = federation.wait_for_labels(round)?;
    let stored: Vec<(u32, Digest)> = federation
        .members
        .iter()
        .map(|member| Ok((member.id()?.get(), stored_digest(member, round)?)))
        .collect::<anyhow::Result<_>>()?;
    assert_eq!(federation.counted(round)?, stored);
    let noise = |body: &EventBody| matches!(body, EventBody::NoiseBallot { round: of, .. } if *of == round);
    let drawn = federation.transcript()?.iter().filter(|event| noise(&event.body)).count();
    assert_eq!(drawn, 1, "the coordinator's noise is drawn once");
    let view = federation.round(round)?;
    let objections = ClearTally::of(federation, round)?.objections(&labels.labels, view.resolution_votes);
    assert_eq!(objections, [] as [&str; 0]);
    Ok(labels)
}

#[test]
fn a_coordinator_that_dies_in_every_phase_loses_nothing() -> anyhow::Result<()> {
    let mut federation = Federation::found(&Plan::toy()?)?;
    federation.halt_agent(2)?;
    let round = announce(&federation, 1)?;
    federation.restart_coordinator()?; // announced, or voting has just begun

    federation.wait_for(round, "two ballots", |view| cast(view) == 2)?;
    federation.restart_coordinator()?;
    let view = federation.round(round)?;
    assert_eq!((view.state.name(), cast(&view)), ("voting", 2));

    federation.halt_agent(0)?; // the trustee, so that the round stays to be opened
    federation.resume_agent(2)?;
    federation
        .wait_for(round, "a running tally", |view| view.progress.is_some_and(|progress| progress.done > 0))?;
    federation.restart_coordinator()?;
    let view = federation.round(round)?;
    assert_eq!(view.state.name(), "tallying", "the kill must fall into the tally");

    federation.wait_for_state(round, "opening")?;
    federation.restart_coordinator()?;
    assert_eq!(federation.round(round)?.state.name(), "opening");
    federation.resume_agent(0)?;

    let labels = counted_once(&federation, round)?;
    federation.restart_coordinator()?;
    assert_eq!(federation.wait_for_labels(round)?.labels, labels.labels);
    federation.finish()
}

#[test]
fn a_participant_that_dies_in_every_phase_votes_once_with_one_noise() -> anyhow::Result<()> {
    let mut federation = Federation::assemble(&Plan::toy()?)?;
    let proxy = Proxy::before(federation.address())?;
    federation.members[1].dial(&proxy.url())?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;

    // It dies before its ballot arrives, and again before the receipt does.
    proxy.hold_ballots(Hold::Request);
    let round = announce(&federation, 2)?;
    proxy.wait_until_held()?;
    let drawn = stored_digest(&federation.members[1], round)?;
    federation.kill_agent(1);
    proxy.cut();
    proxy.hold_ballots(Hold::Answer);
    federation.start_agent(1)?;
    proxy.wait_until_held()?;
    federation.kill_agent(1);
    proxy.cut();
    federation.start_agent(1)?;
    federation.wait_for(round, "a closed window", |view| !view.state.counted().is_empty())?;
    federation.restart_agent(1)?; // while the tally runs
    assert_eq!(stored_digest(&federation.members[1], round)?, drawn, "the noise is drawn once");

    counted_once(&federation, round)?;
    federation.restart_agent(1)?; // after the release
    federation.finish()
}

#[test]
fn a_trustee_that_dies_while_it_opens_answers_with_the_same_labels() -> anyhow::Result<()> {
    let mut federation = Federation::assemble(&Plan::toy()?)?;
    let proxy = Proxy::before(federation.address())?;
    federation.members[0].dial(&proxy.url())?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    proxy.hold_openings(Hold::Request);
    let round = announce(&federation, 3)?;
    proxy.wait_until_held()?;
    let opened = std::fs::read_to_string(federation.members[0].home.openings_log())?;
    federation.kill_agent(0);
    proxy.cut();
    federation.start_agent(0)?;
    counted_once(&federation, round)?;
    let log = std::fs::read_to_string(federation.members[0].home.openings_log())?;
    assert_eq!(log, opened, "one opening, logged once");
    federation.finish()
}
