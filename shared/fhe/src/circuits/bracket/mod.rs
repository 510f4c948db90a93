//! The bracket of a tournament: who meets whom, and how the winner's label is read off the matches.
//!
//! Pure combinatorics over labels; `tournament` carries it out under encryption. Where a round has a threshold, the
//! abstention is a player as well, with the threshold for votes, and meets the classes' winner in the last match.

mod plan;

use std::collections::HashMap;
use std::ops::Range;

use crate::labels::{DIGITS, digit};
use plan::{Node, Span};

/// Boxes of one index look-up: half a box is then 64 ticks, 13 standard deviations.
pub(crate) const MAX_BOXES: usize = 16;

/// A player: the abstention first if it plays, then the classes, then the winners of the matches in order.
pub(crate) type Player = usize;

/// One match between two players.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) left: Player,
    pub(crate) right: Player,
}

/// Which side of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// One index look-up: the digit of the winner's label if the winner is among some neighbours, else 0.
///
/// Its input is w·2^b + v: w counts the matches on `path` won by the group's side, bit i of v says that the
/// right side won local match i. Only w = |path| reads `digits[v]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) digit: usize,
    pub(crate) path: Vec<(usize, Side)>,
    pub(crate) local: Vec<usize>,
    pub(crate) digits: Vec<u64>,
}

impl Group {
    /// Returns the number of boxes of the look-up, a power of two up to [`MAX_BOXES`].
    pub(crate) const fn boxes(&self) -> usize {
        plan::boxes(self.path.len(), self.local.len())
    }

    /// Returns what box number `value` holds.
    pub(crate) fn digit_in_box(&self, value: usize) -> u64 {
        let wins = value >> self.local.len();
        let local = value & ((1 << self.local.len()) - 1);
        if wins == self.path.len() { self.digits[local] } else { 0 }
    }
}

/// The bracket for one number of classes, with or without a threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bracket {
    /// Players that have not won a match: the classes, and the abstention if it plays.
    seats: usize,
    matches: Vec<Match>,
    /// For each player the level at which its value stands; ascending, 0 for a seat.
    levels: Vec<u32>,
    groups: Vec<Group>,
}

impl Bracket {
    /// Draws the bracket of 2 to 100 classes that needs the fewest index look-ups; with an abstention, which is
    /// player 0 then, the bracket has one more level.
    pub(crate) fn new(classes: usize, abstention: bool) -> Self {
        let tree = plan::tree(classes, abstention);
        let Span { first: first_label, labels: seats } = tree.span;
        // numbered level by level, so that a level's matches can be played together
        let mut nodes = tree.matches();
        nodes.sort_by_key(|node| (node.level, node.span.first));
        let numbers: HashMap<Span, usize> =
            (0..).zip(&nodes).map(|(number, node)| (node.span, number)).collect();
        let player = |node: &Node| {
            numbers.get(&node.span).map_or(node.span.first - first_label, |number| seats + number)
        };
        let matches = nodes
            .iter()
            .filter_map(|node| node.children.as_deref())
            .map(|[left, right]| Match { left: player(left), right: player(right) })
            .collect();
        let levels = std::iter::repeat_n(0, seats).chain(nodes.iter().map(|node| node.level)).collect();
        let mut groups = Vec::new();
        collect_groups(&tree, &mut Vec::new(), &numbers, &mut groups);
        Self { seats, matches, levels, groups }
    }

    /// Returns the number of levels L, ceil(log2 C), and one more with an abstention.
    pub(crate) fn rounds(&self) -> u32 {
        self.levels.last().copied().unwrap_or(0)
    }

    /// Returns all matches, one fewer than seats; the last one is the final.
    pub(crate) fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// Returns the numbers of the matches played at a level, 0 ≤ level < L.
    pub(crate) fn matches_at(&self, level: u32) -> Range<usize> {
        let winners = &self.levels[self.seats..];
        winners.partition_point(|&stands| stands <= level)
            ..winners.partition_point(|&stands| stands <= level + 1)
    }

    /// Returns the level at which a player's value stands; a winner stands one above its match.
    pub(crate) fn level(&self, player: Player) -> u32 {
        self.levels[player]
    }

    /// Returns the index look-ups of all digits.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }
}

/// Walks down from the final and notes every group that closes on the way.
fn collect_groups(
    node: &Node,
    path: &mut Vec<(usize, Side)>,
    numbers: &HashMap<Span, usize>,
    groups: &mut Vec<Group>,
) {
    for place in (0..DIGITS).filter(|&place| node.closes[place]) {
        groups.push(group(node, path, numbers, place));
    }
    let Some(children) = node.children.as_deref() else { return };
    for (child, side) in children.iter().zip([Side::Left, Side::Right]) {
        path.push((numbers[&node.span], side));
        collect_groups(child, path, numbers, groups);
        path.pop();
    }
}

fn group(node: &Node, path: &[(usize, Side)], numbers: &HashMap<Span, usize>, place: usize) -> Group {
    let local: Vec<usize> = if node.span.uniform_digit(place).is_some() {
        Vec::new()
    } else {
        node.matches().iter().map(|inner| numbers[&inner.span]).collect()
    };
    let digits = (0..1_usize << local.len())
        .map(|value| {
            let right_won =
                |number| local.iter().position(|&n| n == number).is_some_and(|i| value >> i & 1 == 1);
            digit(winner(node, numbers, &right_won), place)
        })
        .collect();
    Group { digit: place, path: path.to_vec(), local, digits }
}

/// Follows the won matches down to a label.
fn winner(node: &Node, numbers: &HashMap<Span, usize>, right_won: &impl Fn(usize) -> bool) -> usize {
    let Some([left, right]) = node.children.as_deref() else { return node.span.first };
    winner(if right_won(numbers[&node.span]) { right } else { left }, numbers, right_won)
}
