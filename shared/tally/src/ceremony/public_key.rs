//! The public key: a mask that everybody derives, and the sum of what the sets state.

use base::ids::Digest;

use crate::draw::{Label, Purpose, Root, Stream};
use crate::hidden::{Hidden, zero_words};
use crate::keyring::key_piece;
use crate::phase::product::product_64;
use crate::sharing::Piece;
use crate::sum::DEGREE;

/// log2 of the noise's bound: uniform on −2^17..=2^17 with half weight at both ends, as under tfhe's 128-bit sets.
const NOISE_LOG2: u32 = 17;

/// The public encryption key of a compact list: a, and b = a·S + e, modulo 2^64 and X^2048 + 1, where S is the secret key in
/// reverse order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The mask a.
    pub mask: Vec<u64>,
    /// The body b.
    pub body: Vec<u64>,
}

/// Returns the mask that the first exchange of a ceremony makes.
pub(crate) fn mask(first: &Digest) -> Vec<u64> {
    let mut mask = vec![0; DEGREE];
    Stream::public("tally public mask", first).add_to(&mut mask);
    mask
}

/// Returns what a set states of its piece: b_A = a·S_A + e_A.
pub(crate) fn share(root: &Root, ceremony: &Digest, first: &Digest, piece: Piece, mask: &[u64]) -> Vec<u64> {
    let key = key_piece(root, ceremony, first, piece);
    let label = Label::ceremony(ceremony, Purpose::KeyNoise, first, (None, None), piece);
    let mut noise = zero_words(DEGREE);
    root.stream(&label).add_to(&mut noise);
    #[cfg(test)]
    crate::draw::log::note(
        root,
        &label,
        mask.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>().as_slice(),
    );
    let product = product_64(mask, &key.wide());
    product.iter().zip(noise.iter()).map(|(product, word)| product.wrapping_add(noise_of(*word))).collect()
}

/// Returns the noise of a random word, exactly: of its 2^19 equally likely lowest bits two make every value inside, and one
/// each of the ends.
pub(crate) const fn noise_of(word: u64) -> u64 {
    let drawn = word & ((1 << (NOISE_LOG2 + 2)) - 1);
    ((drawn + 1) >> 1).wrapping_sub(1 << NOISE_LOG2)
}

/// Adds the shares of all sets.
pub(crate) fn sum<'a>(shares: impl IntoIterator<Item = &'a [u64]>) -> Vec<u64> {
    let mut body = vec![0_u64; DEGREE];
    for share in shares {
        body.iter_mut().zip(share).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
    }
    body
}

/// Returns words as they travel: eight bytes each, the lowest first.
pub(crate) fn to_bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Reads the 2048 words of a share; nothing from any other length.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<u64>> {
    let (words, rest) = bytes.as_chunks::<8>();
    (words.len() == DEGREE && rest.is_empty())
        .then(|| words.iter().map(|word| u64::from_le_bytes(*word)).collect())
}

/// Returns the digest of words as they travel.
pub(crate) fn digest(words: &[u64]) -> Digest {
    Digest::of(&to_bytes(words))
}

/// Returns the name of a piece, which says nothing of it.
pub(crate) fn name(root: &Root, ceremony: &Digest, first: &Digest, piece: Piece) -> Digest {
    let drawn: Hidden<[u8; 32]> =
        root.draw(&Label::ceremony(ceremony, Purpose::Name, first, (None, None), piece));
    Digest::from_bytes(*drawn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sharing::Sharing;

    #[test]
    fn noise_has_its_law_exactly() {
        let mut counts = vec![0_u32; (1 << (NOISE_LOG2 + 1)) + 1];
        for word in 0..1_u64 << (NOISE_LOG2 + 2) {
            let noise = noise_of(word | 1 << 40).cast_signed();
            counts[(noise + (1 << NOISE_LOG2)) as usize] += 1;
        }
        let (ends, inside) = ([counts[0], counts[1 << (NOISE_LOG2 + 1)]], &counts[1..1 << (NOISE_LOG2 + 1)]);
        assert_eq!(ends, [1, 1]);
        assert!(inside.iter().all(|count| *count == 2));
    }

    /// If only the mask depended on the board, two boards would give b − b′ = (a − a′)·S_A without noise.
    #[test]
    fn two_boards_give_unrelated_shares() {
        let (root, ceremony) = (Root::new([3; 32]), Digest::of(b"ceremony"));
        let piece = Sharing::ThreeOne.all_pieces()[0];
        let boards = [Digest::of(b"one board"), Digest::of(b"another board")];
        let [one, other] =
            boards.map(|first| (mask(&first), share(&root, &ceremony, &first, piece, &mask(&first))));
        let difference =
            |x: &[u64], y: &[u64]| -> Vec<u64> { x.iter().zip(y).map(|(x, y)| x.wrapping_sub(*y)).collect() };
        let masks = difference(&one.0, &other.0);
        let far = |key: &[u64]| {
            let product = product_64(&masks, key);
            let error = difference(&difference(&one.1, &other.1), &product);
            error.iter().map(|word| word.cast_signed().unsigned_abs()).max().unwrap()
        };
        for first in boards {
            let wide = key_piece(&root, &ceremony, &first, piece).wide();
            assert!(far(&wide) > 1 << 62, "one key fits the difference of both boards");
        }
        // the negative control: the same piece under both masks fits
        let key = key_piece(&root, &ceremony, &boards[0], piece).wide();
        let same = difference(&product_64(&one.0, &key), &product_64(&other.0, &key));
        assert_eq!(difference(&same, &product_64(&masks, &key)), vec![0; DEGREE]);
    }
}
