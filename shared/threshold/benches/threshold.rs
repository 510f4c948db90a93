//! What the trustees' arithmetic costs: `cargo bench -p threshold --bench threshold`.
//!
//! Labels have one digit each (up to 15 classes). Everything runs on one thread; the squash and the recomputation
//! of the tally are measured elsewhere.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;

use base::{
    Step,
    ids::{Digest, RoundId},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fhe::{Layout, SQUASHED_DIGIT_LOG, SQUASHED_DIMENSION, Squashed};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use threshold::{Opener, Package, Piece, Question, Shares, Sharing, TrusteeIndex, combine, deal};

const CLASSES: usize = 10;
/// Labels that one iteration opens or combines.
const LABELS: usize = 32;

fn key() -> Vec<u64> {
    (0..SQUASHED_DIMENSION as u64).map(|place| place * 7 % 11 % 2).collect()
}

fn sharings() -> [Sharing; 3] {
    [(3, 1), (4, 1), (5, 2)].map(|(n, t)| Sharing::new(n, t).unwrap())
}

fn packages(sharing: Sharing) -> Vec<Package> {
    let pieces: Vec<Piece> = deal(&key(), sharing).unwrap();
    sharing.trustees().map(|trustee| Package::select(sharing, trustee, &pieces).unwrap()).collect()
}

/// A label of one under the key, with a uniform mask and no noise.
fn squashed(rng: &mut ChaCha20Rng) -> Squashed {
    let mut words: Vec<u128> = (0..SQUASHED_DIMENSION).map(|_| rng.random()).collect();
    let pairs = words.iter().zip(key());
    let body =
        pairs.fold(1_u128 << SQUASHED_DIGIT_LOG, |sum: u128, (a, s)| sum.wrapping_add(a * u128::from(s)));
    words.push(body);
    Squashed::from_words(words).unwrap()
}

fn round() -> Vec<Squashed> {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    (0..LABELS).map(|_| squashed(&mut rng)).collect()
}

fn open(package: &Package, round: &[Squashed]) -> Shares {
    let question = Question {
        federation: Digest::of(b"event 0"),
        round: Some(RoundId::from_bytes([1; 16])),
        step: Step::Label,
        tally: Digest::of(b"tally event"),
    };
    let mut opener = Opener::new(package, question, Layout::new(CLASSES, LABELS).unwrap());
    round.iter().for_each(|digit| opener.push(digit).unwrap());
    opener.finish().unwrap()
}

fn dealing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deal the key");
    for sharing in sharings() {
        let id = BenchmarkId::from_parameter(sharing);
        group.bench_with_input(id, &key(), |bencher, key| {
            bencher.iter(|| deal(black_box(key), sharing).unwrap())
        });
    }
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("open {LABELS} labels with all pieces of one trustee"));
    group.throughput(Throughput::Elements(LABELS as u64));
    let round = round();
    for sharing in sharings() {
        let package = packages(sharing).swap_remove(0);
        let id = BenchmarkId::from_parameter(sharing);
        group
            .bench_with_input(id, &round, |bencher, round| bencher.iter(|| open(&package, black_box(round))));
    }
    group.finish();
}

fn combining(criterion: &mut Criterion) {
    let mut group =
        criterion.benchmark_group(format!("combine the openings of all trustees to {LABELS} labels"));
    group.throughput(Throughput::Elements(LABELS as u64));
    let round = round();
    let bodies: Vec<u128> = round.iter().map(Squashed::body).collect();
    for sharing in sharings() {
        let packages = packages(sharing);
        let shares: Vec<(TrusteeIndex, Shares)> =
            packages.iter().map(|package| (package.trustee(), open(package, &round))).collect();
        let openings: Vec<_> = shares.iter().map(|(trustee, shares)| (*trustee, shares)).collect();
        let id = BenchmarkId::from_parameter(sharing);
        group.bench_with_input(id, &openings, |bencher, openings| {
            bencher.iter(|| combine(sharing, CLASSES, &bodies, black_box(openings)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, dealing, opening, combining);
criterion_main!(benches);
