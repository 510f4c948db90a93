//! Dealing one labeled dataset to the participants of a simulated federation.
//!
//! All records of a person go to one participant, whichever the partition. Everything is a function of data and seed.

use super::dataset::{Dataset, DatasetError};
use super::seeds;
use super::shards::{ShardKey, shard};
use std::collections::BTreeMap;

mod skew;
#[cfg(test)]
mod tests;

/// The least α; below, every participant holds one class, and a draw would not differ from it in floats.
pub const MIN_ALPHA: f64 = 0.001;
/// The largest α; above, every participant holds the same mixture.
pub const MAX_ALPHA: f64 = 1_000_000.0;

/// How records are dealt to participants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Partition {
    /// By the keyed hash by which the protocol makes shards: nobody's data decides where another's goes.
    Hashed,
    /// Each participant draws its mixture of classes from a Dirichlet distribution; a simulation.
    Skew {
        /// Concentration: 0.1 is nearly one class each, 100 nearly even.
        alpha: f64,
    },
    /// Each group, named by the persons' column, goes whole to one participant; a simulation.
    Group,
}

/// Why data cannot be dealt.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PartitionError {
    /// Nobody is there to deal to.
    #[error("data cannot be dealt to 0 participants; use at least 1")]
    NoParticipants,
    /// The concentration is no number in the range.
    #[error("skew:{alpha} is not usable; α must be between {MIN_ALPHA} and {MAX_ALPHA}")]
    Alpha {
        /// The refused value.
        alpha: f64,
    },
    /// The text names no partition.
    #[error("partition {text:?} is not known; use hashed, skew:ALPHA (for example skew:0.3) or group")]
    Unknown {
        /// The refused text.
        text: String,
    },
    /// There are no groups.
    #[error("the data names no groups; add persons.npy, or a column `person` to the CSV file, or use hashed")]
    NoGroups,
    /// There is too little to deal.
    #[error("{found} {unit} cannot be dealt to {participants} participants; use fewer participants")]
    TooFew {
        /// `records`, `persons` or `groups`.
        unit: &'static str,
        /// How many there are.
        found: usize,
        /// How many participants were asked for.
        participants: usize,
    },
    /// The hash left a participant without a record.
    #[error(
        "participant {} of {participants} would hold no record; use fewer participants, more data or another seed",
        participant + 1
    )]
    Empty {
        /// The participant, counted from 0.
        participant: usize,
        /// How many participants were asked for.
        participants: usize,
    },
    /// The data has no labels.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

impl std::str::FromStr for Partition {
    type Err = PartitionError;

    fn from_str(text: &str) -> Result<Self, PartitionError> {
        let unknown = || PartitionError::Unknown { text: text.to_owned() };
        match text.split_once(':') {
            None if text == "hashed" => Ok(Self::Hashed),
            None if text == "group" => Ok(Self::Group),
            Some(("skew", alpha)) => {
                let alpha = alpha.parse().map_err(|_| unknown())?;
                let is_usable = (MIN_ALPHA..=MAX_ALPHA).contains(&alpha);
                if is_usable { Ok(Self::Skew { alpha }) } else { Err(PartitionError::Alpha { alpha }) }
            }
            _ => Err(unknown()),
        }
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hashed => f.write_str("hashed"),
            Self::Skew { alpha } => write!(f, "skew:{alpha}"),
            Self::Group => f.write_str("group"),
        }
    }
}

impl Partition {
    /// Returns whether this is a thing of simulations alone: where a record goes depends on other records.
    #[must_use]
    pub fn is_simulation(&self) -> bool {
        !matches!(self, Self::Hashed)
    }
}

/// Returns the indices of a dataset's records, one list per participant, each in the dataset's order.
///
/// # Errors
/// Too few records, persons or groups, a participant left without any, no labels where classes are needed, or an α
/// outside its range.
pub fn partition(
    dataset: &Dataset,
    partition: Partition,
    participants: usize,
    seed: u64,
) -> Result<Vec<Vec<usize>>, PartitionError> {
    if participants == 0 {
        return Err(PartitionError::NoParticipants);
    }
    let mut parts = match partition {
        Partition::Hashed => hashed(dataset, participants, seed)?,
        Partition::Skew { alpha } => skew::deal(dataset, alpha, participants, seed)?,
        Partition::Group => grouped(dataset, participants)?,
    };
    parts.iter_mut().for_each(|part| part.sort_unstable());
    Ok(parts)
}

/// Returns a key for simulations, which a seed decides; a participant's own key is random.
#[must_use]
pub fn simulated_key(purpose: &str, seed: u64, index: u64) -> [u8; 32] {
    let part = |i: u64| seeds::derive(purpose, seed, index.wrapping_mul(4).wrapping_add(i)).to_le_bytes();
    let mut bytes = [0; 32];
    for (chunk, i) in bytes.chunks_exact_mut(8).zip(0..) {
        chunk.copy_from_slice(&part(i));
    }
    bytes
}

/// Returns a seed for one simulated participant, of 32 bits as its config takes it.
#[must_use]
pub fn simulated_seed(seed: u64, index: u64) -> u32 {
    let [a, b, c, d, ..] = seeds::derive("simulated participant", seed, index).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn hashed(dataset: &Dataset, participants: usize, seed: u64) -> Result<Vec<Vec<usize>>, PartitionError> {
    let key = ShardKey::new(simulated_key("partition by hash", seed, 0));
    match shard(dataset, &key, participants) {
        Ok(shards) => Ok(shards.indices),
        Err(super::shards::ShardError::Empty { shard, .. }) => {
            Err(PartitionError::Empty { participant: shard, participants })
        }
        Err(super::shards::ShardError::NoTeachers) => Err(PartitionError::NoParticipants),
    }
}

/// Deals the largest group first, each to whoever holds the fewest records; ties go to the first.
fn grouped(dataset: &Dataset, participants: usize) -> Result<Vec<Vec<usize>>, PartitionError> {
    let persons = dataset.persons().ok_or(PartitionError::NoGroups)?;
    let mut groups = units(persons);
    if groups.len() < participants {
        return Err(PartitionError::TooFew { unit: "groups", found: groups.len(), participants });
    }
    // The sort is stable, and groups come in the order of their names.
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut parts = vec![Vec::new(); participants];
    for group in groups {
        if let Some(part) = parts.iter_mut().min_by_key(|part| part.len()) {
            part.extend(group);
        }
    }
    Ok(parts)
}

/// Returns the records of each person, in the order of the persons' names.
fn units(persons: &[String]) -> Vec<Vec<usize>> {
    let mut units: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, person) in persons.iter().enumerate() {
        units.entry(person).or_default().push(index);
    }
    units.into_values().collect()
}
