//! The wires of a circuit, for every piece held: one word per wire and 64 labels.

use crate::bits::{WORD, transpose};
use crate::circuit::{Circuit, Layer, Source};
use crate::grid::Grid;
use crate::hidden::{Words, zero_words};
use crate::phase::Pieces;
use crate::sharing::Piece;

/// The pieces of all wires of one batch.
pub(crate) struct Wires {
    blocks: usize,
    /// In the order of the pieces held: the words of wire 0, then those of wire 1, …
    held: Vec<Words>,
}

/// What the numbers of the input are read from.
pub(crate) struct Inputs<'a> {
    pub(crate) grid: &'a Grid,
    /// Classes of a label.
    pub(crate) classes: usize,
    /// The threshold in units of the grid, the player after the classes.
    pub(crate) threshold: u32,
}

impl Wires {
    /// Puts the pieces of counts on the input wires; there is a multiple of 64 labels, missing ones count as zero.
    ///
    /// A piece that all its holders know is a sharing of its bits as it stands: the other pieces of these bits are zero.
    pub(crate) fn new(
        circuit: &Circuit,
        blocks: usize,
        inputs: &Inputs<'_>,
        counts: &[(Piece, Pieces)],
    ) -> Self {
        let held = counts.iter().map(|(piece, counts)| {
            let mut words = zero_words(circuit.wires() * blocks);
            if piece.bears_constants() {
                words[..blocks].fill(u64::MAX);
            }
            inputs.load(circuit, blocks, (*piece, counts), &mut words);
            words
        });
        Self { blocks, held: held.collect() }
    }

    /// Returns the number of words of a wire.
    pub(crate) const fn blocks(&self) -> usize {
        self.blocks
    }

    /// Returns the words of all wires of the piece at a place among those held.
    pub(crate) fn of(&self, place: usize) -> &[u64] {
        &self.held[place]
    }

    /// Computes the sums of a layer.
    pub(crate) fn add(&mut self, layer: &Layer) {
        let blocks = self.blocks;
        for words in &mut self.held {
            for gate in &layer.sums {
                let [left, right, output] =
                    [gate.left, gate.right, gate.output].map(|wire| wire as usize * blocks);
                let (before, after) = words.split_at_mut(output);
                for ((sum, left), right) in
                    after.iter_mut().zip(&before[left..left + blocks]).zip(&before[right..])
                {
                    *sum = left ^ right;
                }
            }
        }
    }

    /// Returns this trustee's summand of the products of a layer.
    pub(crate) fn multiply(&self, layer: &Layer, terms: &[(usize, Vec<usize>)]) -> Words {
        let blocks = self.blocks;
        let mut products = zero_words(layer.products.len() * blocks);
        for (left, rights) in terms {
            let lefts = &self.held[*left];
            for (gate, products) in layer.products.iter().zip(products.chunks_mut(blocks)) {
                let (left, right) = (gate.left as usize * blocks, gate.right as usize * blocks);
                for (block, product) in products.iter_mut().enumerate() {
                    let right = rights.iter().fold(0, |sum, held| sum ^ self.held[*held][right + block]);
                    *product ^= lefts[left + block] & right;
                }
            }
        }
        products
    }

    /// Takes the pieces of a layer's products over.
    pub(crate) fn put(&mut self, layer: &Layer, pieces: &[Words]) {
        let blocks = self.blocks;
        for (words, pieces) in self.held.iter_mut().zip(pieces) {
            for (gate, product) in layer.products.iter().zip(pieces.chunks(blocks)) {
                words[gate.output as usize * blocks..][..blocks].copy_from_slice(product);
            }
        }
    }

    /// Returns the words of the outputs of the piece at a place among those held.
    pub(crate) fn outputs(&self, circuit: &Circuit, place: usize) -> Words {
        let mut outputs = zero_words(circuit.outputs().len() * self.blocks);
        for (words, wire) in outputs.chunks_mut(self.blocks).zip(circuit.outputs()) {
            words.copy_from_slice(&self.held[place][*wire as usize * self.blocks..][..self.blocks]);
        }
        outputs
    }
}

impl Inputs<'_> {
    fn load(&self, circuit: &Circuit, blocks: usize, (piece, counts): (Piece, &Pieces), words: &mut [u64]) {
        let width = circuit.width();
        let at_once = WORD / width;
        let sources: Vec<(usize, Source)> = circuit.sources().iter().copied().enumerate().collect();
        for sources in sources.chunks(at_once) {
            for block in 0..blocks {
                let mut square = crate::hidden::Hidden::new([0; WORD]);
                for (lane, row) in square.iter_mut().enumerate() {
                    let start = (WORD * block + lane) * self.classes;
                    let label = counts.get(start..start + self.classes).unwrap_or(&[]);
                    for (place, (_, source)) in sources.iter().enumerate() {
                        *row |= u64::from(self.value(*source, piece, label)) << (width * place);
                    }
                }
                transpose(&mut square);
                for (bits, (source, _)) in square.chunks(width).zip(sources) {
                    let first = circuit.input(*source, piece.index());
                    for (place, bits) in bits.iter().enumerate() {
                        words[(first + place) * blocks + block] = *bits;
                    }
                }
            }
        }
    }

    fn value(&self, source: Source, piece: Piece, label: &[u32]) -> u32 {
        let of = |player: u16| match label.get(usize::from(player)) {
            Some(count) => *count,
            // Public numbers belong to one piece.
            None if piece.bears_constants() => self.threshold,
            None => 0,
        };
        let value = match source {
            Source::Count(player) => of(player),
            Source::Difference(one, other) => {
                let bias = if piece.bears_constants() { self.grid.bias() } else { 0 };
                of(one).wrapping_sub(of(other)).wrapping_add(bias)
            }
        };
        value & self.grid.modulus_mask()
    }
}
