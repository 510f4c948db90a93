//! Transforms of four and of eight numbers, the steps of which a longer one is made.
//!
//! A polynomial modulo X^{rm} − ω^r falls apart into r polynomials modulo X^m − ω·ζ^k, where ζ = exp(2πi/r): of r
//! coefficients that lie m apart, number j is multiplied by ω^j, and a transform of r numbers gives number k of them to
//! each. The way back does the same the other way round.

use std::f64::consts::FRAC_1_SQRT_2;

use super::complex::Complex;

/// As many numbers as a split has parts.
pub(super) trait Radix {
    /// Σ_j x_j·exp(2πijk/r) for all k.
    fn dft(self) -> Self;
}

/// Splits a polynomial into N; the factors are ω to ω^{N−1}.
#[inline(always)]
pub(super) fn forward<const N: usize, const M: usize>(
    numbers: [Complex; N],
    factors: [Complex; M],
) -> [Complex; N]
where
    [Complex; N]: Radix,
{
    turned(numbers, factors).dft()
}

/// Joins N polynomials, to N times the coefficients.
#[inline(always)]
pub(super) fn inverse<const N: usize, const M: usize>(
    numbers: [Complex; N],
    factors: [Complex; M],
) -> [Complex; N]
where
    [Complex; N]: Radix,
{
    turned_back(numbers.map(Complex::swapped).dft().map(Complex::swapped), factors)
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

impl Radix for [Complex; 4] {
    #[inline(always)]
    fn dft(self) -> Self {
        let [a, b, c, d] = self;
        let (even, odd) = ((a.plus(c), a.minus(c)), (b.plus(d), b.minus(d).times_i()));
        [even.0.plus(odd.0), even.1.plus(odd.1), even.0.minus(odd.0), even.1.minus(odd.1)]
    }
}

impl Radix for [Complex; 8] {
    #[inline(always)]
    fn dft(self) -> Self {
        let [a, b, c, d, e, f, g, h] = self;
        let [even0, even1, even2, even3] = [a, c, e, g].dft();
        let [odd0, odd1, odd2, odd3] = [b, d, f, h].dft();
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
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn root(turns: f64) -> Complex {
        Complex { re: (TAU * turns).cos(), im: (TAU * turns).sin() }
    }

    /// Splits and joins numbers, with the powers of some ω as factors.
    fn assert_split<const N: usize, const M: usize>()
    where
        [Complex; N]: Radix,
    {
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
        assert_split::<4, 3>();
        assert_split::<8, 7>();
    }
}
