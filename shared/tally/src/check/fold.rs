//! The further folds: inner products of elements, shorter each time, until one product is left.

use std::sync::OnceLock;

use super::challenge::Challenges;
use super::{Claim, Elements, interpolated};
use crate::draw::{Label, Place, Purpose};
use crate::field::Element;
use crate::field::kernel::{combine, dot};
use crate::field::lagrange;
use crate::field::points::points;
use crate::hidden::{Hidden, zero_words};
use crate::shares::Holder;

/// The longest inner product that is folded at once, each of its products a row.
const LAST: usize = 64;
/// Rows of a fold of a long inner product: there the work grows with the rows, and few exchanges are saved.
const FEW: usize = 8;
/// Rows of any other fold.
const MANY: usize = 32;
/// From so many products on an inner product is long.
const LONG: usize = 2048;

/// How an inner product is written as rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The number of rows, in the last fold with the random one.
    count: usize,
    /// The number of products of a row.
    width: usize,
    last: bool,
}

impl Rows {
    /// Chooses the rows of an inner product of so many products.
    pub(crate) const fn of(products: usize) -> Self {
        if products <= LAST {
            return Self { count: products + 1, width: 1, last: true };
        }
        let count = if products >= LONG { FEW } else { MANY };
        Self { count, width: products.div_ceil(count), last: false }
    }

    /// Returns how many elements the fold shares: the values of the product at 2·rows − 1 points but one.
    pub(crate) const fn shared(&self) -> usize {
        2 * self.count - 2
    }

    pub(crate) const fn are_last(&self) -> bool {
        self.last
    }

    /// The rows of which the claim knows the sum: all but the random one.
    const fn claimed(&self) -> usize {
        if self.last { self.count - 1 } else { self.count }
    }

    /// The row whose product is not shared, since the claim gives it.
    const fn missing(&self) -> usize {
        self.claimed() - 1
    }
}

/// Returns in how many exchanges an inner product of so many products is folded.
pub(crate) const fn exchanges(mut products: usize) -> usize {
    let mut exchanges = 1;
    loop {
        let rows = Rows::of(products);
        if rows.are_last() {
            return exchanges;
        }
        products = rows.width;
        exchanges += 1;
    }
}

/// Returns the coefficients of the values at the points from `rows` on.
fn further(rows: usize) -> &'static [Vec<Element>] {
    static KNOWN: [OnceLock<Vec<Vec<Element>>>; LAST + 2] = [const { OnceLock::new() }; LAST + 2];
    let element = |byte: u8| points()[usize::from(byte)];
    let find =
        || lagrange::further(rows).into_iter().map(|row| row.into_iter().map(element).collect()).collect();
    KNOWN.get(rows).map_or(&[], |known| known.get_or_init(find))
}

/// Adds the random row: two elements that the holders of each piece draw alike.
pub(crate) fn hide(mut claim: Claim, holder: &Holder, place: &Place) -> Option<Claim> {
    for ((left, right), piece) in claim.left.iter_mut().zip(&mut claim.right).zip(holder.held()) {
        let label = Label::tally(place, Purpose::Row, None, *piece);
        let root = holder.keyring.root(*piece)?;
        let mut words = zero_words(4);
        root.stream(&label).add_to(&mut words);
        #[cfg(test)]
        crate::draw::log::note(root, &label, b"row");
        for (side, words) in [left, right].into_iter().zip(words.as_chunks::<2>().0) {
            let mut longer = Vec::with_capacity(side.len() + 1);
            longer.extend_from_slice(side);
            longer.push(Element::from_words(*words));
            *side = Hidden::new(longer);
        }
    }
    Some(claim)
}

/// Returns this trustee's summand of the products of all rows but the missing one, and at the further points.
pub(crate) fn summand(claim: &Claim, rows: Rows, terms: &[(usize, Vec<usize>)]) -> Elements {
    let factors: Vec<(&Elements, Elements)> = terms
        .iter()
        .map(|(left, rights)| {
            let mut sum: Elements = Hidden::new(vec![Element::ZERO; claim.left[*left].len()]);
            for right in rights {
                sum.iter_mut().zip(claim.right[*right].iter()).for_each(|(sum, element)| *sum += *element);
            }
            (&claim.left[*left], sum)
        })
        .collect();
    let mut values: Elements = Hidden::new(Vec::with_capacity(rows.shared()));
    let row = |elements: &'_ Elements, row: usize| {
        let start = (row * rows.width).min(elements.len());
        start..(start + rows.width).min(elements.len())
    };
    for number in (0..rows.count).filter(|number| *number != rows.missing()) {
        let products = factors.iter().map(|(x, y)| dot(&x[row(x, number)], &y[row(y, number)]));
        values.push(products.fold(Element::ZERO, |sum, product| sum + product));
    }
    let (mut x_there, mut y_there): (Elements, Elements) =
        (Hidden::new(vec![Element::ZERO; rows.width]), Hidden::new(vec![Element::ZERO; rows.width]));
    for coefficients in further(rows.count) {
        let mut value = Element::ZERO;
        for (x, y) in &factors {
            combine(x, coefficients, &mut x_there);
            combine(y, coefficients, &mut y_there);
            value += dot(&x_there, &y_there);
        }
        values.push(value);
    }
    values
}

/// Folds the rows at a challenge: from the shared values to a claim about one row.
pub(crate) fn fold(claim: &Claim, rows: Rows, shared: &[Elements], challenges: &mut Challenges) -> Claim {
    let challenge = challenges.outside(2 * rows.count - 1);
    let near = lagrange::at(rows.count, challenge);
    let far = lagrange::at(2 * rows.count - 1, challenge);
    let total = shared.iter().zip(claim.total.iter()).map(|(values, total)| {
        let known = values[..rows.missing()].iter().fold(*total, |sum, value| sum + *value);
        interpolated(values, rows.missing(), known, &far)
    });
    let total = Hidden::new(total.collect());
    let folded = |sides: &[Elements]| {
        let fold = |side: &Elements| {
            let mut row: Elements = Hidden::new(vec![Element::ZERO; rows.width]);
            combine(side, &near, &mut row);
            row
        };
        sides.iter().map(fold).collect()
    };
    Claim { left: folded(&claim.left), right: folded(&claim.right), total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_exchanges_fold_any_batch() {
        // from one group of words to more than a batch has room for
        assert_eq!([64, 2048, 99_000].map(exchanges), [1, 3, 4]);
    }
}
