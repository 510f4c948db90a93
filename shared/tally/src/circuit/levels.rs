//! The argmax of many classes in two levels: the winner of every group, and the winner of those.
//!
//! All comparisons compare the same rounded counts, so the winner is that of all pairs, at a sixth of the products.

use std::collections::BTreeMap;

use super::Circuit;
use super::Source;
use super::adder::{Number, complement, constant, sign, two_summands};
use super::argmax::{code, differences, winners};
use super::builder::{Bit, Builder};
use crate::grid::Grid;

/// From so many players on, two levels have fewer products.
pub(crate) const FLAT: u16 = 16;

/// One group: who of it won, as a number, and the count of its champion in two summands.
struct Group {
    code: Vec<Bit>,
    count: [Number; 2],
}

/// Returns the circuit of [`super::argmax::argmax`] for many classes, with a threshold of so many units if there is one.
pub(crate) fn argmax((pieces, grid): (usize, &Grid), classes: u16, threshold: Option<u32>) -> Circuit {
    let width = grid.width() as usize;
    let mut builder = Builder::new(pieces, width);
    let size = usize::from(classes).isqrt() as u16;
    let starts: Vec<u16> = (0..classes).step_by(usize::from(size)).collect();
    let groups: Vec<std::ops::Range<u16>> =
        starts.into_iter().map(|start| start..(start + size).min(classes)).collect();
    let inputs: Vec<_> = groups
        .into_iter()
        .map(|group| {
            let counts: Vec<Vec<Number>> =
                group.clone().map(|class| builder.input(Source::Count(class))).collect();
            (differences(&mut builder, group.clone()), counts, usize::from(group.start))
        })
        .collect();
    let mut groups: Vec<Group> = Vec::with_capacity(inputs.len() + 1);
    for (differences, counts, first) in inputs {
        groups.push(winner_of(&mut builder, differences, counts, first));
    }
    if let Some(units) = threshold {
        let code = constant(u32::from(classes) + 1, usize::BITS as usize);
        groups.push(Group { code, count: [constant(units, width), constant(0, width)] });
    }
    let outputs = last_level(&mut builder, &groups, grid.bias(), usize::from(classes) + 1);
    builder.finish(&outputs)
}

/// Returns the winner of a group, zero without one, and the count of its champion: the winner, or without one a leader, so
/// that a group whose leaders nearly tie still beats whoever has less.
fn winner_of(
    builder: &mut Builder,
    differences: Vec<Vec<Number>>,
    counts: Vec<Vec<Number>>,
    first: usize,
) -> Group {
    let losses: Vec<Bit> = differences.into_iter().map(|summands| sign(builder, summands)).collect();
    let winners = winners(builder, counts.len(), &losses);
    let code = code(builder, &winners, first);
    let champion = champion(builder, counts.len(), &losses);
    let counts: Vec<[Number; 2]> =
        counts.into_iter().map(|summands| two_summands(builder, summands)).collect();
    let width = builder.width();
    let count = [0, 1].map(|summand| {
        let selected = |place: usize, builder: &mut Builder| {
            let bits: Vec<Bit> = counts
                .iter()
                .zip(&champion)
                .map(|(count, champion)| builder.and(count[summand][place], *champion))
                .collect();
            builder.sum(bits)
        };
        (0..width).map(|place| selected(place, builder)).collect()
    });
    Group { code, count }
}

/// Returns who is left when one player after the other meets who is left of those before it; losses in the order of
/// [`winners`].
///
/// Somebody always is. Who beats all is; and nobody has more than half a vote more than who is, since each that takes the place
/// has more than the one before, and who does not take it at most half a vote more.
fn champion(builder: &mut Builder, players: usize, losses: &[Bit]) -> Vec<Bit> {
    let pairs = (0..players).flat_map(|one| (one + 1..players).map(move |other| (one, other)));
    let losses: BTreeMap<(usize, usize), Bit> = pairs.zip(losses.iter().copied()).collect();
    let mut champion = vec![Bit::One];
    for challenger in 1..players {
        let mut lost = Vec::with_capacity(challenger);
        for (holder, is_champion) in champion.iter_mut().enumerate() {
            let loses = losses.get(&(holder, challenger)).copied().unwrap_or(Bit::Zero);
            let falls = builder.and(*is_champion, loses);
            *is_champion = builder.xor(*is_champion, falls);
            lost.push(falls);
        }
        let takes_over = builder.sum(lost);
        champion.push(takes_over);
    }
    champion
}

/// Compares the winners of all groups and returns the number of the winner of all.
fn last_level(builder: &mut Builder, groups: &[Group], bias: u32, greatest: usize) -> Vec<Bit> {
    let mut losses = Vec::new();
    for (place, one) in groups.iter().enumerate() {
        for other in &groups[place + 1..] {
            // x − y + bias = x + (−y − 1) + … + 2 + bias, with y in two summands
            let mut summands = one.count.to_vec();
            summands.extend(other.count.iter().map(|summand| complement(builder, summand)));
            summands.push(constant(bias.wrapping_add(2), builder.width()));
            losses.push(sign(builder, summands));
        }
    }
    let winners = winners(builder, groups.len(), &losses);
    let bits = usize::BITS - greatest.leading_zeros();
    (0..bits as usize)
        .map(|bit| {
            let of_group = |group: &Group| group.code.get(bit).copied().unwrap_or(Bit::Zero);
            let won: Vec<Bit> = groups
                .iter()
                .zip(&winners)
                .map(|(group, winner)| builder.and(of_group(group), *winner))
                .collect();
            builder.sum(won)
        })
        .collect()
}
