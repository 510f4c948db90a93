//! With a threshold the label is the plain argmax, or none below the threshold, wherever the stated resolution is
//! kept; within it still nothing but those two. A wrong label anywhere in this file has a chance below 2^-30.

use super::*;

/// Returns what the threshold demands in the clear.
pub(super) fn plain_label(counts: &[i64], threshold: i64) -> Option<u16> {
    plain_argmax(counts).filter(|_| counts.iter().max().is_some_and(|&most| most >= threshold))
}

/// Returns whether the circuit must agree with the clear text about the threshold.
pub(super) fn is_clear_of_threshold(resolution: &Resolution, counts: &[i64]) -> bool {
    let threshold = i64::from(resolution.threshold().unwrap());
    let most = *counts.iter().max().unwrap();
    most.abs_diff(threshold) >= resolution.threshold_votes()
}

/// Returns whether one class leads all others by the resolution.
pub(super) fn has_clear_winner(resolution: &Resolution, counts: &[i64]) -> bool {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let [.., second, most] = sorted.as_slice() else { panic!("two classes at least") };
    most.abs_diff(*second) >= resolution.votes()
}

/// Fails unless a label is right where it must be, and a close class or an abstention elsewhere; returns whether the
/// counts determined it.
pub(super) fn assert_label(resolution: &Resolution, counts: &[i64], label: Option<u16>) -> bool {
    let threshold = i64::from(resolution.threshold().unwrap());
    let (clear_of_threshold, clear_winner) =
        (is_clear_of_threshold(resolution, counts), has_clear_winner(resolution, counts));
    let expected = plain_label(counts, threshold);
    if clear_of_threshold {
        assert_eq!(label.is_some(), expected.is_some(), "T = {threshold}: {counts:?} gives {label:?}");
    }
    if let Some(class) = label {
        let most = *counts.iter().max().unwrap();
        let behind = most.abs_diff(counts[usize::from(class)]);
        let limit = if clear_winner { 1 } else { resolution.votes() };
        assert!(behind < limit, "T = {threshold}: {counts:?} gives {label:?}");
    }
    clear_of_threshold && (clear_winner || expected.is_none())
}

/// Votes of `teachers` with a share of consensus, and noise of this deviation (any symmetrical law will do here).
pub(super) fn histogram(rng: &mut ChaCha20Rng, classes: usize, teachers: i64, deviation: f64) -> Vec<i64> {
    let favourite = rng.random_range(0..classes);
    let consensus: f64 = rng.random_range(0.0..1.1);
    let mut counts = vec![0; classes];
    for _ in 0..teachers {
        let follows = rng.random_range(0.0..1.0) < consensus;
        counts[if follows { favourite } else { rng.random_range(0..classes) }] += 1;
    }
    for count in &mut counts {
        // twelve uniform variables have variance one
        let gaussian = (0..12).map(|_| rng.random_range(-0.5..0.5)).sum::<f64>();
        *count += (gaussian * deviation).round() as i64;
    }
    counts
}

fn resolution(classes: usize, instances: usize, threshold: u32) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::with_threshold(layout, ArgmaxKind::Tournament, 100, 384.0, threshold).unwrap()
}

/// For each winner one instance just high enough and one just too low, the gap at the resolution.
fn assert_border(federation: &Federation, classes: usize, winners: &[usize]) {
    let threshold = 60;
    let resolution = resolution(classes, 2 * winners.len(), threshold);
    let (gap, border) = (resolution.votes().cast_signed(), resolution.threshold_votes().cast_signed());
    let mut rng = rng(classes as u64);
    let mut expected = Vec::new();
    let mut counts = Vec::new();
    for &winner in winners {
        for side in [1, -1] {
            let most = i64::from(threshold) + side * border;
            let mut one = counts_with_gap(&mut rng, classes, winner, gap, most - 150..most - gap + 1);
            let shift = most - one[winner];
            one.iter_mut().for_each(|count| *count += shift);
            counts.push(one);
            expected.push((side > 0).then_some(winner as u16));
        }
    }
    assert_eq!(federation.labels(&resolution, &counts), expected, "{classes} classes");
}

#[test]
fn every_position_can_win_and_fail_among_few_classes() {
    for classes in [2, 3, 4, 5, 10] {
        assert_border(&TOY, classes, &(0..classes).collect::<Vec<_>>());
    }
}

#[test]
fn both_digits_vanish_where_the_threshold_is_missed() {
    for classes in [15, 16, 17, 33] {
        assert_border(&TOY, classes, &(0..classes).step_by(2).chain([classes - 1]).collect::<Vec<_>>());
    }
    assert_border(&TOY, 100, &[0, 14, 15, 31, 62, 94, 95, 99]);
}

#[test]
fn the_secure_parameters_keep_the_threshold() {
    assert_border(&SWIFTLY, 10, &[0, 4, 9]);
}

#[test]
fn histograms_with_and_without_consensus_are_answered_as_in_the_clear() {
    let mut rng = rng(21);
    // without noise the resolution is fine, with it coarse
    for (classes, teachers, variance) in [(10, 250, 0.0), (10, 250, 384.0), (3, 60, 20.0), (17, 100, 0.0)] {
        let instances = 60;
        let layout = Layout::new(classes, instances).unwrap();
        let threshold = teachers / 2;
        let resolution =
            Resolution::with_threshold(layout, ArgmaxKind::Tournament, teachers, variance, threshold)
                .unwrap();
        let counts: Vec<Vec<i64>> = (0..instances)
            .map(|_| histogram(&mut rng, classes, i64::from(teachers), variance.sqrt()))
            .collect();
        let labels = TOY.labels(&resolution, &counts);
        let determined =
            counts.iter().zip(&labels).filter(|(counts, label)| assert_label(&resolution, counts, **label));
        let (answers, abstentions): (Vec<_>, Vec<_>) = determined.partition(|(_, label)| label.is_some());
        // a check of nothing would be no check
        assert!(answers.len() > 5 && abstentions.len() > 5, "{} {}", answers.len(), abstentions.len());
    }
}

#[test]
fn ties_and_counts_without_votes_are_a_class_or_an_abstention() {
    let resolution = resolution(10, 8, 60);
    let far = 60 + resolution.threshold_votes().cast_signed();
    let counts = [
        vec![0; 10],
        vec![-45; 10],
        vec![60; 10],
        vec![far + 20; 10],
        [vec![100, 100], vec![0; 8]].concat(),
        [vec![0; 8], vec![60, 60]].concat(),
        vec![-100, -90, -80, -70, -60, -50, -40, -30, -20, -10],
        // no votes but for one class at the threshold
        [vec![0; 9], vec![60]].concat(),
    ];
    let labels = TOY.labels(&resolution, &counts);
    let determined: Vec<bool> =
        counts.iter().zip(&labels).map(|(counts, label)| assert_label(&resolution, counts, *label)).collect();
    assert_eq!(determined, [true, true, false, false, false, false, true, false]);
    // ten errors raise the greatest of ten equal counts, never lower it beyond the resolution
    assert!(labels[3].is_some());
    assert!(matches!(labels[4], Some(0 | 1)), "{:?}", labels[4]);
}

#[test]
fn the_maximum_may_lie_anywhere_within_d_of_the_threshold() {
    let resolution = resolution(5, 4, 60);
    let (bound, gap) = (resolution.bound().cast_signed(), resolution.votes().cast_signed());
    // the circuit's own error is part of D
    let reach = bound - gap;
    let (high, low) = (60 + reach, 60 - reach);
    let counts = [
        vec![high, high - gap, high - reach, high - gap, high - gap],
        vec![high - reach, high - gap, high - gap, high - gap, high],
        vec![low, low - gap, low - gap, low - reach, low - gap],
        vec![low - gap, low - gap, low, low - gap, low - gap],
    ];
    // one ballot holds at most D
    let halves: Vec<Vec<i64>> =
        counts.iter().map(|counts| counts.iter().map(|count| count / 2).collect()).collect();
    let rest: Vec<Vec<i64>> =
        counts.iter().map(|counts| counts.iter().map(|count| count - count / 2).collect()).collect();
    let mut sum = TOY.sum(&resolution, &halves);
    let body = encrypt(&TOY.encryption, &resolution.encoding(), &rest.concat()).unwrap();
    sum.add(&BallotBody::parse(&body, resolution.layout()).unwrap()).unwrap();
    let labels = tally(&TOY.evaluation, &resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap();
    assert_eq!(TOY.secret.open(&labels).unwrap(), [Some(0), Some(4), None, None]);
}

#[test]
fn every_threshold_is_met_by_as_many_votes_and_missed_by_one_fewer() {
    // so few votes that the resolution is a single one
    let (teachers, instances) = (4, 8);
    for threshold in 1..=teachers {
        let layout = Layout::new(2, instances).unwrap();
        let resolution =
            Resolution::with_threshold(layout, ArgmaxKind::Tournament, teachers, 0.0, threshold).unwrap();
        assert_eq!((resolution.votes(), resolution.threshold_votes()), (1, 1));
        let most = i64::from(threshold);
        let counts = [[most, 0], [0, most], [most - 1, 0], [0, most - 1]].repeat(2);
        let counts: Vec<Vec<i64>> = counts.into_iter().map(|counts| counts.to_vec()).collect();
        let expected = [Some(0), Some(1), None, None].repeat(2);
        assert_eq!(TOY.labels(&resolution, &counts), expected, "T = {threshold}");
    }
}
