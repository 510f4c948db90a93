//! The class with the largest count: it wins all its pairs. And the test whether any class reaches a threshold.

use super::adder::{Number, sign};
use super::builder::{Bit, Builder};
use super::{Circuit, Source};

/// Returns the circuit whose output is the number, from 1, of the player that wins all its pairs; 0 if none does.
///
/// With a threshold the last player is the threshold, and what it wins is an abstention.
pub(crate) fn argmax((pieces, width): (usize, usize), players: u16) -> Circuit {
    let mut builder = Builder::new(pieces, width);
    let inputs = differences(&mut builder, 0..players);
    let losses: Vec<Bit> = inputs.into_iter().map(|summands| sign(&mut builder, summands)).collect();
    let winners = winners(&mut builder, usize::from(players), &losses);
    let outputs = code(&mut builder, &winners, 0);
    builder.finish(&outputs)
}

/// Returns the circuit whose one output is one where any class reaches the threshold, the last player.
pub(crate) fn test((pieces, width): (usize, usize), classes: u16) -> Circuit {
    let mut builder = Builder::new(pieces, width);
    let inputs: Vec<Vec<Number>> =
        (0..classes).map(|class| builder.input(Source::Difference(class, classes))).collect();
    let misses = inputs.into_iter().map(|summands| sign(&mut builder, summands)).collect();
    let none = builder.all(misses);
    let passes = builder.not(none);
    builder.finish(&[passes])
}

/// Takes in the differences of all pairs of these players, in the order of [`winners`].
pub(super) fn differences(builder: &mut Builder, players: std::ops::Range<u16>) -> Vec<Vec<Number>> {
    let pairs = players.clone().flat_map(|one| (one + 1..players.end).map(move |other| (one, other)));
    pairs.map(|(one, other)| builder.input(Source::Difference(one, other))).collect()
}

/// Returns for every player whether it wins all its pairs, given for every pair whether the first loses to the second.
pub(super) fn winners(builder: &mut Builder, players: usize, losses: &[Bit]) -> Vec<Bit> {
    let mut wins = vec![Vec::new(); players];
    let pairs = (0..players).flat_map(|one| (one + 1..players).map(move |other| (one, other)));
    for ((one, other), loss) in pairs.zip(losses) {
        wins[one].push(builder.not(*loss));
        wins[other].push(*loss);
    }
    wins.into_iter().map(|wins| builder.all(wins)).collect()
}

/// Returns the bits of the number of the winner, `first` + 1 for the first player; zero without a winner.
pub(super) fn code(builder: &mut Builder, winners: &[Bit], first: usize) -> Vec<Bit> {
    let last = first + winners.len();
    let bits = usize::BITS - last.leading_zeros();
    let of_bit = |bit: u32| (first + 1..=last).zip(winners).filter(move |(number, _)| number >> bit & 1 == 1);
    (0..bits).map(|bit| builder.sum(of_bit(bit).map(|(_, winner)| *winner))).collect()
}
