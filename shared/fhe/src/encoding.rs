//! How counts are encoded in a ballot: the only thing that encryption must know of the tally that follows.

use super::layout::Layout;

/// Encoding of a step's counts: where they lie, the range they may have, and the scale of one vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    layout: Layout,
    bound: u64,
    scale: u64,
}

impl Encoding {
    /// Fixes the encoding of a step.
    ///
    /// `bound` is the range D in votes, `scale` what one vote adds to a word of the 64-bit torus.
    #[must_use]
    pub const fn new(layout: Layout, bound: u64, scale: u64) -> Self {
        Self { layout, bound, scale }
    }

    /// Returns where the counts lie.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the range D in votes: no count lies outside ±D.
    #[must_use]
    pub const fn bound(&self) -> u64 {
        self.bound
    }

    /// Returns what one vote adds to a word.
    #[must_use]
    pub const fn scale(&self) -> u64 {
        self.scale
    }
}
