//! Circuits on shares in the clear, against the definition of what they compute.

mod fractions;

use super::{Circuit, Source, argmax, levels};
use crate::draw::Stream;
use crate::grid::Grid;
use crate::sharing::Sharing;

/// Runs a circuit on up to 64 instances at once; `value(source, piece, lane)` is an input.
pub(crate) fn run(circuit: &Circuit, pieces: usize, value: impl Fn(Source, usize, usize) -> u32) -> Vec<u32> {
    let mut wires = vec![0_u64; circuit.wires()];
    wires[0] = u64::MAX;
    for (number, source) in circuit.sources().iter().enumerate() {
        for piece in 0..pieces {
            for lane in 0..64 {
                let value = value(*source, piece, lane);
                for place in 0..circuit.width() {
                    wires[circuit.input(number, piece) + place] |= u64::from(value >> place & 1) << lane;
                }
            }
        }
    }
    for layer in circuit.layers() {
        for gate in &layer.sums {
            wires[gate.output as usize] = wires[gate.left as usize] ^ wires[gate.right as usize];
        }
        for gate in &layer.products {
            wires[gate.output as usize] = wires[gate.left as usize] & wires[gate.right as usize];
        }
    }
    let bit = |lane: usize, output: &u32| (wires[*output as usize] >> lane) as u32 & 1;
    let code = |lane| circuit.outputs().iter().rev().fold(0, |code, output| code << 1 | bit(lane, output));
    (0..64).map(code).collect()
}

/// Pieces of numbers of votes, in units of the grid, off by up to one unit per piece between two of them.
struct Shares {
    grid: Grid,
    pieces: usize,
    players: usize,
    values: Vec<u32>,
    stream: Stream,
}

impl Shares {
    fn new(grid: Grid, pieces: usize, players: usize) -> Self {
        Self { grid, pieces, players, values: vec![0; 64 * pieces * players], stream: Stream::new(&[5; 32]) }
    }

    /// Sets what a player has, in units, where `exactly` or with the error of rounding.
    fn set(&mut self, lane: usize, player: usize, units: i64, exactly: bool) {
        let pieces = self.pieces;
        let row = &mut self.values[(lane * self.players + player) * pieces..][..pieces];
        let most = if exactly { 0 } else { pieces as u64 / 2 };
        let error = (self.stream.next_word() % (2 * most + 1)).cast_signed() - most.cast_signed();
        let mut rest = (units + error) as u32;
        for piece in row.iter_mut().skip(1) {
            *piece = self.stream.next_word() as u32 & self.grid.modulus_mask();
            rest = rest.wrapping_sub(*piece);
        }
        row[0] = rest & self.grid.modulus_mask();
    }

    fn value(&self, source: Source, piece: usize, lane: usize) -> u32 {
        let of = |player: u16| self.values[(lane * self.players + usize::from(player)) * self.pieces + piece];
        let bias = if piece == 0 { self.grid.bias() } else { 0 };
        match source {
            Source::Count(player) => of(player),
            Source::Difference(one, other) => of(one).wrapping_sub(of(other)).wrapping_add(bias),
        }
    }

    fn run(&self, circuit: &Circuit) -> Vec<u32> {
        run(circuit, self.pieces, |source, piece, lane| {
            self.value(source, piece, lane) & self.grid.modulus_mask()
        })
    }
}

fn grid(sharing: Sharing, bound: u64) -> Grid {
    Grid::whole(sharing, 3, |_| bound).unwrap()
}

/// The number, from 1, of the first player with the most; a threshold as last player must be beaten or reached.
fn first_of_most(counts: &[i64]) -> u32 {
    let most = counts.iter().max().unwrap();
    1 + counts.iter().position(|count| count == most).unwrap() as u32
}

fn check(sharing: Sharing, classes: usize, threshold: Option<i64>, circuit: &Circuit, grid: Grid) {
    let players = classes + usize::from(threshold.is_some());
    let mut shares = Shares::new(grid, sharing.pieces(), players);
    let mut random = Stream::new(&[classes as u8; 32]);
    for round in 0..4 {
        let mut expected = Vec::new();
        for lane in 0..64 {
            // few different counts make ties, wide ones reach the ends of the range
            let spread = [2, 5, 40, grid.bound()][round];
            let base = threshold.unwrap_or(0).min(grid.bound().cast_signed() - spread.cast_signed());
            let mut counts: Vec<i64> = (0..classes)
                .map(|_| (random.next_word() % (spread + 1)).cast_signed() + base - spread.cast_signed() / 2)
                .collect();
            counts.extend(threshold);
            for (player, count) in counts.iter().enumerate() {
                let exactly = player == classes;
                shares.set(lane, player, count << grid.fraction_bits(), exactly);
            }
            expected.push(first_of_most(&counts));
        }
        assert_eq!(shares.run(circuit), expected, "{sharing}, {classes} classes, {threshold:?}");
    }
}

#[test]
fn labels_are_those_of_the_first_class_with_the_most_votes() {
    for sharing in Sharing::ALL {
        let grid = grid(sharing, 700);
        let shape = (sharing.pieces(), grid.width() as usize);
        for classes in [2, 3, 7, 10] {
            check(sharing, classes, None, &argmax::argmax(shape, classes as u16), grid);
            check(sharing, classes, Some(150), &argmax::argmax(shape, classes as u16 + 1), grid);
        }
        for classes in [17, 100] {
            check(
                sharing,
                classes,
                None,
                &levels::argmax((sharing.pieces(), &grid), classes as u16, None),
                grid,
            );
            let units = 150 << grid.fraction_bits();
            let circuit = levels::argmax((sharing.pieces(), &grid), classes as u16, Some(units));
            check(sharing, classes, Some(150), &circuit, grid);
        }
    }
}

#[test]
fn a_test_passes_from_the_threshold_on() {
    for sharing in Sharing::ALL {
        let grid = grid(sharing, 400);
        let circuit = argmax::test((sharing.pieces(), grid.width() as usize), 4);
        let mut shares = Shares::new(grid, sharing.pieces(), 5);
        let counts = |lane: usize| [0, 149 + lane as i64 % 3, 3, -lane.cast_signed() as i64];
        for lane in 0..64 {
            for (player, votes) in counts(lane).into_iter().chain([150]).enumerate() {
                shares.set(lane, player, votes << grid.fraction_bits(), player == 4);
            }
        }
        let expected: Vec<u32> = (0..64).map(|lane| u32::from(counts(lane)[1] >= 150)).collect();
        assert_eq!(shares.run(&circuit), expected, "{sharing}: T − 1, T and T + 1 votes against T");
    }
}

#[test]
fn products_and_layers_are_as_documented() {
    let grid = grid(Sharing::ThreeOne, 947);
    let shape = (3, grid.width() as usize);
    let count = |circuit: &Circuit| (circuit.products(), circuit.depth());
    assert_eq!(grid.width(), 14);
    assert_eq!(count(&argmax::argmax(shape, 10)), (2060, 9));
    assert_eq!(count(&argmax::argmax(shape, 11)), (2519, 9));
    assert_eq!(count(&argmax::test(shape, 10)), (449, 9));
    assert_eq!(argmax::argmax(shape, 100).products(), 227_600);
    assert_eq!(count(&levels::argmax((3, &grid), 100, None)), (28_103, 26));
}
