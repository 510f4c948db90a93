//! Backups of a trustee's roots, under a passphrase that the program makes.
//!
//! A file holds the roots of the pieces and V₁, nothing else: never the records of what was signed, which an older copy
//! would turn back. The passphrase is stretched by Argon2id; federation, ceremony, place and certificate are bound to
//! what is sealed by XChaCha20-Poly1305.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base::ids::{Digest, canonical};
use borsh::{BorshDeserialize, BorshSerialize};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use tally::ceremony::SecretBytes;
use zeroize::Zeroizing;

const MAGIC: &[u8; 6] = b"PSEBK1";
/// Argon2id: memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (64 << 10, 3, 1);
/// Most of the same that is taken from a file.
const MOST_COST: (u32, u32, u32) = (1 << 20, 16, 4);
/// Most bytes of a file: at most six roots of 33 bytes, and what stands before them.
const MOST_BYTES: usize = 1 << 12;

/// Consonants and vowels of a word: consonant, vowel, consonant, vowel make twelve bits.
const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";
/// Words of a passphrase: 96 bits.
const WORDS: usize = 8;

/// Why there is no backup, or nothing comes out of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The file is of another kind.
    #[error("it is not a trustee's backup of this version, or it is damaged: take another copy")]
    Form,
    /// The passphrase does not have the form of one.
    #[error(
        "a passphrase has {WORDS} words of four letters each, such as \"bado\"; {found} words were given"
    )]
    Words {
        /// Number of words.
        found: usize,
    },
    /// A word is none.
    #[error(
        "word {0} of the passphrase is none that this program makes: compare it with what was written down"
    )]
    Word(usize),
    /// The content does not open.
    #[error("the passphrase is another one, or the file is damaged: nothing was restored")]
    Closed,
    /// It belongs to something else.
    #[error("the backup is of another {what} than {expected}: it is of {found}; nothing was restored")]
    Other {
        /// What differs.
        what: &'static str,
        /// What it is of.
        found: String,
        /// What it should be of.
        expected: String,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
    /// The memory for Argon2id cannot be had, or its numbers are out of range.
    #[error("the passphrase cannot be stretched: {0}")]
    Stretch(String),
}

/// What a backup is of; bound to its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Subject {
    /// Hash of event 0.
    pub federation: Digest,
    /// The ceremony.
    pub ceremony: Digest,
    /// The trustee's place, from 1.
    pub place: u8,
    /// Digest of the certificate of the key.
    pub certificate: Digest,
}

/// Everything before the sealed content.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Header {
    subject: Subject,
    cost: (u32, u32, u32),
    salt: [u8; 16],
    nonce: [u8; 24],
}

/// Passphrase of eight words, wiped when dropped and not printable by accident.
pub struct Passphrase(Zeroizing<String>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(secret)")
    }
}

impl Passphrase {
    /// Makes a fresh one.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate() -> Result<Self, BackupError> {
        let mut random = Zeroizing::new([0; 2 * WORDS]);
        fill(random.as_mut_slice())?;
        let mut text = Zeroizing::new(String::with_capacity(5 * WORDS));
        for bytes in random.as_chunks::<2>().0 {
            if !text.is_empty() {
                text.push('-');
            }
            let bits = usize::from(u16::from_le_bytes(*bytes));
            for shift in [0, 6] {
                text.push(char::from(CONSONANTS.get(bits >> shift & 15).copied().unwrap_or(b'?')));
                text.push(char::from(VOWELS.get(bits >> (shift + 4) & 3).copied().unwrap_or(b'?')));
            }
        }
        Ok(Self(text))
    }

    /// Reads one as a person types it: in any case, words apart by spaces or hyphens.
    ///
    /// # Errors
    /// Refuses what this program cannot have made.
    pub fn read(text: &str) -> Result<Self, BackupError> {
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let words: Vec<&str> =
            lower.split(|c: char| c == '-' || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
        if words.len() != WORDS {
            return Err(BackupError::Words { found: words.len() });
        }
        let is_word = |word: &&str| {
            let letters = word.as_bytes();
            letters.len() == 4
                && letters
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .all(|[consonant, vowel]| CONSONANTS.contains(consonant) && VOWELS.contains(vowel))
        };
        match words.iter().position(|word| !is_word(word)) {
            Some(place) => Err(BackupError::Word(place + 1)),
            None => Ok(Self(Zeroizing::new(words.join("-")))),
        }
    }

    /// Returns it, to be shown to a person once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Roots of a trustee's pieces, and V₁ to which they belong.
pub struct Content {
    /// The roots, as a ceremony keeps them.
    pub roots: SecretBytes,
    /// V₁.
    pub first: Digest,
}

/// Seals roots and V₁ under a passphrase.
///
/// # Errors
/// Where the system gives no randomness, or not the memory for Argon2id.
pub fn seal(subject: Subject, content: &Content, passphrase: &Passphrase) -> Result<Vec<u8>, BackupError> {
    let mut header = Header { subject, cost: COST, salt: [0; 16], nonce: [0; 24] };
    fill(&mut header.salt)?;
    fill(&mut header.nonce)?;
    let mut plain = Zeroizing::new(content.first.as_bytes().to_vec());
    plain.reserve_exact(content.roots.bytes().len());
    plain.extend_from_slice(content.roots.bytes());
    let bound = canonical(&header);
    let cipher = cipher(&header, passphrase)?;
    let payload = Payload { msg: &plain, aad: &bound };
    let sealed = cipher.encrypt(XNonce::from_slice(&header.nonce), payload).map_err(|_| BackupError::Form)?;
    Ok([MAGIC.as_slice(), &bound, &sealed].concat())
}

/// Returns what a backup says that it is of; that is believed only once it was opened.
///
/// # Errors
/// Refuses what is no backup.
pub fn subject(bytes: &[u8]) -> Result<Subject, BackupError> {
    parse(bytes).map(|(header, _)| header.subject)
}

/// Opens a backup of exactly this subject.
///
/// # Errors
/// Refuses what is no backup, one of something else, another passphrase, and whatever was changed.
pub fn open(bytes: &[u8], expected: &Subject, passphrase: &Passphrase) -> Result<Content, BackupError> {
    let (header, sealed) = parse(bytes)?;
    check(&header.subject, expected)?;
    let cipher = cipher(&header, passphrase)?;
    let payload = Payload { msg: sealed, aad: &canonical(&header) };
    let plain = cipher.decrypt(XNonce::from_slice(&header.nonce), payload);
    let plain = Zeroizing::new(plain.map_err(|_| BackupError::Closed)?);
    let (first, roots) = plain.split_first_chunk::<32>().ok_or(BackupError::Form)?;
    Ok(Content { roots: SecretBytes::new(roots.to_vec()), first: Digest::from_bytes(*first) })
}

fn parse(bytes: &[u8]) -> Result<(Header, &[u8]), BackupError> {
    if bytes.len() > MOST_BYTES {
        return Err(BackupError::Form);
    }
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(BackupError::Form)?;
    let header = Header::deserialize(&mut rest).map_err(|_| BackupError::Form)?;
    let ((memory, passes, lanes), most) = (header.cost, MOST_COST);
    if memory > most.0 || passes > most.1 || lanes > most.2 {
        return Err(BackupError::Form);
    }
    Ok((header, rest))
}

fn check(found: &Subject, expected: &Subject) -> Result<(), BackupError> {
    let fields = [
        ("federation", found.federation.to_string(), expected.federation.to_string()),
        ("ceremony", found.ceremony.to_string(), expected.ceremony.to_string()),
        ("place", found.place.to_string(), expected.place.to_string()),
        ("certificate", found.certificate.to_string(), expected.certificate.to_string()),
    ];
    match fields.into_iter().find(|(_, found, expected)| found != expected) {
        Some((what, found, expected)) => Err(BackupError::Other { what, found, expected }),
        None => Ok(()),
    }
}

/// Stretches the passphrase to a key.
fn cipher(header: &Header, passphrase: &Passphrase) -> Result<XChaCha20Poly1305, BackupError> {
    let stretch = |error: argon2::Error| BackupError::Stretch(error.to_string());
    let (memory, passes, lanes) = header.cost;
    let params = Params::new(memory, passes, lanes, Some(32)).map_err(stretch)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.0.as_bytes(), &header.salt, key.as_mut_slice())
        .map_err(stretch)?;
    Ok(XChaCha20Poly1305::new(key.as_slice().into()))
}

fn fill(bytes: &mut [u8]) -> Result<(), BackupError> {
    getrandom::fill(bytes).map_err(|e| BackupError::Randomness(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject_of(place: u8) -> Subject {
        let digest = |name: &[u8]| Digest::of(name);
        Subject {
            federation: digest(b"federation"),
            ceremony: digest(b"ceremony"),
            place,
            certificate: digest(b"certificate"),
        }
    }

    fn content() -> Content {
        Content { roots: SecretBytes::new(vec![7; 66]), first: Digest::of(b"first") }
    }

    #[test]
    fn what_was_sealed_comes_back_under_the_same_passphrase_alone() {
        let (passphrase, subject) = (Passphrase::generate().unwrap(), subject_of(2));
        let sealed = seal(subject, &content(), &passphrase).unwrap();
        assert_eq!(super::subject(&sealed), Ok(subject));
        let typed = passphrase.expose().to_uppercase().replace('-', "  ");
        let opened = open(&sealed, &subject, &Passphrase::read(&typed).unwrap()).unwrap();
        assert_eq!((opened.roots.bytes(), opened.first), ([7; 66].as_slice(), Digest::of(b"first")));
        assert!(!sealed.windows(33).any(|window| window == [7; 33]), "the roots are not in the file");

        let other = Passphrase::generate().unwrap();
        assert_eq!(open(&sealed, &subject, &other).map(drop), Err(BackupError::Closed));
    }

    #[test]
    fn a_backup_of_something_else_is_refused_by_name() {
        let passphrase = Passphrase::generate().unwrap();
        let sealed = seal(subject_of(2), &content(), &passphrase).unwrap();
        let others = [
            ("federation", Subject { federation: Digest::of(b"x"), ..subject_of(2) }),
            ("ceremony", Subject { ceremony: Digest::of(b"x"), ..subject_of(2) }),
            ("place", subject_of(3)),
            ("certificate", Subject { certificate: Digest::of(b"x"), ..subject_of(2) }),
        ];
        for (field, expected) in others {
            let refused = open(&sealed, &expected, &passphrase).map(drop).unwrap_err();
            assert!(matches!(refused, BackupError::Other { what, .. } if what == field), "{refused}");
        }
    }

    #[test]
    fn one_changed_bit_anywhere_opens_nothing() {
        let (passphrase, subject) = (Passphrase::generate().unwrap(), subject_of(1));
        let sealed = seal(subject, &content(), &passphrase).unwrap();
        // The subject's bytes and some of every other part: each try stretches the passphrase.
        let (header, length) = (MAGIC.len() + 97, sealed.len());
        for place in [0, 6, 40, 80, header, header + 12, header + 40, length - 80, length - 1] {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert!(open(&damaged, &subject, &passphrase).is_err(), "{place}");
        }
        assert_eq!(open(&sealed[..20], &subject, &passphrase).map(drop), Err(BackupError::Form));
        assert_eq!(open(&[0; 5000], &subject, &passphrase).map(drop), Err(BackupError::Form));
    }

    #[test]
    fn passphrases_have_ninety_six_bits_and_no_other_words_are_taken() {
        let (one, other) = (Passphrase::generate().unwrap(), Passphrase::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().split('-').count(), WORDS);
        let words = CONSONANTS.len() * VOWELS.len() * CONSONANTS.len() * VOWELS.len();
        assert_eq!(words, 1 << 12);
        let read = |text: &str| Passphrase::read(text).map(drop);
        assert_eq!(read("bado filu"), Err(BackupError::Words { found: 2 }));
        assert_eq!(read("bado filu bado filu bado filu bado fily"), Err(BackupError::Word(8)));
        read("bado filu bado filu bado filu bado filu").unwrap();
    }
}
