//! Label ciphertexts: the tally's result, one or two encrypted digits per instance.
//!
//! A label is 0 for an abstention and i + 1 for class i, in base 16, the low digit first. A digit d stands at
//! d·2^59, so that the highest bit stays clear: a bootstrap negates what lies beyond it. What a test puts out is a
//! label among one class: 1 where the instance passes, 0 where it does not.

use super::expand::Lwe;
use super::frame::{FrameError, FrameReader, FrameWriter, Kind, WORD};
use super::layout::Layout;
use super::parameters::{POLYNOMIAL_SIZE, ParameterSet};
use super::sum::LayoutFields;

/// The most digits a label can have.
pub(crate) const DIGITS: usize = 2;
/// log2 of the plaintext of a digit of one.
pub(crate) const DIGIT_LOG: u32 = 59;
const BASE_LOG: usize = 4;
const LARGEST_IN_ONE_DIGIT: usize = (1 << BASE_LOG) - 1;
/// Words of one encrypted digit: 2048 of the mask and the body.
pub(crate) const DIGIT_WORDS: usize = POLYNOMIAL_SIZE + 1;

/// Returns the digit at `place` (0 low, 1 high) of a label: class + 1, or 0 for an abstention.
pub(crate) const fn digit(label: usize, place: usize) -> u64 {
    (label >> (place * BASE_LOG) & LARGEST_IN_ONE_DIGIT) as u64
}

/// Returns the number of digits of a label: one up to 15 classes (and for a test), two above.
pub(crate) const fn digits_per_label(classes: usize) -> usize {
    if classes <= LARGEST_IN_ONE_DIGIT { 1 } else { DIGITS }
}

/// Puts the digits of a label together.
pub(crate) fn label(digits: &[u64]) -> u64 {
    digits.iter().rev().fold(0, |label, digit| label << BASE_LOG | digit)
}

/// One label ciphertext per tallied instance of a round, or what a test puts out for it.
///
/// [`LabelCiphertexts::layout`] tells them apart: that of a test has one class ([`Layout::test`]), which no round
/// has, so that neither can be read for the other.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelCiphertexts {
    set: ParameterSet,
    layout: Layout,
    words: Vec<u64>,
}

impl LabelCiphertexts {
    pub(crate) fn new(set: ParameterSet, layout: Layout) -> Self {
        Self { set, layout, words: Vec::with_capacity(word_count(layout)) }
    }

    /// Appends the digits of the next instance.
    pub(crate) fn push(&mut self, digits: &[Lwe]) {
        self.words.extend(digits.iter().flat_map(|digit| digit.as_ref()));
    }

    /// Appends the labels of a chunk of the instances, in their order.
    pub(crate) fn append(&mut self, chunk: &Self) {
        self.words.extend_from_slice(&chunk.words);
    }

    /// Returns the layout of the labels: as many instances as were tallied; a test has one class.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the name of the parameters under which the labels are encrypted.
    #[must_use]
    pub const fn parameter_set(&self) -> ParameterSet {
        self.set
    }

    /// Returns the digits of each instance, each as 2049 words.
    pub(crate) fn instances(&self) -> impl Iterator<Item = std::slice::ChunksExact<'_, u64>> {
        let per_instance = digits_per_label(self.layout.classes()) * DIGIT_WORDS;
        self.words.chunks_exact(per_instance).map(|digits| digits.chunks_exact(DIGIT_WORDS))
    }

    /// Returns the exact length of the frame of a round of this layout, in bytes.
    #[must_use]
    pub const fn frame_bytes(layout: Layout) -> usize {
        FrameReader::HEADER + 32 + LayoutFields::BYTES + word_count(layout) * WORD
    }

    /// Returns the labels as a frame: header, parameter digest, classes, instances, words.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [Self::header(self.set, self.layout), self.word_bytes()].concat()
    }

    /// Returns the beginning of a frame, which the words of all instances follow, [`LabelCiphertexts::word_bytes`].
    #[must_use]
    pub fn header(set: ParameterSet, layout: Layout) -> Vec<u8> {
        let mut frame = FrameWriter::new(Kind::LabelCiphertexts, 32 + LayoutFields::BYTES);
        frame.bytes(&set.digest());
        LayoutFields::write(&mut frame, layout);
        frame.finish()
    }

    /// Returns the words of these instances, little-endian.
    #[must_use]
    pub fn word_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Reads the frame of the labels of a round of this layout, made with the federation's parameters.
    ///
    /// # Errors
    /// Refuses another kind of frame, other parameters, another layout and any other length.
    pub fn from_bytes(bytes: &[u8], set: ParameterSet, layout: Layout) -> Result<Self, FrameError> {
        let mut frame = FrameReader::header(bytes, Kind::LabelCiphertexts)?;
        frame.expect_parameters(set)?;
        LayoutFields::expect(&mut frame, layout)?;
        frame.expect_rest(word_count(layout) * WORD)?;
        Ok(Self { set, layout, words: frame.words() })
    }
}

impl std::fmt::Debug for LabelCiphertexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabelCiphertexts")
            .field("set", &self.set)
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

const fn word_count(layout: Layout) -> usize {
    layout.instances() * digits_per_label(layout.classes()) * DIGIT_WORDS
}
