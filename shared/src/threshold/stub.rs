//! Stub until merge.
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
/// Stub.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct TrusteeIndex(u8);
impl TrusteeIndex {
    /// Stub.
    pub fn new(number: u8) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }
    /// Stub.
    pub const fn get(self) -> u8 {
        self.0
    }
}
/// Stub.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shares {
    /// Stub.
    pub values: Vec<Vec<u128>>,
}
/// Stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    n: u8,
    t: u8,
}
/// Stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stub")]
pub struct SharingError;
impl Sharing {
    /// Stub.
    pub fn new(n: u8, t: u8) -> Result<Self, SharingError> {
        if [(1, 0), (3, 1), (4, 1), (5, 2)].contains(&(n, t)) { Ok(Self { n, t }) } else { Err(SharingError) }
    }
    /// Stub.
    pub fn sets(self) -> Vec<u8> {
        (0..1u8 << self.n).filter(|m| m.count_ones() as u8 == self.n - self.t).collect()
    }
    /// Stub.
    pub fn held_by(self, i: TrusteeIndex) -> Vec<usize> {
        self.sets().iter().enumerate().filter(|(_, m)| *m >> (i.get() - 1) & 1 == 1).map(|(k, _)| k).collect()
    }
    /// Stub.
    pub const fn quorum(self) -> u8 {
        self.t + 1
    }
    /// Stub.
    pub const fn corroborated_from(self) -> u8 {
        2 * self.t + 1
    }
}
