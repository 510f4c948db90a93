//! Lagrange's coefficients: how a value of a polynomial is a sum of its values at the first points.

use super::Element;
use super::points::{inverse, points, times};

/// Returns 1/Π_{k ≠ j} (j − k) for the points j, k below `count`, each a byte.
fn weights(count: usize) -> Vec<u8> {
    let under = |place: u8| {
        let others = (0..count).map(|other| other as u8).filter(|other| *other != place);
        others.fold(1, |product, other| times(product, place ^ other))
    };
    (0..count).map(|place| INVERSES[usize::from(under(place as u8))]).collect()
}

const INVERSES: [u8; 256] = {
    let mut inverses = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        inverses[byte] = inverse(byte as u8);
        byte += 1;
    }
    inverses
};

/// Returns the coefficients L_j(point), each a byte, for the points j below `count` and every point from `count` to
/// 2·`count` − 2: where a product of two such polynomials is known once it is known there as well.
pub(crate) fn further(count: usize) -> Vec<Vec<u8>> {
    let weights = weights(count);
    let at = |point: u8| {
        let whole = (0..count).fold(1, |product, place| times(product, point ^ place as u8));
        let of = |(place, weight): (usize, &u8)| {
            times(whole, times(*weight, INVERSES[usize::from(point ^ place as u8)]))
        };
        weights.iter().enumerate().map(of).collect()
    };
    (count..2 * count - 1).map(|point| at(point as u8)).collect()
}

/// The coefficients L_j(at) for the points j below `count`; `at` is none of these points.
pub(crate) fn at(count: usize, at: Element) -> Vec<Element> {
    let points = points();
    // L_j(at) = Π_k (at − k) / ((at − j) · Π_{k ≠ j} (j − k)); the divisors are inverted all at once.
    let distances: Vec<Element> = points[..count].iter().map(|point| at + *point).collect();
    let whole = distances.iter().fold(Element::ONE, |product, distance| product.times(*distance));
    let under = weights(count).into_iter().map(|weight| points[usize::from(INVERSES[usize::from(weight)])]);
    let divisors: Vec<Element> =
        distances.iter().zip(under).map(|(distance, under)| distance.times(under)).collect();
    let mut before = Vec::with_capacity(count);
    let mut product = Element::ONE;
    for divisor in &divisors {
        before.push(product);
        product = product.times(*divisor);
    }
    let mut rest = product.inverse().times(whole);
    let mut coefficients = vec![Element::ZERO; count];
    for place in (0..count).rev() {
        coefficients[place] = rest.times(before[place]);
        rest = rest.times(divisors[place]);
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::super::tests::elements;
    use super::*;

    /// The value of a polynomial by Horner.
    fn value(coefficients: &[Element], at: Element) -> Element {
        coefficients.iter().rev().fold(Element::ZERO, |sum, next| sum.times(at) + *next)
    }

    #[test]
    fn a_polynomial_is_found_again_everywhere() {
        let points = points();
        for count in [1, 2, 8, 33, 64, 127, 129] {
            let polynomial = elements(9, count);
            let values: Vec<Element> =
                points[..count].iter().map(|point| value(&polynomial, *point)).collect();
            for place in elements(10, 3) {
                let found = super::super::kernel::dot(&at(count, place), &values);
                assert_eq!(found, value(&polynomial, place), "{count} points");
            }
            for (place, known) in further(count.min(129)).iter().enumerate().filter(|_| count < 129) {
                let known: Vec<Element> = known.iter().map(|byte| points[usize::from(*byte)]).collect();
                assert_eq!(
                    super::super::kernel::dot(&known, &values),
                    value(&polynomial, points[count + place])
                );
            }
        }
    }
}
