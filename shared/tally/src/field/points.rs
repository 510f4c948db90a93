//! The points at which polynomials are given: the subfield of 256 elements.
//!
//! A polynomial that is given by bits at points of the subfield has values in the subfield at all its points, one byte
//! each; bits of many labels are therefore interpolated by a fixed matrix of bits, without a product in the large field.

use std::sync::LazyLock;

use super::Element;

/// The number of points.
pub(crate) const POINTS: usize = 256;

/// A root of x^8 + x^4 + x^3 + x + 1, whose powers are a basis of the subfield.
const ROOT: Element = Element(0x053d_8555_a997_9a1c_a13f_e8ac_5560_ce0d);

/// Multiplies two bytes as elements of the subfield: polynomials modulo x^8 + x^4 + x^3 + x + 1.
pub(crate) const fn times(left: u8, right: u8) -> u8 {
    let (mut product, mut power, mut bit) = (0, left, 0);
    while bit < 8 {
        product ^= power * (right >> bit & 1);
        power = (power << 1) ^ ((power >> 7) * 0x1b);
        bit += 1;
    }
    product
}

/// Returns the inverse of a byte in the subfield, byte^254; that of zero is zero.
pub(crate) const fn inverse(byte: u8) -> u8 {
    let (mut power, mut product, mut step) = (byte, 1, 1);
    while step < 8 {
        power = times(power, power);
        product = times(product, power);
        step += 1;
    }
    product
}

/// Returns the powers of the root with which bytes become elements.
pub(crate) fn basis() -> [Element; 8] {
    let mut power = Element::ONE;
    [(); 8].map(|()| {
        let here = power;
        power = power.times(ROOT);
        here
    })
}

/// Returns all points: byte i as an element, for every i.
pub(crate) fn points() -> &'static [Element] {
    static ALL: LazyLock<Vec<Element>> = LazyLock::new(all);
    &ALL
}

fn all() -> Vec<Element> {
    let basis = basis();
    let point = |byte: usize| {
        basis
            .iter()
            .enumerate()
            .filter(|(bit, _)| byte >> bit & 1 == 1)
            .fold(Element::ZERO, |sum, (_, power)| sum + *power)
    };
    (0..POINTS).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_multiply_like_their_points() {
        let points = points();
        for left in 0..=255_u8 {
            assert_eq!(times(left, inverse(left)), u8::from(left != 0));
            for right in [0, 1, 2, 3, 0x53, 0xca, 255] {
                let product = points[usize::from(left)].times(points[usize::from(right)]);
                assert_eq!(product, points[usize::from(times(left, right))], "{left} times {right}");
            }
        }
        // FIPS 197, section 4.2: {57} · {83} = {c1}
        assert_eq!(times(0x57, 0x83), 0xc1);
    }
}
