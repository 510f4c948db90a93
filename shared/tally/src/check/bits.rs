//! The first fold: all products of a batch, 64 labels to a word, 64 words to a group.
//!
//! Word i of group q holds z_{qij} for 64 labels j. With challenges v_i and ρ_q the claims are combined to
//! Σ_q ρ_q Σ_i v_i Σ_j x^j (x_{qij}·y_{qij} − z_{qij}) = 0. Errors are bits, so the inner sum over 64 powers of x is zero for
//! no error but zero: one carry-less product serves a word. Through the words of a group pass polynomials over the points i;
//! at the other 63 points their values are bytes, which the same map of bits makes of all groups.

use std::sync::LazyLock;

use super::challenge::Challenges;
use super::{Claim, Elements, interpolated, scale_by_powers};
use crate::bits::{BitMap, Lane, WORD, and, transpose, xor};
use crate::circuit::{Circuit, Gate};
use crate::field::Element;
use crate::field::kernel::{Wide, dot, gather, settle};
use crate::field::lagrange;
use crate::field::points::basis;
use crate::hidden::Hidden;
use crate::shares::wires::Wires;

/// Points beyond the 64 at which products are given.
const FURTHER: usize = WORD - 1;
const BYTE: usize = 8;

/// How many elements the first fold shares: values at all points but one, which follows from the claim.
pub(crate) const SHARED: usize = 2 * WORD - 2;

/// From 64 bits to the values of their polynomial at the further points, eight bits each.
static EXTENSION: LazyLock<BitMap> = LazyLock::new(|| {
    let rows = lagrange::further(WORD).into_iter().flat_map(|coefficients| {
        (0..BYTE).map(move |bit| {
            coefficients
                .iter()
                .enumerate()
                .fold(0, |row, (place, byte)| row | u64::from(byte >> bit & 1) << place)
        })
    });
    BitMap::new(&rows.collect::<Vec<u64>>())
});

/// The claims about all products of a batch, combined by challenges.
pub(crate) struct Combination {
    /// v_i, none of them zero.
    within: Vec<Element>,
    /// ρ_q.
    groups: Vec<Element>,
    /// Σ_q ρ_q Σ_i v_i Σ_j x^j z_{qij}, per piece held.
    total: Elements,
}

/// Secret words of four groups.
type Lanes = Hidden<[Lane; WORD]>;

/// Reads the words of one side of all products, group by group, four groups at a time.
struct Reader<'a> {
    gates: Vec<&'a Gate>,
    blocks: usize,
}

impl<'a> Reader<'a> {
    fn new(circuit: &'a Circuit, blocks: usize) -> Self {
        Self { gates: circuit.layers().iter().flat_map(|layer| &layer.products).collect(), blocks }
    }

    const fn groups(&self) -> usize {
        (self.gates.len() * self.blocks).div_ceil(WORD)
    }

    /// Adds the words of four groups to `lanes`.
    fn add(&self, first_group: usize, words: &[u64], side: impl Fn(&Gate) -> u32, lanes: &mut Lanes) {
        let first = first_group * WORD;
        let (mut gate, mut block) = (first / self.blocks, first % self.blocks);
        for place in 0..4 * WORD {
            let Some(next) = self.gates.get(gate) else { return };
            lanes[place % WORD][place / WORD] ^= words[side(next) as usize * self.blocks + block];
            block += 1;
            if block == self.blocks {
                (gate, block) = (gate + 1, 0);
            }
        }
    }
}

fn no_lanes() -> Lanes {
    Hidden::new([[0; 4]; WORD])
}

impl Combination {
    /// Draws the challenges and combines the pieces of the products.
    pub(crate) fn new(circuit: &Circuit, wires: &Wires, held: usize, challenges: &mut Challenges) -> Self {
        let reader = Reader::new(circuit, wires.blocks());
        let within: Vec<Element> = (0..WORD).map(|_| challenges.unit()).collect();
        let groups: Vec<Element> = (0..reader.groups()).map(|_| challenges.element()).collect();
        let total = (0..held).map(|place| {
            let mut sums = Hidden::new(vec![[0_u128; 2]; WORD]);
            for (four, factors) in groups.chunks(4).enumerate() {
                let mut lanes = no_lanes();
                reader.add(4 * four, wires.of(place), |gate| gate.output, &mut lanes);
                gather_lanes(factors, lanes.as_slice(), &mut sums);
            }
            let sums: Elements = Hidden::new(sums.iter().map(|wide| settle(*wide)).collect());
            dot(&within, &sums)
        });
        let total = Hidden::new(total.collect());
        Self { within, groups, total }
    }

    /// Returns this trustee's summand of Σ_q ρ_q Σ_j x^j X_{qj}·Y_{qj} at all points but the last of the first 64.
    pub(crate) fn summand(
        &self,
        circuit: &Circuit,
        wires: &Wires,
        terms: &[(usize, Vec<usize>)],
    ) -> Elements {
        let reader = Reader::new(circuit, wires.blocks());
        let mut near = Hidden::new(vec![[0_u128; 2]; WORD]);
        let mut far = Hidden::new(vec![[0_u128; 2]; FURTHER * BYTE]);
        let mut scratch = Scratch::default();
        for (four, factors) in self.groups.chunks(4).enumerate() {
            scratch.clear();
            for (left, rights) in terms {
                let (mut x, mut y) = (no_lanes(), no_lanes());
                reader.add(4 * four, wires.of(*left), |gate| gate.left, &mut x);
                for right in rights {
                    reader.add(4 * four, wires.of(*right), |gate| gate.right, &mut y);
                }
                scratch.multiply(&x, &y);
            }
            gather_lanes(factors, scratch.near.as_slice(), &mut near);
            gather_lanes(factors, &scratch.far, &mut far);
        }
        let basis = basis();
        let mut values: Elements = Hidden::new(Vec::with_capacity(SHARED));
        values.extend(near[..WORD - 1].iter().map(|wide| settle(*wide)));
        values.extend(far.as_chunks::<BYTE>().0.iter().map(|bits| dot(&bits.map(settle), &basis)));
        values
    }

    /// Folds the groups at a challenge: from the shared values to a claim about elements, one per word of products.
    pub(crate) fn fold(
        self,
        circuit: &Circuit,
        wires: &Wires,
        shared: &[Elements],
        challenges: &mut Challenges,
    ) -> Claim {
        let challenge = challenges.outside(2 * WORD - 1);
        let far = lagrange::at(2 * WORD - 1, challenge);
        let map = map_to(&lagrange::at(WORD, challenge));
        let last = self.within[WORD - 1].inverse();
        let total = shared.iter().zip(self.total.iter()).map(|(values, total)| {
            let known = dot(&self.within[..WORD - 1], values);
            interpolated(values, WORD - 1, (*total + known).times(last), &far)
        });
        let total = Hidden::new(total.collect());
        let reader = Reader::new(circuit, wires.blocks());
        let side = |side: fn(&Gate) -> u32, scaled: bool| {
            let places = 0..shared.len();
            places.map(|place| self.elements(&reader, wires.of(place), &map, side, scaled)).collect()
        };
        Claim { left: side(|gate| gate.left, true), right: side(|gate| gate.right, false), total }
    }

    /// Returns the values at the challenge of the polynomials through one side, 64 per group; those of the left side take the
    /// challenges of the combination.
    fn elements(
        &self,
        reader: &Reader<'_>,
        words: &[u64],
        map: &BitMap,
        side: fn(&Gate) -> u32,
        scaled: bool,
    ) -> Elements {
        let mut elements: Elements = Hidden::new(Vec::with_capacity(self.groups.len() * WORD));
        let mut values = Hidden::new(vec![[0_u64; 4]; 2 * WORD]);
        for (four, factors) in self.groups.chunks(4).enumerate() {
            let mut lanes = no_lanes();
            reader.add(4 * four, words, side, &mut lanes);
            map.apply(&lanes, &mut values);
            for (lane, factor) in factors.iter().enumerate() {
                let (mut low, mut high) = (Hidden::new([0; WORD]), Hidden::new([0; WORD]));
                for place in 0..WORD {
                    low[place] = values[place][lane];
                    high[place] = values[WORD + place][lane];
                }
                transpose(&mut low);
                transpose(&mut high);
                let start = elements.len();
                elements.extend(
                    low.iter().zip(high.iter()).map(|(low, high)| Element::from_words([*low, *high])),
                );
                if scaled {
                    scale_by_powers(&mut elements[start..], *factor);
                }
            }
        }
        elements
    }
}

/// The map from 64 bits to the 128 bits of Σ_i coefficient_i·bit_i.
fn map_to(coefficients: &[Element]) -> BitMap {
    let row = |bit: usize| {
        coefficients
            .iter()
            .enumerate()
            .fold(0, |row, (place, element)| row | ((element.0 >> bit) as u64 & 1) << place)
    };
    BitMap::new(&(0..2 * WORD).map(row).collect::<Vec<u64>>())
}

/// Adds, for each of four groups, its challenge times its words.
fn gather_lanes(factors: &[Element], lanes: &[Lane], sums: &mut [Wide]) {
    let mut words = Hidden::new(vec![0; lanes.len()]);
    for (lane, factor) in factors.iter().enumerate() {
        for (word, lanes) in words.iter_mut().zip(lanes) {
            *word = lanes[lane];
        }
        gather(*factor, &words, sums);
    }
}

/// Memory for the products of four groups.
struct Scratch {
    left: Hidden<Vec<Lane>>,
    right: Hidden<Vec<Lane>>,
    near: Lanes,
    far: Hidden<Vec<Lane>>,
}

impl Default for Scratch {
    fn default() -> Self {
        let lanes = || Hidden::new(vec![[0; 4]; FURTHER * BYTE]);
        Self { left: lanes(), right: lanes(), near: no_lanes(), far: lanes() }
    }
}

impl Scratch {
    fn clear(&mut self) {
        self.near.fill([0; 4]);
        self.far.fill([0; 4]);
    }

    /// Adds the products of two polynomials at all points.
    fn multiply(&mut self, x: &Lanes, y: &Lanes) {
        for ((sum, x), y) in self.near.iter_mut().zip(x.iter()).zip(y.iter()) {
            *sum = xor(sum, &and(x, y));
        }
        EXTENSION.apply(x, &mut self.left);
        EXTENSION.apply(y, &mut self.right);
        let points = self.left.as_chunks::<BYTE>().0.iter().zip(self.right.as_chunks::<BYTE>().0);
        for ((x, y), sum) in points.zip(self.far.as_chunks_mut::<BYTE>().0) {
            add_byte_product(x, y, sum);
        }
    }
}

/// Adds the product of two bytes of the subfield, bit by bit: modulo x^8 + x^4 + x^3 + x + 1.
fn add_byte_product(x: &[Lane; BYTE], y: &[Lane; BYTE], sum: &mut [Lane; BYTE]) {
    let mut long = [[0; 4]; 2 * BYTE - 1];
    for (place, x) in x.iter().enumerate() {
        for (long, y) in long[place..].iter_mut().zip(y) {
            *long = xor(long, &and(x, y));
        }
    }
    for place in (BYTE..2 * BYTE - 1).rev() {
        for target in [place - 8, place - 7, place - 5, place - 4] {
            long[target] = xor(&long[target], &long[place]);
        }
    }
    for (sum, long) in sum.iter_mut().zip(&long) {
        *sum = xor(sum, long);
    }
}
