//! The squash keeps every digit, leaves little noise, always gives the same bits, and refuses keys that do not
//! fit.
#![expect(clippy::print_stdout, reason = "noise and times are read off the output of the tests")]

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tfhe::core_crypto::prelude::{Plaintext, lwe_ciphertext_plaintext_add_assign};

use super::super::circuits::tournament::zero;
use super::super::expand::Lwe;
use super::super::labels::DIGIT_LOG;
use super::super::lookup::TICK_LOG;
use super::super::squash::squash_in_chunks;
use super::*;

/// log2 of the bound on the noise that openings rely on.
const NOISE_BOUND_LOG: u32 = 70;

/// What a dealer adds to a federation: the squashed key and the squashing key.
pub(super) struct Dealt {
    pub(super) keys: DealerKeys,
    pub(super) frame: Vec<u8>,
    pub(super) squashing: SquashingKey,
}

impl Dealt {
    /// With the seed of a [`Federation`] the secret keys are the same.
    fn new(set: ParameterSet, seed: u128) -> Self {
        let keys = DealerKeys::seeded(set, seed);
        let mut seeds = SeedSource::Fixed(Box::new(DeterministicSeeder::new(Seed(seed + 2))));
        let start = Instant::now();
        let frame = keys.squashing_key_from(&mut seeds).unwrap();
        println!("{} squashing key made in {:.1?}", set.name(), start.elapsed());
        let start = Instant::now();
        let squashing = SquashingKey::from_bytes(&frame, set, Transform::Fused).unwrap();
        println!("{} squashing key read in {:.1?}", set.name(), start.elapsed());
        Self { keys, frame, squashing }
    }

    fn squash(&self, federation: &Federation, labels: &LabelCiphertexts) -> Vec<Vec<Squashed>> {
        let mut squashed = Vec::new();
        let go = AtomicBool::new(false);
        squash(&federation.evaluation, &self.squashing, labels, &go, |instance, digits| {
            assert_eq!(instance, squashed.len());
            squashed.push(digits);
        })
        .unwrap();
        squashed
    }

    fn open(&self, classes: usize, squashed: &[Vec<Squashed>]) -> Vec<Option<u16>> {
        let open =
            |(instance, digits): (usize, &Vec<Squashed>)| self.keys.open_squashed(digits, instance, classes);
        squashed.iter().enumerate().map(open).collect::<Result<_, _>>().unwrap()
    }

    /// The noise of a digit, and the digit that it surrounds.
    pub(super) fn noise(&self, digit: &Squashed) -> (u64, i128) {
        let phase = self.keys.squashed_phase(digit);
        let value = phase.wrapping_add(1 << (SQUASHED_DIGIT_LOG - 1)) >> SQUASHED_DIGIT_LOG;
        (value as u64, phase.wrapping_sub(value << SQUASHED_DIGIT_LOG).cast_signed())
    }

    /// Asserts the bound on all noises and prints what is left of it.
    fn assert_little_noise(&self, name: &str, squashed: &[Vec<Squashed>]) {
        let noises: Vec<f64> = squashed.iter().flatten().map(|digit| self.noise(digit).1 as f64).collect();
        let largest = noises.iter().fold(0.0_f64, |largest, noise| largest.max(noise.abs()));
        let rms = (noises.iter().map(|noise| noise * noise).sum::<f64>() / noises.len() as f64).sqrt();
        println!("{name}: noise rms 2^{:.1}, max 2^{:.1}", rms.log2(), largest.log2());
        assert!(largest < f64::from(NOISE_BOUND_LOG).exp2(), "2^{:.1}", largest.log2());
        // a digit without noise would mean that the key is not what it should be
        assert!(noises.iter().all(|noise| noise.abs() > 1.0));
    }
}

pub(super) static DEALT: LazyLock<Dealt> = LazyLock::new(|| Dealt::new(ParameterSet::InsecureToy, 7));

fn resolution(classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, ArgmaxKind::Tournament, 100, 0.0).unwrap()
}

/// Tallies one instance per winner, all of whose votes go to that class.
fn tallied(federation: &Federation, classes: usize, winners: &[usize]) -> LabelCiphertexts {
    let resolution = resolution(classes, winners.len());
    let votes = |winner| (0..classes).map(move |class| if class == winner { 100 } else { 0 }).collect();
    let counts: Vec<Vec<i64>> = winners.iter().map(|&winner| votes(winner)).collect();
    let sum = federation.sum(&resolution, &counts);
    tally(&federation.evaluation, &resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap()
}

/// Labels of one digit each, without noise, at these phases.
fn labels_at(set: ParameterSet, phases: impl Iterator<Item = u64>) -> LabelCiphertexts {
    let digits: Vec<Lwe> = phases
        .map(|phase| {
            let mut digit = zero();
            lwe_ciphertext_plaintext_add_assign(&mut digit, Plaintext(phase));
            digit
        })
        .collect();
    let mut labels = LabelCiphertexts::new(set, Layout::new(15, digits.len()).unwrap());
    digits.into_iter().for_each(|digit| labels.push(&[digit]));
    labels
}

#[test]
fn every_digit_of_a_tally_survives_the_squash_with_little_noise() {
    assert_eq!(DEALT.keys.secret().large().as_ref(), TOY.secret.large().as_ref());
    // labels 1..=17 have all low digits, 0 included
    let winners: Vec<usize> = (0..17).collect();
    let squashed = DEALT.squash(&TOY, &tallied(&TOY, 17, &winners));
    let expected: Vec<Option<u16>> = (0..17).map(Some).collect();
    assert_eq!(DEALT.open(17, &squashed), expected);
    let seen: BTreeSet<u64> = squashed.iter().map(|digits| DEALT.noise(&digits[0]).0).collect();
    assert_eq!(seen, (0..16).collect());
    DEALT.assert_little_noise("toy, 17 classes", &squashed);
}

#[test]
fn a_digit_is_read_up_to_half_a_box_to_either_side() {
    // the input has no mask, so that nothing but the body's rounding acts: half a box is 64 steps
    let errors = [-63_i64, -1, 0, 63];
    let phase = |digit: u64, error: i64| (digit << DIGIT_LOG).wrapping_add_signed(error << TICK_LOG);
    let digits = || (0..16).flat_map(|digit| errors.map(|error| (digit, error)));
    let labels = labels_at(ParameterSet::InsecureToy, digits().map(|(digit, error)| phase(digit, error)));
    let squashed = DEALT.squash(&TOY, &labels);
    for ((digit, error), squashed) in digits().zip(&squashed) {
        assert_eq!(DEALT.noise(&squashed[0]).0, digit, "{digit} with an error of {error} steps");
    }
    let beyond = labels_at(ParameterSet::InsecureToy, [phase(3, 65), phase(3, -66)].into_iter());
    let squashed = DEALT.squash(&TOY, &beyond);
    assert_eq!(squashed.iter().map(|digits| DEALT.noise(&digits[0]).0).collect::<Vec<_>>(), [4, 2]);
}

#[test]
fn the_bits_depend_neither_on_threads_nor_on_chunks() {
    let labels = tallied(&TOY, 33, &[0, 14, 15, 32, 20]);
    let run = |threads, instances| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let go = AtomicBool::new(false);
        let mut record = SquashedRecord::new(labels.layout());
        let on_squashed = |_, digits: Vec<Squashed>| digits.iter().for_each(|one| record.push(one.record()));
        pool.install(|| {
            squash_in_chunks(&TOY.evaluation, &DEALT.squashing, &labels, instances, &go, on_squashed)
        })
        .unwrap();
        record
    };
    let one_by_one = run(1, 1);
    assert_eq!(one_by_one.digits().len(), SquashedRecord::expected(labels.layout()));
    for (threads, instances) in [(1, 5), (2, 2), (3, 4), (2, 100), (1, 0)] {
        assert_eq!(run(threads, instances), one_by_one, "{threads} threads, {instances} instances");
    }
    // a key read anew from the same bytes is the same key
    let again = SquashingKey::from_bytes(&DEALT.frame, ParameterSet::InsecureToy, Transform::Fused).unwrap();
    let mut record = SquashedRecord::new(labels.layout());
    squash(&TOY.evaluation, &again, &labels, &AtomicBool::new(false), |_, digits| {
        digits.iter().for_each(|one| record.push(one.record()));
    })
    .unwrap();
    assert_eq!(record, one_by_one);
}

#[test]
fn instances_come_in_order_and_a_cancelled_squash_stops() {
    let labels = labels_at(ParameterSet::InsecureToy, (1..6).map(|digit| digit << DIGIT_LOG));
    let cancel = AtomicBool::new(false);
    let mut seen = Vec::new();
    let result = squash_in_chunks(&TOY.evaluation, &DEALT.squashing, &labels, 2, &cancel, |instance, _| {
        seen.push(instance);
        cancel.store(instance == 3, Ordering::Relaxed);
    });
    assert_eq!(result, Err(TallyError::Cancelled { done: 4, instances: 5 }));
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[test]
fn labels_and_keys_of_other_parameters_are_refused() {
    let go = AtomicBool::new(false);
    let refused = |federation: &Federation, labels| {
        squash(&federation.evaluation, &DEALT.squashing, &labels, &go, |_, _| ()).unwrap_err()
    };
    let secure = || labels_at(ParameterSet::Swift, std::iter::once(0));
    let error = refused(&TOY, secure());
    let what = "label ciphertext list";
    assert_eq!(error, TallyError::Parameters { what, expected: "insecure_toy", got: "swift" });
    let error = refused(&SWIFTLY, secure());
    let what = "squashing key";
    assert_eq!(error, TallyError::Parameters { what, expected: "swift", got: "insecure_toy" });
}

fn frame_error(bytes: &[u8], set: ParameterSet) -> FrameError {
    match SquashingKey::from_bytes(bytes, set, Transform::Fused).unwrap_err() {
        KeyError::Frame(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_squashing_key_of_any_other_length_is_refused() {
    let frame = &DEALT.frame;
    // 3 levels of 3 rows, each with one polynomial of 2048 words of 16 bytes
    assert_eq!(frame.len(), 12 + 32 + 16 + 64 * 3 * 3 * 2048 * 16);
    for cut in [0, 1, 8, 11, 12, 43, 44, 59, 60, 61, frame.len() - 16, frame.len() - 1] {
        let error = frame_error(&frame[..cut], ParameterSet::InsecureToy);
        assert!(matches!(error, FrameError::Length { what: "squashing key", .. }), "{cut}: {error}");
    }
    let longer = [frame.as_slice(), &[0]].concat();
    let error = frame_error(&longer, ParameterSet::InsecureToy);
    assert!(matches!(error, FrameError::Length { what: "squashing key", .. }), "{error}");
}

#[test]
fn what_is_no_squashing_key_of_these_parameters_is_refused() {
    let what = "squashing key";
    let expected = FrameError::OtherParameters { what, expected: "swift", got: "insecure_toy" };
    assert_eq!(frame_error(&DEALT.frame, ParameterSet::Swift), expected);
    let error = frame_error(&TOY.material.bootstrapping_key, ParameterSet::InsecureToy);
    assert_eq!(error, FrameError::Kind { what, expected: 7, got: 3 });
    // the digest of the set alone does not say which squash the key is for
    let mut damaged = DEALT.frame.clone();
    damaged[12..44].copy_from_slice(&ParameterSet::InsecureToy.digest());
    let error = frame_error(&damaged, ParameterSet::InsecureToy);
    assert!(matches!(error, FrameError::UnknownParameters { what: "squashing key", .. }), "{error}");
    damaged[0] = b'P';
    assert_eq!(frame_error(&damaged, ParameterSet::InsecureToy), FrameError::Magic { what });
}

#[test]
fn another_dealers_key_opens_nothing_and_none_is_printed() {
    let labels = tallied(&TOY, 10, &[4; 20]);
    let squashed = DEALT.squash(&TOY, &labels);
    assert_eq!(DEALT.open(10, &squashed), [Some(4); 20]);
    // each of 20 digits is uniform over 32 values of which 11 pass: chance (11/32)^20 < 1e-9
    let other = DealerKeys::generate(ParameterSet::InsecureToy).unwrap();
    let opened = squashed.iter().map(|digits| other.open_squashed(digits, 0, 10));
    assert!(opened.collect::<Result<Vec<_>, _>>().is_err());
    assert_ne!(other.squashed_bits(), DEALT.keys.squashed_bits());
    assert_eq!(other.squashed_bits().len(), SQUASHED_DIMENSION);
    assert_eq!(format!("{other:?}"), "DealerKeys { set: InsecureToy, .. }");
}

#[test]
fn an_impossible_squashed_digit_is_named() {
    let value = 19_u128;
    let digit = Squashed::written_by(|words| words[SQUASHED_DIMENSION] = value << SQUASHED_DIGIT_LOG);
    let error = DEALT.keys.open_squashed(&[digit], 3, 10).unwrap_err();
    assert_eq!(error, OpenError::Digit { instance: 3, digit: 0, value: 19 });
}

#[test]
fn a_label_among_a_hundred_survives_with_the_secure_parameters() {
    let dealt = Dealt::new(ParameterSet::Swift, 70);
    assert_eq!(dealt.frame.len(), 12 + 32 + 16 + 800 * 3 * 3 * 2048 * 16);
    let labels = tallied(&SWIFTLY, 100, &[98]);
    let start = Instant::now();
    let squashed = dealt.squash(&SWIFTLY, &labels);
    println!("two digits squashed in {:.2?}", start.elapsed());
    assert_eq!(dealt.open(100, &squashed), [Some(98)]);
    dealt.assert_little_noise("swift, 100 classes", &squashed);
}
