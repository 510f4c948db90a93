//! Squares of bits turned on their side, and maps of bits that are known to all.

/// Words of four groups side by side, so that every operation serves 256 bits.
pub(crate) type Lane = [u64; 4];

/// Words of one group.
pub(crate) const WORD: usize = 64;

/// Transposes 64 words: bit c of word r becomes bit r of word c.
pub(crate) fn transpose(square: &mut [u64; WORD]) {
    let (mut half, mut mask) = (32, 0xffff_ffff_u64);
    while half > 0 {
        for start in (0..WORD).step_by(2 * half) {
            for row in start..start + half {
                let swapped = (square[row] >> half ^ square[row + half]) & mask;
                square[row + half] ^= swapped;
                square[row] ^= swapped << half;
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}

/// A linear map from 64 bits to more, known to all. It is applied to whole words of bits.
///
/// After the method of the four Russians: the sums of every four inputs are tabulated, and the map, never an input, says
/// which are taken.
pub(crate) struct BitMap {
    /// For every four inputs: which of them each output takes.
    choices: Vec<Vec<u8>>,
    outputs: usize,
}

const QUARTER: usize = 4;

impl BitMap {
    /// Takes the map as one word per output: bit i is set if input i is taken.
    pub(crate) fn new(rows: &[u64]) -> Self {
        let choices = (0..WORD / QUARTER)
            .map(|quarter| rows.iter().map(|row| (row >> (QUARTER * quarter)) as u8 & 15).collect());
        Self { choices: choices.collect(), outputs: rows.len() }
    }

    /// Applies the map; `outputs` has one lane per output.
    pub(crate) fn apply(&self, inputs: &[Lane; WORD], outputs: &mut [Lane]) {
        outputs[..self.outputs].fill([0; 4]);
        for (inputs, choices) in inputs.as_chunks::<QUARTER>().0.iter().zip(&self.choices) {
            let mut sums = [[0_u64; 4]; 16];
            for choice in 1..16_usize {
                let highest = choice.ilog2() as usize;
                sums[choice] = xor(&sums[choice ^ 1 << highest], &inputs[highest]);
            }
            for (output, choice) in outputs.iter_mut().zip(choices) {
                *output = xor(output, &sums[usize::from(*choice & 15)]);
            }
        }
    }
}

/// Adds two lanes modulo 2.
pub(crate) fn xor(left: &Lane, right: &Lane) -> Lane {
    [left[0] ^ right[0], left[1] ^ right[1], left[2] ^ right[2], left[3] ^ right[3]]
}

/// Multiplies two lanes bit by bit.
pub(crate) fn and(left: &Lane, right: &Lane) -> Lane {
    [left[0] & right[0], left[1] & right[1], left[2] & right[2], left[3] & right[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Stream;

    #[test]
    fn a_square_is_turned_and_turned_back() {
        let mut square = [0; WORD];
        Stream::new(&[2; 32]).add_to(&mut square);
        let before = square;
        transpose(&mut square);
        for (row, word) in before.iter().enumerate() {
            assert!((0..WORD).all(|column| square[column] >> row & 1 == word >> column & 1));
        }
        transpose(&mut square);
        assert_eq!(square, before);
    }

    #[test]
    fn a_map_adds_the_inputs_it_takes() {
        let (mut rows, mut words) = (vec![0; 100], vec![0; 4 * WORD]);
        Stream::new(&[3; 32]).add_to(&mut rows);
        Stream::new(&[4; 32]).add_to(&mut words);
        let mut inputs = [[0; 4]; WORD];
        inputs.iter_mut().zip(words.as_chunks().0).for_each(|(lane, words)| *lane = *words);
        let mut outputs = vec![[1; 4]; 100];
        BitMap::new(&rows).apply(&inputs, &mut outputs);
        for (row, output) in rows.iter().zip(&outputs) {
            let taken = (0..WORD).filter(|input| row >> input & 1 == 1);
            assert_eq!(taken.fold([0; 4], |sum, input| xor(&sum, &inputs[input])), *output);
        }
    }
}
