//! Complex numbers, and eight of them with their real and imaginary parts apart.

/// Numbers that are worked on side by side.
pub(super) const LANES: usize = 8;

/// A complex number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const ZERO: Self = Self { re: 0.0, im: 0.0 };
    pub(super) const MINUS_ONE: Self = Self { re: -1.0, im: 0.0 };

    #[inline(always)]
    pub(super) const fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    #[inline(always)]
    pub(super) const fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    #[inline(always)]
    pub(super) fn times(self, other: Self) -> Self {
        Self {
            re: (-self.im).mul_add(other.im, self.re * other.re),
            im: self.im.mul_add(other.re, self.re * other.im),
        }
    }

    /// Returns the product with the conjugate of another number.
    #[inline(always)]
    pub(super) fn times_conjugate(self, other: Self) -> Self {
        Self {
            re: self.im.mul_add(other.im, self.re * other.re),
            im: self.im.mul_add(other.re, -(self.re * other.im)),
        }
    }

    /// self + left·right.
    #[inline(always)]
    pub(super) fn plus_product(self, left: Self, right: Self) -> Self {
        Self {
            re: (-left.im).mul_add(right.im, left.re.mul_add(right.re, self.re)),
            im: left.im.mul_add(right.re, left.re.mul_add(right.im, self.im)),
        }
    }

    /// self + other·factor.
    #[inline(always)]
    pub(super) fn plus_scaled(self, other: Self, factor: f64) -> Self {
        Self { re: other.re.mul_add(factor, self.re), im: other.im.mul_add(factor, self.im) }
    }

    /// i·self.
    #[inline(always)]
    pub(super) const fn times_i(self) -> Self {
        Self { re: -self.im, im: self.re }
    }

    /// i times the conjugate: real and imaginary part change places.
    #[inline(always)]
    pub(super) const fn swapped(self) -> Self {
        Self { re: self.im, im: self.re }
    }
}

/// Σ left·right, every product by three real ones (Gauss): additions have units of the processor for themselves, and
/// multiplications are what it waits for. Rounds about three times as much (in variance) as four multiplications do.
#[inline(always)]
pub(super) fn dot<const N: usize>(left: [Complex; N], right: [Complex; N]) -> Complex {
    let [mut shared, mut real, mut imaginary] = [0.0; 3];
    for place in 0..N {
        let (left, right) = (left[place], right[place]);
        shared = left.re.mul_add(right.re + right.im, shared);
        real = (left.re + left.im).mul_add(right.im, real);
        imaginary = (left.im - left.re).mul_add(right.re, imaginary);
    }
    Complex { re: shared - real, im: shared + imaginary }
}

/// Eight neighbouring numbers: one register of AVX-512 for the real parts, one for the imaginary ones.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Eight {
    pub(super) re: [f64; LANES],
    pub(super) im: [f64; LANES],
}

impl Eight {
    pub(super) const ZERO: Self = Self { re: [0.0; LANES], im: [0.0; LANES] };

    pub(super) fn from_fn(number: impl Fn(usize) -> Complex) -> Self {
        Self {
            re: std::array::from_fn(|lane| number(lane).re),
            im: std::array::from_fn(|lane| number(lane).im),
        }
    }

    #[inline(always)]
    pub(super) const fn at(&self, lane: usize) -> Complex {
        Complex { re: self.re[lane], im: self.im[lane] }
    }

    #[inline(always)]
    pub(super) const fn set(&mut self, lane: usize, number: Complex) {
        (self.re[lane], self.im[lane]) = (number.re, number.im);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_to_multiply_agree_on_small_numbers() {
        let number = |re, im| Complex { re, im };
        let (a, b, c) = (number(3.0, -2.0), number(5.0, 7.0), number(-1.0, 4.0));
        assert_eq!(a.times(b), number(29.0, 11.0));
        assert_eq!(a.times_conjugate(b), number(1.0, -31.0));
        assert_eq!(a.times_i(), a.times(number(0.0, 1.0)));
        assert_eq!(dot([a, b], [b, c]), a.times(b).plus_product(b, c));
        assert_eq!(a.plus_scaled(b, -2.0), a.minus(b).minus(b));
        assert_eq!(a.swapped(), number(-2.0, 3.0));
    }
}
