//! The negacyclic Fourier transform of polynomials of N = 2048 words of 32 bits.
//!
//! Coefficients j and j + N/2 become one complex number: modulo X^{N/2} − i the two halves of a polynomial are its real
//! and its imaginary part, and the values at the N/2 roots of that are those at half of the roots of X^N + 1, from which
//! the other half follow. X^{1024} − i is split into eight, each of these into eight, and twice more into four. After the
//! first split eight by eight numbers are transposed, so that the eight polynomials lie in the eight lanes of a register:
//! from then on no numbers are exchanged within one.
//!
//! Everything is an addition, a multiplication or a fused multiplication of IEEE 754 in a fixed order, and the factors
//! come from integers ([`super::roots`]).

use super::complex::{Complex, Eight, LANES};
use super::dispatch::Registers;
use super::radix::{forward, inverse};
use super::roots::{DEGREE, Roots};

pub(super) const HALF: usize = DEGREE / 2;
/// Registers of a spectrum.
pub(super) const PLACES: usize = HALF / LANES;
/// Coefficients of one of the eight polynomials of the first split.
const EIGHTH: usize = HALF / 8;
/// Registers of one of the eight polynomials of the second split.
const BLOCK: usize = PLACES / 8;

const TWO_POW_32: f64 = 4_294_967_296.0;
/// 1.5·2^52: a number below 2^51, added to it, leaves its nearest integer in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// A polynomial modulo 2^32.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Polynomial(pub(super) [u32; DEGREE]);

/// A transformed polynomial: slot 8p + l is lane l of register p.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Spectrum(pub(super) [Eight; PLACES]);

impl Spectrum {
    pub(super) const ZERO: Self = Self([Eight::ZERO; PLACES]);
}

/// Returns the odd number o for which a slot holds the value at exp(iπ·o/N).
///
/// Part k of a split into r adds k/r of the 2N of a turn, and every later split into r' divides by r'.
pub(super) const fn exponent(slot: usize) -> usize {
    let (lane, place) = (slot % LANES, slot / LANES);
    1 + 4 * lane + 32 * (place / 16) + 256 * (place / 4 % 4) + 1024 * (place % 4)
}

/// The factors of the four splits; of the first for all coefficients, of the others lane by lane.
pub(super) struct Fourier {
    first: [Complex; 7],
    second: [Eight; 7],
    third: [[Eight; 3]; 8],
    fourth: [[Eight; 3]; 32],
}

impl Fourier {
    pub(super) fn new(roots: &Roots) -> Self {
        // a split into r of X^{rm} − ω^r: ω has 1/r of the exponent, to which each of the r adds its part of a turn
        let lanes = |power: usize, exponent: usize, step: usize| {
            Eight::from_fn(|lane| roots.at(power * (exponent + step * lane)))
        };
        Self {
            first: std::array::from_fn(|j| roots.at((j + 1) * 128)),
            second: std::array::from_fn(|j| lanes(j + 1, 16, 64)),
            third: std::array::from_fn(|block| std::array::from_fn(|j| lanes(j + 1, 4 + 128 * block, 16))),
            fourth: std::array::from_fn(|part| {
                let exponent = 1 + 32 * (part / 4) + 256 * (part % 4);
                std::array::from_fn(|j| lanes(j + 1, exponent, 4))
            }),
        }
    }

    /// Transforms a polynomial of a key, given in 64-bit words, in units of 2^-32 and with the factor 2/N that the way
    /// back lacks.
    #[inline(always)]
    pub(super) fn of_key(&self, registers: impl Registers, words: &[u64; DEGREE], spectrum: &mut Spectrum) {
        let unit = 1.0 / (TWO_POW_32 * HALF as f64);
        self.transform(registers, words, |word| word.cast_signed() as f64 * unit, spectrum);
    }

    /// Rounds every coefficient to its upper bits, so that integers of `base_log` bits are left, and transforms these.
    #[inline(always)]
    pub(super) fn of_digits(
        &self,
        registers: impl Registers,
        polynomial: &Polynomial,
        base_log: u32,
        spectrum: &mut Spectrum,
    ) {
        let (shift, half) = (32 - base_log, 1 << (31 - base_log));
        let digit = |word: u32| f64::from(word.wrapping_add(half).cast_signed() >> shift);
        self.transform(registers, &polynomial.0, digit, spectrum);
    }

    #[inline(always)]
    fn transform<T: Copy>(
        &self,
        registers: impl Registers,
        words: &[T; DEGREE],
        number: impl Fn(T) -> f64,
        spectrum: &mut Spectrum,
    ) {
        for (group, target) in spectrum.0.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let (low, high) = (rows(words, 8 * group), rows(words, HALF + 8 * group));
            let (mut re, mut im) = ([[0.0; LANES]; 8], [[0.0; LANES]; 8]);
            for lane in 0..LANES {
                let pair = |row: usize| Complex { re: number(low[row][lane]), im: number(high[row][lane]) };
                let numbers = forward::<8, _>(std::array::from_fn(pair), self.first);
                for (row, number) in numbers.into_iter().enumerate() {
                    (re[row][lane], im[row][lane]) = (number.re, number.im);
                }
            }
            let (re, im) = (registers.transpose(re), registers.transpose(im));
            *target = std::array::from_fn(|place| Eight { re: re[place], im: im[place] });
        }
        for place in 0..BLOCK {
            pass(&mut spectrum.0[place..], BLOCK, &self.second, forward::<8, _>);
        }
        let blocks = spectrum.0.as_chunks_mut::<BLOCK>().0.iter_mut();
        for ((block, third), fourth) in blocks.zip(&self.third).zip(self.fourth.as_chunks::<4>().0) {
            for place in 0..4 {
                pass(&mut block[place..], 4, third, forward::<4, _>);
            }
            for (part, factors) in block.as_chunks_mut::<4>().0.iter_mut().zip(fourth) {
                pass(part, 1, factors, forward::<4, _>);
            }
        }
    }

    /// Transforms back and adds the nearest integers to a polynomial.
    #[inline(always)]
    pub(super) fn add_back(
        &self,
        registers: impl Registers,
        spectrum: &mut Spectrum,
        polynomial: &mut Polynomial,
    ) {
        let blocks = spectrum.0.as_chunks_mut::<BLOCK>().0.iter_mut();
        for ((block, third), fourth) in blocks.zip(&self.third).zip(self.fourth.as_chunks::<4>().0) {
            for (part, factors) in block.as_chunks_mut::<4>().0.iter_mut().zip(fourth) {
                pass(part, 1, factors, inverse::<4, _>);
            }
            for place in 0..4 {
                pass(&mut block[place..], 4, third, inverse::<4, _>);
            }
        }
        for place in 0..BLOCK {
            pass(&mut spectrum.0[place..], BLOCK, &self.second, inverse::<8, _>);
        }
        for (group, numbers) in spectrum.0.as_chunks::<8>().0.iter().enumerate() {
            let re = registers.transpose(numbers.map(|eight| eight.re));
            let im = registers.transpose(numbers.map(|eight| eight.im));
            let (mut low, mut high) = (rows(&polynomial.0, 8 * group), rows(&polynomial.0, HALF + 8 * group));
            for lane in 0..LANES {
                let pair = |row: usize| Complex { re: re[row][lane], im: im[row][lane] };
                let numbers = inverse::<8, _>(std::array::from_fn(pair), self.first);
                for (row, number) in numbers.into_iter().enumerate() {
                    low[row][lane] = low[row][lane].wrapping_add(nearest(number.re));
                    high[row][lane] = high[row][lane].wrapping_add(nearest(number.im));
                }
            }
            set_rows(&mut polynomial.0, 8 * group, low);
            set_rows(&mut polynomial.0, HALF + 8 * group, high);
        }
    }
}

/// Splits or joins the polynomials of the lanes of registers that lie `stride` apart.
#[inline(always)]
fn pass<const N: usize, const M: usize>(
    registers: &mut [Eight],
    stride: usize,
    factors: &[Eight; M],
    step: impl Fn([Complex; N], [Complex; M]) -> [Complex; N],
) {
    // to and from arrays of its own, or the loop would not be compiled for eight lanes at once
    let numbers: [Eight; N] = std::array::from_fn(|row| registers[row * stride]);
    let mut results = [Eight::ZERO; N];
    for lane in 0..LANES {
        let column = std::array::from_fn(|row| numbers[row].at(lane));
        let column = step(column, std::array::from_fn(|row| factors[row].at(lane)));
        for (row, number) in column.into_iter().enumerate() {
            results[row].set(lane, number);
        }
    }
    for (row, result) in results.into_iter().enumerate() {
        registers[row * stride] = result;
    }
}

/// Eight neighbouring coefficients of each of the eight polynomials of the first split.
#[inline(always)]
fn rows<T: Copy>(words: &[T; DEGREE], first: usize) -> [[T; LANES]; 8] {
    let (chunks, _) = words.as_chunks::<LANES>();
    std::array::from_fn(|row| chunks[(first + row * EIGHTH) / LANES])
}

#[inline(always)]
fn set_rows(words: &mut [u32; DEGREE], first: usize, rows: [[u32; LANES]; 8]) {
    let (chunks, _) = words.as_chunks_mut::<LANES>();
    for (row, numbers) in rows.into_iter().enumerate() {
        chunks[(first + row * EIGHTH) / LANES] = numbers;
    }
}

/// Returns the nearest integer modulo 2^32 of a number below 2^83; every step but the last rounding is exact.
#[inline(always)]
fn nearest(number: f64) -> u32 {
    let turns = number.mul_add(1.0 / TWO_POW_32, ROUNDER) - ROUNDER;
    let rest = turns.mul_add(-TWO_POW_32, number);
    (rest + ROUNDER).to_bits() as u32
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::super::dispatch::Plain;
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
    fn no_two_slots_hold_the_value_at_the_same_root() {
        let mut exponents: Vec<usize> = (0..HALF).map(exponent).collect();
        assert!(exponents.iter().all(|exponent| exponent % 2 == 1));
        // of each root and its conjugate one is there
        let conjugate = |exponent: &usize| 2 * DEGREE - exponent;
        exponents.extend(exponents.clone().iter().map(conjugate));
        exponents.sort_unstable();
        exponents.dedup();
        assert_eq!(exponents.len(), DEGREE);
    }

    #[test]
    fn a_slot_holds_the_value_of_the_polynomial_at_its_root() {
        let roots = Roots::new();
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let words: [u32; DEGREE] = std::array::from_fn(|_| rng.random::<u32>() << 9);
        let mut spectrum = Spectrum::ZERO;
        Fourier::new(&roots).of_digits(Plain, &Polynomial(words), 23, &mut spectrum);
        for slot in 0..HALF {
            let mut value = Complex::ZERO;
            for (j, word) in words.iter().enumerate() {
                let coefficient = Complex { re: f64::from(word.cast_signed() >> 9), im: 0.0 };
                value = value.plus(coefficient.times(roots.at(j * exponent(slot))));
            }
            let error = value.minus(spectrum.0[slot / LANES].at(slot % LANES));
            // both sums are off by some 2^-25; a value at another root is some 2^26 away
            assert!(error.re.abs() < 1e-5 && error.im.abs() < 1e-5, "slot {slot}: {error:?}");
        }
    }

    #[test]
    fn a_transform_and_its_way_back_add_the_polynomial_itself() {
        let fourier = Fourier::new(&Roots::new());
        let mut rng = ChaCha20Rng::seed_from_u64(12);
        let words: [u64; DEGREE] = std::array::from_fn(|_| rng.random::<u64>() >> 32 << 32);
        let mut spectrum = Spectrum::ZERO;
        fourier.of_key(Plain, &words, &mut spectrum);
        let mut polynomial = Polynomial(std::array::from_fn(|j| j as u32));
        fourier.add_back(Plain, &mut spectrum, &mut polynomial);
        for (j, (sum, word)) in polynomial.0.iter().zip(words).enumerate() {
            assert_eq!(sum.wrapping_sub(j as u32), (word >> 32) as u32, "{j}");
        }
    }
}
