//! The pieces of the key: uniform vectors that sum to it, each with the key of its flooding.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::sharing::Sharing;
use base::ids::Digest;
use fhe::SQUASHED_DIMENSION;

/// Bytes of the key of a piece's flooding.
pub(super) const FLOOD_KEY_BYTES: usize = 32;
pub(super) const WORD: usize = size_of::<u128>();
const COMMITMENT_DOMAIN: &[u8] = b"psephos commitment to a piece v1";

/// Says why the key cannot be dealt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DealError {
    /// The key has another dimension.
    #[error("the key has {got} bits, expected exactly {SQUASHED_DIMENSION}; deal the key of the squash")]
    Length {
        /// Number of bits that came.
        got: usize,
    },
    /// The key is not binary.
    #[error("word {place} of the key is neither 0 nor 1; deal the bits of the key, one per word")]
    Bit {
        /// Place of the first such word, from 0.
        place: usize,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

/// Is one piece of the key: s_A, a vector modulo 2^128, and r_A, the key of its flooding.
#[derive(Clone)]
pub struct Piece {
    pub(super) vector: Zeroizing<Vec<u128>>,
    pub(super) flood_key: Zeroizing<[u8; FLOOD_KEY_BYTES]>,
}

impl Piece {
    /// Returns the commitment to this piece as that of the set of this number: SHA-256 over number, vector and
    /// flood key.
    ///
    /// It hides the piece, because the flood key alone is 256 uniform bits, and it binds the dealer to it.
    #[must_use]
    pub fn commitment(&self, set: usize) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(COMMITMENT_DOMAIN);
        hasher.update((set as u64).to_le_bytes());
        for word in self.vector.iter() {
            hasher.update(word.to_le_bytes());
        }
        hasher.update(self.flood_key.as_slice());
        Digest::from_bytes(hasher.finalize().into())
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Piece").finish_non_exhaustive()
    }
}

/// Splits a key of 4096 bits, one per word, into one piece per set of the sharing, in the order of
/// [`Sharing::sets`].
///
/// The vectors sum to the key modulo 2^128. All but the last are drawn uniformly, so any selection that lacks
/// one of them is uniform and independent of the key.
///
/// # Errors
/// Refuses a key of another dimension or one that is not binary, and stops if the system has no randomness.
pub fn deal(bits: &[u64], sharing: Sharing) -> Result<Vec<Piece>, DealError> {
    if bits.len() != SQUASHED_DIMENSION {
        return Err(DealError::Length { got: bits.len() });
    }
    if let Some(place) = bits.iter().position(|bit| *bit > 1) {
        return Err(DealError::Bit { place });
    }
    split(bits, sharing.set_count())?
        .into_iter()
        .map(|vector| {
            let mut flood_key = Zeroizing::new([0; FLOOD_KEY_BYTES]);
            draw(flood_key.as_mut_slice())?;
            Ok(Piece { vector, flood_key })
        })
        .collect()
}

/// Splits a key of any dimension into `count` vectors that sum to it modulo 2^128.
pub(super) fn split(bits: &[u64], count: usize) -> Result<Vec<Zeroizing<Vec<u128>>>, DealError> {
    let mut rest: Zeroizing<Vec<u128>> = Zeroizing::new(bits.iter().map(|bit| u128::from(*bit)).collect());
    let mut vectors = Vec::with_capacity(count);
    for _ in 1..count {
        let vector = uniform_vector(bits.len())?;
        for (word, drawn) in rest.iter_mut().zip(vector.iter()) {
            *word = word.wrapping_sub(*drawn);
        }
        vectors.push(vector);
    }
    vectors.push(rest);
    Ok(vectors)
}

fn uniform_vector(dimension: usize) -> Result<Zeroizing<Vec<u128>>, DealError> {
    let mut bytes = Zeroizing::new(vec![0; dimension * WORD]);
    draw(&mut bytes)?;
    Ok(words(&bytes))
}

fn draw(bytes: &mut [u8]) -> Result<(), DealError> {
    getrandom::fill(bytes).map_err(|error| DealError::Randomness(error.to_string()))
}

/// Reads little-endian words; a rest shorter than a word is left out.
pub(super) fn words(bytes: &[u8]) -> Zeroizing<Vec<u128>> {
    let (words, _) = bytes.as_chunks::<WORD>();
    Zeroizing::new(words.iter().map(|word| u128::from_le_bytes(*word)).collect())
}
