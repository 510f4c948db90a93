//! Ballot bodies: a participant's encrypted counts, as raw lists without header or signature.
//!
//! A ballot carries no more of a ciphertext than the tally can use. Of every word of a mask the upper 32 bits are kept, of
//! every slot's word the upper 24, each rounded to nearest: 14 336 bytes for 2048 slots instead of 32 768. What the
//! rounding adds to a count is in [`super::noise`], and in the circuit's own error like everything else.

use tfhe::core_crypto::commons::generators::NoiseRandomGenerator;
use tfhe::core_crypto::prelude::{
    DefaultRandomGenerator, LweCiphertextCount, LweCompactCiphertextList, PlaintextList,
    encrypt_lwe_compact_ciphertext_list_with_compact_public_key,
};
use zeroize::Zeroizing;

use super::encoding::Encoding;
use super::keys::{EncryptionKey, random_seed};
use super::layout::{Layout, MASK_BYTES, SLOT_BYTES};
use super::parameters::{POLYNOMIAL_SIZE, modulus};

/// Why a ballot body cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BallotError {
    /// The counts do not fill the round's slots.
    #[error("{got} counts for a round of {expected} slots")]
    Slots {
        /// Slots of the round.
        expected: usize,
        /// Counts given.
        got: usize,
    },
    /// A count lies outside the range in which counts are encoded.
    #[error("slot {slot}: a count of {count} votes lies outside ±{bound}, the range of this round")]
    Count {
        /// The slot, instance·C + class.
        slot: usize,
        /// The count given.
        count: i64,
        /// The range D.
        bound: u64,
    },
    /// The body has another length than the round's layout gives it.
    #[error("a ballot body of {got} bytes, this round's have exactly {expected}")]
    Length {
        /// The only possible length in bytes.
        expected: usize,
        /// The length that came.
        got: usize,
    },
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
}

/// Encrypts one count per slot, instance-major, with fresh randomness of the operating system.
///
/// Returns the rounded words of all lists, [`Layout::body_bytes`] bytes in all.
///
/// # Errors
/// Refuses another number of counts than the round has slots, a count outside ±D, and a system without
/// randomness.
pub fn encrypt(key: &EncryptionKey, encoding: &Encoding, counts: &[i64]) -> Result<Vec<u8>, BallotError> {
    let layout = encoding.layout();
    if counts.len() != layout.slots() {
        return Err(BallotError::Slots { expected: layout.slots(), got: counts.len() });
    }
    let bound = encoding.bound();
    if let Some((slot, &count)) = counts.iter().enumerate().find(|(_, count)| count.unsigned_abs() > bound) {
        return Err(BallotError::Count { slot, count, bound });
    }
    let mut body = Vec::with_capacity(layout.body_bytes());
    for index in 0..layout.lists() {
        let list = encrypt_list(key, encoding.scale(), &counts[layout.list(index).slots])?;
        write_list(&mut body, &list);
    }
    Ok(body)
}

/// Appends a list: the masks, then the upper two bytes of every slot's word, then the third byte of every one.
fn write_list(body: &mut Vec<u8>, list: &[u64]) {
    let (masks, slots) = list.split_at(POLYNOMIAL_SIZE);
    body.extend(masks.iter().flat_map(|&word| upper_bits(word, MASK_BYTES).to_le_bytes()));
    let kept = |word: &u64| upper_bits(*word, SLOT_BYTES);
    body.extend(slots.iter().flat_map(|word| ((kept(word) >> 8) as u16).to_le_bytes()));
    body.extend(slots.iter().map(|word| kept(word) as u8));
}

/// Rounds a word to its upper `bytes` bytes, to nearest; beyond the greatest lies zero, as everywhere on the torus.
const fn upper_bits(word: u64, bytes: usize) -> u32 {
    let left_out = u64::BITS - u8::BITS * bytes as u32;
    (word.wrapping_add(1 << (left_out - 1)) >> left_out) as u32
}

/// Encrypts at most 2048 counts as one compact list: 2048 mask words and one body word per count.
fn encrypt_list(key: &EncryptionKey, scale: u64, counts: &[i64]) -> Result<Vec<u64>, BallotError> {
    let parameters = key.parameter_set().parameters();
    let seed = random_seed().map_err(|error| BallotError::Randomness(error.to_string()))?;
    let mut generator = NoiseRandomGenerator::<DefaultRandomGenerator>::new_from_seed(seed);
    // two's complement: a negative count wraps around the torus
    let encoded: Zeroizing<Vec<u64>> =
        Zeroizing::new(counts.iter().map(|&count| count.cast_unsigned().wrapping_mul(scale)).collect());
    let mut list = LweCompactCiphertextList::new(
        0_u64,
        parameters.large_size(),
        LweCiphertextCount(counts.len()),
        modulus(),
    );
    encrypt_lwe_compact_ciphertext_list_with_compact_public_key(
        key.public_key(),
        &mut list,
        &PlaintextList::from_container(encoded.as_slice()),
        parameters.glwe_noise(),
        parameters.glwe_noise(),
        &mut generator,
    );
    Ok(list.into_container())
}

/// The lists of one ballot, of the right length for a round; their content proves nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct BallotBody {
    layout: Layout,
    bytes: Vec<u8>,
}

impl BallotBody {
    /// Reads the body of a ballot for a round of this layout.
    ///
    /// # Errors
    /// Refuses any length other than [`Layout::body_bytes`].
    pub fn parse(bytes: &[u8], layout: Layout) -> Result<Self, BallotError> {
        if bytes.len() != layout.body_bytes() {
            return Err(BallotError::Length { expected: layout.body_bytes(), got: bytes.len() });
        }
        Ok(Self { layout, bytes: bytes.to_vec() })
    }

    /// Returns the layout the body was read with.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Adds the words of all lists to as many sums, each the upper 32 bits of a word.
    pub(crate) fn add_to(&self, sums: &mut [u32]) {
        let mut bytes = self.bytes.as_slice();
        for index in 0..self.layout.lists() {
            let list = self.layout.list(index);
            let (masks, slots) = sums[list.words].split_at_mut(POLYNOMIAL_SIZE);
            let (high, low) = (masks.len() * MASK_BYTES, slots.len() * (SLOT_BYTES - 1));
            let (mask_bytes, rest) = bytes.split_at(high);
            let (upper, rest) = rest.split_at(low);
            let (third, rest) = rest.split_at(slots.len());
            for (sum, word) in masks.iter_mut().zip(mask_bytes.as_chunks().0) {
                *sum = sum.wrapping_add(u32::from_le_bytes(*word));
            }
            for ((sum, upper), third) in slots.iter_mut().zip(upper.as_chunks().0).zip(third) {
                let word = u32::from(u16::from_le_bytes(*upper)) << 16 | u32::from(*third) << 8;
                *sum = sum.wrapping_add(word);
            }
            bytes = rest;
        }
    }
}

impl std::fmt::Debug for BallotBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BallotBody").field("layout", &self.layout).finish_non_exhaustive()
    }
}
