//! What the 128-bit squash puts out: one ciphertext modulo 2^128 per digit of a label, and the record of them.
//!
//! A digit d stands at d·2^123 with the padding bit clear, as at 2^59 before the squash. Openings are made from
//! these ciphertexts; the transcript keeps their record alone, 48 bytes per digit instead of 65 552.

use sha2::{Digest as _, Sha256};

use super::frame::{FrameError, FrameReader, FrameWriter, Kind};
use super::labels::digits_per_label;
use super::layout::Layout;
use super::sum::LayoutFields;
use base::ids::Digest;

/// Dimension of the key under which squashed digits are encrypted: two polynomials of 2048 coefficients.
pub const SQUASHED_DIMENSION: usize = 4096;
/// log2 of the plaintext of a digit of one in a squashed ciphertext.
pub const SQUASHED_DIGIT_LOG: u32 = 123;

/// Words of one squashed digit: the mask and the body.
const WORDS: usize = SQUASHED_DIMENSION + 1;
const WORD: usize = size_of::<u128>();

/// One digit of a label, encrypted modulo 2^128 under the squashed key, with little noise.
#[derive(Clone, PartialEq, Eq)]
pub struct Squashed {
    words: Vec<u128>,
}

impl Squashed {
    /// Bytes of one squashed digit on the wire.
    pub const BYTES: usize = WORDS * WORD;

    /// Wraps 4096 words of the mask and the body; `None` for any other number of words.
    #[must_use]
    pub fn from_words(words: Vec<u128>) -> Option<Self> {
        (words.len() == WORDS).then_some(Self { words })
    }

    /// Lets the squash write the words of a new digit: it is given all of them, zero.
    pub(crate) fn written_by(write: impl FnOnce(&mut [u128])) -> Self {
        let mut words = vec![0; WORDS];
        write(&mut words);
        Self { words }
    }

    /// Reads the little-endian words of [`Squashed::to_bytes`]; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<WORD>();
        let whole = rest.is_empty();
        whole
            .then(|| words.iter().map(|word| u128::from_le_bytes(*word)).collect())
            .and_then(Self::from_words)
    }

    /// Returns the words in little-endian order, the body last.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Returns the mask a, 4096 words.
    #[must_use]
    pub fn mask(&self) -> &[u128] {
        &self.words[..SQUASHED_DIMENSION]
    }

    /// Returns the body b.
    #[must_use]
    pub fn body(&self) -> u128 {
        self.words[SQUASHED_DIMENSION]
    }

    /// Returns SHA-256 over the words, which openings are bound to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(b"psephos squashed digit v1");
        for word in &self.words {
            hasher.update(word.to_le_bytes());
        }
        Digest::from_bytes(hasher.finalize().into())
    }

    /// Returns the entry of the record that stands for this digit.
    #[must_use]
    pub fn record(&self) -> SquashedDigit {
        SquashedDigit { digest: self.digest(), body: self.body() }
    }
}

impl std::fmt::Debug for Squashed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Squashed").field("digest", &self.digest()).finish_non_exhaustive()
    }
}

/// What the record keeps of one squashed digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SquashedDigit {
    /// SHA-256 over its words.
    pub digest: Digest,
    /// Its body b, with which openings combine to the digit.
    pub body: u128,
}

/// The record of a step's squashed digits, instance-major and the low digit first; a blob of the transcript.
///
/// Its layout is that of the labels that were squashed, [`super::LabelCiphertexts::layout`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SquashedRecord {
    layout: Layout,
    digits: Vec<SquashedDigit>,
}

impl SquashedRecord {
    const ENTRY: usize = 32 + WORD;

    /// Starts the record of a round of this layout.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout, digits: Vec::with_capacity(Self::expected(layout)) }
    }

    /// Number of digits that the record of a round of this layout holds in the end.
    #[must_use]
    pub const fn expected(layout: Layout) -> usize {
        layout.instances() * digits_per_label(layout.classes())
    }

    /// Appends the next digit.
    pub fn push(&mut self, digit: SquashedDigit) {
        self.digits.push(digit);
    }

    /// Returns the layout of the round.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns all digits, instance-major and the low digit first.
    #[must_use]
    pub fn digits(&self) -> &[SquashedDigit] {
        &self.digits
    }

    /// Returns the record as a frame: header, classes, instances, then digest and body of each digit.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut frame =
            FrameWriter::new(Kind::SquashedRecord, LayoutFields::BYTES + self.digits.len() * Self::ENTRY);
        LayoutFields::write(&mut frame, self.layout);
        for digit in &self.digits {
            frame.bytes(digit.digest.as_bytes()).bytes(&digit.body.to_le_bytes());
        }
        frame.finish()
    }

    /// Reads the record of a round of this layout.
    ///
    /// # Errors
    /// Refuses another kind of frame, another layout and any other length.
    pub fn from_bytes(bytes: &[u8], layout: Layout) -> Result<Self, FrameError> {
        let mut frame = FrameReader::header(bytes, Kind::SquashedRecord)?;
        LayoutFields::expect(&mut frame, layout)?;
        let expected = Self::expected(layout);
        frame.expect_rest(expected * Self::ENTRY)?;
        let mut record = Self::new(layout);
        for _ in 0..expected {
            let digest = Digest::from_bytes(frame.array()?);
            record.push(SquashedDigit { digest, body: u128::from_le_bytes(frame.array()?) });
        }
        Ok(record)
    }
}

/// Number of digits of a label: one up to 15 classes, two above; one for a test, whose labels know one class
/// ([`Layout::test`]).
#[must_use]
pub const fn label_digits(classes: usize) -> usize {
    digits_per_label(classes)
}
