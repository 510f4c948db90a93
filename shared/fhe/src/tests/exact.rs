//! The exact circuit equals the plain argmax everywhere, ties included; a wrong label anywhere in this file
//! has a chance below 2^-30.

use super::super::circuits::exact::{Refinements, WINDOW_TICKS};
use super::thresholds::plain_label;
use super::*;

fn resolution(classes: usize, instances: usize, teachers: u32, variance: f64) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Exact, teachers, variance).unwrap()
}

fn assert_plain_argmax(resolution: &Resolution, counts: &[Vec<i64>]) {
    let expected: Vec<Option<u16>> = counts.iter().map(|counts| plain_argmax(counts)).collect();
    let labels = TOY.labels(resolution, counts);
    for ((label, expected), counts) in labels.iter().zip(&expected).zip(counts) {
        assert_eq!(label, expected, "D = {}: {counts:?}", resolution.bound());
    }
}

#[test]
fn ties_go_to_the_lowest_class_for_every_number_of_classes() {
    let mut rng = rng(11);
    for classes in 2..=MAX_EXACT_CLASSES {
        let resolution = resolution(classes, 3, 100, 384.0);
        let mut tied = |low: i64, high: i64| -> Vec<i64> {
            (0..classes).map(|_| rng.random_range(low..=high)).collect()
        };
        // all equal; two values only; anything
        let counts = [vec![-7; classes], tied(89, 90), tied(-80, 120)];
        assert_plain_argmax(&resolution, &counts);
    }
}

#[test]
fn every_position_wins_by_one_vote() {
    let mut rng = rng(12);
    let resolution = resolution(16, 16, 100, 384.0);
    let counts: Vec<Vec<i64>> =
        (0..16).map(|winner| counts_with_gap(&mut rng, 16, winner, 1, -100..100)).collect();
    assert_plain_argmax(&resolution, &counts);
}

/// Sweeps the difference of two classes over the whole range, most densely where a comparison changes its
/// reading.
fn assert_sweep(teachers: u32, variance: f64, refinements: u32) {
    let resolution = resolution(2, 200, teachers, variance);
    let chosen = Refinements::new(resolution.bound()).unwrap();
    assert_eq!(chosen.count, refinements, "D = {}", resolution.bound());
    let bound = resolution.bound() as f64;
    let window = WINDOW_TICKS as f64 / 2048.0;
    // the largest difference the range was made for
    let most = (bound * (1.0 - 2.0 * window)).floor() as i64;
    // a tie and a single vote are where a wrong window shows
    let mut differences = [0, 1, -1].repeat(12);
    differences.extend([2, -2, most, -most]);
    for comparison in 0..=refinements {
        // |d| that reaches the window of this comparison, and twice that, the most that still reads 0 by an
        // error
        let reach = bound * window / chosen.factor.pow(comparison) as f64;
        for edge in [reach as i64, 2 * reach as i64] {
            differences.extend((-5..=5).flat_map(|around| [edge + around, -edge + around]));
        }
    }
    let mut rng = rng(13);
    let filling = std::iter::repeat_with(|| rng.random_range(-most..=most));
    let counts: Vec<Vec<i64>> = differences
        .into_iter()
        .filter(|difference| difference.abs() <= most)
        .chain(filling)
        .take(200)
        .map(|difference| vec![difference / 2, difference / 2 - difference])
        .collect();
    assert_plain_argmax(&resolution, &counts);
}

#[test]
fn a_narrow_range_needs_one_comparison() {
    assert_eq!(resolution(2, 200, 20, 0.0).bound(), 21);
    assert_sweep(20, 0.0, 0);
}

#[test]
fn a_range_up_to_614_votes_needs_one_refinement() {
    assert_sweep(250, 400.0, 1);
}

#[test]
fn a_range_beyond_640_votes_needs_two_refinements() {
    let bound = resolution(2, 200, 500, 90_000.0).bound();
    assert!(bound > 640, "{bound}");
    assert_sweep(500, 90_000.0, 2);
}

#[test]
fn a_range_beyond_14745_votes_needs_three_refinements() {
    assert_sweep(10, 1_440_000.0, 3);
}

/// Compares labels with the clear text: none below the threshold, else the lowest class with the most votes.
fn assert_plain_threshold(resolution: &Resolution, counts: &[Vec<i64>]) {
    let threshold = i64::from(resolution.threshold().unwrap());
    let expected: Vec<Option<u16>> = counts.iter().map(|counts| plain_label(counts, threshold)).collect();
    let labels = TOY.labels(resolution, counts);
    for ((label, expected), counts) in labels.iter().zip(&expected).zip(counts) {
        assert_eq!(label, expected, "T = {threshold}, D = {}: {counts:?}", resolution.bound());
    }
}

#[test]
fn a_threshold_is_exact_for_few_and_many_classes() {
    let mut rng = rng(13);
    for classes in [2, 3, 8, 15, MAX_EXACT_CLASSES] {
        let layout = Layout::new(classes, 5).unwrap();
        let resolution = Resolution::with_threshold(layout, ArgmaxKind::Exact, 100, 384.0, 60).unwrap();
        let mut most = |most: i64| -> Vec<i64> {
            let mut counts: Vec<i64> = (0..classes).map(|_| rng.random_range(-70..=most)).collect();
            counts[rng.random_range(0..classes)] = most;
            counts
        };
        let counts = [most(60), most(59), most(61), vec![60; classes], vec![59; classes]];
        assert_plain_threshold(&resolution, &counts);
    }
}

#[test]
fn a_threshold_is_exact_with_one_two_and_three_refinements() {
    for (teachers, variance, refinements) in
        [(20, 0.0, 0), (250, 400.0, 1), (500, 90_000.0, 2), (10, 1_440_000.0, 3)]
    {
        let layout = Layout::new(2, 8).unwrap();
        let threshold = teachers / 3;
        let resolution =
            Resolution::with_threshold(layout, ArgmaxKind::Exact, teachers, variance, threshold).unwrap();
        assert_eq!(Refinements::new(resolution.bound()).unwrap().count, refinements);
        let border = i64::from(threshold);
        let least = border - i64::from(teachers);
        let counts = [
            vec![border, 0],
            vec![border - 1, border - 2],
            vec![border - 1, border],
            vec![border - 1, border - 1],
            vec![border, border],
            vec![least, least],
            vec![border + 1, border + 2],
            vec![i64::from(teachers), 0],
        ];
        assert_plain_threshold(&resolution, &counts);
    }
}

#[test]
fn the_secure_parameters_are_exact_too() {
    let resolution = resolution(3, 3, 250, 2285.7);
    let counts = vec![vec![40, 41, 41], vec![-7, -7, -7], vec![100, -90, 101]];
    assert_eq!(SECURE.labels(&resolution, &counts), [Some(1), Some(0), Some(2)]);
}

#[test]
fn the_refinements_fit_the_torus_for_every_range() {
    let ticks = 2048.0;
    let window = WINDOW_TICKS as f64;
    for bound in (1..5000).chain((5000..=Refinements::MAX_BOUND).step_by(997)) {
        let chosen = Refinements::new(bound).unwrap();
        let half_vote = chosen.total() as f64 * ticks / (2.0 * bound as f64);
        assert!(half_vote >= window, "the last comparison sees half a vote: D = {bound}, {chosen:?}");
        if chosen.count == 0 {
            let most = (bound as f64 * (1.0 - 2.0 * window / ticks)).floor();
            let reach = (2.0 * most + 1.0) * half_vote;
            assert!(reach <= ticks - window, "D = {bound}, {chosen:?}");
            continue;
        }
        // what read 0 before is below two windows
        let reach = 2.0 * window * chosen.factor as f64;
        assert!(reach + half_vote <= ticks - window, "the last comparison: D = {bound}, {chosen:?}");
        assert!(reach <= ticks - 2.0 * window, "a middle comparison: D = {bound}, {chosen:?}");
    }
    assert_eq!(Refinements::new(Refinements::MAX_BOUND + 1), None);
}

#[test]
fn what_the_circuit_cannot_resolve_is_refused() {
    let layout = Layout::new(17, 1).unwrap();
    let error = Resolution::new(layout, ArgmaxKind::Exact, 10, 0.0).unwrap_err();
    assert_eq!(error, ResolutionError::ExactClasses(17));
    let layout = Layout::new(10, 1).unwrap();
    let error = Resolution::new(layout, ArgmaxKind::Exact, 900_000, 0.0).unwrap_err();
    assert!(matches!(error, ResolutionError::ExactBound { max: Refinements::MAX_BOUND, .. }), "{error}");
    // three thousand ballots are rounded to more than the last comparison, of 144 times the difference, overlooks
    assert!(Resolution::new(layout, ArgmaxKind::Exact, 2_000, 0.0).is_ok());
    let error = Resolution::new(layout, ArgmaxKind::Exact, 3_000, 0.0).unwrap_err();
    assert_eq!(error, ResolutionError::ExactRounding { bound: 3_122, ballots: 3_001 });
}
