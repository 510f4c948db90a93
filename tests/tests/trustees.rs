//! Several trustees: nobody alone opens, a missing one is said, a returning one is compared, and all can be checked.

use base::{decimal::Decimal, ids::RoundId};
use fhe::ArgmaxKind;
use privacy::NoiseMode;
use protocol::{
    round::{Corroboration, RoundState},
    transcript::EventBody,
    wire::{OpeningState, RoundView},
};
use tests::{
    Federation, Plan, data,
    federation::{Candidate, utf8},
    oracle::plain_votes,
    wait::{PATIENCE, until},
};

const INSTANCES: usize = 12;

/// Three trustees of whom one may be corrupt; a silent one is soon known to be away.
fn plan() -> anyhow::Result<Plan> {
    Ok(Plan::toy()?.with_trustees(3, 1).serving(&["--online-within", "3s", "--corroboration-window", "10m"]))
}

fn announce(federation: &Federation, seed: u64) -> anyhow::Result<RoundId> {
    federation.announce(&Candidate::over(data::instances(Plan::toy()?.classes(), INSTANCES, seed)?))
}

/// Stops trustees as soon as every ballot is in, before anyone can have opened.
fn stop_before_openings(
    federation: &mut Federation,
    round: RoundId,
    trustees: &[usize],
) -> anyhow::Result<()> {
    federation.wait_for(round, "the tally", |view| {
        !matches!(view.state, RoundState::Announced | RoundState::Voting)
    })?;
    trustees.iter().for_each(|index| federation.kill_agent(*index));
    Ok(())
}

#[test]
fn three_trustees_release_exactly_what_the_votes_say_and_anyone_can_check_it() -> anyhow::Result<()> {
    // Without noise and with the exact argmax every label follows from the teachers' votes alone.
    let mut plan = plan()?;
    plan.config.argmax = ArgmaxKind::Exact;
    plan.config.noise.mode = NoiseMode::InsecureNoNoise;
    (plan.config.noise.sigma, plan.config.noise.coordinator_sigma) = (Decimal::ZERO, Decimal::ZERO);
    let federation = Federation::found(&plan)?;
    let round = announce(&federation, 1)?;
    let labels = federation.wait_for_labels(round)?;
    assert_eq!(labels.corroboration, Corroboration::Corroborated);
    let votes = plain_votes(&federation, round)?;
    let lowest_of_the_best = |counts: &[i64]| {
        let most = counts.iter().max().copied().unwrap_or_default();
        counts.iter().position(|count| *count == most).map(|class| class as u16)
    };
    let expected: Vec<Option<u16>> = votes.chunks_exact(plan.classes()).map(lowest_of_the_best).collect();
    assert_eq!(labels.labels, expected);

    let export = federation.export("transcript")?;
    let full = federation.verify(&export, &["--strict"])?;
    assert_eq!(full.with("passed").len(), 10, "{:#?}", full.checks);
    assert_eq!(full.code, Some(0));
    let quick = federation.verify(&export, &["--quick"])?;
    assert_eq!((quick.with("not_checked"), quick.code), (vec!["tally"], Some(0)), "{:#?}", quick.checks);
    let strict = federation.verify(&export, &["--quick", "--strict"])?;
    assert_eq!(strict.code, Some(1), "what was not checked did not pass");

    let name = federation.view()?.hash.to_string();
    let meant = federation.verify(&export, &["--quick", "--federation", &name])?;
    assert_eq!(meant.code, Some(0));
    let other = ["verify", utf8(&export)?, "--quick", "--federation", &"0".repeat(64)];
    let refused = federation.participant(&other, PATIENCE)?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains(&name), "it names the federation it found: {}", refused.stderr);
    federation.finish()
}

#[test]
fn a_release_without_one_trustee_is_uncorroborated_until_it_returns() -> anyhow::Result<()> {
    let mut federation = Federation::found(&plan()?)?;
    let round = announce(&federation, 2)?;
    stop_before_openings(&mut federation, round, &[1])?;
    let labels = federation.wait_for_labels(round)?;
    assert_eq!(labels.corroboration, Corroboration::Uncorroborated);

    federation.start_agent(1)?;
    let known = until("the third opening", PATIENCE, || {
        let known = federation.round(round)?.corroboration;
        Ok(known.filter(|known| *known != Corroboration::Uncorroborated))
    })?;
    assert_eq!(known, Corroboration::Corroborated);
    let compared = |body: &EventBody| matches!(body, EventBody::Compared { round: of, .. } if *of == round);
    assert_eq!(federation.transcript()?.iter().filter(|event| compared(&event.body)).count(), 1);
    let verified = federation.verify(&federation.export("transcript")?, &["--strict"])?;
    assert_eq!(verified.code, Some(0), "{:#?}", verified.checks);
    federation.finish()
}

#[test]
fn with_two_trustees_stopped_the_round_waits_and_says_for_whom() -> anyhow::Result<()> {
    let mut federation = Federation::found(&plan()?)?;
    let round = announce(&federation, 3)?;
    stop_before_openings(&mut federation, round, &[0, 2])?;
    let is_away = |view: &RoundView, index: usize| {
        view.openings
            .get(index)
            .is_some_and(|opening| opening.state == OpeningState::Waiting { online: false })
    };
    let view = federation.wait_for(round, "one opening and two that are missed", |view| {
        is_away(view, 0)
            && is_away(view, 2)
            && view.openings.get(1).is_some_and(|o| o.state == OpeningState::Posted)
    })?;
    assert!(matches!(view.state, RoundState::Opening { .. }), "one of three opens nothing: {:?}", view.state);
    assert_eq!(view.openings[0].name, "hospital-1");

    federation.start_agent(2)?;
    let labels = federation.wait_for_labels(round)?;
    assert_eq!(labels.corroboration, Corroboration::Uncorroborated);
    federation.finish()
}
