//! The keyswitch, of several ciphertexts in one walk through the key, in integers modulo 2^32.

use super::dispatch::{Registers, Work, dispatch};
use super::upper_half;
use crate::parameters::Parameters;

/// Neighbouring words of a row: as many as the processor adds at once.
type Strip = [u32; 16];
/// Ciphertexts for which a row is fetched once.
const CIPHERTEXTS_AT_ONCE: usize = 4;
/// Levels that are added at once; the number of levels of every parameter set is a multiple.
const LEVELS_AT_ONCE: usize = 4;

/// The keyswitching key in words of 32 bits: what is rounded off, 2^32, is far below the key's own noise.
pub(crate) struct SwitchKey {
    /// Row by row: for each word of the large key one row per level, the least significant first.
    rows: Vec<Strip>,
    /// Strips of a row, of which the last is filled up.
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
        let strip = |words: &[u64]| {
            let mut strip = Strip::default();
            strip.iter_mut().zip(words).for_each(|(strip, word)| *strip = upper_half(*word));
            strip
        };
        let width = size.div_ceil(Strip::default().len());
        let rows =
            words.chunks_exact(size).flat_map(|row| row.chunks(Strip::default().len()).map(strip)).collect();
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

struct Switch<'a, 'b> {
    key: &'a SwitchKey,
    ciphertexts: &'a [&'b [u64]],
}

impl Work for Switch<'_, '_> {
    type Output = Vec<Vec<u32>>;

    #[inline(always)]
    fn run<R: Registers>(self, _: R) -> Self::Output {
        let Self { key, ciphertexts } = self;
        // filled up to whole groups, with digits of zero
        let count = ciphertexts.len().next_multiple_of(CIPHERTEXTS_AT_ONCE);
        let mut sums = vec![vec![Strip::default(); key.width]; count];
        let mut digits = vec![0; key.levels * count];
        for (place, rows) in key.rows.chunks_exact(key.levels * key.width).enumerate() {
            for (digits, ciphertext) in digits.chunks_exact_mut(key.levels).zip(ciphertexts) {
                key.digits(ciphertext[place], digits);
            }
            let (digits, _) = digits.as_chunks::<LEVELS_AT_ONCE>();
            let groups = key.levels / LEVELS_AT_ONCE;
            for (group, rows) in rows.chunks_exact(LEVELS_AT_ONCE * key.width).enumerate() {
                for (first, sums) in sums.as_chunks_mut::<CIPHERTEXTS_AT_ONCE>().0.iter_mut().enumerate() {
                    let place = |sum: usize| (first * CIPHERTEXTS_AT_ONCE + sum) * groups + group;
                    subtract(sums, rows, std::array::from_fn(|sum| digits[place(sum)]));
                }
            }
        }
        let switched = sums.iter().zip(ciphertexts).map(|(sum, ciphertext)| {
            let mut words = sum.as_flattened()[..key.size].to_vec();
            if let (Some(body), Some(word)) = (words.last_mut(), ciphertext.last()) {
                *body = body.wrapping_add(upper_half(*word));
            }
            words
        });
        switched.collect()
    }
}

/// sum −= Σ digit·row over four rows, for four sums.
#[inline(always)]
fn subtract(
    sums: &mut [Vec<Strip>; CIPHERTEXTS_AT_ONCE],
    rows: &[Strip],
    digits: [[u32; LEVELS_AT_ONCE]; CIPHERTEXTS_AT_ONCE],
) {
    let width = rows.len() / LEVELS_AT_ONCE;
    let rows: [&[Strip]; LEVELS_AT_ONCE] = std::array::from_fn(|level| &rows[level * width..][..width]);
    let mut sums = sums.each_mut().map(|sum| &mut sum[..width]);
    for place in 0..width {
        let rows = rows.map(|row| row[place]);
        let strips = sums.each_ref().map(|sum| sum[place]);
        // to arrays of its own, or the loop would not be compiled for sixteen words at once
        let mut rests = [Strip::default(); CIPHERTEXTS_AT_ONCE];
        for word in 0..Strip::default().len() {
            for sum in 0..CIPHERTEXTS_AT_ONCE {
                rests[sum][word] = strips[sum][word];
                for level in 0..LEVELS_AT_ONCE {
                    let product = rows[level][word].wrapping_mul(digits[sum][level]);
                    rests[sum][word] = rests[sum][word].wrapping_sub(product);
                }
            }
        }
        for (sum, rest) in sums.iter_mut().zip(rests) {
            sum[place] = rest;
        }
    }
}
