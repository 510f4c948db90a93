//! What a label of the tournament costs: `cargo bench -p fhe --bench argmax`.
//!
//! All machines in one run, one after the other and then again, so that a busy neighbour hits them alike. Processor time
//! is that of all threads together, per label; each figure is the median of the repetitions with the least and the
//! greatest. The noise of each count has the deviation that is named, 250 votes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints what it finds"
)]

mod clock;

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clock::cpu_time;
use fhe::{
    ArgmaxKind, BallotBody, EncryptionKey, EvaluationKeys, Layout, Resolution, Rotation, RunningSum, Scheme,
    SecretKeys, Unrolling, effort, encrypt, tally,
};

const TEACHERS: u32 = 250;
const REPETITIONS: usize = 5;

struct Machine {
    name: &'static str,
    keys: EvaluationKeys,
    encryption: EncryptionKey,
}

fn machines() -> Vec<Machine> {
    let secret = SecretKeys::generate(Scheme::default().parameters).unwrap();
    let machine = |name, rotation, unrolling| {
        let scheme = Scheme { rotation, unrolling, ..Scheme::default() };
        let material = secret.public_material(unrolling).unwrap();
        Machine {
            name,
            encryption: EncryptionKey::from_bytes(&material.public_key, scheme.parameters).unwrap(),
            keys: EvaluationKeys::from_parts(&material.keyswitching_key, &material.bootstrapping_key, scheme)
                .unwrap(),
        }
    };
    vec![
        machine("fused, pairs", Rotation::Fused, Unrolling::Pairs),
        machine("fused, bits", Rotation::Fused, Unrolling::Bits),
        machine("library, bits", Rotation::Fourier, Unrolling::Bits),
    ]
}

/// A round of so many instances, with noise of this deviation in each count, and its sum of one ballot.
fn round(
    machine: &Machine,
    (classes, instances): (usize, usize),
    kind: ArgmaxKind,
    sigma: f64,
) -> (Resolution, RunningSum) {
    let layout = Layout::new(classes, instances).unwrap();
    let resolution = Resolution::new(layout, kind, TEACHERS, sigma * sigma).unwrap();
    let counts: Vec<i64> = (0..layout.slots() as i64).map(|slot| slot * 37 % 101).collect();
    let ballot = encrypt(&machine.encryption, &resolution.encoding(), &counts).unwrap();
    let mut sum = RunningSum::new(layout);
    sum.add(&BallotBody::parse(&ballot, layout).unwrap()).unwrap();
    (resolution, sum)
}

/// Wall-clock and processor time of one tally, per label, in milliseconds.
fn once(machine: &Machine, resolution: &Resolution, sum: &RunningSum) -> [f64; 2] {
    let (cpu, wall) = (cpu_time(), Instant::now());
    tally(&machine.keys, resolution, sum, &AtomicBool::new(false), |_| ()).unwrap();
    let labels = resolution.layout().instances() as f64;
    [wall.elapsed(), cpu_time() - cpu].map(|time| time.as_secs_f64() * 1e3 / labels)
}

fn median(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_by(f64::total_cmp);
    (figures[figures.len() / 2], figures[0], figures[figures.len() - 1])
}

fn per_label(machines: &[Machine], shape: (usize, usize), kind: ArgmaxKind, sigma: f64) {
    let rounds: Vec<_> = machines.iter().map(|machine| round(machine, shape, kind, sigma)).collect();
    let mut found = vec![Vec::new(); machines.len()];
    for _ in 0..REPETITIONS {
        for ((machine, (resolution, sum)), found) in machines.iter().zip(&rounds).zip(&mut found) {
            found.push(once(machine, resolution, sum)[1]);
        }
    }
    let resolution = &rounds[0].0;
    let work = effort(resolution).unwrap();
    let share = 100.0 * resolution.comparison_deviation() / (sigma * 2.0_f64.sqrt());
    println!(
        "\n{} classes, {kind}, noise of deviation {sigma} in a count: D = {}, {} precise levels, {} bootstraps, {} keyswitches, \
         own error {share:.1} % of the noise",
        shape.0,
        resolution.bound(),
        resolution.precise(),
        work.bootstraps,
        work.keyswitches
    );
    for (machine, found) in machines.iter().zip(found) {
        let (middle, least, most) = median(found);
        println!("  {:14} {middle:8.1} CPU-ms per label ({least:.1} to {most:.1})", machine.name);
    }
}

/// How much faster two threads are than one, beside the same for two threads that share nothing but the key.
fn scaling(machine: &Machine) {
    let (resolution, sum) = round(machine, (10, 64), ArgmaxKind::Tournament, 40.0);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (alone, together, other) = (pool(1), pool(2), pool(1));
    let wall = |pool: &rayon::ThreadPool| pool.install(|| once(machine, &resolution, &sum)[0]);
    let (mut tallies, mut loops) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let one = wall(&alone);
        tallies.push(one / wall(&together));
        let both = std::thread::scope(|scope| {
            let (first, second) = (scope.spawn(|| wall(&alone)), scope.spawn(|| wall(&other)));
            first.join().unwrap().max(second.join().unwrap())
        });
        loops.push(2.0 * one / both);
    }
    let ((tally, ..), (plain, ..)) = (median(tallies), median(loops));
    println!(
        "\ntwo threads are {tally:.2} times as fast as one; two tallies side by side on one thread each {plain:.2} times"
    );
}

/// Lists of 2048 slots that one core adds in a second.
fn lists_per_second(machine: &Machine) -> f64 {
    let (resolution, _) = round(machine, (2, 1024), ArgmaxKind::Tournament, 40.0);
    let ballot = encrypt(&machine.encryption, &resolution.encoding(), &vec![1; 2048]).unwrap();
    let body = BallotBody::parse(&ballot, resolution.layout()).unwrap();
    let start = cpu_time();
    for _ in 0..400 {
        let mut sum = RunningSum::new(resolution.layout());
        (0..TEACHERS).for_each(|_| sum.add(black_box(&body)).unwrap());
        black_box(sum);
    }
    f64::from(400 * TEACHERS) / (cpu_time() - start).as_secs_f64()
}

/// Prints for `benches/peers` what ten classes cost at the noise that PATE takes.
fn print_json(machines: &[Machine]) {
    let figures = machines.iter().map(|machine| {
        let (resolution, sum) = round(machine, (10, 32), ArgmaxKind::Tournament, 40.0);
        median((0..3).map(|_| once(machine, &resolution, &sum)[1]).collect()).0
    });
    let [pairs, bits, library] = figures.collect::<Vec<_>>().try_into().unwrap();
    let layout = Layout::new(10, 204).unwrap();
    println!(
        "{}",
        serde_json::json!({
            "pairs": pairs,
            "bits": bits,
            "library": library,
            "sum_lists_per_s": lists_per_second(&machines[0]),
            "bytes_per_label_and_ballot": layout.body_bytes() as f64 / 204.0,
        })
    );
}

fn main() {
    let machines = machines();
    if std::env::args().any(|argument| argument == "--json") {
        return print_json(&machines);
    }
    println!(
        "{:.2} M lists of 2048 slots are added in a second of one core",
        lists_per_second(&machines[0]) / 1e6
    );
    for sigma in [19.0, 40.0] {
        per_label(&machines, (10, 32), ArgmaxKind::Tournament, sigma);
        per_label(&machines, (100, 4), ArgmaxKind::Tournament, sigma);
    }
    per_label(&machines, (100, 4), ArgmaxKind::Within(25), 19.0);
    scaling(&machines[0]);
}
