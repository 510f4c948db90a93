//! Deriving independent generators from one seed, so that no two uses share a stream.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Returns a generator for one `purpose`, of which `index` is the instance (a teacher's shard, an epoch).
pub(super) fn generator(purpose: &str, seed: u64, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(digest(purpose, seed, index))
}

/// Returns a seed for one `purpose`.
pub(super) fn derive(purpose: &str, seed: u64, index: u64) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest(purpose, seed, index);
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn digest(purpose: &str, seed: u64, index: u64) -> [u8; 32] {
    // The purpose comes last: the two numbers before it have a fixed length, so no two inputs collide.
    let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(index.to_le_bytes());
    hash.chain_update(purpose.as_bytes()).finalize().into()
}

/// Returns a standard normal number by Box and Muller, for data and training, never for noise; 1 − u keeps the
/// logarithm finite.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}
