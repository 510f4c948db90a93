//! The shape of the bracket: the tree with the fewest index look-ups, found by dynamic programming.

use std::collections::HashMap;

use super::MAX_BOXES;
use crate::labels::{DIGITS, digit};
use crate::noise::rounds;

/// Some neighbouring labels: i + 1 of class i, and 0 of the abstention where it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) labels: usize,
}

/// A part of the tree: a label, or a match between two parts.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    /// 0 for a label, else one above the higher child.
    pub(super) level: u32,
    pub(super) children: Option<Box<[Node; 2]>>,
    /// The digits that one look-up reads for this part as a whole.
    pub(super) closes: [bool; DIGITS],
}

impl Node {
    /// Returns all matches of this part, in no particular order.
    pub(super) fn matches(&self) -> Vec<&Self> {
        let Some(children) = self.children.as_deref() else { return Vec::new() };
        std::iter::once(self).chain(children.iter().flat_map(Self::matches)).collect()
    }
}

impl Span {
    /// Returns the digit at this place if all labels of the span share it.
    pub(super) fn uniform_digit(self, place: usize) -> Option<u64> {
        let first = digit(self.first, place);
        (self.first..self.first + self.labels).all(|label| digit(label, place) == first).then_some(first)
    }

    fn split(self, left_labels: usize) -> [Self; 2] {
        [
            Self { first: self.first, labels: left_labels },
            Self { first: self.first + left_labels, labels: self.labels - left_labels },
        ]
    }

    /// Returns whether these are the abstention and all classes, of which the abstention plays only the last match.
    const fn ends_with_abstention(self) -> bool {
        self.first == 0
    }
}

/// Returns the number of boxes of a look-up over this many matches above a group and inside it, as a power of two.
pub(super) const fn boxes(path: usize, local: usize) -> usize {
    ((path + 1) << local).next_power_of_two()
}

/// Grows the tree for 2 to 100 classes, with or without an abstention that meets their winner.
pub(super) fn tree(classes: usize, abstention: bool) -> Node {
    let (span, rounds) = if abstention {
        (Span { first: 0, labels: classes + 1 }, rounds(classes) + 1)
    } else {
        (Span { first: 1, labels: classes }, rounds(classes))
    };
    let mut planner = Planner { rounds, best: HashMap::new() };
    planner.grow(Part { span, depth: 0, open: [true; DIGITS] })
}

/// A part still to be planned: its depth below the final, and the digits not yet read above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Part {
    span: Span,
    depth: u32,
    open: [bool; DIGITS],
}

impl Part {
    /// Closes each open digit that one look-up can read here; those that are zero throughout need none.
    fn close(mut self) -> (Self, [bool; DIGITS]) {
        let mut closes = [false; DIGITS];
        for (place, closed) in closes.iter_mut().enumerate() {
            if !self.open[place] {
                continue;
            }
            let local = match self.span.uniform_digit(place) {
                Some(0) => {
                    self.open[place] = false;
                    continue;
                }
                Some(_) => 0,
                None => self.span.labels - 1,
            };
            if local < MAX_BOXES && boxes(self.depth as usize, local) <= MAX_BOXES {
                self.open[place] = false;
                *closed = true;
            }
        }
        (self, closes)
    }

    fn children(self, left_labels: usize) -> [Self; 2] {
        self.span.split(left_labels).map(|span| Self { span, depth: self.depth + 1, open: self.open })
    }
}

struct Planner {
    rounds: u32,
    best: HashMap<Part, (usize, usize)>,
}

impl Planner {
    fn grow(&mut self, part: Part) -> Node {
        let (rest, closes) = part.close();
        if part.span.labels == 1 {
            return Node { span: part.span, level: 0, children: None, closes };
        }
        let (_, left_labels) = self.best_split(rest);
        let children = rest.children(left_labels).map(|child| self.grow(child));
        let level = 1 + children.iter().map(|child| child.level).max().unwrap_or(0);
        Node { span: part.span, level, children: Some(Box::new(children)), closes }
    }

    /// Returns the number of look-ups of a part.
    fn look_ups(&mut self, part: Part) -> usize {
        let (rest, closes) = part.close();
        let here = closes.iter().filter(|&&closed| closed).count();
        // a single label closes all its digits: at most nine boxes of sixteen, see the tests
        if rest.open == [false; DIGITS] || part.span.labels == 1 {
            return here;
        }
        here + self.best_split(rest).0
    }

    /// Returns the fewest look-ups below a part, and how many labels then go left; the evenest split if
    /// several.
    fn best_split(&mut self, part: Part) -> (usize, usize) {
        if let Some(&best) = self.best.get(&part) {
            return best;
        }
        let labels = part.span.labels;
        let most = 1 << (self.rounds - part.depth - 1);
        let last = if part.span.ends_with_abstention() { 2 } else { labels };
        let mut splits: Vec<usize> =
            (1..last).filter(|&left| left <= most && labels - left <= most).collect();
        splits.sort_by_key(|&left| (2 * left).abs_diff(labels));
        let mut best = (usize::MAX, 1);
        for left_labels in splits {
            let look_ups = part.children(left_labels).map(|child| self.look_ups(child)).iter().sum();
            if look_ups < best.0 {
                best = (look_ups, left_labels);
            }
        }
        self.best.insert(part, best);
        best
    }
}
