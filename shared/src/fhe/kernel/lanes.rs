//! Eight numbers side by side, on which every operation is made lane by lane: one register of AVX-512.

/// Numbers side by side.
pub(super) const LANES: usize = 8;

/// Eight numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Lanes(pub(super) [f64; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    #[inline(always)]
    pub(super) const fn splat(number: f64) -> Self {
        Self([number; LANES])
    }

    /// self · factor.
    #[inline(always)]
    pub(super) fn times(self, factor: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * factor.0[lane]))
    }

    /// self + a · b, rounded once.
    #[inline(always)]
    pub(super) fn plus(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|lane| a.0[lane].mul_add(b.0[lane], self.0[lane])))
    }

    /// self − a · b, rounded once.
    #[inline(always)]
    pub(super) fn minus(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|lane| (-a.0[lane]).mul_add(b.0[lane], self.0[lane])))
    }
}

/// Eight complex numbers, real and imaginary parts apart.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Complex {
    pub(super) re: Lanes,
    pub(super) im: Lanes,
}

impl Complex {
    pub(super) const ZERO: Self = Self { re: Lanes::ZERO, im: Lanes::ZERO };
}
