//! From one summand per trustee to pieces: masks that holders draw alike, and one correction per trustee.
//!
//! Trustee j adds a mask to its summand for every piece it holds but one; all holders of such a piece draw that mask and add
//! it to the piece. What remains, the correction, goes under a one-time key to the holders of the one piece left.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};

use super::Holder;
use crate::draw::{Label, Place, Purpose};
use crate::hidden::{Hidden, Words, xor_into, zero_words};
use crate::sharing::{Piece, Trustee};

/// Bytes that sealing adds.
pub(crate) const SEAL_BYTES: usize = 16;

/// A correction that does not open: it was not sealed under this place's key, or is not of the right length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unopened;

/// Pieces of products that still miss the corrections of others.
pub(crate) struct Pending {
    place: Place,
    /// In the order of the pieces held.
    pieces: Vec<Words>,
    words: usize,
}

/// Returns how long a sealed correction of so many words is.
pub(crate) const fn sealed_bytes(words: usize) -> usize {
    8 * words + SEAL_BYTES
}

impl Pending {
    /// Shares a summand: returns what is known of the pieces, and the sealed correction for [`crate::assignment::Work`]'s
    /// piece.
    pub(crate) fn new(holder: &Holder, place: &Place, mut summand: Words) -> Option<(Self, Vec<u8>)> {
        let words = summand.len();
        #[cfg(test)]
        let plain = summand.clone();
        let mut pieces = Vec::with_capacity(holder.held().len());
        let mut mask = zero_words(words);
        for piece in holder.held() {
            let mut sum = zero_words(words);
            let root = holder.keyring.root(*piece)?;
            for work in holder.assignment.work().iter().filter(|work| work.corrects != *piece) {
                if !holder.assignment.sharing().set(*piece).contains(work.trustee) {
                    continue;
                }
                let label = Label::tally(place, Purpose::Mask, Some(work.trustee), *piece);
                #[cfg(test)]
                if crate::tests::controls::get().no_masks {
                    continue;
                }
                if work.trustee == holder.trustee() {
                    mask.fill(0);
                    root.stream(&label).add_to(&mut mask);
                    xor_into(&mut summand, &mask);
                    xor_into(&mut sum, &mask);
                    #[cfg(test)]
                    crate::draw::log::note(root, &label, &bytes(&plain));
                } else {
                    root.stream(&label).add_to(&mut sum);
                }
            }
            pieces.push(sum);
        }
        let own = holder.place(holder.work().corrects)?;
        xor_into(&mut pieces[own], &summand);
        let sealed = seal(holder, place, &summand)?;
        Some((Self { place: *place, pieces, words }, sealed))
    }

    /// Adds the correction of another trustee to the piece it is for.
    pub(crate) fn absorb(
        &mut self,
        holder: &Holder,
        sender: Trustee,
        piece: Piece,
        sealed: &[u8],
    ) -> Result<(), Unopened> {
        let own = holder.place(piece).ok_or(Unopened)?;
        let root = holder.keyring.root(piece).ok_or(Unopened)?;
        let key = root.draw(&Label::tally(&self.place, Purpose::Seal, Some(sender), piece));
        let opened =
            cipher(&key).decrypt(&Nonce::default(), sealed).map(Hidden::new).map_err(|_| Unopened)?;
        let (words, rest) = opened.as_chunks::<8>();
        if words.len() != self.words || !rest.is_empty() {
            return Err(Unopened);
        }
        for (sum, word) in self.pieces[own].iter_mut().zip(words) {
            *sum ^= u64::from_le_bytes(*word);
        }
        Ok(())
    }

    /// Returns the pieces once all corrections are in.
    pub(crate) fn finish(self) -> Vec<Words> {
        self.pieces
    }

    pub(crate) const fn words(&self) -> usize {
        self.words
    }
}

/// Seals a correction under a key that is used once: the nonce is constant.
fn seal(holder: &Holder, place: &Place, correction: &Words) -> Option<Vec<u8>> {
    let piece = holder.work().corrects;
    let root = holder.keyring.root(piece)?;
    let label = Label::tally(place, Purpose::Seal, Some(holder.trustee()), piece);
    let plain = bytes(correction);
    #[cfg(test)]
    crate::draw::log::note(root, &label, &plain);
    // Only a message of 64 GB would be refused.
    cipher(&root.draw(&label)).encrypt(&Nonce::default(), plain.as_slice()).ok()
}

pub(crate) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(key))
}

/// Returns words as they travel: eight bytes each, the lowest first.
pub(crate) fn bytes(words: &Words) -> Hidden<Vec<u8>> {
    let mut bytes = Hidden::new(Vec::with_capacity(8 * words.len()));
    for word in words.iter() {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes
}
