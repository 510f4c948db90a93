//! The keyswitch, of several ciphertexts in one walk through the key, in integers modulo 2^32.

use super::dispatch::{Work, dispatch};
use crate::fhe::parameters::Parameters;

/// Words that the processor adds at once.
const ALIGNMENT: usize = 16;
/// Levels that are added at once; the number of levels of every parameter set is a multiple.
const LEVELS_AT_ONCE: usize = 4;

/// The keyswitching key in words of 32 bits: what is rounded off, 2^32, is far below the key's own noise.
pub(crate) struct SwitchKey {
    /// Row by row: for each word of the large key one row per level, the least significant first.
    rows: Vec<u32>,
    /// Words of a row with those that fill it up.
    width: usize,
    /// Words of a ciphertext under the small key: its mask and its body.
    size: usize,
    levels: usize,
    base_log: u32,
}

impl SwitchKey {
    /// Rounds a key of 64-bit words, rows as tfhe keeps them.
    pub(crate) fn new(words: &[u64], parameters: &Parameters) -> Self {
        let size = parameters.small_size().0;
        let width = size.next_multiple_of(ALIGNMENT);
        let mut rows = Vec::with_capacity(words.len() / size * width);
        for row in words.chunks_exact(size) {
            rows.extend(row.iter().map(|word| upper_half(*word)));
            rows.resize(rows.len() + width - size, 0);
        }
        let levels = parameters.keyswitch_levels as usize;
        Self { rows, width, size, levels, base_log: parameters.keyswitch_base_log }
    }

    /// Brings ciphertexts of the large key (mask, then body) to the small one.
    pub(crate) fn switch(&self, ciphertexts: &[&[u64]]) -> Vec<Vec<u32>> {
        dispatch(Switch { key: self, ciphertexts })
    }

    /// The digits of a mask word, the least significant first, each within half a base of 0.
    ///
    /// Half a base stays where the next digit is small and is carried where it is large, as tfhe does it, so that digits
    /// are as often negative as positive.
    #[inline(always)]
    fn digits(&self, word: u64, digits: &mut [u32]) {
        let bits = self.base_log * self.levels as u32;
        let (kept, half) = (word >> (63 - bits), 1_i64 << (bits - 1));
        let rounded = ((kept + 1) >> 1 & ((1 << bits) - 1)).cast_signed();
        let is_negative = rounded > half || (rounded == half && kept & 1 == 1);
        let mut rest = if is_negative { rounded - 2 * half } else { rounded };
        for digit in digits {
            let low = rest & ((1 << self.base_log) - 1);
            rest >>= self.base_log;
            let carry = (((low - 1) | rest) & low) >> (self.base_log - 1);
            rest += carry;
            *digit = (low - (carry << self.base_log)) as u32;
        }
    }
}

const fn upper_half(word: u64) -> u32 {
    (word.wrapping_add(1 << 31) >> 32) as u32
}

struct Switch<'a, 'b> {
    key: &'a SwitchKey,
    ciphertexts: &'a [&'b [u64]],
}

impl Work for Switch<'_, '_> {
    type Output = Vec<Vec<u32>>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { key, ciphertexts } = self;
        let mut sums = vec![vec![0_u32; key.width]; ciphertexts.len()];
        let mut digits = vec![0_u32; key.levels];
        for (place, rows) in key.rows.chunks_exact(key.levels * key.width).enumerate() {
            for (sum, ciphertext) in sums.iter_mut().zip(ciphertexts) {
                key.digits(ciphertext[place], &mut digits);
                let rows = rows.chunks_exact(LEVELS_AT_ONCE * key.width);
                for (rows, digits) in rows.zip(digits.chunks_exact(LEVELS_AT_ONCE)) {
                    subtract(sum, rows, digits);
                }
            }
        }
        for (sum, ciphertext) in sums.iter_mut().zip(ciphertexts) {
            sum.truncate(key.size);
            if let (Some(body), Some(word)) = (sum.last_mut(), ciphertext.last()) {
                *body = body.wrapping_add(upper_half(*word));
            }
        }
        sums
    }
}

/// sum −= Σ digit·row over four rows.
#[inline(always)]
fn subtract(sum: &mut [u32], rows: &[u32], digits: &[u32]) {
    let width = sum.len();
    let (first, rest) = rows.split_at(width);
    let (second, rest) = rest.split_at(width);
    let (third, fourth) = rest.split_at(width);
    let (a, b, c, d) = (digits[0], digits[1], digits[2], digits[3]);
    let rows = first.iter().zip(second).zip(third.iter().zip(fourth));
    for (sum, ((first, second), (third, fourth))) in sum.iter_mut().zip(rows) {
        let upper = first.wrapping_mul(a).wrapping_add(second.wrapping_mul(b));
        let lower = third.wrapping_mul(c).wrapping_add(fourth.wrapping_mul(d));
        *sum = sum.wrapping_sub(upper.wrapping_add(lower));
    }
}
