//! Who multiplies what, and to whom each trustee sends its correction.

use borsh::BorshSerialize;

use crate::sharing::{Group, Piece, Sharing, Trustee};

/// One product of a trustee: its piece `left` of one factor times the sum of its pieces `rights` of the other.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub(crate) struct Term {
    pub(crate) left: Piece,
    pub(crate) rights: Vec<Piece>,
}

/// The work of one present trustee.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub(crate) struct Work {
    pub(crate) trustee: Trustee,
    pub(crate) terms: Vec<Term>,
    /// The piece that takes this trustee's correction.
    pub(crate) corrects: Piece,
}

/// The products x_A·y_B of all pairs of pieces, each given to one present trustee that holds both.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize)]
pub(crate) struct Assignment {
    sharing: Sharing,
    present: Group,
    work: Vec<Work>,
}

impl Assignment {
    /// Shares the products out, evenly: first those that only one trustee can take.
    pub(crate) fn new(sharing: Sharing, present: Group) -> Self {
        let sets: Vec<Group> = sharing.sets().map(|set| set.and(present)).collect();
        let pieces = sharing.all_pieces();
        let mut pairs: Vec<(Piece, Piece, Group)> = Vec::new();
        for left in &pieces {
            pairs.extend(
                pieces.iter().map(|right| (*left, *right, sets[left.index()].and(sets[right.index()]))),
            );
        }
        pairs.sort_by_key(|(left, right, able)| (able.size(), *left, *right));
        let mut work: Vec<Work> = present
            .members()
            .map(|trustee| Work { trustee, terms: Vec::new(), corrects: pieces[0] })
            .collect();
        for (left, right, able) in pairs {
            // A product costs one more term only where its left piece is new.
            let cheapest = work.iter_mut().filter(|work| able.contains(work.trustee)).min_by_key(|work| {
                let known = work.terms.iter().any(|term| term.left == left);
                (work.terms.len() + usize::from(!known), work.products())
            });
            if let Some(work) = cheapest {
                work.add(left, right);
            }
        }
        let mut corrected = vec![0_usize; pieces.len()];
        for work in &mut work {
            let held = sharing.held(work.trustee);
            if let Some(least) = held.into_iter().min_by_key(|piece| corrected[piece.index()]) {
                corrected[least.index()] += 1;
                work.corrects = least;
            }
        }
        Self { sharing, present, work }
    }

    /// Returns the work of every present trustee, in their order.
    pub(crate) fn work(&self) -> &[Work] {
        &self.work
    }

    /// Returns the work of one trustee; nothing if it is not present.
    pub(crate) fn of(&self, trustee: Trustee) -> Option<&Work> {
        self.work.iter().find(|work| work.trustee == trustee)
    }

    pub(crate) const fn sharing(&self) -> Sharing {
        self.sharing
    }

    pub(crate) const fn present(&self) -> Group {
        self.present
    }
}

impl Work {
    fn add(&mut self, left: Piece, right: Piece) {
        match self.terms.iter_mut().find(|term| term.left == left) {
            Some(term) => term.rights.push(right),
            None => self.terms.push(Term { left, rights: vec![right] }),
        }
    }

    fn products(&self) -> usize {
        self.terms.iter().map(|term| term.rights.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_product_is_computed_once_by_somebody_present_who_holds_both_pieces() {
        for sharing in Sharing::ALL {
            for attempt in 0..u32::from(sharing.trustees()) {
                let present = sharing.group(attempt);
                let assignment = Assignment::new(sharing, present);
                let mut seen = BTreeSet::new();
                for work in assignment.work() {
                    assert!(present.contains(work.trustee));
                    let held = sharing.held(work.trustee);
                    assert!(held.contains(&work.corrects) && work.products() > 0);
                    for term in &work.terms {
                        for right in &term.rights {
                            assert!(held.contains(&term.left) && held.contains(right));
                            assert!(seen.insert((term.left, *right)), "{sharing}: a product twice");
                        }
                    }
                }
                assert_eq!(seen.len(), sharing.pieces().pow(2));
            }
        }
    }

    #[test]
    fn the_work_is_even() {
        for sharing in Sharing::ALL {
            let assignment = Assignment::new(sharing, sharing.group(0));
            let terms: Vec<usize> = assignment.work().iter().map(|work| work.terms.len()).collect();
            let (least, most) = (terms.iter().min().unwrap(), terms.iter().max().unwrap());
            assert!(most - least <= 1, "{sharing}: {terms:?} terms");
        }
    }
}
