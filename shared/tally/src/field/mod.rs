//! The field GF(2^128) in which products are checked.

pub(crate) mod kernel;
pub(crate) mod lagrange;
pub(crate) mod points;

use std::ops::{Add, AddAssign};

use zeroize::Zeroize;

/// An element of GF(2)\[x\] / (x^128 + x^7 + x^2 + x + 1); bit i is the coefficient of x^i.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Element(pub(crate) u128);

/// What x^128 is: x^7 + x^2 + x + 1.
const FOLD: u128 = 0x87;

impl Element {
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const ONE: Self = Self(1);

    /// Returns the product, by the fastest kernel of this machine.
    pub(crate) fn times(self, other: Self) -> Self {
        kernel::dot(&[self], &[other])
    }

    /// Returns x·self.
    pub(crate) const fn shifted(self) -> Self {
        Self((self.0 << 1) ^ ((self.0 >> 127) * FOLD))
    }

    /// Returns the inverse, self^(2^128 − 2); that of zero is zero.
    pub(crate) fn inverse(self) -> Self {
        let mut power = self;
        let mut product = Self::ONE;
        for _ in 1..128 {
            power = power.times(power);
            product = product.times(power);
        }
        product
    }

    /// Reads an element from two words, the lower one first.
    pub(crate) const fn from_words(words: [u64; 2]) -> Self {
        Self(words[0] as u128 | (words[1] as u128) << 64)
    }

    /// Returns the element as two words, the lower one first.
    pub(crate) const fn to_words(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }
}

impl Add for Element {
    type Output = Self;

    #[expect(
        clippy::suspicious_arithmetic_impl,
        reason = "the sum of a field of characteristic two is this one"
    )]
    fn add(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl AddAssign for Element {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Zeroize for Element {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Reduces a product of 256 bits.
const fn reduce(low: u128, high: u128) -> Element {
    let over = high >> 127 ^ high >> 126 ^ high >> 121;
    let folded = high ^ high << 1 ^ high << 2 ^ high << 7;
    Element(low ^ folded ^ over ^ over << 1 ^ over << 2 ^ over << 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Stream;

    pub(crate) fn elements(seed: u8, count: usize) -> Vec<Element> {
        let mut words = vec![0; 2 * count];
        Stream::new(&[seed; 32]).add_to(&mut words);
        words.as_chunks().0.iter().map(|words| Element::from_words(*words)).collect()
    }

    /// Multiplies by adding shifted copies, as at school.
    pub(crate) fn by_hand(left: Element, right: Element) -> Element {
        let (mut sum, mut power) = (Element::ZERO, left);
        for bit in 0..128 {
            if right.0 >> bit & 1 == 1 {
                sum += power;
            }
            power = power.shifted();
        }
        sum
    }

    #[test]
    fn products_are_those_by_hand_and_inverses_invert() {
        for pair in elements(1, 200).chunks(2) {
            assert_eq!(pair[0].times(pair[1]), by_hand(pair[0], pair[1]));
            assert_eq!(pair[0].times(pair[0].inverse()), Element::ONE);
        }
        assert_eq!(Element::ZERO.inverse(), Element::ZERO);
    }

    #[test]
    fn the_product_is_that_of_a_published_vector() {
        // GCM specification, test case 2 (GHASH numbers bits from the other end): H · C.
        let ghash = |hex: u128| Element(hex.reverse_bits());
        let product = ghash(0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2e)
            .times(ghash(0x0388_dace_60b6_a392_f328_c2b9_71b2_fe78));
        assert_eq!(product, ghash(0x5e2e_c746_9170_6288_2c85_b068_5353_deb7));
    }
}
