//! Where each (instance, class) slot of a round lies in a ballot.

use std::ops::Range;

use super::parameters::POLYNOMIAL_SIZE;

/// The largest number of classes a federation may have.
pub const MAX_CLASSES: usize = 100;
/// The largest number of instances of one round.
pub const MAX_INSTANCES: usize = 1_000_000;

/// Bytes that a word of a mask keeps in a ballot.
pub(crate) const MASK_BYTES: usize = 4;
/// Bytes that the word of a slot keeps in a ballot.
pub(crate) const SLOT_BYTES: usize = 3;

/// The slots of a round: instance-major, in lists of at most 2048 that hold whole instances.
///
/// A list is one compact ciphertext: 2048 mask words, then one body word per slot. On the wire both are rounded to their
/// upper bits, see [`super::BallotBody`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    classes: usize,
    instances: usize,
}

/// Why a round cannot be laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Too few or too many classes.
    #[error("{0} classes: a federation has 2 to {MAX_CLASSES} classes")]
    Classes(usize),
    /// No instance, or too many.
    #[error("{0} instances: a round has 1 to {MAX_INSTANCES} instances; split it into several rounds")]
    Instances(usize),
}

/// One list of a ballot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    /// The slots of the round that lie in this list.
    pub(crate) slots: Range<usize>,
    /// Where the list lies among the words of all lists.
    pub(crate) words: Range<usize>,
}

impl Layout {
    /// Lays out `instances` instances of `classes` classes.
    ///
    /// # Errors
    /// Refuses fewer than 2 or more than [`MAX_CLASSES`] classes, and 0 or more than [`MAX_INSTANCES`]
    /// instances.
    pub fn new(classes: usize, instances: usize) -> Result<Self, LayoutError> {
        if !(2..=MAX_CLASSES).contains(&classes) {
            return Err(LayoutError::Classes(classes));
        }
        if !(1..=MAX_INSTANCES).contains(&instances) {
            return Err(LayoutError::Instances(instances));
        }
        Ok(Self { classes, instances })
    }

    /// Returns the layout of what a test puts out for these instances: labels among one class, which is to pass.
    ///
    /// An instance has one digit: 1 (class 0) where the test passes, 0 (abstention) where it does not. No ballot and
    /// no label has this layout, since [`Layout::new`] refuses one class.
    ///
    /// [`super::LabelCiphertexts::from_bytes`] reads a test when it is given this layout.
    #[must_use]
    pub const fn test(&self) -> Self {
        Self { classes: 1, instances: self.instances }
    }

    /// Returns the layout of as many labels among the same classes as instances are tallied.
    ///
    /// # Errors
    /// Refuses 0 or more than [`MAX_INSTANCES`] instances.
    pub const fn of_instances(&self, instances: usize) -> Result<Self, LayoutError> {
        if instances == 0 || instances > MAX_INSTANCES {
            return Err(LayoutError::Instances(instances));
        }
        Ok(Self { classes: self.classes, instances })
    }

    /// Returns the number C of classes, 2 to 100, or 1 for a test.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the number Q of instances.
    #[must_use]
    pub const fn instances(&self) -> usize {
        self.instances
    }

    /// Returns the number of slots, Q·C.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.classes * self.instances
    }

    /// Returns how many whole instances a full list holds, floor(2048 / C).
    #[must_use]
    pub const fn instances_per_list(&self) -> usize {
        POLYNOMIAL_SIZE / self.classes
    }

    /// Returns the number of lists.
    #[must_use]
    pub const fn lists(&self) -> usize {
        self.instances.div_ceil(self.instances_per_list())
    }

    /// Returns the exact length of a ballot body in bytes.
    #[must_use]
    pub const fn body_bytes(&self) -> usize {
        self.slots() * SLOT_BYTES + self.lists() * POLYNOMIAL_SIZE * MASK_BYTES
    }

    /// Returns the number of words of all lists: one per slot, and one mask per list.
    pub(crate) const fn words(&self) -> usize {
        self.slots() + self.lists() * POLYNOMIAL_SIZE
    }

    /// Returns the number of slots of every list but the last.
    const fn slots_per_list(&self) -> usize {
        self.instances_per_list() * self.classes
    }

    /// Returns list number `index`, which must be below [`Layout::lists`].
    pub(crate) fn list(&self, index: usize) -> List {
        let first_slot = index * self.slots_per_list();
        let end_slot = (first_slot + self.slots_per_list()).min(self.slots());
        let first_word = first_slot + index * POLYNOMIAL_SIZE;
        let end_word = end_slot + (index + 1) * POLYNOMIAL_SIZE;
        List { slots: first_slot..end_slot, words: first_word..end_word }
    }

    /// Returns the number of the list that holds `slot`, and its place there.
    pub(crate) const fn place(&self, slot: usize) -> (usize, usize) {
        (slot / self.slots_per_list(), slot % self.slots_per_list())
    }
}
