//! Ballots fill the lists exactly, and their sum is the sum of their counts.

use proptest::prelude::*;

use super::*;

fn resolution(classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Tournament, 250, 2285.7).unwrap()
}

#[test]
fn the_sum_of_250_ballots_decrypts_to_the_sum_of_their_counts() {
    let resolution = resolution(10, 206);
    let slots = resolution.layout().slots();
    let mut rng = rng(1);
    let mut expected = vec![0; slots];
    let mut sum = RunningSum::new(resolution.layout());
    for _ in 0..250 {
        let counts: Vec<i64> = (0..slots).map(|_| rng.random_range(-3..=3)).collect();
        let body = encrypt(&TOY.encryption, &resolution.encoding(), &counts).unwrap();
        sum.add(&BallotBody::parse(&body, resolution.layout()).unwrap()).unwrap();
        expected.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    assert_eq!(sum.ballots(), 250);
    assert_eq!(TOY.secret.decrypt_counts(&sum, resolution.scale()), expected);
}

#[test]
fn counts_of_both_signs_up_to_the_bound_decrypt_exactly() {
    for classes in [2, 3, 33, 100] {
        let resolution = resolution(classes, 2);
        let bound = resolution.bound().cast_signed();
        // with two classes ±D itself is the far end of the torus, where a sign would flip
        let counts: Vec<i64> =
            (0..classes as i64 * 2).map(|i| [bound - 1, 1 - bound, -1, 0, 1][i as usize % 5]).collect();
        let sum = TOY.sum(&resolution, std::slice::from_ref(&counts));
        assert_eq!(TOY.secret.decrypt_counts(&sum, resolution.scale()), counts);
    }
}

#[test]
fn a_ballot_is_as_long_as_its_slots_and_one_mask_per_list() {
    // 204 instances of ten classes fill a list, the 205th begins the next
    let layout = Layout::new(10, 205).unwrap();
    assert_eq!(layout.instances_per_list(), 204);
    assert_eq!(layout.lists(), 2);
    assert_eq!(layout.body_bytes(), 2 * 2048 * 4 + 2050 * 3);
    let body = encrypt(&TOY.encryption, &resolution(10, 205).encoding(), &vec![0; 2050]).unwrap();
    assert_eq!(body.len(), layout.body_bytes());
    for wrong in [&body[..body.len() - 1], &body[3..], &[body.as_slice(), &[0]].concat()] {
        let expected = BallotError::Length { expected: body.len(), got: wrong.len() };
        assert_eq!(BallotBody::parse(wrong, layout).unwrap_err(), expected);
    }
}

#[test]
fn the_same_counts_never_give_the_same_ballot() {
    let resolution = resolution(10, 1);
    let first = encrypt(&TOY.encryption, &resolution.encoding(), &[1; 10]).unwrap();
    let second = encrypt(&TOY.encryption, &resolution.encoding(), &[1; 10]).unwrap();
    assert_ne!(first[..2048 * 4], second[..2048 * 4]);
    assert_ne!(first[2048 * 4..], second[2048 * 4..]);
}

#[test]
fn counts_that_do_not_fit_are_refused() {
    let resolution = resolution(10, 1);
    let error = encrypt(&TOY.encryption, &resolution.encoding(), &[0; 9]).unwrap_err();
    assert_eq!(error, BallotError::Slots { expected: 10, got: 9 });
    let bound = resolution.bound();
    for count in [bound.cast_signed() + 1, -bound.cast_signed() - 1, i64::MAX, i64::MIN] {
        let mut counts = [0; 10];
        counts[4] = count;
        let error = encrypt(&TOY.encryption, &resolution.encoding(), &counts).unwrap_err();
        assert_eq!(error, BallotError::Count { slot: 4, count, bound });
    }
}

#[test]
fn a_ballot_of_another_round_leaves_the_sum_as_it_was() {
    // as many slots and bytes, but other instances
    let (ours, theirs) = (resolution(10, 6), resolution(6, 10));
    let body = encrypt(&TOY.encryption, &theirs.encoding(), &[1; 60]).unwrap();
    let mut sum = TOY.sum(&ours, &[vec![2; 60]]);
    let before = sum.to_bytes();
    let error = sum.add(&BallotBody::parse(&body, theirs.layout()).unwrap()).unwrap_err();
    assert!(matches!(error, SumError::Layout { got_classes: 6, got_instances: 10, .. }), "{error}");
    assert_eq!(sum.to_bytes(), before);
}

#[test]
fn shapes_out_of_bounds_are_refused() {
    assert_eq!(Layout::new(1, 5), Err(LayoutError::Classes(1)));
    assert_eq!(Layout::new(101, 5), Err(LayoutError::Classes(101)));
    assert_eq!(Layout::new(2, 0), Err(LayoutError::Instances(0)));
    assert_eq!(Layout::new(100, MAX_INSTANCES + 1), Err(LayoutError::Instances(MAX_INSTANCES + 1)));
    assert_eq!(Layout::new(100, MAX_INSTANCES).unwrap().slots(), 100_000_000);
}

proptest! {
    #[test]
    fn the_lists_cover_every_slot_once(classes in 2..=MAX_CLASSES, instances in 1..5000_usize) {
        let layout = Layout::new(classes, instances).unwrap();
        let (mut slot, mut word) = (0, 0);
        for index in 0..layout.lists() {
            let list = layout.list(index);
            prop_assert_eq!((list.slots.start, list.words.start), (slot, word));
            prop_assert!(!list.slots.is_empty() && list.slots.len() <= 2048);
            prop_assert_eq!(list.slots.len() % classes, 0);
            prop_assert_eq!(list.words.len(), 2048 + list.slots.len());
            prop_assert_eq!(layout.place(list.slots.start), (index, 0));
            prop_assert_eq!(layout.place(list.slots.end - 1), (index, list.slots.len() - 1));
            (slot, word) = (list.slots.end, list.words.end);
        }
        prop_assert_eq!(slot, layout.slots());
        prop_assert_eq!(word, layout.words());
    }
}
