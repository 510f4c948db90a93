//! The tournament gives the plain argmax wherever the gap reaches the resolution, and always the same bits.

use std::sync::atomic::Ordering;

use super::super::tally::{Batching, tally_in_batches};
use super::*;

fn resolution(classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Tournament, 100, 384.0).unwrap()
}

/// Plays one instance per winner of `winners`, the gap exactly at the resolution; a gross error or a wrong
/// label has a chance below 2^-30 in all tests of this file together.
fn assert_plain_argmax(federation: &Federation, classes: usize, winners: impl Iterator<Item = usize>) {
    let winners: Vec<usize> = winners.collect();
    let resolution = resolution(classes, winners.len());
    let gap = resolution.votes().cast_signed();
    let mut rng = rng(classes as u64);
    let counts: Vec<Vec<i64>> =
        winners.iter().map(|&winner| counts_with_gap(&mut rng, classes, winner, gap, -60..120)).collect();
    let expected: Vec<Option<u16>> = counts.iter().map(|counts| plain_argmax(counts)).collect();
    assert_eq!(federation.labels(&resolution, &counts), expected, "{classes} classes");
}

#[test]
fn every_position_can_win_among_few_classes() {
    for classes in [2, 3, 5, 10] {
        assert_plain_argmax(&TOY, classes, (0..classes).cycle().take(3 * classes));
    }
}

#[test]
fn every_position_can_win_where_labels_have_two_digits() {
    for classes in [15, 16, 17, 33] {
        assert_plain_argmax(&TOY, classes, 0..classes);
    }
}

#[test]
fn any_position_can_win_among_a_hundred() {
    // 0-based classes 14, 15, 30 and 31 stand on both sides of a carry between the digits
    assert_plain_argmax(
        &TOY,
        100,
        [0, 1, 14, 15, 16, 30, 31, 49, 50, 63, 64, 79, 94, 95, 98, 99].into_iter(),
    );
}

#[test]
fn the_secure_parameters_give_the_plain_argmax() {
    assert_plain_argmax(&SWIFTLY, 10, 0..10);
    assert_plain_argmax(&SWIFTEST, 10, 0..10);
    let material = &SWIFTLY.material;
    assert_eq!(material.public_key.len(), 12 + 32 + 16 + 2048 * 8);
    assert_eq!(material.keyswitching_key.len(), 12 + 32 + 16 + 2048 * 8 * 8);
    assert_eq!(material.bootstrapping_key.len(), 12 + 32 + 16 + 800 * 2 * 2048 * 8);
    assert_eq!(SWIFTEST.material.bootstrapping_key.len(), 12 + 32 + 16 + 1200 * 2 * 2048 * 8);
}

#[test]
fn counts_may_lie_anywhere_as_long_as_they_differ_by_at_most_d() {
    let resolution = resolution(5, 4);
    let bound = resolution.bound().cast_signed();
    // the circuit's own error is part of D
    let reach = bound - resolution.votes().cast_signed();
    let low = -bound / 2;
    let counts = [
        vec![low, low, low, low, low + reach],
        vec![low + reach, low, low, low, low],
        vec![-bound, -bound, -bound + 90, -bound, -bound],
        vec![bound - 40, bound, bound - 40, bound - 40, bound - 40],
    ];
    assert_eq!(TOY.labels(&resolution, &counts), [Some(4), Some(0), Some(2), Some(1)]);
}

#[test]
fn below_the_resolution_the_label_is_still_a_class_within_it() {
    let resolution = resolution(10, 40);
    let mut rng = rng(5);
    // four classes within two votes of each other, six far behind: whichever wins is one of the four
    let counts: Vec<Vec<i64>> = (0..40)
        .map(|_| {
            (0..10)
                .map(
                    |class| {
                        if class % 3 == 0 { 80 + rng.random_range(0..3) } else { rng.random_range(-9..9) }
                    },
                )
                .collect()
        })
        .collect();
    for label in TOY.labels(&resolution, &counts) {
        assert_eq!(label.unwrap() % 3, 0);
    }
}

#[test]
fn the_bits_do_not_depend_on_batches_or_threads() {
    let resolution = resolution(10, 7);
    let mut rng = rng(6);
    let counts: Vec<Vec<i64>> =
        (0..7).map(|_| (0..10).map(|_| rng.random_range(-40..90)).collect()).collect();
    let sum = TOY.sum(&resolution, &counts);
    let all: Vec<usize> = (0..7).collect();
    let run = |threads, instances, look_ups| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let batching = Batching { instances, look_ups };
        let go = AtomicBool::new(false);
        let labels = pool
            .install(|| tally_in_batches(&TOY.evaluation, &resolution, &sum, &all, batching, &go, |_| ()))
            .unwrap();
        labels.to_bytes()
    };
    let one_by_one = run(1, 1, 1);
    for (threads, instances, look_ups) in [(1, 7, 8), (2, 2, 3), (3, 5, 8), (2, 100, 64)] {
        assert_eq!(run(threads, instances, look_ups), one_by_one, "{threads} {instances} {look_ups}");
    }
    let public = tally(&TOY.evaluation, &resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap();
    assert_eq!(public.to_bytes(), one_by_one);
}

#[test]
fn keys_made_anew_from_the_same_blobs_give_the_same_bits() {
    let resolution = resolution(3, 2);
    let sum = TOY.sum(&resolution, &[vec![1, 2, 30], vec![50, 2, 3]]);
    let tallied =
        |keys: &EvaluationKeys| tally(keys, &resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap();
    let again = EvaluationKeys::from_parts(
        &TOY.material.keyswitching_key,
        &TOY.material.bootstrapping_key,
        TOY_SCHEME,
    )
    .unwrap();
    assert_eq!(tallied(&again), tallied(&TOY.evaluation));
}

#[test]
fn chunks_one_after_another_are_the_labels_of_all() {
    let resolution = resolution(3, 40);
    let counts: Vec<Vec<i64>> = (0..40).map(|instance| vec![instance % 3 * 20, 20, 30]).collect();
    let (sum, go) = (TOY.sum(&resolution, &counts), AtomicBool::new(false));
    let all: Vec<usize> = (0..40).collect();
    let whole = tally(&TOY.evaluation, &resolution, &sum, &go, |_| ()).unwrap();
    let mut bytes = LabelCiphertexts::header(ParameterSet::InsecureToy, resolution.layout());
    let mut largest = 0;
    let threads = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let in_chunks = |on_chunk: &mut (dyn FnMut(&LabelCiphertexts) -> Result<(), TallyError> + Send)| {
        threads.install(|| tally_chunks(&TOY.evaluation, &resolution, &sum, &all, &go, on_chunk))
    };
    in_chunks(&mut |chunk| {
        largest = largest.max(chunk.layout().instances());
        bytes.extend(chunk.word_bytes());
        Ok(())
    })
    .unwrap();
    assert_eq!(bytes, whole.to_bytes());
    assert!(largest < 40, "{largest} of 40 instances at once");
    // whoever takes the chunks can end it
    assert_eq!(in_chunks(&mut |_| Err(TallyError::NoInstance)), Err(TallyError::NoInstance));
}

#[test]
fn progress_is_told_and_a_cancelled_tally_stops() {
    let resolution = resolution(2, 5);
    let sum = TOY.sum(&resolution, &vec![vec![9, 90]; 5]);
    let cancel = AtomicBool::new(false);
    let batching = Batching { instances: 2, look_ups: 8 };
    let all: Vec<usize> = (0..5).collect();
    let mut seen = Vec::new();
    let done =
        tally_in_batches(&TOY.evaluation, &resolution, &sum, &all, batching, &cancel, |done| seen.push(done));
    assert_eq!(TOY.secret.open(&done.unwrap()).unwrap(), [Some(1); 5]);
    assert_eq!(seen, [2, 4, 5]);
    let stopped = tally_in_batches(&TOY.evaluation, &resolution, &sum, &all, batching, &cancel, |done| {
        cancel.store(done == 4, Ordering::Relaxed);
    });
    assert_eq!(stopped, Err(TallyError::Cancelled { done: 4, instances: 5 }));
}

#[test]
fn a_sum_of_another_round_is_not_tallied() {
    let sum = RunningSum::new(Layout::new(5, 2).unwrap());
    let result = tally(&TOY.evaluation, &resolution(2, 5), &sum, &AtomicBool::new(false), |_| ());
    assert_eq!(result, Err(TallyError::Layout { expected: 10, got: 10 }));
}
