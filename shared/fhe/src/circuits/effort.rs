//! What one label costs in work, counted from its circuit.

/// The number of operations that one instance takes, or many of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Keyswitches, each with the modulus switch that follows.
    pub keyswitches: u64,
    /// Bootstraps over words of 64 bits: one blind rotation each.
    pub bootstraps: u64,
}

impl Effort {
    /// Returns the work of so many instances.
    #[must_use]
    pub const fn times(self, instances: u64) -> Self {
        Self {
            keyswitches: self.keyswitches.saturating_mul(instances),
            bootstraps: self.bootstraps.saturating_mul(instances),
        }
    }

    /// Returns the work of both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            keyswitches: self.keyswitches.saturating_add(other.keyswitches),
            bootstraps: self.bootstraps.saturating_add(other.bootstraps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuits::{exact::Exact, tournament::Tournament};

    /// The numbers of `docs/FHE.md`: signs, absolute values and index look-ups; one keyswitch per match and group.
    #[test]
    fn a_tournament_takes_what_the_documentation_says() {
        let ten = Tournament::new(10, None, 3).effort();
        assert_eq!(ten, Effort { keyswitches: 9 + 3, bootstraps: 9 + 8 + 3 });
        let coarse = Tournament::new(10, None, 0).effort();
        assert_eq!(coarse, Effort { keyswitches: 9 + 3, bootstraps: 9 + 3 });
        // The one match of the level before the final is read finely.
        assert_eq!(Tournament::new(10, None, 1).effort().bootstraps, 9 + 1 + 3);
        let hundred = Tournament::new(100, None, 6).effort();
        assert_eq!(hundred, Effort { keyswitches: 99 + 55, bootstraps: 99 + 98 + 55 });
        let abstaining = Tournament::new(10, Some(1), 4).effort();
        assert_eq!(abstaining, Effort { keyswitches: 10 + 4, bootstraps: 10 + 9 + 4 });
        let test = Tournament::test(10, 1).effort();
        assert_eq!(test, Effort { keyswitches: 10, bootstraps: 9 + 1 });
        assert_eq!(ten.times(3).and(test).bootstraps, 3 * 20 + 10);
    }

    #[test]
    fn an_exact_argmax_compares_every_pair() {
        let three = Exact::new(3, 10, None).map(|exact| exact.effort());
        // A range of 10 votes needs no refinement: three signs, three verdicts, one look-up per digit of a label.
        assert_eq!(three, Some(Effort { keyswitches: 3 + 3 + 3, bootstraps: 3 + 3 + 3 }));
    }
}
