//! From a slot of a compact list to the ciphertext of that slot alone.

use tfhe::core_crypto::algorithms::polynomial_algorithms::polynomial_wrapping_monic_monomial_mul;
use tfhe::core_crypto::prelude::{LweCiphertext, LweCiphertextOwned, LweSize, MonomialDegree, Polynomial};

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
    let words = sum.list_words(list);
    let (mask, bodies) = words.split_at(POLYNOMIAL_SIZE);
    let mut ciphertext = LweCiphertext::new(0, LweSize(POLYNOMIAL_SIZE + 1), modulus());
    let (mut slot_mask, slot_body) = ciphertext.get_mut_mask_and_body();
    polynomial_wrapping_monic_monomial_mul(
        &mut Polynomial::from_container(slot_mask.as_mut()),
        &Polynomial::from_container(mask),
        MonomialDegree(place),
    );
    *slot_body.data = bodies[place];
    ciphertext
}
