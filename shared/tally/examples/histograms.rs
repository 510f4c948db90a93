//! Random histograms against a tally in the clear: `cargo run -p tally --example histograms -- 100000`.
//!
//! Every chunk of histograms is encrypted as one ballot under a key without dealer and tallied by all trustees.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for the command line, which may panic"
)]

#[path = "../benches/parts/federation.rs"]
#[expect(dead_code, reason = "the benchmark measures as well")]
mod federation;

use std::sync::Arc;

use base::Step;
use federation::{Federation, Run};
use tally::grid::Grid;
use tally::known_answer;
use tally::plan::{Plan, Question, Verdict};
use tally::sharing::Sharing;
use tally::sum::{Layout, Sum};

/// Histograms of one tally: ten full lists of ten classes.
const CHUNK: usize = 2040;

fn main() {
    let wanted: usize = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(100_000);
    for sharing in Sharing::ALL {
        let federation = Federation::new(sharing);
        let (mut seen, mut ties, mut abstained, mut seed) = (0, 0, 0, 1);
        while seen < wanted {
            // every second chunk has a threshold
            let threshold = (seed % 2 == 0).then_some(120);
            let found = compare(&federation, seed, CHUNK, threshold);
            (seen, ties, abstained, seed) =
                (seen + CHUNK, ties + found.ties, abstained + found.abstained, seed + 1);
        }
        println!(
            "{sharing}: {seen} histograms of ten classes have their labels, {ties} of them ties among the largest, {abstained} abstentions"
        );
    }
}

/// What was among compared histograms.
struct Compared {
    /// Histograms whose largest count is not alone.
    ties: usize,
    /// Histograms that stay below the threshold.
    abstained: usize,
}

/// Tallies so many random histograms of ten classes, and compares every label with one in the clear.
fn compare(federation: &Federation, seed: u64, histograms: usize, threshold: Option<u32>) -> Compared {
    let sharing = federation.sharing();
    let grid = Grid::whole(sharing, 250, |_| 947).unwrap();
    let layout = Layout::new(10, histograms as u32).unwrap();
    let mut random = Random(seed);
    let counts: Vec<i64> = (0..histograms).flat_map(|_| random.histogram()).collect();
    let words = known_answer::encrypt_counts(&federation.keyed[0].public_key, &grid, layout, &counts, seed);
    let sum = Arc::new(Sum::new(layout, words).unwrap());
    let instances = (0..layout.instances()).collect();
    let question = Question { step: Step::Label, layout, instances, grid, threshold };
    let plan = Arc::new(Plan::new(sharing, question).unwrap());
    let mut run = Run::default();
    for trustee in sharing.group(0).members() {
        run.begin(federation, trustee, &plan, &sum);
    }
    run.finish();
    let mut compared = Compared { ties: 0, abstained: 0 };
    let mut expected = Vec::new();
    for counts in counts.chunks(10) {
        let most = *counts.iter().max().unwrap();
        compared.ties += usize::from(counts.iter().filter(|count| **count == most).count() > 1);
        let below = threshold.is_some_and(|threshold| most < i64::from(threshold));
        compared.abstained += usize::from(below);
        let first = counts.iter().position(|count| *count == most).unwrap();
        expected.push(if below { Verdict::Abstained } else { Verdict::Class(first as u16) });
    }
    assert_eq!(run.labels.len(), usize::from(sharing.quorum()));
    for labels in run.labels.values_mut() {
        labels.sort_by_key(|(instance, _)| *instance);
        assert!(labels.iter().map(|(_, verdict)| *verdict).eq(expected.iter().copied()), "seed {seed}");
    }
    compared
}

/// SplitMix64, by which a run can be repeated.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Ten counts: leaders that tie or lead by one, narrow ones, or wide ones.
    fn histogram(&mut self) -> [i64; 10] {
        let (base, spread) = [(100, 4), (-2, 5), (-150, 400)][(self.next() % 3) as usize];
        [(); 10].map(|()| base + (self.next() % spread).cast_signed())
    }
}
