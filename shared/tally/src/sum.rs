//! The sum of the counted ballots, as the words that ballots keep.

use base::ids::Digest;
use borsh::BorshSerialize;

/// The degree of the ring, and the most slots of a list.
pub const DEGREE: usize = 2048;
/// The largest number of classes.
pub const MAX_CLASSES: u16 = 100;
/// The largest number of instances of a round.
pub const MAX_INSTANCES: u32 = 1_000_000;

/// Why a sum cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// Too few or too many classes or instances.
    #[error(
        "{instances} instances of {classes} classes: a round has 1 to {MAX_INSTANCES} instances of 2 to {MAX_CLASSES} classes"
    )]
    Layout {
        /// Classes asked for.
        classes: u16,
        /// Instances asked for.
        instances: u32,
    },
    /// Another number of words.
    #[error("a sum of {got} words, this round's have exactly {expected}: fetch it again")]
    Length {
        /// The only possible number.
        expected: usize,
        /// The number that came.
        got: usize,
    },
}

/// Where each (instance, class) lies: instance-major, in lists of at most 2048 slots that hold whole instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub struct Layout {
    classes: u16,
    instances: u32,
}

impl Layout {
    /// Lays out a round.
    ///
    /// # Errors
    /// Refuses fewer than 2 or more than [`MAX_CLASSES`] classes, and 0 or more than [`MAX_INSTANCES`] instances.
    pub const fn new(classes: u16, instances: u32) -> Result<Self, SumError> {
        if classes < 2 || classes > MAX_CLASSES || instances == 0 || instances > MAX_INSTANCES {
            return Err(SumError::Layout { classes, instances });
        }
        Ok(Self { classes, instances })
    }

    /// Returns the number C of classes.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes as usize
    }

    /// Returns the number Q of instances.
    #[must_use]
    pub const fn instances(&self) -> u32 {
        self.instances
    }

    /// Returns how many whole instances a full list holds.
    #[must_use]
    pub const fn instances_per_list(&self) -> usize {
        DEGREE / self.classes()
    }

    /// Returns the number of lists.
    #[must_use]
    pub const fn lists(&self) -> usize {
        (self.instances as usize).div_ceil(self.instances_per_list())
    }

    /// Returns the number of words of all lists: a mask of 2048 each, and one word per slot.
    #[must_use]
    pub const fn words(&self) -> usize {
        self.lists() * DEGREE + self.instances as usize * self.classes()
    }

    /// Returns where a list begins among all words.
    const fn start(&self, list: usize) -> usize {
        list * (DEGREE + self.instances_per_list() * self.classes())
    }
}

/// The homomorphic sum of the counted ballots: per list the mask's 2048 words, then one word per slot.
#[derive(Clone, PartialEq, Eq)]
pub struct Sum {
    layout: Layout,
    words: Vec<u32>,
    digest: Digest,
}

impl Sum {
    /// Takes the words of a sum over.
    ///
    /// # Errors
    /// Refuses any other number of words than [`Layout::words`].
    pub fn new(layout: Layout, words: Vec<u32>) -> Result<Self, SumError> {
        if words.len() != layout.words() {
            return Err(SumError::Length { expected: layout.words(), got: words.len() });
        }
        let mut bytes = Vec::with_capacity(4 * words.len());
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let digest = Digest::of_value("tally sum", &(layout, Digest::of(&bytes)));
        Ok(Self { layout, words, digest })
    }

    /// Returns the layout of the round.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the words of all lists.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Returns the digest of layout and words.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the mask and the bodies of a list; both are empty beyond the last.
    pub(crate) fn list(&self, index: usize) -> (&[u32], &[u32]) {
        let end = self.layout.start(index + 1).min(self.words.len());
        let list = self.words.get(self.layout.start(index)..end).unwrap_or(&[]);
        list.split_at_checked(DEGREE).unwrap_or((&[], &[]))
    }
}

impl std::fmt::Debug for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sum")
            .field("layout", &self.layout)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_whole_instances_and_only_the_last_is_short() {
        let layout = Layout::new(10, 205).unwrap();
        assert_eq!((layout.lists(), layout.words()), (2, 2 * DEGREE + 2050));
        let sum = Sum::new(layout, (0..layout.words() as u32).collect()).unwrap();
        let (mask, bodies) = sum.list(1);
        assert_eq!(
            (mask[0], mask.len(), bodies),
            (4088, DEGREE, [6136, 6137, 6138, 6139, 6140, 6141, 6142, 6143, 6144, 6145].as_slice())
        );
        assert_eq!(sum.list(2).1.len(), 0);
    }

    #[test]
    fn other_sizes_are_refused() {
        assert!(Layout::new(1, 5).is_err() && Layout::new(101, 5).is_err() && Layout::new(2, 0).is_err());
        let layout = Layout::new(2, 3).unwrap();
        let refused = Sum::new(layout, vec![0; 2053]).unwrap_err();
        assert_eq!(refused, SumError::Length { expected: 2054, got: 2053 });
    }
}
