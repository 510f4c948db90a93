//! A round end to end with the secure parameters: every label against a clear-text tally of the same ballots.

use base::{decimal::Decimal, ids::RoundId};
use fhe::ArgmaxKind;
use protocol::wire::{Attendance, Labels, RoundView};
use tests::{
    Federation, Plan, data,
    federation::Candidate,
    oracle::{ClearTally, noise_of},
};

/// Runs one round and returns what came out, with the same round tallied in the clear.
fn run(plan: &Plan, instances: usize) -> anyhow::Result<(Federation, RoundView, Labels, ClearTally)> {
    let federation = Federation::found(plan)?;
    let round: RoundId =
        federation.announce(&Candidate::over(data::instances(plan.classes(), instances, 1)?))?;
    let labels = federation.wait_for_labels(round)?;
    let view = federation.round(round)?;
    let clear = ClearTally::of(&federation, round)?;
    assert!(view.voters.iter().all(|voter| voter.attendance == Attendance::Counted), "{:?}", view.voters);
    assert_eq!(labels.labels.len(), instances);
    Ok((federation, view, labels, clear))
}

/// Checks that `noise` could be `samples` draws of standard deviation `size`.
///
/// The sample variance of n Gaussian draws has a relative standard deviation of √(2/n), and its mean one of
/// size/√n; seven of each are allowed. For n ≥ 300 a correct draw fails with a chance below 1e-6 (chi-square tail,
/// heavier to the right than the Gaussian's 2.6e-12).
fn looks_drawn(noise: &[i64], size: f64) -> anyhow::Result<()> {
    let n = noise.len() as f64;
    anyhow::ensure!(n >= 300.0, "{n} samples are too few for the stated chance");
    let mean = noise.iter().sum::<i64>() as f64 / n;
    let variance = noise.iter().map(|x| (*x as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let ratio = variance / size.powi(2);
    anyhow::ensure!(mean.abs() < 7.0 * size / n.sqrt(), "mean {mean} of {n} draws of size {size}");
    anyhow::ensure!((ratio - 1.0).abs() < 7.0 * (2.0 / n).sqrt(), "variance {variance} instead of {size}²");
    Ok(())
}

#[test]
fn every_label_is_that_of_a_clear_text_tally_of_the_same_votes_and_noise() -> anyhow::Result<()> {
    let mut plan = Plan::full()?.with_classes(10)?;
    plan.config.noise.sigma = Decimal::from_whole(6)?;
    plan.config.noise.coordinator_sigma = Decimal::from_whole(3)?;
    plan.teachers = 10;
    plan.persons = 200;
    let (federation, view, labels, clear) = run(&plan, 36)?;
    assert_eq!(view.insecure, [] as [&str; 0]);
    assert!(view.resolution_votes > 0, "the tournament has a resolution");
    assert_eq!(clear.objections(&labels.labels, view.resolution_votes), [] as [&str; 0]);
    let decided = clear.decided(view.resolution_votes);
    assert!(decided >= 8, "only {decided} of 36 labels were decided: the story compares too little");

    // What was added is noise of the announced sizes, everybody's and the coordinator's.
    let announcement = &view.announcement;
    for (member, (participant, counts)) in federation.members.iter().zip(&clear.ballots) {
        assert_eq!(member.id()?.get(), *participant);
        looks_drawn(&noise_of(&federation, member, &view, counts)?, announcement.share_size.to_f64())?;
    }
    looks_drawn(&clear.noise, announcement.coordinator_share_size.to_f64())?;
    federation.finish()
}

#[test]
fn exact_mode_equals_the_clear_text_tally_everywhere_and_ties_go_to_the_lowest_class() -> anyhow::Result<()> {
    let mut plan = Plan::full()?.with_classes(3)?;
    plan.config.argmax = Some(ArgmaxKind::Exact);
    let (federation, view, labels, clear) = run(&plan, 12)?;
    assert_eq!((view.resolution_votes, view.insecure.len()), (0, 0));
    assert_eq!(clear.objections(&labels.labels, 0), [] as [&str; 0]);
    federation.finish()
}

#[test]
fn exact_mode_breaks_every_kind_of_tie_downwards() -> anyhow::Result<()> {
    let mut plan = Plan::toy()?.with_classes(4)?;
    plan.config.argmax = Some(ArgmaxKind::Exact);
    plan.config.noise.sigma = Decimal::from_float(2.6)?;
    plan.config.noise.coordinator_sigma = Decimal::from_float(1.5)?;
    let (federation, _, labels, clear) = run(&plan, 400)?;
    assert_eq!(clear.objections(&labels.labels, 0), [] as [&str; 0]);
    // With sd about 3 a tie of the best two happens in about one of twelve; fewer than 5 of 400 has a chance
    // far below 1e-6.
    let ties = clear.instances().filter(|counts| {
        let best = counts.iter().max();
        counts.iter().filter(|count| Some(*count) == best).count() > 1
    });
    assert!(ties.count() >= 5, "the story needs ties");
    federation.finish()
}
