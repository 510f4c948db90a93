//! The negacyclic Fourier transform of polynomials of N = 2048 words of 32 bits.
//!
//! Coefficients j and j + N/2 become one complex number, turned by exp(iπj/N); a transform of N/2 numbers then gives the
//! values at half of the roots of X^N + 1, from which the other half follow.

use std::f64::consts::PI;

use tfhe::core_crypto::fft_impl::fft64::c64;
use tfhe::core_crypto::fft_impl::fft64::math::fft::{FftAlgo, Method, Plan};
use tfhe::core_crypto::prelude::ComputationBuffers;

use crate::fhe::parameters::POLYNOMIAL_SIZE;

pub(super) const DEGREE: usize = POLYNOMIAL_SIZE;
pub(super) const HALF: usize = DEGREE / 2;
/// Roots of unity: exponents are taken modulo 2N.
pub(super) const TURN: usize = 2 * DEGREE;

const TWO_POW_32: f64 = 4_294_967_296.0;
/// 1.5·2^52: a number below 2^51, added to it, leaves its nearest integer in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// A polynomial modulo 2^32.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Polynomial(pub(super) [u32; DEGREE]);

/// A transformed polynomial.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Spectrum(pub(super) [c64; HALF]);

impl Spectrum {
    pub(super) const fn zero() -> Self {
        Self([c64 { re: 0.0, im: 0.0 }; HALF])
    }
}

/// The plan of the transform, pinned, and its constants.
pub(super) struct Fourier {
    plan: Plan,
    /// The two parts of exp(iπj/N) for j < N/2.
    cos: Box<[f64; HALF]>,
    sin: Box<[f64; HALF]>,
    /// exp(iπm/N) for m < 2N.
    roots: Vec<c64>,
}

/// Memory that a transform works in.
pub(super) struct Scratch(ComputationBuffers);

impl Fourier {
    pub(super) fn new() -> Self {
        let method = Method::UserProvided { base_algo: FftAlgo::Dif8, base_n: HALF / 2 };
        let angle = |m: usize| PI * m as f64 / DEGREE as f64;
        let roots = (0..TURN).map(|m| c64::new(angle(m).cos(), angle(m).sin())).collect();
        let cos = Box::new(std::array::from_fn(|j| angle(j).cos()));
        let sin = Box::new(std::array::from_fn(|j| angle(j).sin()));
        Self { plan: Plan::new(HALF, method), cos, sin, roots }
    }

    pub(super) fn scratch(&self) -> Scratch {
        let mut buffers = ComputationBuffers::new();
        buffers.resize(self.plan.fft_scratch().unaligned_bytes_required());
        Scratch(buffers)
    }

    /// exp(iπ·exponent/N).
    #[inline(always)]
    pub(super) fn root(&self, exponent: usize) -> c64 {
        self.roots[exponent % TURN]
    }

    /// Returns for each slot of a spectrum the odd number o for which it holds the value at exp(iπ·o/N).
    pub(super) fn exponents(&self) -> Vec<usize> {
        let mut x = Spectrum::zero();
        x.0[1] = self.root(1);
        self.plan.fwd(&mut x.0, self.scratch().0.stack());
        let exponent = |z: &c64| (z.im.atan2(z.re) * DEGREE as f64 / PI).round() as i64;
        x.0.iter().map(|z| exponent(z).rem_euclid(TURN as i64) as usize).collect()
    }

    /// Transforms a polynomial of a key, given in 64-bit words, in units of 2^-32 and with the factor 2/N that the way
    /// back lacks.
    pub(super) fn of_key(&self, words: &[u64], spectrum: &mut Spectrum, scratch: &mut Scratch) {
        let unit = 1.0 / (TWO_POW_32 * HALF as f64);
        let part = |place: usize| words[place].cast_signed() as f64 * unit;
        for (j, z) in spectrum.0.iter_mut().enumerate() {
            *z = self.turned(j, part(j), part(j + HALF));
        }
        self.plan.fwd(&mut spectrum.0, scratch.0.stack());
    }

    /// Rounds every coefficient to its upper bits, so that integers of `base_log` bits are left, and transforms these.
    #[inline(always)]
    pub(super) fn of_digits(
        &self,
        polynomial: &Polynomial,
        base_log: u32,
        spectrum: &mut Spectrum,
        scratch: &mut Scratch,
    ) {
        let (shift, half) = (32 - base_log, 1 << (31 - base_log));
        let digit = |word: u32| f64::from(word.wrapping_add(half).cast_signed() >> shift);
        for j in 0..HALF {
            spectrum.0[j] = self.turned(j, digit(polynomial.0[j]), digit(polynomial.0[j + HALF]));
        }
        self.plan.fwd(&mut spectrum.0, scratch.0.stack());
    }

    /// Transforms back and adds the nearest integers to a polynomial.
    #[inline(always)]
    pub(super) fn add_back(
        &self,
        spectrum: &mut Spectrum,
        polynomial: &mut Polynomial,
        scratch: &mut Scratch,
    ) {
        self.plan.inv(&mut spectrum.0, scratch.0.stack());
        for j in 0..HALF {
            let c64 { re, im } = spectrum.0[j];
            let low = nearest(re.mul_add(self.cos[j], im * self.sin[j]));
            let high = nearest(im.mul_add(self.cos[j], -(re * self.sin[j])));
            polynomial.0[j] = polynomial.0[j].wrapping_add(low);
            polynomial.0[j + HALF] = polynomial.0[j + HALF].wrapping_add(high);
        }
    }

    /// (re + i·im)·exp(iπj/N).
    #[inline(always)]
    fn turned(&self, j: usize, re: f64, im: f64) -> c64 {
        let (cos, sin) = (self.cos[j], self.sin[j]);
        c64 { re: re.mul_add(cos, -(im * sin)), im: re.mul_add(sin, im * cos) }
    }
}

/// The nearest integer modulo 2^32 of a number below 2^83; every step but the last rounding is exact.
#[inline(always)]
fn nearest(number: f64) -> u32 {
    let turns = number.mul_add(1.0 / TWO_POW_32, ROUNDER) - ROUNDER;
    let rest = turns.mul_add(-TWO_POW_32, number);
    (rest + ROUNDER).to_bits() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest_integer_and_wrap() {
        for (number, expected) in [
            (0.0, 0),
            (0.4, 0),
            (-0.6, u32::MAX),
            (1.5, 2),
            (4_294_967_295.0, u32::MAX),
            (4_294_967_296.0, 0),
            (-4_294_967_297.0, u32::MAX),
            (1e18, (1_000_000_000_000_000_000_u64 % (1 << 32)) as u32),
        ] {
            assert_eq!(nearest(number), expected, "{number}");
        }
    }

    #[test]
    fn a_slot_holds_the_value_at_an_odd_power_and_no_two_at_the_same() {
        let mut exponents = Fourier::new().exponents();
        assert!(exponents.iter().all(|exponent| exponent % 2 == 1));
        exponents.sort_unstable();
        exponents.dedup();
        assert_eq!(exponents.len(), HALF);
    }
}
