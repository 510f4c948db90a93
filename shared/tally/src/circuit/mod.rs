//! Circuits as data: layers of sums and products of bits, each bit a word of many labels.

pub(crate) mod adder;
pub(crate) mod argmax;
pub(crate) mod builder;
pub(crate) mod levels;
#[cfg(test)]
pub(crate) mod tests;

use base::ids::Digest;
use borsh::BorshSerialize;

/// One sum or product of two wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub(crate) struct Gate {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) output: u32,
}

/// Sums, in their order, and then products that do not depend on one another.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize)]
pub(crate) struct Layer {
    pub(crate) sums: Vec<Gate>,
    pub(crate) products: Vec<Gate>,
}

/// What a number of the input is; players are classes, and after them the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub(crate) enum Source {
    /// The count of one player.
    Count(u16),
    /// The count of the first player minus that of the second, plus the bias.
    Difference(u16, u16),
}

/// A circuit. Wire 0 is the constant one; then come the inputs: for every source and piece its bits, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Circuit {
    pieces: usize,
    width: usize,
    wires: usize,
    sources: Vec<Source>,
    layers: Vec<Layer>,
    outputs: Vec<u32>,
    products: usize,
    digest: Digest,
}

impl Circuit {
    fn new(
        (pieces, width): (usize, usize),
        wires: usize,
        sources: Vec<Source>,
        layers: Vec<Layer>,
        outputs: Vec<u32>,
    ) -> Self {
        let products = layers.iter().map(|layer| layer.products.len()).sum();
        let shape = (pieces as u32, width as u32, wires as u64);
        let digest = Digest::of_value("tally circuit", &(shape, &sources, &layers, &outputs));
        Self { pieces, width, wires, sources, layers, outputs, products, digest }
    }

    /// Returns the number of wires.
    pub(crate) const fn wires(&self) -> usize {
        self.wires
    }

    /// Returns the number of bits of an input.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Returns the first wire of a piece of a source.
    pub(crate) const fn input(&self, source: usize, piece: usize) -> usize {
        1 + (source * self.pieces + piece) * self.width
    }

    /// Returns the layers; the last has no products.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// Returns the number of products.
    pub(crate) const fn products(&self) -> usize {
        self.products
    }

    /// Returns the number of layers that have products.
    pub(crate) fn depth(&self) -> usize {
        self.layers.iter().filter(|layer| !layer.products.is_empty()).count()
    }

    /// Returns the digest of everything that the circuit is.
    pub(crate) const fn digest(&self) -> Digest {
        self.digest
    }
}
