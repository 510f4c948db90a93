//! Cutting a participant's data into one shard per teacher, so that one person moves one vote.

use super::dataset::Dataset;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key with which a participant assigns persons to shards; it never leaves the participant.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ShardKey([u8; 32]);

impl ShardKey {
    /// Takes 32 secret random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for ShardKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShardKey(secret)")
    }
}

/// What a shard keeps whole, and hence whom the person's unit of privacy protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivacyUnitOfData {
    /// All records of one person lie in one shard.
    Person,
    /// The data names no persons: each record is on its own, and a person with several records moves several votes.
    Record,
}

/// Why data cannot be cut into shards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// No teacher was asked for.
    #[error("a participant needs at least 1 teacher, not 0")]
    NoTeachers,
    /// A shard holds no record. This answer depends on the data: see [`shard`].
    #[error("shard {shard} of {teachers} holds no record; use fewer teachers or more data")]
    Empty {
        /// The empty shard, counted from 0.
        shard: usize,
        /// The number of shards.
        teachers: usize,
    },
}

/// The indices of a dataset's instances, one list per teacher, each in the dataset's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shards {
    /// What each shard keeps whole.
    pub unit: PrivacyUnitOfData,
    /// One list of indices per teacher.
    pub indices: Vec<Vec<usize>>,
}

/// Assigns every record to a shard by a keyed hash of its person's key, or of the record itself.
///
/// # Errors
/// No teachers, or a shard without a record.
pub fn shard(dataset: &Dataset, key: &ShardKey, teachers: usize) -> Result<Shards, ShardError> {
    let _ = (dataset, key, teachers);
    todo!()
}
