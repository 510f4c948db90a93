//! Tests of the room: squashed digits are made by hand at the real dimension, so nothing here needs tfhe.

mod lies;
mod openings;
mod packages;
mod pinned;
mod refusals;
mod secrecy;
mod sharing;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::{opening::minus_inner_product, *};
use base::{
    Step,
    ids::{Digest, RoundId},
};
use fhe::{Layout, SQUASHED_DIGIT_LOG, SQUASHED_DIMENSION, Squashed, label_digits};

/// One step of a label.
const LABEL_STEP: u128 = 1 << SQUASHED_DIGIT_LOG;

fn trustee(number: u8) -> TrusteeIndex {
    TrusteeIndex::new(number).unwrap()
}

fn question() -> Question {
    Question {
        federation: Digest::of(b"event 0"),
        round: Some(RoundId::from_bytes([1; 16])),
        step: Step::Label,
        tally: Digest::of(b"tally event"),
    }
}

/// A binary key of the squash, and everything dealt from it.
struct Federation {
    sharing: Sharing,
    key: Vec<u128>,
    pieces: Vec<Piece>,
    packages: Vec<Package>,
}

impl Federation {
    fn deal(sharing: Sharing) -> Self {
        let bits: Vec<u64> = (0..SQUASHED_DIMENSION as u64).map(|place| place * 7 % 11 % 2).collect();
        let pieces = deal(&bits, sharing).unwrap();
        let packages =
            sharing.trustees().map(|one| Package::select(sharing, one, &pieces).unwrap()).collect();
        Self { sharing, key: bits.into_iter().map(u128::from).collect(), pieces, packages }
    }

    fn commitments(&self) -> Vec<Digest> {
        self.pieces.iter().enumerate().map(|(set, piece)| piece.commitment(set)).collect()
    }

    /// Encrypts a digit with a uniform mask and noise in ±2^65, which is what a squash leaves.
    fn encrypt(&self, digit: u16, rng: &mut ChaCha20Rng) -> Squashed {
        let mut words: Vec<u128> = (0..SQUASHED_DIMENSION).map(|_| rng.random()).collect();
        let noise = rng.random_range(-(1_i128 << 65)..1 << 65).cast_unsigned();
        let body = noise.wrapping_add(u128::from(digit) * LABEL_STEP);
        words.push(body.wrapping_sub(minus_inner_product(&words, &self.key)));
        Squashed::from_words(words).unwrap()
    }

    fn round(&self, classes: usize, labels: &[u16]) -> Round {
        let mut rng = ChaCha20Rng::seed_from_u64(labels.len() as u64);
        let digits =
            labels.iter().flat_map(|label| (0..label_digits(classes)).map(move |d| label >> (4 * d) & 15));
        let squashed = digits.map(|digit| self.encrypt(digit, &mut rng)).collect();
        Round { layout: Layout::new(classes, labels.len()).unwrap(), squashed }
    }

    fn open(&self, trustee: TrusteeIndex, round: &Round) -> Shares {
        let package = &self.packages[usize::from(trustee.get()) - 1];
        let mut opener = Opener::new(package, question(), round.layout);
        round.squashed.iter().for_each(|digit| opener.push(digit).unwrap());
        opener.finish().unwrap()
    }

    /// The shares of every trustee.
    fn open_all(&self, round: &Round) -> Vec<(TrusteeIndex, Shares)> {
        self.sharing.trustees().map(|one| (one, self.open(one, round))).collect()
    }
}

/// A round's squashed digits.
struct Round {
    layout: Layout,
    squashed: Vec<Squashed>,
}

impl Round {
    /// Combines the shares of those in the set.
    fn combine(
        &self,
        sharing: Sharing,
        shares: &[(TrusteeIndex, Shares)],
        openers: TrusteeSet,
    ) -> Result<Combined, CombineError> {
        let bodies: Vec<u128> = self.squashed.iter().map(Squashed::body).collect();
        let there = shares.iter().filter(|(one, _)| openers.contains(*one));
        let openings: Vec<_> = there.map(|(one, shares)| (*one, shares)).collect();
        combine(sharing, self.layout.classes(), &bodies, &openings)
    }
}

/// All sets of so many trustees or more.
fn groups(sharing: Sharing, smallest: usize) -> impl Iterator<Item = TrusteeSet> {
    (smallest..=sharing.count()).flat_map(move |size| sharing.subsets(size))
}

/// The sharings that bear a corrupt trustee.
fn with_a_threshold() -> impl Iterator<Item = Sharing> {
    Sharing::ALL.into_iter().filter(|sharing| sharing.threshold() > 0)
}

fn opened(combined: Result<Combined, CombineError>) -> Opened {
    match combined {
        Ok(Combined::Opened(opened)) => opened,
        other => panic!("expected labels, found {other:?}"),
    }
}
