//! Typed pseudo-random draws: what the holders of a piece draw alike from its root, and what everybody draws in public.
//!
//! Every draw has a label of fixed length that names its purpose and all that it belongs to, so two draws never share a
//! label by accident. A label that covers data covers the same data each time: it names everything that was seen before.

#[cfg(test)]
pub(crate) mod log;

use aes::Aes256;
use aes::cipher::{BlockEncrypt as _, KeyInit as CipherInit, generic_array::GenericArray};
use base::ids::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::hidden::Hidden;
use crate::sharing::{Piece, Trustee};

/// What a draw is for; the number stands in its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A mask over the products of one trustee, added to one piece.
    Mask = 1,
    /// The key that seals one trustee's correction.
    Seal = 2,
    /// The random row at the end of the check.
    Row = 3,
    /// The salt of the pieces of the check's elements.
    CheckSalt = 4,
    /// The salt of the pieces of the labels.
    LabelSalt = 5,
    /// The public name of a piece.
    Name = 16,
    /// The 2048 bits of a piece of the key.
    KeyBits = 17,
    /// The noise of a piece of the public key.
    KeyNoise = 18,
    /// What everybody present shares; the secret of an ephemeral key of a box.
    Box = 19,
    /// A trustee's contribution to a piece.
    Contribution = 20,
}

/// What every draw of one batch of one attempt belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) session: Digest,
    pub(crate) attempt: u32,
    pub(crate) batch: u32,
    pub(crate) exchange: u32,
    /// All signed messages before.
    pub(crate) seen: Digest,
}

/// The label of a draw. Its bytes are of one length for all draws, so no two labels have the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label([u8; LABEL_BYTES]);

const LABEL_BYTES: usize = 1 + 32 + 3 * 4 + 32 + 3;

impl Label {
    /// Labels a draw of a tally. A salt has no sender: all holders of the piece state the same.
    pub(crate) fn tally(place: &Place, purpose: Purpose, sender: Option<Trustee>, piece: Piece) -> Self {
        let sender = sender.map_or(0, Trustee::number);
        #[cfg(test)]
        let place = &crate::tests::controls::place(place);
        Self::new(
            purpose,
            &place.session,
            [place.attempt, place.batch, place.exchange],
            &place.seen,
            [sender, 0, piece.byte()],
        )
    }

    /// Labels a draw of a ceremony, which depends on all that its members sent first.
    pub(crate) fn ceremony(
        ceremony: &Digest,
        purpose: Purpose,
        first: &Digest,
        (sender, receiver): (Option<Trustee>, Option<Trustee>),
        piece: Piece,
    ) -> Self {
        let parties = [sender.map_or(0, Trustee::number), receiver.map_or(0, Trustee::number), piece.byte()];
        Self::new(purpose, ceremony, [0; 3], first, parties)
    }

    fn new(purpose: Purpose, of: &Digest, numbers: [u32; 3], seen: &Digest, parties: [u8; 3]) -> Self {
        let mut bytes = [0; LABEL_BYTES];
        bytes[0] = purpose as u8;
        bytes[1..33].copy_from_slice(of.as_bytes());
        for (field, number) in bytes[33..45].as_chunks_mut().0.iter_mut().zip(numbers) {
            *field = number.to_le_bytes();
        }
        bytes[45..77].copy_from_slice(seen.as_bytes());
        bytes[77..].copy_from_slice(&parties);
        Self(bytes)
    }
}

/// A secret of 32 bytes from which its holders draw.
#[derive(Clone)]
pub(crate) struct Root(Hidden<[u8; 32]>);

impl Root {
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(Hidden::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Draws 32 bytes: HMAC-SHA-256 of the label under the root.
    pub(crate) fn draw(&self, label: &Label) -> Hidden<[u8; 32]> {
        let mut bytes = [0; 32];
        // A key of 32 bytes is never refused.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) {
            mac.update(&label.0);
            bytes.copy_from_slice(&mac.finalize().into_bytes());
        }
        Hidden::new(bytes)
    }

    /// Draws a stream of words.
    pub(crate) fn stream(&self, label: &Label) -> Stream {
        Stream::new(&self.draw(label))
    }
}

/// Words as long as they are wanted: AES-256 of a counter.
pub(crate) struct Stream {
    cipher: Aes256,
    counter: u128,
}

const BLOCKS: usize = 8;

impl Stream {
    /// Starts the stream of a key. A key is used for one stream.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self { cipher: CipherInit::new(GenericArray::from_slice(key)), counter: 0 }
    }

    /// Starts the public stream of a domain and all that was seen.
    pub(crate) fn public(domain: &str, seen: &Digest) -> Self {
        Self::new(Digest::of_value(domain, seen).as_bytes())
    }

    /// Adds the next words to `words`, modulo 2.
    pub(crate) fn add_to(&mut self, words: &mut [u64]) {
        let mut blocks = [GenericArray::from([0_u8; 16]); BLOCKS];
        for chunk in words.chunks_mut(2 * BLOCKS) {
            for block in &mut blocks {
                block.copy_from_slice(&self.counter.to_le_bytes());
                self.counter += 1;
            }
            self.cipher.encrypt_blocks(&mut blocks);
            for (pair, block) in chunk.chunks_mut(2).zip(&blocks) {
                for (word, bytes) in pair.iter_mut().zip(block.as_chunks::<8>().0) {
                    *word ^= u64::from_le_bytes(*bytes);
                }
            }
        }
    }

    /// Returns the next word. What else its blocks hold is thrown away.
    pub(crate) fn next_word(&mut self) -> u64 {
        let mut word = [0];
        self.add_to(&mut word);
        word[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sharing::Sharing;
    use std::collections::BTreeSet;

    #[test]
    fn labels_that_differ_in_one_field_differ() {
        let digest = |byte| Digest::from_bytes([byte; 32]);
        let place = Place { session: digest(1), attempt: 2, batch: 3, exchange: 4, seen: digest(5) };
        let others = [
            Place { session: digest(9), ..place },
            Place { attempt: 9, ..place },
            Place { batch: 9, ..place },
            Place { exchange: 9, ..place },
            Place { seen: digest(9), ..place },
        ];
        let pieces = Sharing::ThreeOne.all_pieces();
        let (one, two) = (Sharing::ThreeOne.trustee(1), Sharing::ThreeOne.trustee(2));
        let mut labels: BTreeSet<[u8; LABEL_BYTES]> =
            others.iter().map(|other| Label::tally(other, Purpose::Mask, one, pieces[0]).0).collect();
        let here = [
            Label::tally(&place, Purpose::Mask, one, pieces[0]),
            Label::tally(&place, Purpose::Seal, one, pieces[0]),
            Label::tally(&place, Purpose::Mask, two, pieces[0]),
            Label::tally(&place, Purpose::Mask, one, pieces[1]),
            Label::ceremony(&digest(1), Purpose::Box, &digest(5), (one, two), pieces[0]),
            Label::ceremony(&digest(1), Purpose::Box, &digest(5), (two, one), pieces[0]),
        ];
        labels.extend(here.map(|label| label.0));
        assert_eq!(labels.len(), 11);
    }

    #[test]
    fn a_stream_goes_on_block_by_block() {
        let key = [7; 32];
        let mut whole = vec![0; 40];
        Stream::new(&key).add_to(&mut whole);
        let mut parts = vec![0; 40];
        let mut stream = Stream::new(&key);
        stream.add_to(&mut parts[..32]);
        stream.add_to(&mut parts[32..]);
        // A chunk of words begins a new run of blocks, whatever was left of the last one.
        assert_eq!(whole[..40], parts[..40]);
        assert!(whole.iter().collect::<BTreeSet<_>>().len() == 40);
    }

    #[test]
    fn a_root_draws_the_published_mac() {
        // RFC 4231 has no key of 32 bytes; this is HMAC-SHA-256 of 80 zero bytes under a zero key, by OpenSSL 3.
        let label = Label([0; LABEL_BYTES]);
        let drawn = Root::new([0; 32]).draw(&label);
        assert_eq!(Digest::from_bytes(*drawn).to_string(), EXPECTED);
    }

    const EXPECTED: &str = "7af0a84a2ed5544047f76b783d657701acf861f9a9efd08cf14d09967db4ae81";
}
