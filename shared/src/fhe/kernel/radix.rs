//! Transforms of four and of eight numbers, the steps of which a longer one is made.
//!
//! A polynomial modulo X^{rm} − ω^r falls apart into r polynomials modulo X^m − ω·ζ^k, where ζ = exp(2πi/r): of r
//! coefficients that lie m apart, number j is multiplied by ω^j, and a transform of r numbers gives number k of them to
//! each. The way back does the same the other way round.

use std::f64::consts::FRAC_1_SQRT_2;

use super::complex::Complex;

/// Splits a polynomial into four; the factors are ω, ω², ω³.
#[inline(always)]
pub(super) fn forward4(numbers: [Complex; 4], factors: [Complex; 3]) -> [Complex; 4] {
    dft4(turned(numbers, factors))
}

/// Joins four polynomials, to four times the coefficients.
#[inline(always)]
pub(super) fn inverse4(numbers: [Complex; 4], factors: [Complex; 3]) -> [Complex; 4] {
    turned_back(dft4(numbers.map(Complex::swapped)).map(Complex::swapped), factors)
}

/// Splits a polynomial into eight; the factors are ω to ω^7.
#[inline(always)]
pub(super) fn forward8(numbers: [Complex; 8], factors: [Complex; 7]) -> [Complex; 8] {
    dft8(turned(numbers, factors))
}

/// Joins eight polynomials, to eight times the coefficients.
#[inline(always)]
pub(super) fn inverse8(numbers: [Complex; 8], factors: [Complex; 7]) -> [Complex; 8] {
    turned_back(dft8(numbers.map(Complex::swapped)).map(Complex::swapped), factors)
}

#[inline(always)]
fn turned<const N: usize, const M: usize>(mut numbers: [Complex; N], factors: [Complex; M]) -> [Complex; N] {
    for place in 0..M {
        numbers[place + 1] = numbers[place + 1].times(factors[place]);
    }
    numbers
}

#[inline(always)]
fn turned_back<const N: usize, const M: usize>(
    mut numbers: [Complex; N],
    factors: [Complex; M],
) -> [Complex; N] {
    for place in 0..M {
        numbers[place + 1] = numbers[place + 1].times_conjugate(factors[place]);
    }
    numbers
}

/// Σ_j x_j·i^{jk} for all k.
#[inline(always)]
const fn dft4([a, b, c, d]: [Complex; 4]) -> [Complex; 4] {
    let (even, odd) = ((a.plus(c), a.minus(c)), (b.plus(d), b.minus(d).times_i()));
    [even.0.plus(odd.0), even.1.plus(odd.1), even.0.minus(odd.0), even.1.minus(odd.1)]
}

/// Σ_j x_j·exp(iπjk/4) for all k.
#[inline(always)]
fn dft8([a, b, c, d, e, f, g, h]: [Complex; 8]) -> [Complex; 8] {
    let [even0, even1, even2, even3] = dft4([a, c, e, g]);
    let [odd0, odd1, odd2, odd3] = dft4([b, d, f, h]);
    // √2 times the products with exp(iπ/4) and exp(3iπ/4)
    let (odd1, odd2, odd3) = (odd1.plus(odd1.times_i()), odd2.times_i(), odd3.times_i().minus(odd3));
    [
        even0.plus(odd0),
        even1.plus_scaled(odd1, FRAC_1_SQRT_2),
        even2.plus(odd2),
        even3.plus_scaled(odd3, FRAC_1_SQRT_2),
        even0.minus(odd0),
        even1.plus_scaled(odd1, -FRAC_1_SQRT_2),
        even2.minus(odd2),
        even3.plus_scaled(odd3, -FRAC_1_SQRT_2),
    ]
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn root(turns: f64) -> Complex {
        Complex { re: (TAU * turns).cos(), im: (TAU * turns).sin() }
    }

    /// Splits and joins numbers, with the powers of some ω as factors.
    fn assert_split<const N: usize, const M: usize>(
        forward: impl Fn([Complex; N], [Complex; M]) -> [Complex; N],
        inverse: impl Fn([Complex; N], [Complex; M]) -> [Complex; N],
    ) {
        let numbers: [Complex; N] =
            std::array::from_fn(|j| Complex { re: 1.0 + j as f64, im: (j * j) as f64 });
        let factors: [Complex; M] = std::array::from_fn(|j| root(0.03 * (j + 1) as f64));
        let values = forward(numbers, factors);
        let is_near = |a: Complex, b: Complex| {
            let difference = a.minus(b);
            difference.re.abs() < 1e-11 && difference.im.abs() < 1e-11
        };
        for (k, value) in values.into_iter().enumerate() {
            let turns = 0.03 + k as f64 / N as f64;
            let terms = numbers.iter().enumerate().map(|(j, number)| number.times(root(j as f64 * turns)));
            assert!(is_near(value, terms.fold(Complex::ZERO, Complex::plus)), "value {k} of {N}");
        }
        for (sum, number) in inverse(values, factors).into_iter().zip(numbers) {
            assert!(is_near(sum, Complex::ZERO.plus_scaled(number, N as f64)), "{sum:?} of {N}");
        }
    }

    #[test]
    fn a_split_evaluates_at_all_roots_and_is_undone_by_joining() {
        assert_split(forward4, inverse4);
        assert_split(forward8, inverse8);
    }
}
