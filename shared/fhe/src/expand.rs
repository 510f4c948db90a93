//! From a slot of a compact list to the ciphertext of that slot alone.

use tfhe::core_crypto::prelude::{LweCiphertext, LweCiphertextOwned, LweSize};

use super::parameters::{POLYNOMIAL_SIZE, modulus};
use super::sum::RunningSum;

/// A ciphertext under the large key: 2048 mask words and the body.
pub(crate) type Lwe = LweCiphertextOwned<u64>;

/// Extracts the ciphertext of one slot, below [`super::Layout::slots`], of a sum.
///
/// Slot j of a list has the mask X^j·a(X) modulo X^N + 1 (Joye 2023, "TFHE public-key encryption revisited").
/// Expanding slot by slot costs what expanding a list costs, but 16 kB instead of 33 MB of memory.
pub(crate) fn slot(sum: &RunningSum, slot: usize) -> Lwe {
    let (list, place) = sum.layout().place(slot);
    let (mask, bodies) = sum.list_words(list).split_at(POLYNOMIAL_SIZE);
    let mut ciphertext = LweCiphertext::new(0, LweSize(POLYNOMIAL_SIZE + 1), modulus());
    let (mut slot_mask, slot_body) = ciphertext.get_mut_mask_and_body();
    let (around, after) = slot_mask.as_mut().split_at_mut(place);
    let (stay, turn) = mask.split_at(POLYNOMIAL_SIZE - place);
    after.iter_mut().zip(stay).for_each(|(word, upper)| *word = whole(*upper));
    // X^N = −1
    around.iter_mut().zip(turn).for_each(|(word, upper)| *word = whole(*upper).wrapping_neg());
    *slot_body.data = whole(bodies[place]);
    ciphertext
}

/// Returns the word whose upper half is given.
fn whole(upper: u32) -> u64 {
    u64::from(upper) << u32::BITS
}
