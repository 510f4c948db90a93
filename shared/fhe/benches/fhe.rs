//! What the encryption room costs at the secure parameters: `cargo bench -p fhe --bench fhe`.
//!
//! All times are processor time summed over the threads of this process, so that a busy machine does not matter;
//! those of the argmax are per label. The tournament has a benchmark of its own, `argmax`.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

mod clock;

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clock::cpu_time;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use fhe::{
    ArgmaxKind, BallotBody, EncryptionKey, EvaluationKeys, Layout, ParameterSet, Resolution, RunningSum,
    Scheme, SecretKeys, encrypt, tally,
};

/// Votes and noise of the reference round: 250 ballots, σ = 40, honest fraction 0.7.
const BALLOTS: u32 = 250;
const DRAWN_VARIANCE: f64 = 250.0 * 1600.0 / 175.0;
/// Noise of the test of a two-step round, σ₁ = 150.
const TEST_VARIANCE: f64 = 250.0 * 22_500.0 / 175.0;

struct Keys {
    encryption: EncryptionKey,
    evaluation: EvaluationKeys,
}

impl Keys {
    fn new(scheme: Scheme) -> Self {
        let set = scheme.parameters;
        let material = SecretKeys::generate(set).unwrap().public_material(scheme.unrolling).unwrap();
        let (keyswitching, bootstrapping) = (&material.keyswitching_key, &material.bootstrapping_key);
        Self {
            encryption: EncryptionKey::from_bytes(&material.public_key, set).unwrap(),
            evaluation: EvaluationKeys::from_parts(keyswitching, bootstrapping, scheme).unwrap(),
        }
    }
}

/// Processor time of `repetitions` runs, divided by what each of them makes.
fn measure(repetitions: u64, parts: u32, mut run: impl FnMut()) -> Duration {
    let start = cpu_time();
    (0..repetitions).for_each(|_| run());
    (cpu_time() - start) / parts
}

fn resolution(argmax: ArgmaxKind, classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::new(layout, argmax, BALLOTS, DRAWN_VARIANCE).unwrap()
}

fn with_threshold(argmax: ArgmaxKind, classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::with_threshold(layout, argmax, BALLOTS, DRAWN_VARIANCE, BALLOTS / 2).unwrap()
}

fn test(classes: usize, instances: usize) -> Resolution {
    let layout = Layout::new(classes, instances).unwrap();
    Resolution::test(layout, BALLOTS, TEST_VARIANCE, BALLOTS / 2).unwrap()
}

fn body(keys: &Keys, resolution: &Resolution) -> BallotBody {
    let counts: Vec<i64> = (0..resolution.layout().slots() as i64).map(|slot| slot * 37 % 11 - 5).collect();
    let bytes = encrypt(&keys.encryption, &resolution.encoding(), &counts).unwrap();
    BallotBody::parse(&bytes, resolution.layout()).unwrap()
}

fn keys(criterion: &mut Criterion) {
    let scheme = Scheme::default();
    let secret = SecretKeys::generate(scheme.parameters).unwrap();
    let material = secret.public_material(scheme.unrolling).unwrap();
    let mut group = criterion.benchmark_group("keys");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    group.bench_function("make the public material", |bencher| {
        bencher.iter_custom(|repetitions| {
            measure(repetitions, 1, || drop(black_box(secret.public_material(scheme.unrolling).unwrap())))
        });
    });
    group.bench_function("read the evaluation keys", |bencher| {
        bencher.iter_custom(|repetitions| {
            measure(repetitions, 1, || {
                let (keyswitching, bootstrapping) = (&material.keyswitching_key, &material.bootstrapping_key);
                black_box(EvaluationKeys::from_parts(keyswitching, bootstrapping, scheme).unwrap());
            })
        });
    });
    group.finish();
}

fn ballots(criterion: &mut Criterion) {
    let keys = Keys::new(Scheme::default());
    let full_list = resolution(ArgmaxKind::Tournament, 2, 1024);
    let counts = vec![1; 2048];
    let one = body(&keys, &full_list);
    let mut sum = RunningSum::new(full_list.layout());
    sum.add(&one).unwrap();
    let mut group = criterion.benchmark_group("ballots");
    group.bench_function("encrypt 2048 slots", |bencher| {
        bencher.iter_custom(|repetitions| {
            measure(repetitions, 1, || {
                black_box(encrypt(&keys.encryption, &full_list.encoding(), black_box(&counts)).unwrap());
            })
        });
    });
    group.bench_function("sum of 250 ballots of 2048 slots", |bencher| {
        bencher.iter_custom(|repetitions| {
            measure(repetitions, 1, || {
                let mut sum = RunningSum::new(full_list.layout());
                (0..BALLOTS).for_each(|_| sum.add(black_box(&one)).unwrap());
                black_box(sum);
            })
        });
    });
    group.bench_function("expand 2048 slots", |bencher| {
        bencher.iter_custom(|repetitions| {
            measure(repetitions, 1, || {
                (0..2048).for_each(|slot| drop(black_box(sum.slot_ciphertext(slot))));
            })
        });
    });
    group.finish();
}

fn argmax(criterion: &mut Criterion) {
    let fused = Keys::new(Scheme::default());
    let full = Keys::new(Scheme { parameters: ParameterSet::Full, ..Scheme::default() });
    let mut group = criterion.benchmark_group("argmax per label");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    let exact = resolution(ArgmaxKind::Exact, 10, 2);
    let circuits = [
        ("tournament, 10 classes, threshold", &fused, with_threshold(ArgmaxKind::Tournament, 10, 16)),
        ("test, 10 classes", &fused, test(10, 16)),
        ("tournament, 100 classes, threshold", &fused, with_threshold(ArgmaxKind::Tournament, 100, 2)),
        ("exact, 10 classes", &full, exact),
        ("exact, 10 classes, threshold", &full, with_threshold(ArgmaxKind::Exact, 10, 2)),
    ];
    for (name, keys, resolution) in circuits {
        let instances = resolution.layout().instances();
        let mut sum = RunningSum::new(resolution.layout());
        sum.add(&body(keys, &resolution)).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|repetitions| {
                measure(repetitions, instances as u32, || {
                    let go = AtomicBool::new(false);
                    black_box(tally(&keys.evaluation, &resolution, &sum, &go, |_| ()).unwrap());
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, keys, ballots, argmax);
criterion_main!(benches);
