//! The Chinese remainder theorem: from residues modulo the three primes to words modulo 2^128.

use super::field::{Field, PRIMES, nearest};
use super::ntt::{DEGREE, Residues};
use super::words::{LOW_BITS, LOW_UNIT, Words, wrapped};

/// The constants of Garner's formula.
#[derive(Debug, Clone, Copy)]
pub(super) struct Garner {
    fields: [Field; 3],
    /// 1/p₁ modulo p₂.
    first_in_second: f64,
    /// 1/p₁ and 1/p₂ modulo p₃.
    in_third: [f64; 2],
    /// p₁·p₂ in the parts of a word.
    product: (f64, f64),
}

impl Garner {
    pub(super) fn new(fields: [Field; 3]) -> Self {
        let [first, second, _] = PRIMES;
        let product = i128::from(first) * i128::from(second);
        let half = 1 << (LOW_BITS - 1);
        let high = (product + half) >> LOW_BITS;
        Self {
            fields,
            first_in_second: fields[1].inverse_of(first),
            in_third: [first, second].map(|prime| fields[2].inverse_of(prime)),
            product: (high as f64, (product - (high << LOW_BITS)) as f64),
        }
    }

    /// Adds to each word the integer V that has these residues, each below 1.2·p, where |V| < 2^142.
    ///
    /// V = v₁ + p₁·(v₂ + p₂·v₃). Rounding makes |v₁| ≤ 0.54·p₁, |v₂| ≤ 0.56·p₂ and |v₃| ≤ 0.54·p₃, so the sum is within
    /// 0.55·p₁p₂p₃ of 0, and V within 0.26·p₁p₂p₃, as the product is above 2^143.99: two numbers with the same residues
    /// that differ by less than the product are the same.
    #[inline(always)]
    pub(super) fn add(&self, residues: &[Residues; 3], words: &mut Words) {
        let [first, second, third] = residues;
        let formula = *self;
        for place in 0..DEGREE {
            let residues = [first.numbers[place], second.numbers[place], third.numbers[place]];
            let (high, low) = formula.parts(formula.mixed(residues));
            words.add(place, high, low);
        }
    }

    /// v₁, v₂ and v₃.
    #[inline(always)]
    fn mixed(self, [first, second, third]: [f64; 3]) -> [f64; 3] {
        let [one, two, three] = self.fields;
        let first = one.reduce(first);
        let second = two.multiply(second - first, self.first_in_second);
        let rest = three.multiply(third - first, self.in_third[0]) - second;
        [first, second, three.multiply(rest, self.in_third[1])]
    }

    /// V in the parts of a word: |high| below 2^52 + 2^48, |low| below 2^52 + 2^48.
    ///
    /// Products of up to 100 bits are split exactly: into their rounding, of which the upper part goes on, and the error
    /// of that.
    #[inline(always)]
    fn parts(self, [first, second, third]: [f64; 3]) -> (f64, f64) {
        let (carry_1, low_1, error_1) = split(self.fields[0].prime, second);
        let (carry_2, low_2, error_2) = split(self.product.1, third);
        let upper = self.product.0 * third;
        let error_3 = self.product.0.mul_add(third, -upper);
        let high = wrapped(upper) + (carry_1 + carry_2 + error_3);
        (high, first + error_1 + error_2 + low_1 + low_2)
    }
}

/// a·b = carry·2^52 + low + error, with |low| ≤ 2^51.
#[inline(always)]
fn split(a: f64, b: f64) -> (f64, f64, f64) {
    let product = a * b;
    let error = a.mul_add(b, -product);
    let carry = nearest(product * (1.0 / LOW_UNIT));
    (carry, (-carry).mul_add(LOW_UNIT, product), error)
}
