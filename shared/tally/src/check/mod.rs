//! The check of all products of a batch at once, in GF(2^128).
//!
//! After Boyle, Gilboa, Ishai and Nof (ePrint 2019/1390 and 2020/1451): a random combination of the
//! claims x·y = z is one claim about an inner product. Written as rows that polynomials pass through, it becomes a claim
//! about one value of a polynomial, of an inner product that is as much shorter as there were rows; a row of random numbers
//! hides what the last one opens.

pub(crate) mod bits;
pub(crate) mod challenge;
pub(crate) mod fold;

use base::ids::Digest;

use crate::bits::WORD;
use crate::circuit::Circuit;
use crate::draw::Place;
use crate::field::Element;
use crate::field::kernel::{dot, scale};
use crate::hidden::{Hidden, Words, zero_words};
use crate::shares::Holder;
use crate::shares::wires::Wires;
use bits::Combination;
use challenge::Challenges;

/// Secret elements.
pub(crate) type Elements = Hidden<Vec<Element>>;

/// The claim Σ_j x_j·y_j = τ about shared numbers, one entry per piece held.
pub(crate) struct Claim {
    pub(crate) left: Vec<Elements>,
    pub(crate) right: Vec<Elements>,
    pub(crate) total: Elements,
}

/// The three elements that are opened, per piece held: x, y and τ.
pub(crate) type Ends = Vec<Hidden<[Element; 3]>>;

/// The check between two exchanges.
pub(crate) enum Check {
    /// The claims about bits, of which the sums are being shared.
    Bits(Combination),
    /// A claim about elements, of which the values of the products are being shared.
    Elements(Claim, fold::Rows),
}

/// What follows once shared numbers have arrived.
pub(crate) enum Next {
    /// Another exchange of this summand.
    Share(Check, Words),
    /// The end: the elements to be opened.
    Open(Ends),
}

impl Check {
    /// Starts the check with the challenge that everything seen so far makes; returns this trustee's summand.
    pub(crate) fn new(holder: &Holder, circuit: &Circuit, wires: &Wires, seen: &Digest) -> (Self, Words) {
        let combination =
            Combination::new(circuit, wires, holder.held().len(), &mut Challenges::new("bits", seen));
        let summand = combination.summand(circuit, wires, &holder.terms());
        (Self::Bits(combination), to_words(&summand))
    }

    /// Goes on with the shared numbers, the challenge of everything seen, and the place of the next exchange.
    pub(crate) fn next(
        self,
        holder: &Holder,
        (circuit, wires): (&Circuit, &Wires),
        shared: &[Words],
        place: &Place,
    ) -> Option<Next> {
        let shared: Vec<Elements> = shared.iter().map(|words| to_elements(words)).collect();
        let mut challenges = Challenges::new("fold", &place.seen);
        let claim = match self {
            Self::Bits(combination) => combination.fold(circuit, wires, &shared, &mut challenges),
            Self::Elements(claim, rows) => {
                let last = rows.are_last();
                let claim = fold::fold(&claim, rows, &shared, &mut challenges);
                if last {
                    return Some(Next::Open(ends(&claim)));
                }
                claim
            }
        };
        let rows = fold::Rows::of(claim.left.first()?.len());
        let claim = if rows.are_last() { fold::hide(claim, holder, place)? } else { claim };
        let summand = fold::summand(&claim, rows, &holder.terms());
        Some(Next::Share(Self::Elements(claim, rows), to_words(&summand)))
    }
}

/// Returns in how many exchanges so many words of products are checked.
pub(crate) const fn exchanges(words: usize) -> usize {
    1 + fold::exchanges(words.next_multiple_of(WORD))
}

/// The one product that is left.
fn ends(claim: &Claim) -> Ends {
    let numbers = claim.left.iter().zip(&claim.right).zip(claim.total.iter());
    numbers.map(|((left, right), total)| Hidden::new([left[0], right[0], *total])).collect()
}

/// Returns whether what was opened is a product: x·y = τ.
pub(crate) fn holds(opened: &[Element; 3]) -> bool {
    opened[0].times(opened[1]) == opened[2]
}

fn to_words(elements: &Elements) -> Words {
    let mut words = zero_words(2 * elements.len());
    for (words, element) in words.as_chunks_mut().0.iter_mut().zip(elements.iter()) {
        *words = element.to_words();
    }
    words
}

fn to_elements(words: &[u64]) -> Elements {
    Hidden::new(words.as_chunks().0.iter().map(|words| Element::from_words(*words)).collect())
}

/// The value at the challenge of a polynomial of which one value is missing and follows from a sum: Σ weight_i·H(i) = total.
fn interpolated(values: &[Element], missing: usize, rest: Element, coefficients: &[Element]) -> Element {
    let (before, after) = values.split_at(missing);
    let (low, high) = coefficients.split_at(missing);
    let Some((own, high)) = high.split_first() else { return Element::ZERO };
    dot(before, low) + own.times(rest) + dot(after, high)
}

/// Multiplies elements by x^0·factor, x^1·factor, …
fn scale_by_powers(elements: &mut [Element], factor: Element) {
    let mut power = factor;
    let mut powers = Vec::with_capacity(elements.len());
    for _ in 0..elements.len() {
        powers.push(power);
        power = power.shifted();
    }
    scale(elements, &powers);
}
