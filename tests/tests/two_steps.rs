//! Two-step rounds: a noisy test opens one bit per instance, and only what passes is labelled, opened and charged.

use base::{Step, decimal::Decimal, ids::RoundId};
use fhe::ArgmaxKind;
use learning::Dataset;
use privacy::NoiseMode;
use protocol::{
    federation::{TestNoise, ThresholdPolicy},
    round::{Corroboration, RoundState},
    transcript::EventBody,
    wire::EntryState,
};
use tests::{
    Federation, Plan, data,
    federation::Candidate,
    ledger::check,
    oracle::{ClearTally, plain_votes},
};

/// A few hundred histograms, of which teachers that saw few persons agree on some and are split over others.
const INSTANCES: usize = 240;
/// Votes of nine that a class needs, noise included.
const THRESHOLD: u32 = 7;
/// Standard deviations of the test's noise, and of the labels' (by the honest participants, by the coordinator).
const TEST_NOISE: (f64, f64) = (6.0, 2.0);
const LABEL_NOISE: (f64, f64) = (3.0, 2.0);

/// Three participants with three teachers each that have seen few persons, and labels that are exactly the winners'.
fn plan() -> anyhow::Result<Plan> {
    let mut plan = Plan::toy()?;
    plan.config.argmax = Some(ArgmaxKind::Exact);
    let decimal = |(sigma, coordinator_sigma)| -> anyhow::Result<TestNoise> {
        let [sigma, coordinator_sigma] =
            [Decimal::from_float(sigma)?, Decimal::from_float(coordinator_sigma)?];
        Ok(TestNoise { sigma, coordinator_sigma })
    };
    plan.config.threshold = Some(ThresholdPolicy { votes: THRESHOLD, test: Some(decimal(TEST_NOISE)?) });
    let noise = decimal(LABEL_NOISE)?;
    (plan.config.noise.sigma, plan.config.noise.coordinator_sigma) = (noise.sigma, noise.coordinator_sigma);
    // A shard of none, which cannot be trained, has a chance of 5e-4 among nine.
    plan.persons = 24;
    Ok(plan)
}

/// Returns which instances the transcript says to have passed.
fn passed(federation: &Federation, round: RoundId) -> anyhow::Result<Vec<u32>> {
    let tested = federation.transcript()?.into_iter().find_map(|event| match event.body {
        EventBody::Tested { round: of, passed, .. } if of == round => Some(passed),
        _ => None,
    });
    anyhow::Context::context(tested, "the test was not opened")
}

/// Returns ρ of a person in the public view, 1/V per test and per label (docs/PRIVACY.md), in floating point.
fn clear_charge(tested: usize, labelled: usize) -> f64 {
    let variance = |(sigma, coordinator): (f64, f64)| sigma * sigma + coordinator * coordinator;
    tested as f64 / variance(TEST_NOISE) + labelled as f64 / variance(LABEL_NOISE)
}

#[test]
fn answers_abstentions_and_charges_are_those_of_a_clear_text_reference() -> anyhow::Result<()> {
    let plan = plan()?;
    let federation = Federation::found(&plan)?;
    let round = federation.announce(&Candidate::over(data::instances(plan.classes(), INSTANCES, 4)?))?;
    let reserved = federation.round(round)?.cost;
    let labels = federation.wait_for_labels(round)?.labels;
    let passed = passed(&federation, round)?;

    // The test: what the sum of its ballots says, but for the circuit's error next to the threshold.
    let test = ClearTally::of_step(&federation, round, Step::Test)?;
    let view = federation.round(round)?;
    let member = federation.members.first().expect("three are enrolled").membership()?;
    let roster = federation.roster()?.roster;
    let resolution = view.announcement.resolution(&member.founding, &roster, Step::Test)?;
    let (border, near) = (i64::from(THRESHOLD), i64::try_from(resolution.threshold_votes())?);
    let mut clear = 0;
    for (instance, counts) in (0_u32..).zip(test.instances()) {
        let most = counts.iter().max().copied().unwrap_or_default();
        if most >= border + near || most <= border - near {
            assert_eq!(passed.contains(&instance), most >= border, "instance {instance}: {counts:?}");
            clear += 1;
        }
    }
    assert!(clear > INSTANCES / 2, "only {clear} of {INSTANCES} are clear of the threshold");
    assert!((20..INSTANCES - 20).contains(&passed.len()), "both kinds must occur: {} passed", passed.len());

    // The labels: the winners of the sum of their own ballots for what passed, abstentions for the rest.
    let winners = ClearTally::of(&federation, round)?;
    let lowest_of_the_best = |counts: &[i64]| {
        let most = counts.iter().max().copied().unwrap_or_default();
        counts.iter().position(|count| *count == most).map(|class| class as u16)
    };
    let expected: Vec<Option<u16>> = (0_u32..)
        .zip(winners.instances())
        .map(|(instance, counts)| lowest_of_the_best(counts).filter(|_| passed.contains(&instance)))
        .collect();
    assert_eq!(labels, expected);
    assert_eq!(
        (view.passed, view.abstained),
        (Some(passed.len() as u32), Some((INSTANCES - passed.len()) as u32))
    );

    // The charge: every test, and the labels that were given; what was reserved for the others came back.
    let units =
        |cost: &privacy::RoundCost| cost.rho.person.public.map(|rho| rho.units() as f64 / 2_f64.powi(50));
    let near = |found: Option<f64>, expected: f64| {
        let found = found.expect("the participants' noise bounds it");
        assert!(found >= expected && found < expected * (1.0 + 1e-6), "{found}, not {expected}");
    };
    near(units(&reserved), clear_charge(INSTANCES, INSTANCES));
    near(units(&view.cost), clear_charge(INSTANCES, passed.len()));
    assert_eq!(check(&federation)?.count(EntryState::Committed), 1);
    let agent = federation.members.get(1).expect("three are enrolled");
    let home: serde_json::Value =
        federation.member(agent, &["ledger", "show", "--format", "json"])?.facts()?;
    assert_eq!(
        home["spent"]["person"]["public"].as_f64(),
        view.epsilon.person.public,
        "the ledger at home agrees"
    );
    federation.finish()
}

#[test]
fn three_trustees_tally_the_test_and_then_the_labels_and_anyone_can_check_both() -> anyhow::Result<()> {
    let plan = plan()?.with_trustees(3, 1);
    let mut federation = Federation::found(&plan)?;
    let round = federation.announce(&Candidate::over(data::instances(plan.classes(), 16, 5)?))?;
    federation.wait_for(round, "the opened test", |view| view.passed.is_some())?;
    federation.restart_agent(2)?;
    let labels = federation.wait_for_labels(round)?;
    let answered = labels.labels.iter().flatten().count();
    assert_eq!(answered, passed(&federation, round)?.len());
    assert_eq!(federation.round(round)?.corroboration, Some(Corroboration::Agreed));
    let verified = federation.verify(&federation.export("transcript")?, &["--strict"])?;
    assert_eq!((verified.with("passed").len(), verified.code), (10, Some(0)), "{:#?}", verified.checks);
    federation.finish()
}

#[test]
fn a_round_that_nothing_passes_has_abstentions_alone_and_opens_no_label() -> anyhow::Result<()> {
    // Without noise the teachers' votes alone decide; all nine must agree, and on these instances they never do.
    let mut plan = plan()?;
    plan.config.noise.mode = NoiseMode::InsecureNoNoise;
    (plan.config.noise.sigma, plan.config.noise.coordinator_sigma) = (Decimal::ZERO, Decimal::ZERO);
    let test = TestNoise { sigma: Decimal::ZERO, coordinator_sigma: Decimal::ZERO };
    plan.config.threshold = Some(ThresholdPolicy { votes: 9, test: Some(test) });
    let federation = Federation::found(&plan)?;
    let round = federation.announce(&Candidate::over(split(&federation, &plan)?))?;
    let labels = federation.wait_for_labels(round)?.labels;
    assert_eq!(labels, [None; 8]);
    assert!(plain_votes(&federation, round)?.iter().all(|votes| *votes < 9));
    let view = federation.round(round)?;
    assert!(matches!(view.state, RoundState::Released { .. }));
    assert!(view.state.tally(Step::Test).is_some() && view.state.tally(Step::Label).is_none());
    federation.finish()
}

/// Returns eight instances on which the teachers do not all agree.
fn split(federation: &Federation, plan: &Plan) -> anyhow::Result<Vec<u8>> {
    let schema = &plan.config.instances;
    let bytes = data::instances(plan.classes(), 200, 6)?;
    let all: Dataset = learning::files::instances_from_npy_bytes(&bytes, schema.shape())?;
    let mut votes = vec![0; all.len() * plan.classes()];
    for member in &federation.members {
        let membership = member.membership()?;
        let ensemble = participant::teacher::ensemble::Ensemble::load(
            &member.home,
            membership.federation(),
            membership.teachers,
        )?;
        ensemble.add_votes(&all, plan.classes(), &mut votes)?;
    }
    let is_split = |counts: &[i64]| counts.iter().all(|count| *count < 9);
    let split = votes.chunks_exact(plan.classes()).enumerate().filter(|(_, counts)| is_split(counts));
    let chosen: Vec<usize> = split.map(|(instance, _)| instance).take(8).collect();
    anyhow::ensure!(chosen.len() == 8, "the teachers agree on all but {} instances", chosen.len());
    Ok(learning::files::instances_to_npy_bytes(all.select(&chosen).values(), schema.shape())?)
}
