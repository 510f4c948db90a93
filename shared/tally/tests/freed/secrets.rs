//! The secrets of a key, derived once more: from what the trustees brought, in the words of docs/TALLY.md.

use aes::Aes256;
use aes::cipher::{BlockEncrypt as _, KeyInit as _, generic_array::GenericArray};
use base::ids::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tally::ceremony::Keyed;
use tally::sharing::{Piece, Sharing, Trustee};
use tally::sum::DEGREE;

use super::ceremony::{box_key, ceremony, contributions, federation};

/// The purposes of draws, as they stand in labels.
pub(crate) const MASK: u8 = 1;
pub(crate) const SEAL: u8 = 2;
pub(crate) const ROW: u8 = 3;
pub(crate) const CHECK_SALT: u8 = 4;
pub(crate) const LABEL_SALT: u8 = 5;
const NAME: u8 = 16;
const KEY_BITS: u8 = 17;
const KEY_NOISE: u8 = 18;
const CONTRIBUTION: u8 = 20;

/// Bytes that must not be found.
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Secret {
    /// Takes as many bytes as are needed: half of a digest may be left as well as all of it.
    pub(crate) fn new(name: String, bytes: impl IntoIterator<Item = u8>, needed: usize) -> Self {
        let bytes: Vec<u8> = bytes.into_iter().take(needed).collect();
        assert!(bytes.iter().any(|byte| *byte != bytes[0]), "{name}: not to be told from what is wiped");
        Self { name, bytes }
    }
}

pub(crate) fn bytes(words: &[u64]) -> impl Iterator<Item = u8> {
    words.iter().flat_map(|word| word.to_le_bytes())
}

pub(crate) fn label(purpose: u8, of: &Digest, numbers: [u32; 3], seen: &Digest, parties: [u8; 3]) -> Vec<u8> {
    let mut label = vec![purpose];
    label.extend_from_slice(of.as_bytes());
    label.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    label.extend_from_slice(seen.as_bytes());
    label.extend_from_slice(&parties);
    label
}

pub(crate) fn draw(root: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(root).unwrap();
    mac.update(label);
    mac.finalize().into_bytes().into()
}

/// The first words of the stream of a key.
pub(crate) fn stream(key: &[u8; 32], words: usize) -> Vec<u64> {
    let cipher = Aes256::new(GenericArray::from_slice(key));
    let mut stream = Vec::new();
    for counter in 0..words.div_ceil(2) as u128 {
        let mut block = GenericArray::from(counter.to_le_bytes());
        cipher.encrypt_block(&mut block);
        stream.extend(block.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)));
    }
    stream.truncate(words);
    stream
}

/// All secrets of a key, per piece.
pub(crate) struct Key {
    pub(crate) sharing: Sharing,
    /// V₁.
    first: Digest,
    pub(crate) roots: Vec<[u8; 32]>,
    /// Of each member of the set.
    shown: Vec<Vec<[u8; 32]>>,
    /// The 2048 bits of each piece, 64 to a word.
    pub(crate) bits: Vec<Vec<u64>>,
    noise: Vec<Vec<u64>>,
    mask: Vec<u64>,
}

impl Key {
    pub(crate) fn new(sharing: Sharing, first: Digest) -> Self {
        let of_ceremony = |purpose, parties| label(purpose, &ceremony(), [0; 3], &first, parties);
        let pieces = sharing.all_pieces();
        let contribution = |member: Trustee, piece: Piece| {
            let parties = [member.number(), 0, piece.index() as u8];
            draw(&contributions(member), &label(CONTRIBUTION, &ceremony(), [0; 3], &federation(), parties))
        };
        let of_piece = |piece: &Piece| {
            sharing.set(*piece).members().map(|member| contribution(member, *piece)).collect()
        };
        let shown: Vec<Vec<[u8; 32]>> = pieces.iter().map(of_piece).collect();
        let root = |(piece, shown): (&Piece, &Vec<[u8; 32]>)| {
            let all = (federation(), ceremony(), sharing, *piece, shown.clone());
            *Digest::of_value("tally root", &all).as_bytes()
        };
        let roots: Vec<[u8; 32]> = pieces.iter().zip(&shown).map(root).collect();
        let drawn = |purpose, words: usize| -> Vec<Vec<u64>> {
            let of = |(piece, root): (&Piece, &[u8; 32])| {
                stream(&draw(root, &of_ceremony(purpose, [0, 0, piece.index() as u8])), words)
            };
            pieces.iter().zip(&roots).map(of).collect()
        };
        let (bits, noise) = (drawn(KEY_BITS, DEGREE / 64), drawn(KEY_NOISE, DEGREE));
        let mask = stream(Digest::of_value("tally public mask", &first).as_bytes(), DEGREE);
        Self { sharing, first, roots, shown, bits, noise, mask }
    }

    /// Asserts that names and shares of the certificate are those of this key.
    pub(crate) fn belongs_to(&self, keyed: &Keyed) {
        for piece in self.sharing.all_pieces() {
            let place = piece.index();
            let label = label(NAME, &ceremony(), [0; 3], &self.first, [0, 0, place as u8]);
            let name = Digest::from_bytes(draw(&self.roots[place], &label));
            assert_eq!(keyed.certificate.names()[place], name, "the control: names");
            let mut share = negacyclic(&self.mask, &self.bits[place]);
            for (word, noise) in share.iter_mut().zip(&self.noise[place]) {
                // TUniform(17): of 19 bits, halved upwards
                *word = word.wrapping_add(((noise % (1 << 19) + 1) >> 1).wrapping_sub(1 << 17));
            }
            assert!(bytes(&share).eq(keyed.shares[place].iter().copied()), "the control: shares");
        }
    }

    /// Everything that a trustee has of this key.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for trustee in self.sharing.everyone().members() {
            secrets.push(Secret::new(format!("box key of trustee {trustee}"), box_key(trustee), 16));
            secrets.push(Secret::new(format!("secret of trustee {trustee}"), contributions(trustee), 16));
        }
        for (piece, root) in self.roots.iter().enumerate() {
            secrets.push(Secret::new(format!("root {piece}"), *root, 16));
            for (number, shown) in self.shown[piece].iter().enumerate() {
                secrets.push(Secret::new(format!("contribution {number} to piece {piece}"), *shown, 16));
            }
            let bits = &self.bits[piece];
            secrets.push(Secret::new(format!("bits of piece {piece}"), bytes(bits), 16));
            let bit = |place: usize| bits[place / 64] >> (place % 64) & 1;
            let spread = |place: usize| (bit(place) as u32).wrapping_neg().to_le_bytes();
            secrets.push(Secret::new(
                format!("bits of piece {piece}, spread"),
                (0..64).flat_map(spread),
                256,
            ));
            let wide = |place: usize| bit(place).wrapping_neg().to_le_bytes();
            secrets.push(Secret::new(format!("bits of piece {piece}, wide"), (0..64).flat_map(wide), 512));
            secrets.push(Secret::new(format!("noise of piece {piece}"), bytes(&self.noise[piece]), 16));
            let product = negacyclic(&self.mask, bits);
            secrets.push(Secret::new(format!("share {piece} without noise"), bytes(&product), 16));
        }
        secrets
    }
}

/// The product of words and bits modulo 2^64 and X^2048 + 1, by the definition.
pub(crate) fn negacyclic(words: &[u64], bits: &[u64]) -> Vec<u64> {
    let mut product = vec![0_u64; DEGREE];
    for shift in (0..DEGREE).filter(|place| bits[place / 64] >> (place % 64) & 1 == 1) {
        let (wrapped, straight) = product.split_at_mut(shift);
        let (low, high) = words.split_at(DEGREE - shift);
        straight.iter_mut().zip(low).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        wrapped.iter_mut().zip(high).for_each(|(sum, word)| *sum = sum.wrapping_sub(*word));
    }
    product
}
