//! The byte frames of keys, sums and labels: magic, version, kind, and exact lengths.
//!
//! All numbers are little-endian. Nothing is handed to tfhe before its length is known to be right, because
//! its constructors assert.

use super::parameters::ParameterSet;

const MAGIC: [u8; 8] = *b"psephos\0";
const VERSION: u16 = 1;

pub(crate) const WORD: usize = size_of::<u64>();

/// What a frame holds; the number is its code on the wire. 7 and 8 were frames of version 0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    PublicKey = 1,
    KeyswitchingKey = 2,
    BootstrappingKey = 3,
    SecretKeys = 4,
    RunningSum = 5,
    LabelCiphertexts = 6,
    PairBootstrappingKey = 9,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::PublicKey => "public key",
            Self::KeyswitchingKey => "keyswitching key",
            Self::BootstrappingKey => "bootstrapping key",
            Self::PairBootstrappingKey => "bootstrapping key of pairs",
            Self::SecretKeys => "secret keys",
            Self::RunningSum => "running sum",
            Self::LabelCiphertexts => "label ciphertexts",
        }
    }

    const fn code(self) -> u16 {
        self as u16
    }
}

/// Why bytes are not the frame that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length differs from the only possible one.
    #[error("{what}: {got} bytes, expected exactly {expected}; fetch it again from its source")]
    Length {
        /// The kind of frame.
        what: &'static str,
        /// The only possible length in bytes.
        expected: usize,
        /// The length that came.
        got: usize,
    },
    /// The first bytes are not those of any frame of this software.
    #[error("{what}: does not begin with the magic of psephos; this is another kind of file")]
    Magic {
        /// The kind of frame.
        what: &'static str,
    },
    /// The frame comes from another version of the software.
    #[error(
        "{what}: frame version {got}, this program reads version {VERSION}; use the same release everywhere"
    )]
    Version {
        /// The kind of frame.
        what: &'static str,
        /// The version that came.
        got: u16,
    },
    /// The frame holds something else.
    #[error("{what}: the frame holds kind {got}, expected kind {expected}; two blobs may be interchanged")]
    Kind {
        /// The kind of frame.
        what: &'static str,
        /// The expected code.
        expected: u16,
        /// The code that came.
        got: u16,
    },
    /// The frame was made with parameters this program does not have.
    #[error("{what}: unknown parameter digest {got}; use the same release everywhere")]
    UnknownParameters {
        /// The kind of frame.
        what: &'static str,
        /// The digest that came, in hexadecimal.
        got: String,
    },
    /// The frame was made with another parameter set than the federation's.
    #[error("{what}: made with the parameters `{got}`, expected `{expected}`")]
    OtherParameters {
        /// The kind of frame.
        what: &'static str,
        /// The name of the expected set.
        expected: &'static str,
        /// The name of the set that came.
        got: &'static str,
    },
    /// The frame was made for another shape of round.
    #[error(
        "{what}: made for {got_instances} instances of {got_classes} classes, \
         expected {instances} instances of {classes} classes"
    )]
    OtherLayout {
        /// The kind of frame.
        what: &'static str,
        /// The expected number of classes.
        classes: usize,
        /// The expected number of instances.
        instances: usize,
        /// The number of classes that came.
        got_classes: usize,
        /// The number of instances that came.
        got_instances: usize,
    },
    /// A reserved bit is set.
    #[error("{what}: the padding after the last bit is not zero; the file is damaged")]
    Padding {
        /// The kind of frame.
        what: &'static str,
    },
}

/// Writer that appends fields to a frame, which begins with its header.
pub(crate) struct FrameWriter {
    bytes: Vec<u8>,
}

impl FrameWriter {
    /// Starts a frame with room for `capacity` bytes after the header, so that secrets are never moved.
    pub(crate) fn new(kind: Kind, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(FrameReader::HEADER + capacity);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&kind.code().to_le_bytes());
        Self { bytes }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn words(&mut self, words: &[u64]) -> &mut Self {
        self.bytes.reserve(words.len() * WORD);
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self
    }

    /// Appends words of which only the upper halves are kept.
    pub(crate) fn half_words(&mut self, words: &[u32]) -> &mut Self {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        self
    }

    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Reader of a frame whose length is fixed by what is expected.
pub(crate) struct FrameReader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl FrameReader<'_> {
    /// Bytes before the content: magic, version and kind.
    pub(crate) const HEADER: usize = MAGIC.len() + 2 + 2;
}

impl<'a> FrameReader<'a> {
    /// Checks the header; what follows is checked field by field.
    pub(crate) fn header(bytes: &'a [u8], kind: Kind) -> Result<Self, FrameError> {
        let what = kind.name();
        let mut reader = Self { what, rest: bytes };
        if reader.array()? != MAGIC {
            return Err(FrameError::Magic { what });
        }
        let version = u16::from_le_bytes(reader.array()?);
        if version != VERSION {
            return Err(FrameError::Version { what, got: version });
        }
        let got = u16::from_le_bytes(reader.array()?);
        if got != kind.code() {
            return Err(FrameError::Kind { what, expected: kind.code(), got });
        }
        Ok(reader)
    }

    /// Checks that exactly `expected` bytes are left.
    pub(crate) fn expect_rest(&self, expected: usize) -> Result<(), FrameError> {
        if self.rest.len() == expected {
            return Ok(());
        }
        Err(FrameError::Length { what: self.what, expected, got: self.rest.len() })
    }

    /// Takes `M` bytes.
    pub(crate) fn array<const M: usize>(&mut self) -> Result<[u8; M], FrameError> {
        let Some((head, tail)) = self.rest.split_first_chunk::<M>() else {
            return Err(FrameError::Length { what: self.what, expected: M, got: self.rest.len() });
        };
        self.rest = tail;
        Ok(*head)
    }

    /// Takes a parameter digest and finds the set it belongs to.
    pub(crate) fn parameter_set(&mut self) -> Result<ParameterSet, FrameError> {
        let digest: [u8; 32] = self.array()?;
        ParameterSet::ALL
            .into_iter()
            .find(|set| set.digest() == digest)
            .ok_or_else(|| FrameError::UnknownParameters { what: self.what, got: hex::encode(digest) })
    }

    /// Takes a parameter digest, which must be that of `expected`.
    pub(crate) fn expect_parameters(&mut self, expected: ParameterSet) -> Result<(), FrameError> {
        let got = self.parameter_set()?;
        if got == expected {
            return Ok(());
        }
        Err(FrameError::OtherParameters { what: self.what, expected: expected.name(), got: got.name() })
    }

    pub(crate) const fn what(&self) -> &'static str {
        self.what
    }

    /// Returns the bytes that are left.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads all that is left as words; the caller has checked the length.
    pub(crate) fn words(&self) -> Vec<u64> {
        words(self.rest)
    }
}

/// Reads little-endian words; bytes after the last whole word are left out.
pub(crate) fn words(bytes: &[u8]) -> Vec<u64> {
    let (chunks, _) = bytes.as_chunks::<WORD>();
    chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect()
}
