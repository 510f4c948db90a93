//! What a trustee answers: for each piece it holds and each digit, −⟨a, s_A⟩ drowned in flooding.

use borsh::{BorshDeserialize, BorshSerialize};

use super::{
    flood::{Question, flood},
    package::Package,
    piece::Piece,
    sharing::{Sharing, TrusteeIndex},
};
use base::ids::Digest;
use fhe::{Layout, Squashed, SquashedRecord, label_digits};

impl Piece {
    /// Opens one digit of one instance (both from 0) with this piece: p_A = −⟨a, s_A⟩ + flooding, modulo 2^128.
    ///
    /// The same question about the same ciphertext always has the same answer.
    #[must_use]
    pub fn open(&self, question: &Question, instance: usize, digit: usize, squashed: &Squashed) -> u128 {
        self.answer(&question.h(instance, digit, squashed), squashed)
    }

    /// Opens with the h of the question already at hand, which all pieces share.
    fn answer(&self, h: &Digest, squashed: &Squashed) -> u128 {
        minus_inner_product(squashed.mask(), &self.vector).wrapping_add(flood(&self.flood_key, h))
    }
}

/// Returns −⟨a, s⟩ modulo 2^128; vectors of different lengths count up to the shorter one.
pub(super) fn minus_inner_product(mask: &[u128], vector: &[u128]) -> u128 {
    mask.iter().zip(vector).fold(0, |sum: u128, (a, s)| sum.wrapping_sub(a.wrapping_mul(*s)))
}

/// Is all that a trustee publishes to open one step of one round.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shares {
    /// One row per set that contains the trustee, in ascending order of the sets' numbers; one column per digit,
    /// instance-major and the low digit first.
    pub values: Vec<Vec<u128>>,
}

/// Says why a trustee's shares do not fit the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The federation has no such trustee.
    #[error("trustee {trustee} opened, but the trustees are numbered 1 to {count}")]
    Stranger {
        /// The number that came.
        trustee: TrusteeIndex,
        /// Number of trustees.
        count: usize,
    },
    /// There is not one row per piece.
    #[error("trustee {trustee} opened with {got} pieces, it holds {expected}; ask it for all of them")]
    Rows {
        /// The trustee.
        trustee: TrusteeIndex,
        /// Rows that came.
        got: usize,
        /// Pieces that it holds.
        expected: usize,
    },
    /// A row does not hold one value per digit.
    #[error("trustee {trustee} opened {got} digits with piece {set}, the round has {expected}")]
    Digits {
        /// The trustee.
        trustee: TrusteeIndex,
        /// Number of the piece's set.
        set: usize,
        /// Values that came.
        got: usize,
        /// Digits of the round.
        expected: usize,
    },
}

impl Shares {
    /// Checks that these are shares of this trustee for so many digits.
    ///
    /// # Errors
    /// Refuses a stranger, and any number of rows or columns but the only possible one; names the trustee.
    pub fn check(&self, sharing: Sharing, trustee: TrusteeIndex, digits: usize) -> Result<(), ShapeError> {
        if !sharing.includes(trustee) {
            return Err(ShapeError::Stranger { trustee, count: sharing.count() });
        }
        let (got, expected) = (self.values.len(), sharing.held_count());
        if got != expected {
            return Err(ShapeError::Rows { trustee, got, expected });
        }
        let mut rows = sharing.held_by(trustee).into_iter().zip(&self.values);
        match rows.find(|(_, row)| row.len() != digits) {
            Some((set, row)) => Err(ShapeError::Digits { trustee, set, got: row.len(), expected: digits }),
            None => Ok(()),
        }
    }
}

/// Says why an opener cannot take a digit or finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenerError {
    /// More digits came than the round has.
    #[error(
        "the round has {expected} digits, and all of them are opened already; nothing else may be opened"
    )]
    TooMany {
        /// Digits of the round.
        expected: usize,
    },
    /// Digits are missing.
    #[error("only {got} of the round's {expected} digits are opened; hand in the others first")]
    TooFew {
        /// Digits opened.
        got: usize,
        /// Digits of the round.
        expected: usize,
    },
}

/// Opens a round digit by digit with a trustee's package, keeping nothing of the ciphertexts.
#[derive(Debug)]
pub struct Opener<'a> {
    package: &'a Package,
    question: Question,
    per_label: usize,
    expected: usize,
    opened: usize,
    values: Vec<Vec<u128>>,
}

impl<'a> Opener<'a> {
    /// Starts to open a round of this layout.
    #[must_use]
    pub fn new(package: &'a Package, question: Question, layout: Layout) -> Self {
        let expected = SquashedRecord::expected(layout);
        let values = package.pieces().iter().map(|_| Vec::with_capacity(expected)).collect();
        Self { package, question, per_label: label_digits(layout.classes()), expected, opened: 0, values }
    }

    /// Opens the next digit; digits come instance-major, the low one first.
    ///
    /// # Errors
    /// Refuses a digit beyond the last.
    pub fn push(&mut self, squashed: &Squashed) -> Result<(), OpenerError> {
        if self.opened == self.expected {
            return Err(OpenerError::TooMany { expected: self.expected });
        }
        let (instance, digit) = (self.opened / self.per_label, self.opened % self.per_label);
        let h = self.question.h(instance, digit, squashed);
        for ((_, piece), row) in self.package.pieces().iter().zip(&mut self.values) {
            row.push(piece.answer(&h, squashed));
        }
        self.opened += 1;
        Ok(())
    }

    /// Returns the trustee's shares.
    ///
    /// # Errors
    /// Refuses when digits of the round are missing.
    pub fn finish(self) -> Result<Shares, OpenerError> {
        if self.opened < self.expected {
            return Err(OpenerError::TooFew { got: self.opened, expected: self.expected });
        }
        Ok(Shares { values: self.values })
    }
}
