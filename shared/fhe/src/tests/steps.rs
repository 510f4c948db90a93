//! The steps of a two-step round: the test gives one bit per instance, the labels follow for those that passed.

use std::sync::atomic::Ordering;

use tfhe::core_crypto::prelude::LweCiphertext;

use super::super::parameters::modulus;
use super::super::tally::{Batching, tally_in_batches};
use super::thresholds::{histogram, is_clear_of_threshold};
use super::*;

const TEACHERS: u32 = 250;
const THRESHOLD: u32 = 120;

fn test_resolution(classes: usize, instances: usize, variance: f64) -> Resolution {
    Resolution::test(Layout::new(classes, instances).unwrap(), TEACHERS, variance, THRESHOLD).unwrap()
}

fn tallied(resolution: &Resolution, counts: &[Vec<i64>]) -> LabelCiphertexts {
    let sum = TOY.sum(resolution, counts);
    tally(&TOY.evaluation, resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap()
}

/// Counts of which every second one passes, by so many votes; the others fail by as many.
fn around_threshold(classes: usize, instances: usize, votes: i64) -> Vec<Vec<i64>> {
    let mut rng = rng(classes as u64);
    let most = |instance| i64::from(THRESHOLD) + if instance % 2 == 0 { votes } else { -votes };
    (0..instances)
        .map(|instance| {
            let mut counts: Vec<i64> = (0..classes).map(|_| rng.random_range(-50..=most(instance))).collect();
            counts[rng.random_range(0..classes)] = most(instance);
            counts
        })
        .collect()
}

#[test]
fn the_test_gives_one_digit_however_many_classes() {
    for (classes, instances) in [(2, 12), (10, 12), (16, 8), (17, 8), (100, 4)] {
        let resolution = test_resolution(classes, instances, 2285.7);
        let counts = around_threshold(classes, instances, resolution.threshold_votes().cast_signed());
        let outcomes = tallied(&resolution, &counts);
        assert_eq!(outcomes.layout(), resolution.outcomes());
        assert_eq!(outcomes.to_bytes().len(), 12 + 32 + 8 + instances * 2049 * 8);
        let expected = [Some(0), None].repeat(instances / 2);
        assert_eq!(TOY.secret.open(&outcomes).unwrap(), expected, "{classes} classes");
    }
}

#[test]
fn a_test_is_never_read_as_labels_nor_labels_as_a_test() {
    let resolution = test_resolution(10, 2, 0.0);
    let round = resolution.layout();
    let outcomes = tallied(&resolution, &[vec![200; 10], vec![7; 10]]);
    assert_eq!(outcomes.layout(), round.test());
    assert_ne!(round.test(), round);
    let read = |bytes: &[u8], layout| LabelCiphertexts::from_bytes(bytes, ParameterSet::InsecureToy, layout);
    assert_eq!(read(&outcomes.to_bytes(), round.test()).unwrap(), outcomes);
    let error = read(&outcomes.to_bytes(), round).unwrap_err();
    assert!(matches!(error, FrameError::OtherLayout { classes: 10, got_classes: 1, .. }), "{error}");
    let labels_resolution = Resolution::new(round, ArgmaxKind::Tournament, TEACHERS, 0.0).unwrap();
    let labels = tallied(&labels_resolution, &[vec![200; 10], vec![7; 10]]);
    let error = read(&labels.to_bytes(), round.test()).unwrap_err();
    assert!(matches!(error, FrameError::OtherLayout { classes: 1, got_classes: 10, .. }), "{error}");
    // one class is the mark of a test, and no round may have it
    assert_eq!(Layout::new(1, 2), Err(LayoutError::Classes(1)));
    let error = Resolution::test(round.test(), TEACHERS, 0.0, THRESHOLD).unwrap_err();
    assert_eq!(error, ResolutionError::Outcomes);
}

#[test]
fn two_steps_answer_the_histograms_that_pass() {
    let (classes, instances) = (10, 60);
    let mut rng = rng(31);
    let test = test_resolution(classes, instances, 900.0);
    let layout = test.layout();
    let labels = Resolution::new(layout, ArgmaxKind::Tournament, TEACHERS, 400.0).unwrap();
    // the same votes with the noise of each step
    let votes: Vec<Vec<i64>> =
        (0..instances).map(|_| histogram(&mut rng, classes, i64::from(TEACHERS), 0.0)).collect();
    let mut with_noise = |deviation| -> Vec<Vec<i64>> {
        let noise = |counts: &Vec<i64>| {
            let noise = histogram(&mut rng, classes, 0, deviation);
            counts.iter().zip(noise).map(|(count, noise)| count + noise).collect()
        };
        votes.iter().map(noise).collect()
    };
    let (first, second) = (with_noise(30.0), with_noise(20.0));
    let passes = |counts: &[i64]| counts.iter().any(|&count| count >= i64::from(THRESHOLD));
    let outcomes = TOY.secret.open(&tallied(&test, &first)).unwrap();
    let mut clear = 0;
    for (counts, outcome) in first.iter().zip(&outcomes) {
        if is_clear_of_threshold(&test, counts) {
            assert_eq!(outcome.is_some(), passes(counts), "{counts:?}");
            clear += 1;
        }
    }
    let passed: Vec<usize> = (0..instances).filter(|&instance| outcomes[instance].is_some()).collect();
    assert!(clear > 30 && passed.len() > 10 && passed.len() < 50, "{clear} {}", passed.len());
    let sum = TOY.sum(&labels, &second);
    let go = AtomicBool::new(false);
    let some = tally_instances(&TOY.evaluation, &labels, &sum, &passed, &go, |_| ()).unwrap();
    assert_eq!(some.layout(), layout.of_instances(passed.len()).unwrap());
    for (&instance, label) in passed.iter().zip(TOY.secret.open(&some).unwrap()) {
        let (counts, class) = (&second[instance], usize::from(label.unwrap()));
        let behind = counts.iter().max().unwrap() - counts[class];
        assert!(behind.unsigned_abs() < labels.votes(), "{counts:?}: {class}");
    }
}

#[test]
fn some_instances_get_the_bits_they_have_in_a_tally_of_all() {
    let layout = Layout::new(5, 9).unwrap();
    let mut rng = rng(32);
    let counts: Vec<Vec<i64>> =
        (0..9).map(|_| (0..5).map(|_| rng.random_range(-40..190)).collect()).collect();
    let threshold =
        Resolution::with_threshold(layout, ArgmaxKind::Tournament, TEACHERS, 384.0, THRESHOLD).unwrap();
    for resolution in [threshold, test_resolution(5, 9, 384.0)] {
        let sum = TOY.sum(&resolution, &counts);
        let run = |list: &[usize], threads, instances, look_ups| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let batching = Batching { instances, look_ups };
            let go = AtomicBool::new(false);
            pool.install(|| tally_in_batches(&TOY.evaluation, &resolution, &sum, list, batching, &go, |_| ()))
                .unwrap()
        };
        let all: Vec<usize> = (0..9).collect();
        let one_by_one = run(&all, 1, 1, 1);
        for (threads, instances, look_ups) in [(2, 4, 3), (3, 100, 64)] {
            assert_eq!(run(&all, threads, instances, look_ups), one_by_one, "{threads} {instances}");
        }
        let digits: Vec<Vec<&[u64]>> = one_by_one.instances().map(Iterator::collect).collect();
        let list = [0, 3, 4, 8];
        let some = run(&list, 2, 3, 8);
        let found: Vec<Vec<&[u64]>> = some.instances().map(Iterator::collect).collect();
        let expected: Vec<Vec<&[u64]>> = list.iter().map(|&instance| digits[instance].clone()).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn lists_of_instances_that_make_no_sense_are_refused_and_named() {
    let resolution = test_resolution(3, 5, 0.0);
    let sum = TOY.sum(&resolution, &vec![vec![200, 0, 0]; 5]);
    let go = AtomicBool::new(false);
    let run = |list: &[usize]| tally_instances(&TOY.evaluation, &resolution, &sum, list, &go, |_| ());
    assert_eq!(run(&[]), Err(TallyError::NoInstance));
    for (list, instance) in [(&[0, 5][..], 5), (&[2, 2], 2), (&[3, 1], 1), (&[usize::MAX], usize::MAX)] {
        let error = run(list).unwrap_err();
        assert_eq!(error, TallyError::Instance { instance, instances: 5 });
        assert!(error.to_string().contains("0 to 4"), "{error}");
    }
}

#[test]
fn a_cancelled_tally_of_some_instances_stops() {
    let resolution = test_resolution(3, 9, 0.0);
    let sum = TOY.sum(&resolution, &vec![vec![200, 0, 0]; 9]);
    let cancel = AtomicBool::new(false);
    let batching = Batching { instances: 2, look_ups: 8 };
    let list = [1, 2, 5, 7, 8];
    let stopped = tally_in_batches(&TOY.evaluation, &resolution, &sum, &list, batching, &cancel, |done| {
        cancel.store(done == 4, Ordering::Relaxed);
    });
    assert_eq!(stopped, Err(TallyError::Cancelled { done: 4, instances: 5 }));
}

#[test]
fn a_label_read_as_the_outcome_of_a_test_is_named() {
    let layout = Layout::new(10, 2).unwrap();
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, TEACHERS, 0.0).unwrap();
    let labels = tallied(&resolution, &[[vec![250], vec![0; 9]].concat(), [vec![0; 9], vec![250]].concat()]);
    let mut as_test = LabelCiphertexts::new(ParameterSet::InsecureToy, layout.test());
    for digits in labels.instances() {
        let digits: Vec<_> =
            digits.map(|words| LweCiphertext::from_container(words.to_vec(), modulus())).collect();
        as_test.push(&digits);
    }
    let error = TOY.secret.open(&as_test).unwrap_err();
    assert_eq!(error, OpenError::Label { instance: 1, label: 10, classes: 1 });
}
