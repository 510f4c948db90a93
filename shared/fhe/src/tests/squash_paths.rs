//! Our exact kernel beside tfhe's rotation, under one key: the same digits, noise of the same size, and bits that never
//! change.
#![expect(clippy::print_stdout, reason = "noise is read off the output of the tests")]

use super::super::circuits::tournament::zero;
use super::super::squash::squash_in_chunks;
use super::squash::DEALT;
use super::*;
use base::ids::Digest;

/// Digits of labels whose masks are random: what they decrypt to is random too, and both ways must read the same.
fn labels(instances: usize, seed: u64) -> LabelCiphertexts {
    let mut rng = rng(seed);
    let words = LabelCiphertexts::new(ParameterSet::InsecureToy, Layout::new(15, instances).unwrap());
    (0..instances).fold(words, |mut labels, _| {
        let mut digit = zero();
        digit.as_mut().fill_with(|| rng.random());
        labels.push(&[digit]);
        labels
    })
}

fn squashing_key(transform: Transform) -> SquashingKey {
    SquashingKey::from_bytes(&DEALT.frame, ParameterSet::InsecureToy, transform).unwrap()
}

fn squashed(key: &SquashingKey, labels: &LabelCiphertexts, threads: usize, chunk: usize) -> Vec<Squashed> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut squashed = Vec::new();
    let go = AtomicBool::new(false);
    pool.install(|| {
        squash_in_chunks(&TOY.evaluation, key, labels, chunk, &go, |_, digits| squashed.extend(digits))
    })
    .unwrap();
    squashed
}

fn digest(squashed: &[Squashed]) -> Digest {
    Digest::of(&squashed.iter().flat_map(Squashed::to_bytes).collect::<Vec<u8>>())
}

#[test]
fn both_ways_read_the_same_digits_with_noise_of_the_same_size() {
    let labels = labels(64, 1);
    let ways = [Transform::Fused, Transform::Fourier].map(|transform| {
        let squashed = squashed(&squashing_key(transform), &labels, 2, 16);
        squashed.iter().map(|digit| DEALT.noise(digit)).collect::<Vec<(u64, i128)>>()
    });
    let [exact, library] = &ways;
    assert!(exact.iter().zip(library).all(|(exact, library)| exact.0 == library.0));
    // the masks are random, so that all boxes are read, those of negations too
    assert!((0..32).filter(|value| exact.iter().any(|(digit, _)| digit == value)).count() > 16);
    let [exact_size, library_size] = ways.map(|way| {
        let squares = way.iter().map(|(_, noise)| (*noise as f64).powi(2)).sum::<f64>();
        (squares / way.len() as f64).sqrt()
    });
    println!("noise: exact 2^{:.2}, library 2^{:.2}", exact_size.log2(), library_size.log2());
    // rounding the key adds 1.6 % at most; of 64 digits each, a ratio of 3/2 is four and a half standard deviations off
    assert!(exact_size < 1.5 * library_size && library_size < 1.5 * exact_size);
}

#[test]
fn the_exact_bits_are_the_same_for_all_threads_and_batches_and_on_every_machine() {
    let labels = labels(11, 2);
    let key = squashing_key(Transform::Integer);
    let found = squashed(&key, &labels, 1, 1);
    for (threads, chunk) in [(1, 11), (1, 9), (2, 5), (3, 11), (2, 100)] {
        assert!(squashed(&key, &labels, threads, chunk) == found, "{threads} threads, {chunk} at a time");
    }
    // the transforms of a federation's own kernel all mean the same squash
    for transform in [Transform::Fused, Transform::FusedPairs] {
        assert!(squashed(&squashing_key(transform), &labels, 2, 11) == found, "{transform:?}");
    }
    // a known answer: fixed seeds, and integers all the way from the labels
    let expected = "04a89c53016ef161f0489da8562843559dec382f8d225b3e83b3bede03d13fbc";
    assert_eq!(digest(&found).to_string(), expected);
}
