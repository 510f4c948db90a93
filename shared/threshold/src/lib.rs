//! Threshold decryption: pieces of the key, openings from them, and how openings combine to labels.
//!
//! The path of a key: [`deal`] splits it into one [`Piece`] per set of the [`Sharing`]; each trustee receives the
//! pieces of its sets in a [`Package`] and checks them against the dealer's commitments. The path of a round: each
//! trustee puts the squashed digits through an [`Opener`], publishes its [`Shares`], and [`combine`] gives labels.

mod combine;
mod flood;
mod opening;
mod package;
mod piece;
mod reports;
mod sharing;
#[cfg(test)]
mod tests;

pub use combine::{CombineError, Combined, Opened, Standing, combine};
pub use flood::{Question, noise_bound, noise_margin};
pub use opening::{Opener, OpenerError, ShapeError, Shares};
pub use package::{Package, PackageError};
pub use piece::{DealError, Piece, deal};
pub use sharing::{Sharing, SharingError, TrusteeIndex, TrusteeSet};
