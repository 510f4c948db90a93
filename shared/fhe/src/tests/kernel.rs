//! Our kernel against tfhe: phase by phase, on random keys, whatever the batch.

use proptest::prelude::*;
use rayon::prelude::*;

use super::super::expand::{self, Lwe};
use super::super::lookup::{LookUp, Switched, Table};
use super::super::noise::{self, Precision};
use super::*;

/// Standard errors that no error may exceed: a false alarm has a chance below 2^-40 per phase.
const DEVIATIONS: f64 = 7.5;

/// Ciphertexts of small counts, each from a slot of its own.
fn ciphertexts(federation: &Federation, count: usize, seed: u64) -> Vec<Lwe> {
    let resolution =
        Resolution::new(Layout::new(2, count).unwrap(), ArgmaxKind::Tournament, 250, 2285.7).unwrap();
    let mut rng = rng(seed);
    let counts: Vec<Vec<i64>> =
        (0..count).map(|_| vec![rng.random_range(-400..400), rng.random_range(-400..400)]).collect();
    let sum = federation.sum(&resolution, &counts);
    (0..count).into_par_iter().map(|instance| expand::slot(&sum, 2 * instance)).collect()
}

/// Returns a digit that has nothing to do with that of the neighbouring ticks, so that a rotation by one tick too
/// many is seen.
const fn entry(tick: u64) -> u64 {
    (tick.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) << 59
}

/// Looks up the same inputs with both and compares each phase with the entry that the input's own phase names.
fn assert_phases(federation: &Federation, inputs: &[Switched]) {
    let table = Table::new(entry);
    let look_ups: Vec<LookUp<'_>> = inputs.iter().map(|input| LookUp { input, table: &table }).collect();
    let bits = federation.secret.rotation_bits(federation.evaluation.scheme().unrolling);
    for keys in [&federation.evaluation, &federation.with(Rotation::Fourier)] {
        let bound = DEVIATIONS * noise::bootstrap_deviation(&keys.scheme());
        for (input, output) in inputs.iter().zip(keys.look_up_all(&look_ups, 8)) {
            let turn: usize =
                input.exponents.iter().zip(bits.iter()).map(|(&e, &bit)| usize::from(e) * bit as usize).sum();
            let place = (usize::from(input.body) + 4096 - turn % 4096) % 4096;
            let read = entry((place % 2048) as u64);
            let expected = if place < 2048 { read } else { read.wrapping_neg() };
            let error = federation.secret.phase(output.as_ref()).wrapping_sub(expected).cast_signed();
            assert!((error as f64).abs() < bound, "{:?}: {error} at place {place}", keys.scheme());
        }
    }
}

#[test]
fn every_rotation_reads_the_entry_that_tfhe_reads() {
    for federation in [&*SWIFTLY, &*SWIFTEST, &*SECURE] {
        for precision in [Precision::Fine, Precision::Coarse] {
            let inputs = federation.evaluation.switch_all(&ciphertexts(federation, 24, 1), precision);
            assert_phases(federation, &inputs);
        }
    }
}

#[test]
fn a_joint_table_puts_out_both_entries() {
    let federation = &*SWIFTEST;
    let inputs = federation.evaluation.switch_all(&ciphertexts(federation, 8, 2), Precision::Coarse);
    let (even, odd) = (|_| 1 << 61, |tick: u64| (tick / 2) << 51);
    let joint = Table::joint(even, odd);
    let tables = [Table::new(even), Table::new(odd)];
    let read = |table| {
        let look_ups: Vec<LookUp<'_>> = inputs.iter().map(|input| LookUp { input, table }).collect();
        federation.evaluation.look_up_all(&look_ups, 8)
    };
    let both = read(&joint);
    let bound = 2.0_f64.sqrt() * DEVIATIONS * noise::bootstrap_deviation(&federation.evaluation.scheme());
    for (place, table) in tables.iter().enumerate() {
        for (one, pair) in read(table).iter().zip(both.as_chunks::<2>().0) {
            let [one, two] = [one, &pair[place]].map(|output| federation.secret.phase(output.as_ref()));
            assert!((one.wrapping_sub(two).cast_signed() as f64).abs() < bound, "table {place}");
        }
    }
}

#[test]
fn the_keyswitch_gives_what_tfhe_gives_up_to_its_rounding() {
    use tfhe::core_crypto::prelude::{LweCiphertext, SeededLweKeyswitchKey, keyswitch_lwe_ciphertext};
    for federation in [&*SWIFTLY, &*SECURE, &*TOY] {
        let set = federation.secret.parameter_set();
        let parameters = set.parameters();
        let bytes = &federation.material.keyswitching_key;
        let seed = u128::from_le_bytes(bytes[44..60].try_into().unwrap());
        let words = bytes[60..].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        let key: SeededLweKeyswitchKey<Vec<u64>> = SeededLweKeyswitchKey::from_container(
            words,
            parameters.keyswitch_base(),
            parameters.keyswitch_level_count(),
            parameters.small_size(),
            Seed(seed).into(),
            parameters::modulus(),
        );
        let key = key.decompress_into_lwe_keyswitch_key();
        let slots = ciphertexts(federation, 5, 3);
        let views: Vec<&[u64]> = slots.iter().map(AsRef::as_ref).collect();
        let ours = federation.evaluation.keyswitching().switch(&views);
        for (slot, ours) in slots.iter().zip(ours) {
            let mut theirs = LweCiphertext::new(0_u64, parameters.small_size(), parameters::modulus());
            keyswitch_lwe_ciphertext(&key, slot, &mut theirs);
            for (ours, theirs) in ours.iter().zip(theirs.as_ref()) {
                // Each of the key's words is rounded to 32 bits, and multiplied by at most half a base.
                let error = (u64::from(*ours) << 32).wrapping_sub(*theirs).cast_signed();
                let rows = 2048 * u64::from(parameters.keyswitch_levels);
                let most = (rows << (31 + parameters.keyswitch_base_log - 1)) + (1 << 32);
                assert!(error.unsigned_abs() <= most, "{error}");
                assert!(error.unsigned_abs() < 1 << 42, "{error}: rounding errors average out");
            }
        }
    }
}

#[test]
fn the_bits_depend_neither_on_the_batch_nor_on_threads() {
    for federation in [&*TOY, &*PAIRED] {
        let slots = ciphertexts(federation, 21, 4);
        let run = |threads, batch| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let inputs = federation.evaluation.switch_all(&slots, Precision::Fine);
                let table = Table::new(entry);
                let look_ups: Vec<LookUp<'_>> =
                    inputs.iter().map(|input| LookUp { input, table: &table }).collect();
                federation.evaluation.look_up_all(&look_ups, batch)
            })
        };
        let one_by_one = run(1, 1);
        for (threads, batch) in [(1, 8), (2, 3), (3, 64)] {
            assert_eq!(run(threads, batch), one_by_one, "{threads} {batch}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Keys, exponents and tables of any kind: a rotation never leaves what tfhe's own gives.
    #[test]
    fn random_keys_and_exponents_agree_with_tfhe(seed in any::<u128>(), body in 0_u16..4096, pairs in any::<bool>()) {
        let unrolling = if pairs { Unrolling::Pairs } else { Unrolling::Bits };
        let federation = Federation::new(Scheme { unrolling, ..TOY_SCHEME }, seed);
        let mut rng = rng(seed as u64);
        let terms = unrolling.terms(64);
        let inputs: Vec<Switched> = (0..3)
            .map(|_| Switched { exponents: (0..terms).map(|_| rng.random_range(0..4096)).collect(), body })
            .collect();
        assert_phases(&federation, &inputs);
    }
}
