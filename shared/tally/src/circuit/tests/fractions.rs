//! Fractional counts: who wins, in one level and in two, is decided by a linear order, so exactly one does.

use std::collections::BTreeSet;

use super::super::{Circuit, argmax, levels};
use super::{Shares, first_of_most};
use crate::draw::Stream;
use crate::grid::Grid;
use crate::sharing::Sharing;

/// Classes of the circuits of two levels: five groups of four.
const CLASSES: usize = 20;

/// Where three leaders stand: in one group, in two, in three, and the later ones first.
const PLACES: [[usize; 3]; 5] = [[0, 1, 2], [2, 3, 4], [0, 5, 17], [9, 8, 11], [19, 7, 1]];

/// All triples of so many counts from nothing to 1.1 votes, in units of a grid: twelve are tenths of a vote. The script
/// tally-long.sh takes more.
fn triples(grid: &Grid) -> Vec<[i64; 3]> {
    let parts = std::env::var("TRIPLES").ok().and_then(|parts| parts.parse().ok()).unwrap_or(12_i64);
    let units = |part: i64| ((part * 12) << grid.fraction_bits()) / (10 * parts);
    (0..parts.pow(3))
        .map(|number| [number % parts, number / parts % parts, number / parts / parts].map(units))
        .collect()
}

/// The counts of all classes where three have those of a triple and the others one vote less than none.
fn counts(grid: &Grid, triple: [i64; 3], places: [usize; 3]) -> Vec<i64> {
    let mut counts = vec![-1 << grid.fraction_bits(); CLASSES];
    places.iter().zip(triple).for_each(|(place, units)| counts[*place] = units);
    counts
}

/// What a circuit puts out for each of these counts, with the errors of rounding or without.
fn codes(circuit: &Circuit, grid: &Grid, all: &[Vec<i64>], exactly: bool) -> Vec<u32> {
    let mut codes = Vec::with_capacity(all.len());
    for lanes in all.chunks(64) {
        let mut shares = Shares::new(*grid, grid.sharing().pieces(), lanes[0].len());
        for (lane, counts) in lanes.iter().enumerate() {
            counts.iter().enumerate().for_each(|(player, units)| shares.set(lane, player, *units, exactly));
        }
        codes.extend_from_slice(&shares.run(circuit)[..lanes.len()]);
    }
    codes
}

/// Exactly one wins: the first of those with the most, and of rounded counts one that has no less than rounding explains.
fn have_one_winner(what: &str, circuit: &Circuit, grid: &Grid, all: &[Vec<i64>]) {
    let expected: Vec<u32> = all.iter().map(|counts| first_of_most(counts)).collect();
    assert!(codes(circuit, grid, all, true) == expected, "{}, {what}", grid.sharing());
    let pieces = grid.sharing().pieces() as i64;
    for (counts, code) in all.iter().zip(codes(circuit, grid, all, false)) {
        let winner = (code as usize).checked_sub(1).and_then(|winner| counts.get(winner));
        let most = counts.iter().max().unwrap();
        assert!(
            winner.is_some_and(|units| most - units <= pieces),
            "{}, {what}: {code} of {counts:?}",
            grid.sharing()
        );
    }
}

#[test]
fn fractional_triples_have_exactly_one_winner() {
    for sharing in Sharing::ALL {
        let grid = Grid::fixed(sharing, 3, |_| 3).unwrap();
        let flat = argmax::argmax((sharing.pieces(), grid.width() as usize), 3);
        let all: Vec<Vec<i64>> = triples(&grid).iter().map(|triple| triple.to_vec()).collect();
        have_one_winner("one level", &flat, &grid, &all);
        // the control: half a vote of bias loses some
        let biased = Grid::whole(sharing, 3, |_| 3).unwrap();
        let flat = argmax::argmax((sharing.pieces(), biased.width() as usize), 3);
        let all: Vec<Vec<i64>> = triples(&biased).iter().map(|triple| triple.to_vec()).collect();
        assert!(codes(&flat, &biased, &all, true).contains(&0), "{sharing}: no triple without a winner");
    }
}

#[test]
fn fractional_triples_have_exactly_one_winner_in_two_levels() {
    for sharing in Sharing::ALL {
        let grid = Grid::fixed(sharing, 3, |_| 3).unwrap();
        let biased = Grid::whole(sharing, 3, |_| 3).unwrap();
        let circuit = levels::argmax((sharing.pieces(), &grid), CLASSES as u16, None);
        let control = levels::argmax((sharing.pieces(), &biased), CLASSES as u16, None);
        for places in PLACES {
            let all = |grid: &Grid| -> Vec<Vec<i64>> {
                triples(grid).into_iter().map(|triple| counts(grid, triple, places)).collect()
            };
            have_one_winner(&format!("leaders at {places:?}"), &circuit, &grid, &all(&grid));
            let lost =
                codes(&control, &biased, &all(&biased), true).into_iter().filter(|code| *code == 0).count();
            // two of three in a group leave two for the last level, and of two one always wins
            let groups: BTreeSet<usize> = places.iter().map(|place| place / 4).collect();
            assert_eq!(
                lost > 0,
                groups.len() != 2,
                "{sharing}, the control: {lost} have no winner at {places:?}"
            );
        }
    }
}

/// A threshold is one more player: it wins, or one of the classes does.
#[test]
fn fractional_triples_and_a_threshold_have_exactly_one_winner_in_two_levels() {
    for sharing in Sharing::ALL {
        let grid = Grid::fixed(sharing, 3, |_| 3).unwrap();
        let threshold = 1 << grid.fraction_bits();
        let circuit = levels::argmax((sharing.pieces(), &grid), CLASSES as u16, Some(threshold));
        for places in [PLACES[0], PLACES[2]] {
            let with = |triple| {
                let mut counts = counts(&grid, triple, places);
                counts.push(i64::from(threshold));
                counts
            };
            let all: Vec<Vec<i64>> = triples(&grid).into_iter().map(with).collect();
            let expected: Vec<u32> = all.iter().map(|counts| first_of_most(counts)).collect();
            assert!(expected.contains(&21) && expected.iter().any(|code| *code < 21));
            assert!(codes(&circuit, &grid, &all, true) == expected, "{sharing}, {places:?}");
        }
    }
}

#[test]
fn fractional_counts_of_many_classes_have_exactly_one_winner_in_two_levels() {
    for sharing in Sharing::ALL {
        let grid = Grid::fixed(sharing, 3, |_| 3).unwrap();
        let circuit = levels::argmax((sharing.pieces(), &grid), CLASSES as u16, None);
        let mut random = Stream::new(&[8; 32]);
        // so few units that most leaders tie
        let counts = |_| (0..CLASSES).map(|_| (random.next_word() % 5).cast_signed()).collect();
        let all: Vec<Vec<i64>> = (0..30 * 64).map(counts).collect();
        have_one_winner("few units", &circuit, &grid, &all);
    }
}
