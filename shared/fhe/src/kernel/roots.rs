//! The roots of unity of order 2N, by integers alone: every machine gets the same ones.

use super::complex::Complex;
use crate::parameters::POLYNOMIAL_SIZE;

pub(super) const DEGREE: usize = POLYNOMIAL_SIZE;
/// exp(iπ) = −1 is this power of the first root; all exponents are taken modulo twice as much.
pub(super) const TURN: usize = 2 * DEGREE;
const QUARTER: usize = TURN / 4;
/// Bits behind the binary point of a [`Fixed`].
const POINT: u32 = 62;
const ONE: i64 = 1 << POINT;

/// A number on the unit circle, both parts in units of 2^-62.
#[derive(Debug, Clone, Copy)]
struct Fixed {
    cos: i64,
    sin: i64,
}

impl Fixed {
    const ONE: Self = Self { cos: ONE, sin: 0 };
    const I: Self = Self { cos: 0, sin: ONE };

    /// Half the angle, of angles up to a quarter turn: cos(x/2) = √((1 + cos x)/2), sin(x/2) = sin x/(2·cos(x/2)).
    fn half(self) -> Self {
        let square = (ONE.unsigned_abs() + self.cos.unsigned_abs()) as u128;
        let cos = (square << (POINT - 1)).isqrt() as i64;
        let sin = (i128::from(self.sin) << (POINT - 1)) / i128::from(cos);
        Self { cos, sin: sin as i64 }
    }

    /// Returns the sum of two angles.
    fn turned(self, by: Self) -> Self {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        let rounded = |wide: i128| ((wide + (1 << (POINT - 1))) >> POINT) as i64;
        Self {
            cos: rounded(product(self.cos, by.cos) - product(self.sin, by.sin)),
            sin: rounded(product(self.cos, by.sin) + product(self.sin, by.cos)),
        }
    }
}

/// exp(iπm/N) for all m below 2N.
pub(super) struct Roots(Vec<Complex>);

impl Roots {
    pub(super) fn new() -> Self {
        // the root whose exponent is a power of two, the largest first
        let mut powers = vec![Fixed::I];
        while powers.len() <= QUARTER.ilog2() as usize {
            powers.push(powers[powers.len() - 1].half());
        }
        let mut quarter = vec![Fixed::ONE];
        for power in powers.into_iter().skip(1).rev() {
            let later: Vec<Fixed> = quarter.iter().map(|root| root.turned(power)).collect();
            quarter.extend(later);
        }
        let unit = 1.0 / ONE as f64;
        let first =
            quarter.iter().map(|root| Complex { re: root.cos as f64 * unit, im: root.sin as f64 * unit });
        let mut roots: Vec<Complex> = first.collect();
        for place in QUARTER..TURN {
            roots.push(roots[place - QUARTER].times_i());
        }
        Self(roots)
    }

    /// exp(iπ·exponent/N).
    #[inline(always)]
    pub(super) fn at(&self, exponent: usize) -> Complex {
        self.0[exponent % TURN]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_those_of_the_libraries_cosine_to_the_last_bits() {
        let roots = Roots::new();
        assert_eq!(roots.0.len(), TURN);
        for exponent in 0..TURN {
            let angle = std::f64::consts::PI * exponent as f64 / DEGREE as f64;
            let Complex { re, im } = roots.at(exponent);
            // the angle itself is off by up to 2^-50 near a whole turn
            assert!((re - angle.cos()).abs() < 2.0_f64.powi(-50), "{exponent}");
            assert!((im - angle.sin()).abs() < 2.0_f64.powi(-50), "{exponent}");
            assert!((re.mul_add(re, im * im) - 1.0).abs() < 2.0_f64.powi(-51), "{exponent}");
        }
        assert_eq!(roots.at(TURN + QUARTER), Complex { re: 0.0, im: 1.0 });
    }
}
