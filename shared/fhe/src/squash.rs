//! The 128-bit squash: a second bootstrap that leaves so little noise that openings can hide it.
//!
//! A tallied digit stands at 2^59 of 2^64 with noise of about 2^49: too little room to drown what an opening says
//! about the key. The squash brings the digit to 2^123 of 2^128 with noise below 2^70.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{GlweCiphertext, GlweCiphertextOwned, LweCiphertext};

use super::expand::Lwe;
use super::keys::{EvaluationKeys, SquashingKey};
use super::labels::{LabelCiphertexts, digits_per_label};
use super::parameters::{POLYNOMIAL_SIZE, ParameterSet, modulus};
use super::squash_parameters::{SQUASH, wide_modulus};
use super::squashed::{SQUASHED_DIGIT_LOG, Squashed};
use super::tally::TallyError;

/// Values of a digit, one box of the table each.
const BOXES: usize = 16;
const STEPS_PER_BOX: usize = POLYNOMIAL_SIZE / BOXES;
/// Digits that share one walk through the squashing key.
const DIGITS_PER_BATCH: usize = 8;

/// Squashes the digits of all labels, on the threads of the current rayon pool.
///
/// `on_squashed` gets each instance, in order, with the digits of its label, the low one first. Between chunks
/// of a few instances `cancel` is looked at; no more than a chunk is held in memory (64 kB per digit). The same
/// labels under the same keys give the same bytes, whatever the threads; on every machine, but for a key read for
/// [`super::Transform::Fourier`], of which `docs/FHE.md` says what is known.
///
/// # Errors
/// Refuses labels and squashing keys made with other parameters than the evaluation keys, and stops when
/// cancelled.
pub fn squash(
    keys: &EvaluationKeys,
    squashing: &SquashingKey,
    labels: &LabelCiphertexts,
    cancel: &AtomicBool,
    on_squashed: impl FnMut(usize, Vec<Squashed>),
) -> Result<(), TallyError> {
    // a full batch for every thread
    let digits_per_chunk = DIGITS_PER_BATCH * rayon::current_num_threads();
    let instances_per_chunk = digits_per_chunk.div_ceil(digits_per_label(labels.layout().classes()));
    squash_in_chunks(keys, squashing, labels, instances_per_chunk, cancel, on_squashed)
}

pub(crate) fn squash_in_chunks(
    keys: &EvaluationKeys,
    squashing: &SquashingKey,
    labels: &LabelCiphertexts,
    instances_per_chunk: usize,
    cancel: &AtomicBool,
    mut on_squashed: impl FnMut(usize, Vec<Squashed>),
) -> Result<(), TallyError> {
    check_set("label ciphertext list", labels.parameter_set(), keys)?;
    check_set("squashing key", squashing.parameter_set(), keys)?;
    let table = digit_table();
    let instances = labels.layout().instances();
    let digits_per_label = digits_per_label(labels.layout().classes());
    let digits: Vec<&[u64]> = labels.instances().flatten().collect();
    let mut done = 0;
    for chunk in digits.chunks(digits_per_label * instances_per_chunk.max(1)) {
        if cancel.load(Ordering::Relaxed) {
            return Err(TallyError::Cancelled { done, instances });
        }
        let digits: Vec<Lwe> =
            chunk.iter().map(|digit| LweCiphertext::from_container(digit.to_vec(), modulus())).collect();
        let switched = keys.switch_by_bits(&digits);
        // no larger than lets every thread have some
        let batch = digits.len().div_ceil(rayon::current_num_threads()).clamp(1, DIGITS_PER_BATCH);
        let rotate = |batch| squashing.rotation().rotate(&table, batch);
        let squashed: Vec<Squashed> = switched.par_chunks(batch).flat_map_iter(rotate).collect();
        let mut squashed = squashed.into_iter();
        for _ in chunk.chunks(digits_per_label) {
            on_squashed(done, squashed.by_ref().take(digits_per_label).collect());
            done += 1;
        }
    }
    Ok(())
}

fn check_set(what: &'static str, got: ParameterSet, keys: &EvaluationKeys) -> Result<(), TallyError> {
    let expected = keys.parameter_set();
    if got == expected {
        return Ok(());
    }
    Err(TallyError::Parameters { what, expected: expected.name(), got: got.name() })
}

/// The table that gives digit d at 2^123 for a phase within half a box, 64 steps, of d boxes.
///
/// A digit stands on the border where box d would begin, so the table is read half a box further on. After the
/// centered switch a phase between p and p + 1 steps reads entry p, which makes the boxes symmetrical as they
/// are. The last half box belongs to phases just below 0, which read its negation: it holds 0.
fn digit_table() -> GlweCiphertextOwned<u128> {
    let mut table = GlweCiphertext::new(0, SQUASH.glwe_size(), SQUASH.polynomial_size(), wide_modulus());
    for (step, word) in table.get_mut_body().as_mut().iter_mut().enumerate() {
        let digit = (step + STEPS_PER_BOX / 2) / STEPS_PER_BOX % BOXES;
        *word = (digit as u128) << SQUASHED_DIGIT_LOG;
    }
    table
}
