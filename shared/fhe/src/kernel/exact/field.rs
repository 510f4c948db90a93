//! Integers modulo a prime below 2^48, in 64-bit floating point.
//!
//! A residue is any integer of its class; how far it may lie from 0 is said where it matters, as a multiple of the prime
//! p.

/// 1.5·2^52: a number below 2^51, added to it, is rounded to its nearest integer.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Square roots of −1 modulo the three primes.
const IMAGINARY_UNITS: [u64; 3] = [16_776_704, 16_776_384, 16_775_040];

/// The three primes: the largest below 2^48 of the form x² + 1 with x divisible by 64.
///
/// 4096 divides p − 1, so there are roots of unity of order 2N; and x, a square root of −1, has only 24 bits, so that the
/// first layer of a transform of small numbers needs no reduction.
pub(super) const PRIMES: [u64; 3] = {
    let [a, b, c] = IMAGINARY_UNITS;
    [a * a + 1, b * b + 1, c * c + 1]
};

/// The nearest integer of a number below 2^51, ties to even.
#[inline(always)]
pub(super) fn nearest(number: f64) -> f64 {
    number + ROUNDER - ROUNDER
}

/// Arithmetic modulo one of the primes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) prime: f64,
    pub(super) inverse: f64,
    /// A square root of −1, below 2^24.
    pub(super) imaginary_unit: f64,
    modulus: u64,
}

impl Field {
    /// All three fields.
    pub(super) fn all() -> [Self; 3] {
        std::array::from_fn(|place| Self {
            prime: PRIMES[place] as f64,
            inverse: 1.0 / PRIMES[place] as f64,
            imaginary_unit: IMAGINARY_UNITS[place] as f64,
            modulus: PRIMES[place],
        })
    }

    /// a·b, for |a·b| ≤ C·p² with C < 8: at most (1/2 + C/16)·p. With |a| ≤ A·p and |b| ≤ p/2 that is (1/2 + A/32)·p.
    ///
    /// The product is h + l exactly, h its rounding and |l| ≤ |h|·2^-53 < C·p/32. The quotient q is h/p but for 1/2 of
    /// the rounding to an integer, which |h/p| < 2^51 allows, and |h/p|·2^-53 < C/32 of the inverse. So h − q·p is an
    /// integer below 2^53, which the fused multiplication gives exactly, and so is the sum.
    #[inline(always)]
    pub(super) fn multiply(self, a: f64, b: f64) -> f64 {
        let high = a * b;
        let low = a.mul_add(b, -high);
        let quotient = high.mul_add(self.inverse, ROUNDER) - ROUNDER;
        (-quotient).mul_add(self.prime, high) + low
    }

    /// The same residue, for |a| ≤ A·p below 2^53: at most (1/2 + A/32)·p.
    #[inline(always)]
    pub(super) fn reduce(self, a: f64) -> f64 {
        let quotient = a.mul_add(self.inverse, ROUNDER) - ROUNDER;
        (-quotient).mul_add(self.prime, a)
    }

    /// The residue of an integer that is nearest to 0.
    pub(super) fn residue(&self, integer: u64) -> f64 {
        let least = integer % self.modulus;
        if least > self.modulus / 2 { -((self.modulus - least) as f64) } else { least as f64 }
    }

    /// A power of an integer, from 0 to p − 1.
    pub(super) fn power(&self, base: u64, exponent: u64) -> u64 {
        let times = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(self.modulus)) as u64;
        let bits = (0..u64::BITS).rev().map(|bit| exponent >> bit & 1);
        bits.fold(1, |power, bit| {
            let square = times(power, power);
            if bit == 1 { times(square, base % self.modulus) } else { square }
        })
    }

    /// 1/integer, the residue nearest to 0.
    pub(super) fn inverse_of(&self, integer: u64) -> f64 {
        self.residue(self.power(integer, self.modulus - 2))
    }

    /// A root of unity of order 4096 = 2N whose power N/2 is the imaginary unit.
    pub(super) fn root(&self) -> u64 {
        let root = |base| self.power(base, (self.modulus - 1) / 4096);
        // of the powers of all bases every second one has the full order, so that the search ends soon
        let primitive = (2..).map(root).find(|&root| self.power(root, 2048) == self.modulus - 1).unwrap_or(1);
        if self.power(primitive, 1024) as f64 == self.imaginary_unit {
            primitive
        } else {
            self.power(primitive, 4095)
        }
    }
}
