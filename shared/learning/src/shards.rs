//! Cutting a participant's data into one shard per teacher, so that one person moves one vote.

use super::dataset::Dataset;
use sha2::{Digest, Sha256};
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

    /// HMAC-SHA256 (RFC 2104) of `message`; a key of 32 bytes is padded with zeros to the block of 64.
    fn authenticate(&self, message: impl Fn(Sha256) -> Sha256) -> [u8; 32] {
        let pad = |byte: u8| {
            let keyed = Sha256::new().chain_update(self.0.map(|k| k ^ byte));
            keyed.chain_update([byte; 32])
        };
        let inner = message(pad(0x36)).finalize();
        pad(0x5c).chain_update(inner).finalize().into()
    }
}

impl std::fmt::Debug for ShardKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShardKey(secret)")
    }
}

/// What a shard keeps whole, and hence whom the privacy cost per person protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivacyUnitOfData {
    /// All records of one person lie in one shard.
    Person,
    /// The data names no persons: each record stands alone, and a person with several records moves several votes.
    Record,
}

/// Why data cannot be cut into shards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// No teacher was asked for.
    #[error("a participant needs at least 1 teacher, not 0")]
    NoTeachers,
    /// A shard holds no record.
    #[error(
        "shard {} of {teachers} holds no record, so its teacher cannot be trained; use fewer teachers or more data",
        shard + 1
    )]
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

/// Assigns every record to one of `teachers` shards: keyed hash of its person's key, or of the record (values and
/// label) where there are no persons, modulo the number of shards. Shards are never balanced, stratified or sorted,
/// because then one person would decide where others go.
///
/// A shard with one class only is trained like any other. An empty shard is refused. That answer depends on the data,
/// outside the privacy accounting: whoever sees that a participant does not take part for this reason learns that one
/// of its shards is empty. With at least 20 persons per teacher on average an empty shard has a chance below
/// `teachers` · 2.1e-9.
///
/// # Errors
/// No teachers, or a shard without a record.
pub fn shard(dataset: &Dataset, key: &ShardKey, teachers: usize) -> Result<Shards, ShardError> {
    if teachers == 0 {
        return Err(ShardError::NoTeachers);
    }
    let unit =
        if dataset.persons().is_some() { PrivacyUnitOfData::Person } else { PrivacyUnitOfData::Record };
    let mut indices = vec![Vec::new(); teachers];
    for index in 0..dataset.len() {
        let hash = match dataset.persons().and_then(|persons| persons.get(index)) {
            Some(person) => key.authenticate(|hash| hash.chain_update("person").chain_update(person)),
            None => key.authenticate(|hash| hash_record(hash.chain_update("record"), dataset, index)),
        };
        if let Some(shard) = indices.get_mut(remainder(&hash, teachers)) {
            shard.push(index);
        }
    }
    match indices.iter().position(Vec::is_empty) {
        Some(shard) => Err(ShardError::Empty { shard, teachers }),
        None => Ok(Shards { unit, indices }),
    }
}

fn hash_record(hash: Sha256, dataset: &Dataset, index: usize) -> Sha256 {
    let label = dataset.labels().and_then(|labels| labels.get(index)).copied().unwrap_or_default();
    let values = dataset.instance(index).unwrap_or_default();
    values.iter().fold(hash.chain_update(label.to_le_bytes()), |hash, v| hash.chain_update(v.to_le_bytes()))
}

/// Returns the hash as a number modulo `teachers`; 128 bits leave a bias below 2^-64.
fn remainder(hash: &[u8; 32], teachers: usize) -> usize {
    let (low, _) = hash.split_at(16);
    let number = low.iter().fold(0_u128, |number, &byte| (number << 8) | u128::from(byte));
    usize::try_from(number % (teachers as u128)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const KEY: ShardKey = ShardKey([7; 32]);

    /// Three visits of each of `persons` people, in turns.
    fn visits(persons: usize) -> Dataset {
        let keys: Vec<String> = (0..3 * persons).map(|i| format!("patient {}", i % persons)).collect();
        let values = (0..3 * persons).map(|i| i as f32).collect();
        Dataset::new(values, vec![1], None, Some(keys)).unwrap()
    }

    fn persons_of(data: &Dataset, indices: &[usize]) -> BTreeSet<String> {
        indices.iter().map(|&i| data.persons().unwrap()[i].clone()).collect()
    }

    #[test]
    fn the_keyed_hash_is_hmac_sha256() {
        // RFC 4231, test case 1; HMAC pads its key of 20 bytes with zeros, so it is also a key of 32 bytes.
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let tag = ShardKey::new(key).authenticate(|hash| hash.chain_update("Hi There"));
        assert_eq!(hex::encode(tag), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn all_records_of_a_person_lie_in_one_shard_and_each_record_in_exactly_one() {
        let data = visits(200);
        let shards = shard(&data, &KEY, 8).unwrap();
        assert_eq!(shards.unit, PrivacyUnitOfData::Person);
        let mut homes: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (number, indices) in shards.indices.iter().enumerate() {
            assert!(indices.is_sorted());
            for person in persons_of(&data, indices) {
                homes.entry(person).or_default().insert(number);
            }
        }
        assert_eq!(homes.len(), 200);
        assert!(homes.values().all(|shards| shards.len() == 1));
        let mut all: Vec<usize> = shards.indices.concat();
        all.sort_unstable();
        assert_eq!(all, (0..600).collect::<Vec<_>>());
    }

    #[test]
    fn a_person_that_leaves_moves_nobody_else() {
        let data = visits(100);
        let gone = "patient 42";
        let left: Vec<usize> = (0..data.len()).filter(|&i| data.persons().unwrap()[i] != gone).collect();
        let without = data.select(&left);
        let (before, after) = (shard(&data, &KEY, 5).unwrap(), shard(&without, &KEY, 5).unwrap());
        let mut lost = 0;
        for (before, after) in before.indices.iter().zip(&after.indices) {
            let kept: Vec<&[f32]> =
                before.iter().filter(|i| left.contains(i)).filter_map(|&i| data.instance(i)).collect();
            let found: Vec<&[f32]> = after.iter().filter_map(|&i| without.instance(i)).collect();
            assert_eq!(kept, found);
            lost += before.len() - after.len();
        }
        assert_eq!(lost, 3);
    }

    #[test]
    fn without_persons_the_unit_is_the_record_and_copies_of_a_record_stay_together() {
        let values: Vec<f32> = (0..60).chain(0..60).map(|i| i as f32).collect();
        let labels = (0..60).chain(0..60).map(|i| i % 3).collect();
        let data = Dataset::new(values, vec![1], Some(labels), None).unwrap();
        let shards = shard(&data, &KEY, 4).unwrap();
        assert_eq!(shards.unit, PrivacyUnitOfData::Record);
        for indices in &shards.indices {
            assert!(indices.iter().all(|&i| indices.contains(&((i + 60) % 120))));
        }
    }

    #[test]
    fn the_key_decides_and_is_not_printed() {
        let data = visits(100);
        let other = ShardKey::new([8; 32]);
        assert_ne!(shard(&data, &KEY, 5).unwrap(), shard(&data, &other, 5).unwrap());
        assert_eq!(format!("{other:?}"), "ShardKey(secret)");
    }

    #[test]
    fn an_empty_shard_is_refused_and_named() {
        let error = shard(&visits(2), &KEY, 20).unwrap_err();
        assert!(matches!(error, ShardError::Empty { teachers: 20, .. }));
        assert!(error.to_string().ends_with("use fewer teachers or more data"), "{error}");
        assert_eq!(shard(&visits(2), &KEY, 0), Err(ShardError::NoTeachers));
        let nobody = Dataset::new(Vec::new(), vec![1], None, None).unwrap();
        assert_eq!(shard(&nobody, &KEY, 1), Err(ShardError::Empty { shard: 0, teachers: 1 }));
    }
}
