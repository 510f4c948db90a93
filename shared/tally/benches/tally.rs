//! What a label costs the trustees: `cargo bench -p tally --bench tally`.
//!
//! All trustees run in one thread, one after the other, from a key without dealer to the labels; the processor time of each is
//! taken around its calls alone, signatures and digests included. Figures are the median of the repetitions, with the least
//! and the greatest, of the trustee that works most.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may panic, and prints what it finds"
)]

#[path = "parts/federation.rs"]
mod federation;

use std::fs;

use federation::{Federation, Figures};
use tally::sharing::Sharing;

const REPETITIONS: usize = 5;
/// Lists of a round; a list of ten classes holds 204 instances, one of a hundred 20.
const LISTS: usize = 15;

fn main() {
    // cargo passes --bench
    println!(
        "per label and trustee; (n, t), classes, labels: µs (least to most) | bytes sent, received | exchanges"
    );
    for sharing in Sharing::ALL {
        let federation = Federation::new(sharing);
        row(&federation, 10, LISTS, None);
        if sharing == Sharing::ThreeOne {
            row(&federation, 10, LISTS, Some(3));
        }
        row(&federation, 100, 16, None);
    }
    println!(
        "today, (3, 1), ten classes: 760 000 µs in all, recomputed by coordinator and each trustee; 275 MB of keys"
    );
    memory();
}

fn row(federation: &Federation, classes: u16, lists: usize, threshold: Option<u32>) {
    let runs: Vec<Figures> = (0..REPETITIONS).map(|_| federation.tally(classes, lists, threshold)).collect();
    let mut times: Vec<f64> = runs.iter().map(|run| run.most_microseconds).collect();
    times.sort_by(f64::total_cmp);
    let run = &runs[0];
    println!(
        "{} {classes:3} classes, {:5} labels{}: {:7.1} µs ({:.1} to {:.1}) | {:.0} sent, {:.0} received | {} layers + {} check + 1 agreement + 2 openings, {} batches",
        federation.sharing(),
        run.labels,
        if threshold.is_some() { ", threshold" } else { "" },
        times[times.len() / 2],
        times[0],
        times[times.len() - 1],
        run.sent,
        run.received,
        run.layers,
        run.check,
        run.batches,
    );
}

/// The peak of the process's memory after a round and after one four times as large, less what the sums themselves take.
fn memory() {
    let federation = Federation::new(Sharing::ThreeOne);
    let mut last = 0.0;
    for lists in [60, 240] {
        // the peak of the process begins anew
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let figures = federation.tally(10, lists, None);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        let peak: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let sum = figures.sum_bytes as f64 / 1024.0;
        last = peak - sum;
        println!(
            "{} labels: peak {:.1} MB with all three trustees, of which the sum {:.1} MB",
            figures.labels,
            peak / 1024.0,
            sum / 1024.0
        );
    }
    println!("without the sum: {:.1} MB at four times as many labels", last / 1024.0);
}
