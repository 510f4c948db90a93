//! Deriving independent generators from one seed, so that no two uses share a stream.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// A generator for one `purpose`, of which `index` is the instance (a teacher's shard, an epoch).
pub(super) fn generator(purpose: &str, seed: u64, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(digest(purpose, seed, index))
}

/// A seed for one `purpose`.
pub(super) fn derive(purpose: &str, seed: u64, index: u64) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest(purpose, seed, index);
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn digest(purpose: &str, seed: u64, index: u64) -> [u8; 32] {
    // The purpose comes last: the two numbers before it have a fixed length, so no two inputs collide.
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(index.to_le_bytes());
    hash.chain_update(purpose.as_bytes()).finalize().into()
}
