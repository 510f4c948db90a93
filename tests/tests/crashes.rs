//! Power cuts at random moments of small rounds: after each the ledger is what the transcript's events add up to.
//!
//! Where several trustees tally together, every second time the cut takes one of them along.
//!
//! `PSEPHOS_CRASHES` changes their number (`scripts/soak.sh` asks for 200), `PSEPHOS_SEED` repeats the moments.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use base::ids::RoundId;
use privacy::{Delta, Target, Unit};
use protocol::{
    federation::{TestNoise, ThresholdPolicy},
    wire::EntryState,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use tests::{
    Federation, Plan, data,
    federation::Candidate,
    ledger::check,
    wait::{PATIENCE, until},
};

const CRASHES: u64 = 20;
const INSTANCES: usize = 2;

fn number(name: &str) -> anyhow::Result<Option<u64>> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    Ok(Some(text.parse().with_context(|| format!("{name} = {text} is not a number"))?))
}

#[expect(clippy::print_stdout, reason = "the seed repeats a failure, and nextest hides it where all is well")]
fn say(words: &str) {
    println!("{words}");
}

fn candidate(classes: usize, seed: u64) -> anyhow::Result<Candidate> {
    Ok(Candidate::over(data::instances(classes, INSTANCES, seed)?))
}

/// Announces a round and kills the coordinator so long after the announcement's command began.
///
/// Returns the round if the announcement was answered; one that was cut off may exist or not.
fn crash(federation: &Federation, candidate: &Candidate, delay: Duration) -> anyhow::Result<Option<RoundId>> {
    let coordinator = federation.coordinator().context("the coordinator does not run")?;
    std::thread::scope(|scope| {
        let announced = scope.spawn(|| federation.announce(candidate));
        std::thread::sleep(delay);
        federation.processes().kill(coordinator);
        let announced = announced.join().map_err(|_| anyhow::anyhow!("the announcing thread panicked"))?;
        Ok(announced.ok())
    })
}

/// Returns the phases of the rounds that have not ended.
fn running(federation: &Federation) -> anyhow::Result<Vec<(RoundId, String)>> {
    let is_final = |phase: &str| ["released", "failed", "cancelled"].contains(&phase);
    let rounds = federation.rounds()?.into_iter().filter(|round| !is_final(&round.phase));
    Ok(rounds.map(|round| (round.round, round.phase)).collect())
}

/// Restarts the coordinator, cancels what still runs if asked to, and waits for every round's end; returns the phase
/// in which the crash left the round.
fn recover(federation: &mut Federation, is_cancelled: bool) -> anyhow::Result<String> {
    federation.restart_coordinator()?;
    let left = running(federation)?;
    // What was reserved at the crash is reserved still; the conductor may end a round while this is compared.
    let phase = left.first().map_or("ended or never announced", |(_, phase)| phase).to_owned();
    for (round, _) in left.iter().filter(|_| is_cancelled) {
        // Refused if the round was released meanwhile; what became of it is read from the transcript.
        drop(federation.cancel(*round));
    }
    until("the end of every round", PATIENCE, || Ok(running(federation)?.is_empty().then_some(())))?;
    Ok(phase)
}

#[test]
fn after_every_crash_the_ledger_is_the_sum_of_what_was_released_or_opened() -> anyhow::Result<()> {
    crash_again_and_again(Plan::toy()?, CRASHES)
}

#[test]
fn after_every_crash_of_a_two_step_round_too() -> anyhow::Result<()> {
    let mut plan = Plan::toy()?;
    let test = TestNoise { sigma: "3".parse()?, coordinator_sigma: "2".parse()? };
    plan.config.threshold = Some(ThresholdPolicy { votes: 7, test: Some(test) });
    crash_again_and_again(plan, CRASHES / 2)
}

#[test]
fn after_every_crash_while_three_trustees_tally_together_too() -> anyhow::Result<()> {
    crash_again_and_again(Plan::toy()?.with_trustees(3, 1), CRASHES / 2)
}

fn crash_again_and_again(mut plan: Plan, crashes: u64) -> anyhow::Result<()> {
    let crashes = number("PSEPHOS_CRASHES")?.unwrap_or(crashes);
    let seed = number("PSEPHOS_SEED")?.map_or_else(getrandom::u64, Ok)?;
    say(&format!("{crashes} crashes, PSEPHOS_SEED={seed}"));
    let delta = Delta::try_from(1e-5)?;
    let target = Target { epsilon: "1000".parse()?, delta, labels: 1, unit: Unit::Person };
    plan.config.privacy.targets.public = Some(target);
    plan.config.privacy.targets.coordinator = Some(Target { unit: Unit::Participant, ..target });
    let mut federation = Federation::found(&plan)?;
    let began = Instant::now();
    let round = federation.announce(&candidate(plan.classes(), seed)?)?;
    federation.wait_for_labels(round)?;
    let whole = began.elapsed();
    assert_eq!(check(&federation)?.count(EntryState::Committed), 1);

    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut phases: BTreeMap<String, u32> = BTreeMap::new();
    for number in 1..=crashes {
        let delay = whole.mul_f64(rng.random_range(0.0..1.1));
        let is_cancelled = number % 3 == 0;
        crash(&federation, &candidate(plan.classes(), seed.wrapping_add(number))?, delay)?;
        if !plan.config.trustees.is_sole() && number % 2 == 0 {
            federation.restart_agent(rng.random_range(0..usize::from(plan.config.trustees.count)))?;
        }
        let phase = recover(&mut federation, is_cancelled)?;
        let ledger =
            check(&federation).with_context(|| format!("crash {number} after {delay:?}, {phase}"))?;
        assert_eq!(ledger.count(EntryState::Reserved), 0, "every round has ended");
        *phases.entry(phase).or_default() += 1;
    }
    let ledger = check(&federation)?;
    let count = |state| ledger.count(state);
    say(&format!(
        "crashes fell into {phases:?}; {} rounds released, {} charged without labels, {} given back",
        count(EntryState::Committed),
        count(EntryState::Charged),
        count(EntryState::Returned)
    ));
    let inside: u32 =
        phases.iter().filter(|(phase, _)| !phase.starts_with("ended")).map(|(_, times)| times).sum();
    assert!(inside > 0, "no crash fell into a round: {phases:?}");
    federation.finish()
}
