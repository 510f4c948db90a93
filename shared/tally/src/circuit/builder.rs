//! Builds circuits gate by gate; layers and order follow from the gates.

use super::{Circuit, Gate, Layer, Source};

/// A bit while a circuit is built: a constant, or a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bit {
    Zero,
    One,
    Wire(usize),
}

#[derive(Clone, Copy)]
enum Node {
    /// The constant one.
    One,
    Input,
    Xor(usize, usize),
    And(usize, usize),
}

/// A circuit that is being built.
pub(crate) struct Builder {
    nodes: Vec<Node>,
    /// How many products lie before each node.
    depths: Vec<usize>,
    sources: Vec<Source>,
    width: usize,
    pieces: usize,
}

impl Builder {
    /// Starts a circuit over numbers of `width` bits that are given in so many pieces.
    pub(crate) fn new(pieces: usize, width: usize) -> Self {
        Self { nodes: vec![Node::One], depths: vec![0], sources: Vec::new(), width, pieces }
    }

    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Takes a number in: one summand per piece, lowest bit first. All inputs are taken before anything is computed.
    pub(crate) fn input(&mut self, source: Source) -> Vec<Vec<Bit>> {
        self.sources.push(source);
        let (pieces, width) = (self.pieces, self.width);
        (0..pieces).map(|_| (0..width).map(|_| Bit::Wire(self.push(Node::Input, 0))).collect()).collect()
    }

    fn push(&mut self, node: Node, depth: usize) -> usize {
        self.nodes.push(node);
        self.depths.push(depth);
        self.nodes.len() - 1
    }

    /// Returns x + y modulo 2.
    pub(crate) fn xor(&mut self, x: Bit, y: Bit) -> Bit {
        match (x, y) {
            (Bit::Zero, other) | (other, Bit::Zero) => other,
            (Bit::One, Bit::One) => Bit::Zero,
            (Bit::One, Bit::Wire(wire)) | (Bit::Wire(wire), Bit::One) => self.xor_wires(0, wire),
            (Bit::Wire(x), Bit::Wire(y)) => self.xor_wires(x, y),
        }
    }

    fn xor_wires(&mut self, x: usize, y: usize) -> Bit {
        let depth = self.depths[x].max(self.depths[y]);
        Bit::Wire(self.push(Node::Xor(x, y), depth))
    }

    /// Returns x·y.
    pub(crate) fn and(&mut self, x: Bit, y: Bit) -> Bit {
        match (x, y) {
            (Bit::Zero, _) | (_, Bit::Zero) => Bit::Zero,
            (Bit::One, other) | (other, Bit::One) => other,
            (Bit::Wire(x), Bit::Wire(y)) => {
                let depth = self.depths[x].max(self.depths[y]) + 1;
                Bit::Wire(self.push(Node::And(x, y), depth))
            }
        }
    }

    /// Returns 1 + x.
    pub(crate) fn not(&mut self, x: Bit) -> Bit {
        self.xor(x, Bit::One)
    }

    /// Returns the product of all bits, in as few layers as possible.
    pub(crate) fn all(&mut self, mut bits: Vec<Bit>) -> Bit {
        while bits.len() > 1 {
            bits = bits
                .chunks(2)
                .map(|pair| pair.iter().copied().reduce(|x, y| self.and(x, y)).unwrap_or(Bit::One))
                .collect();
        }
        bits.first().copied().unwrap_or(Bit::One)
    }

    /// Returns the sum of bits modulo 2.
    pub(crate) fn sum(&mut self, bits: impl IntoIterator<Item = Bit>) -> Bit {
        bits.into_iter().fold(Bit::Zero, |x, y| self.xor(x, y))
    }

    /// Orders what the outputs need into layers, and forgets the rest.
    pub(crate) fn finish(mut self, outputs: &[Bit]) -> Circuit {
        let outputs: Vec<usize> = outputs.iter().map(|bit| self.wire(*bit)).collect();
        let inputs = 1 + self.sources.len() * self.pieces * self.width;
        let mut needed = vec![false; self.nodes.len()];
        outputs.iter().for_each(|output| needed[*output] = true);
        for (node, gate) in self.nodes.iter().enumerate().rev() {
            if let (true, Node::Xor(x, y) | Node::And(x, y)) = (needed[node], *gate) {
                needed[x] = true;
                needed[y] = true;
            }
        }
        let mut wires = inputs;
        let number: Vec<u32> = (0..self.nodes.len())
            .map(|node| {
                let wire = if node < inputs { node } else { wires };
                wires += usize::from(node >= inputs && needed[node]);
                wire as u32
            })
            .collect();
        let deepest =
            self.depths.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(depth, _)| *depth).max();
        let mut layers = vec![Layer::default(); deepest.unwrap_or(0) + 1];
        for (node, gate) in self.nodes.iter().enumerate().filter(|(node, _)| needed[*node]) {
            let gate_of =
                |x: usize, y: usize| Gate { left: number[x], right: number[y], output: number[node] };
            match *gate {
                Node::One | Node::Input => {}
                Node::Xor(x, y) => layers[self.depths[node]].sums.push(gate_of(x, y)),
                Node::And(x, y) => layers[self.depths[node] - 1].products.push(gate_of(x, y)),
            }
        }
        let outputs = outputs.into_iter().map(|output| number[output]).collect();
        Circuit::new((self.pieces, self.width), wires, self.sources, layers, outputs)
    }

    /// Returns the wire of an output; a constant zero is one plus one.
    fn wire(&mut self, bit: Bit) -> usize {
        match bit {
            Bit::Wire(wire) => wire,
            Bit::One => 0,
            Bit::Zero => self.push(Node::Xor(0, 0), 0),
        }
    }
}
