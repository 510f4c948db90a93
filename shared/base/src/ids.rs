//! Identifiers and digests: one newtype each, parsed once at the door.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    num::NonZeroU32,
    path::Path,
    str::FromStr,
};

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {expected}")]
pub struct InvalidId {
    text: String,
    expected: &'static str,
}

impl InvalidId {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }
}

pub(crate) fn decode_hex<const N: usize>(text: &str, expected: &'static str) -> Result<[u8; N], InvalidId> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId::new(text, expected))?;
    Ok(bytes)
}

/// Declares a fixed-length byte string that prints, parses and serialises as lower-case hex.
macro_rules! hex_newtype {
    ($(#[$doc:meta])* $name:ident, $length:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Wraps the raw bytes.
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// Returns the raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = $crate::ids::InvalidId;

            fn from_str(text: &str) -> Result<Self, $crate::ids::InvalidId> {
                $crate::ids::decode_hex(text, $expected).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as Deserialize>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

pub(crate) use hex_newtype;

hex_newtype!(
    /// SHA-256 digest of an artefact.
    Digest, 32, "a digest: 64 hexadecimal digits"
);
hex_newtype!(
    /// Id of a round, chosen at random by the operator's client.
    RoundId, 16, "a round id: 32 hexadecimal digits"
);
hex_newtype!(
    /// Id of a ballot, chosen at random by the participant and kept over retries.
    BallotId, 16, "a ballot id: 32 hexadecimal digits"
);

hex_newtype!(
    /// Id of a student, chosen at random by the operator's client.
    StudentId, 16, "a student id: 32 hexadecimal digits"
);

impl Digest {
    /// Digests raw bytes; the result equals that of `sha256sum`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Digests a file in bounded memory.
    ///
    /// # Errors
    /// Where it cannot be opened or read to its end.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut digester = Digester::default();
        digester.read(File::open(path)?)?;
        Ok(digester.digest())
    }

    /// Digests the canonical (borsh) form of a value under a domain, so that no two kinds of value collide.
    pub fn of_value<T: BorshSerialize>(domain: &str, value: &T) -> Self {
        let mut hasher = Sha256::new();
        hasher.update((domain.len() as u64).to_le_bytes());
        hasher.update(domain);
        hasher.update(canonical(value));
        Self(hasher.finalize().into())
    }

    /// Returns the first twelve digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

/// Digests bytes that come in pieces; the result is [`Digest::of`] all of them together.
#[derive(Debug, Clone, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Takes everything that a reader gives, in bounded memory, and returns the number of its bytes.
    pub fn read(&mut self, mut reader: impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; DIGEST_BUFFER];
        let mut total = 0;
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let Some(piece @ [_, ..]) = buffer.get(..count) else { return Ok(total) };
            self.update(piece);
            total += piece.len() as u64;
        }
    }

    /// Returns the digest of what came so far.
    pub fn digest(&self) -> Digest {
        Digest(self.0.clone().finalize().into())
    }
}

/// Bytes that [`Digester::read`] holds at once.
const DIGEST_BUFFER: usize = 256 << 10;

/// Returns the canonical (borsh) bytes of a value.
pub fn canonical<T: BorshSerialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail; borsh refuses only NaN, which no checked value holds.
    if value.serialize(&mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

/// Number of an enrolled participant, counted from 1 in order of enrolment.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct ParticipantId(NonZeroU32);

impl ParticipantId {
    /// Wraps a number from 1; zero is nobody.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Returns the number, from 1.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ParticipantId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self).map_err(|_| InvalidId::new(text, "a participant number: 1, 2, 3, ..."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_equals_sha256sum_and_round_trips() -> Result<(), InvalidId> {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.to_string().parse::<Digest>()?, digest);
        Ok(())
    }

    #[test]
    fn pieces_have_the_digest_of_the_whole() -> io::Result<()> {
        let whole: Vec<u8> = (0..=255).cycle().take(DIGEST_BUFFER * 2 + 77).collect();
        let mut digester = Digester::default();
        assert_eq!(digester.digest(), Digest::of(b""));
        digester.update(&whole[..100]);
        assert_eq!(digester.digest(), Digest::of(&whole[..100]), "asking changes nothing");
        assert_eq!(digester.read(&whole[100..])?, whole.len() as u64 - 100);
        assert_eq!(digester.digest(), Digest::of(&whole));
        Ok(())
    }

    #[test]
    fn the_domain_separates_equal_values() {
        assert_ne!(Digest::of_value("a", &1u8), Digest::of_value("b", &1u8));
        assert_ne!(Digest::of_value("a", &[0x62u8; 0]), Digest::of_value("", &[0x61u8; 0]));
    }

    #[test]
    fn a_wrong_id_is_named() {
        let error = "xyz".parse::<RoundId>().map_err(|e| e.to_string());
        assert_eq!(error, Err("\"xyz\" is not a round id: 32 hexadecimal digits".to_owned()));
        assert!("0".parse::<ParticipantId>().is_err());
    }
}
