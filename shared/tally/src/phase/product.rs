//! The product of a mask and a piece of the key: modulo 2^32 and X^2048 + 1.

use crate::hidden::Hidden;
use crate::sum::DEGREE;

/// How many bits of the key are taken at a time.
const STRIDE: usize = 8;

/// A piece of the key: 2048 bits, each spread over a word, so that a bit selects a number without a branch.
pub(crate) struct KeyPiece(Hidden<Vec<u32>>);

impl KeyPiece {
    /// Takes 2048 bits from 32 words.
    pub(crate) fn from_bits(words: &[u64]) -> Self {
        let bit = |place: usize| (words[place / 64] >> (place % 64)) as u32 & 1;
        Self(Hidden::new((0..DEGREE).map(|place| bit(place).wrapping_neg()).collect()))
    }

    /// Returns the coefficients as 0 and 2^64 − 1.
    pub(crate) fn wide(&self) -> Hidden<Vec<u64>> {
        Hidden::new(self.0.iter().map(|mask| u64::from(*mask & 1).wrapping_neg()).collect())
    }
}

/// Multiplies masks by pieces of the key, always in the same memory.
pub(crate) struct Multiplier {
    /// The mask between zeros, so that its shifted copies are windows.
    padded: Vec<u32>,
    /// The product before X^2048 = −1.
    long: Hidden<Vec<u32>>,
    product: Hidden<Vec<u32>>,
}

impl Default for Multiplier {
    fn default() -> Self {
        Self {
            padded: vec![0; DEGREE + 2 * (STRIDE - 1)],
            long: Hidden::new(vec![0; 2 * DEGREE + STRIDE]),
            product: Hidden::new(vec![0; DEGREE]),
        }
    }
}

impl Multiplier {
    /// Multiplies a mask of 2048 words; a missing end counts as zero.
    pub(crate) fn product(&mut self, mask: &[u32], key: &KeyPiece) -> &[u32] {
        let middle = &mut self.padded[STRIDE - 1..STRIDE - 1 + DEGREE];
        middle.fill(0);
        for (padded, word) in middle.iter_mut().zip(mask) {
            *padded = *word;
        }
        self.long.fill(0);
        for (start, bits) in key.0.as_chunks::<STRIDE>().0.iter().enumerate() {
            let sums = &mut self.long[STRIDE * start..STRIDE * start + DEGREE + STRIDE - 1];
            add_selected_32(sums, &self.padded, bits);
        }
        let (low, high) = self.long.split_at(DEGREE);
        for ((product, low), high) in self.product.iter_mut().zip(low).zip(high) {
            *product = low.wrapping_sub(*high);
        }
        &self.product
    }
}

/// Defines the addition of the shifted copies of a mask that so many bits of the key select, for one size of words.
macro_rules! add_selected {
    ($name:ident, $word:ty) => {
        fn $name(sums: &mut [$word], padded: &[$word], bits: &[$word; STRIDE]) {
            let length = sums.len();
            // One window per bit: the later the bit, the further the copy is shifted.
            let [a, b, c, d, e, f, g, h] =
                [7, 6, 5, 4, 3, 2, 1, 0].map(|start| &padded[start..start + length]);
            for (place, sum) in sums.iter_mut().enumerate() {
                let first = (a[place] & bits[0])
                    .wrapping_add(b[place] & bits[1])
                    .wrapping_add(c[place] & bits[2])
                    .wrapping_add(d[place] & bits[3]);
                let second = (e[place] & bits[4])
                    .wrapping_add(f[place] & bits[5])
                    .wrapping_add(g[place] & bits[6])
                    .wrapping_add(h[place] & bits[7]);
                *sum = sum.wrapping_add(first).wrapping_add(second);
            }
        }
    };
}
add_selected!(add_selected_32, u32);
add_selected!(add_selected_64, u64);

/// Multiplies two polynomials modulo 2^64 and X^2048 + 1, one of them with coefficients 0 and 1 as [`KeyPiece::wide`] has them.
pub(crate) fn product_64(words: &[u64], selected: &[u64]) -> Hidden<Vec<u64>> {
    let mut padded = vec![0; DEGREE + 2 * (STRIDE - 1)];
    padded[STRIDE - 1..].iter_mut().zip(words).for_each(|(padded, word)| *padded = *word);
    let mut long = Hidden::new(vec![0_u64; 2 * DEGREE + STRIDE]);
    for (start, bits) in selected.as_chunks::<STRIDE>().0.iter().enumerate() {
        add_selected_64(&mut long[STRIDE * start..STRIDE * start + DEGREE + STRIDE - 1], &padded, bits);
    }
    let (low, high) = long.split_at(DEGREE);
    Hidden::new(low.iter().zip(high).map(|(low, high)| low.wrapping_sub(*high)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Stream;

    #[test]
    fn products_are_those_by_definition() {
        let mut words = vec![0; DEGREE + 32];
        Stream::new(&[1; 32]).add_to(&mut words);
        let (mask, bits) = words.split_at(DEGREE);
        let key = KeyPiece::from_bits(bits);
        let mut expected = vec![0_u64; DEGREE];
        for (shift, selected) in key.wide().iter().enumerate().filter(|(_, selected)| **selected != 0) {
            assert_eq!(*selected, u64::MAX);
            for (place, word) in mask.iter().enumerate() {
                let target = &mut expected[(place + shift) % DEGREE];
                *target = if place + shift < DEGREE {
                    target.wrapping_add(*word)
                } else {
                    target.wrapping_sub(*word)
                };
            }
        }
        assert_eq!(product_64(mask, &key.wide()).to_vec(), expected);
        let low: Vec<u32> = mask.iter().map(|word| *word as u32).collect();
        let expected: Vec<u32> = expected.iter().map(|word| *word as u32).collect();
        let mut multiplier = Multiplier::default();
        assert_eq!(multiplier.product(&low, &key), expected);
        assert_eq!(multiplier.product(&low, &key), expected, "the memory is used again");
    }
}
