//! Tests of the room: most with the toy parameters, whose circuit is the same, some with the secure ones.

mod accuracy;
mod ballots;
mod brackets;
mod comparisons;
mod exact;
mod framing;
mod kernel;
mod openings;
mod resolutions;
mod steps;
mod thresholds;
mod tournaments;
mod transforms;

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use tfhe::core_crypto::commons::generators::DeterministicSeeder;
use tfhe::core_crypto::commons::math::random::Seed;

use super::keys::SeedSource;
use super::*;

/// All keys of one federation.
pub(super) struct Federation {
    pub(super) secret: SecretKeys,
    pub(super) material: PublicMaterial,
    pub(super) encryption: EncryptionKey,
    pub(super) evaluation: EvaluationKeys,
}

impl Federation {
    fn new(scheme: Scheme, seed: u128) -> Self {
        let set = scheme.parameters;
        let secret = SecretKeys::seeded(set, seed);
        let mut seeds = SeedSource::Fixed(Box::new(DeterministicSeeder::new(Seed(seed + 1))));
        let material = secret.public_material_from(scheme.unrolling, &mut seeds).unwrap();
        let encryption = EncryptionKey::from_bytes(&material.public_key, set).unwrap();
        let evaluation =
            EvaluationKeys::from_parts(&material.keyswitching_key, &material.bootstrapping_key, scheme)
                .unwrap();
        Self { secret, material, encryption, evaluation }
    }

    /// Returns the same keys, read for another way to rotate.
    pub(super) fn with(&self, rotation: Rotation) -> EvaluationKeys {
        let scheme = Scheme { rotation, ..self.evaluation.scheme() };
        EvaluationKeys::from_parts(&self.material.keyswitching_key, &self.material.bootstrapping_key, scheme)
            .unwrap()
    }

    /// Encrypts the counts as one ballot and adds it to an empty sum.
    pub(super) fn sum(&self, resolution: &Resolution, counts: &[Vec<i64>]) -> RunningSum {
        let body = encrypt(&self.encryption, &resolution.encoding(), &counts.concat()).unwrap();
        let mut sum = RunningSum::new(resolution.layout());
        sum.add(&BallotBody::parse(&body, resolution.layout()).unwrap()).unwrap();
        sum
    }

    /// One round with one ballot, from the counts to the opened labels.
    pub(super) fn labels(&self, resolution: &Resolution, counts: &[Vec<i64>]) -> Vec<Option<u16>> {
        let sum = self.sum(resolution, counts);
        let labels = tally(&self.evaluation, resolution, &sum, &AtomicBool::new(false), |_| ()).unwrap();
        self.secret.open(&labels).unwrap()
    }
}

/// The toy parameters in the default form: our kernel, bit by bit.
pub(super) const TOY_SCHEME: Scheme =
    Scheme { parameters: ParameterSet::InsecureToy, rotation: Rotation::Fused, unrolling: Unrolling::Bits };
const TOY_PAIRS: Scheme = Scheme { unrolling: Unrolling::Pairs, ..TOY_SCHEME };
const SWIFT_PAIRS: Scheme =
    Scheme { parameters: ParameterSet::Swift, rotation: Rotation::Fused, unrolling: Unrolling::Pairs };

pub(super) static TOY: LazyLock<Federation> = LazyLock::new(|| Federation::new(TOY_SCHEME, 7));
/// The same with pairs of key bits.
pub(super) static PAIRED: LazyLock<Federation> = LazyLock::new(|| Federation::new(TOY_PAIRS, 7));
/// The secure parameters of the tournament, bit by bit and in pairs.
pub(super) static SWIFTLY: LazyLock<Federation> =
    LazyLock::new(|| Federation::new(Scheme { unrolling: Unrolling::Bits, ..SWIFT_PAIRS }, 70));
pub(super) static SWIFTEST: LazyLock<Federation> = LazyLock::new(|| Federation::new(SWIFT_PAIRS, 70));
/// The secure parameters of the exact circuit.
pub(super) static SECURE: LazyLock<Federation> =
    LazyLock::new(|| Federation::new(Scheme { parameters: ParameterSet::Full, ..TOY_SCHEME }, 70));

pub(super) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Returns the class with the most votes, the lowest of several.
pub(super) fn plain_argmax(counts: &[i64]) -> Option<u16> {
    let most = counts.iter().max()?;
    counts.iter().position(|count| count == most).map(|class| class as u16)
}

/// Random counts in `range`, except that `winner` leads the best of the others by exactly `gap`.
pub(super) fn counts_with_gap(
    rng: &mut ChaCha20Rng,
    classes: usize,
    winner: usize,
    gap: i64,
    range: std::ops::Range<i64>,
) -> Vec<i64> {
    let mut counts: Vec<i64> = (0..classes).map(|_| rng.random_range(range.clone())).collect();
    counts[winner] = i64::MIN;
    counts[winner] = counts.iter().max().unwrap() + gap;
    counts
}
