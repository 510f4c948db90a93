//! The ends of the range: the largest differences and the worst noise that the limits admit.

use std::sync::Arc;

use base::Step;

use super::board::{Task, World, facts, run};
use super::correctness::in_the_clear;
use crate::grid::{Grid, GridError};
use crate::plan::{Plan, Question, Verdict};
use crate::sharing::Sharing;
use crate::sum::{Layout, Sum};

/// Tallies differences of −D to D with so many deviations of noise, always against the right label; returns how many labels
/// are wrong.
fn misread(sharing: Sharing, ballots: u32, bound: u64, deviations: f64) -> usize {
    let world = World::new(sharing, 6);
    let grid = Grid::whole(sharing, ballots, |_| bound).unwrap();
    let most = bound.cast_signed();
    let pairs = [
        [most, 0],
        [0, most],
        [0, 0],
        [1, 0],
        [0, 1],
        [-most, 0],
        [-1, 0],
        [most, most - 1],
        [most - 1, most],
    ];
    let counts: Vec<i64> = pairs.iter().cycle().take(9 * 200).flatten().copied().collect();
    let layout = Layout::new(2, (counts.len() / 2) as u32).unwrap();
    let units: Vec<i64> = counts.iter().map(|count| count << grid.fraction_bits()).collect();
    let clean = world.encrypt(layout, &grid, &units, 9);
    let square = (sharing.pieces() as f64 + (sharing.pieces() as f64).powi(2)) / 4.0;
    let deviation = (2.0 * f64::from(ballots) * (2048.0 * square + 65_536.0) / 12.0).sqrt();
    // half of it for each of the two, less what the encryption above adds by itself
    let noise = (deviations / 2.0 * deviation - 64.0) as u32;
    let mut words = clean.words().to_vec();
    let mut instance = 0;
    for list in 0..layout.lists() {
        let start = list * (2048 + layout.instances_per_list() * 2);
        for slot in 0..layout.instances_per_list().min(counts.len() / 2 - instance) {
            let pair = &counts[2 * (instance + slot)..][..2];
            let first = pair[0] >= pair[1];
            let place = start + 2048 + 2 * slot;
            for (word, down) in words[place..place + 2].iter_mut().zip([first, !first]) {
                *word = if down { word.wrapping_sub(noise) } else { word.wrapping_add(noise) };
            }
        }
        instance += layout.instances_per_list();
    }
    let question = Question {
        step: Step::Label,
        layout,
        instances: (0..layout.instances()).collect(),
        grid,
        threshold: None,
    };
    let plan = Arc::new(Plan::new(sharing, question).unwrap());
    let sum = Arc::new(Sum::new(layout, words).unwrap());
    let ran = run(&world, &Task { plan, sum, facts: facts(0) }, &[]);
    let expected: Vec<Verdict> = counts.chunks(2).map(|counts| in_the_clear(counts, None)).collect();
    assert_eq!(ran.labels.len(), usize::from(sharing.quorum()));
    let mut labels = ran.labels.into_values().next().unwrap();
    labels.sort_by_key(|(instance, _)| *instance);
    labels.iter().zip(expected).filter(|((_, found), expected)| found != expected).count()
}

#[test]
fn nothing_wraps_and_nothing_is_misread_at_the_ends_of_the_range() {
    for (sharing, at_250, at_1000) in [
        (Sharing::ThreeOne, 16_383, 8_191),
        (Sharing::FourOne, 32_767, 16_383),
        (Sharing::FiveTwo, 16_383, 8_191),
    ] {
        assert_eq!(misread(sharing, 250, at_250, 9.0), 0, "{sharing}");
        assert_eq!(misread(sharing, 1000, at_1000, 9.0), 0, "{sharing}");
        // the control: noise of half a vote, five times as much
        assert!(misread(sharing, 250, at_250, 45.0) > 0, "{sharing}");
        // the least range that no grid has room for among 1 000 ballots
        let refused = Grid::whole(sharing, 1000, |_| 65_536);
        assert!(matches!(refused, Err(GridError::NoRoom { bound: 65_536, .. })));
    }
    // 1 000 proven ballots: one bit of votes more takes more bits of fraction
    assert_eq!(misread(Sharing::ThreeOne, 1000, 32_767, 9.0), 0);
}
