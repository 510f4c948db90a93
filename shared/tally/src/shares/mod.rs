//! Computing on shares: every holder of a piece computes with it, and products are shared anew.

pub(crate) mod reshare;
pub(crate) mod wires;

use std::sync::Arc;

use crate::assignment::{Assignment, Work};
use crate::keyring::Keyring;
use crate::sharing::{Piece, Trustee};

/// A present trustee: what it holds, and what it multiplies in this attempt.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) assignment: Arc<Assignment>,
    held: Vec<Piece>,
    work: Work,
}

impl Holder {
    /// Returns nothing if the trustee is not present.
    pub(crate) fn new(keyring: Arc<Keyring>, assignment: Arc<Assignment>) -> Option<Self> {
        let work = assignment.of(keyring.trustee())?.clone();
        let held = keyring.held().collect();
        Some(Self { keyring, assignment, held, work })
    }

    pub(crate) fn trustee(&self) -> Trustee {
        self.keyring.trustee()
    }

    /// Returns the pieces held, in their order; all vectors over pieces have this order.
    pub(crate) fn held(&self) -> &[Piece] {
        &self.held
    }

    pub(crate) const fn work(&self) -> &Work {
        &self.work
    }

    /// Returns the place of a held piece among those held.
    pub(crate) fn place(&self, piece: Piece) -> Option<usize> {
        self.held.iter().position(|held| *held == piece)
    }

    /// Returns the products of this trustee as places among the pieces held.
    pub(crate) fn terms(&self) -> Vec<(usize, Vec<usize>)> {
        let terms = self.work.terms.iter();
        terms
            .filter_map(|term| {
                let rights = term.rights.iter().filter_map(|right| self.place(*right)).collect();
                Some((self.place(term.left)?, rights))
            })
            .collect()
    }
}
