//! The trustees' engine: the argmax of an encrypted sum on shares, keys without a dealer, and every lie refused.
//!
//! It is pure: messages go in, and out come entries to store, messages to send, and results. Randomness, time, network and
//! files belong to its driver. `docs/TALLY.md` gives the protocol and its security argument step by step.
//!
//! - [`sharing`] says who holds which piece; [`ceremony`] makes a key of pieces that nobody ever holds all of.
//! - [`sum`] is what is tallied, [`grid`] how finely it is read, [`plan`] what is computed of it, in which batches.
//! - [`session`] is one attempt at a tally; [`known_answer`] makes a sum whose labels everybody knows.

mod assignment;
mod bits;
pub mod ceremony;
mod check;
mod circuit;
mod draw;
mod field;
pub mod grid;
mod hidden;
pub mod keyring;
pub mod known_answer;
mod phase;
pub mod plan;
mod roster;
pub mod session;
mod shares;
pub mod sharing;
pub mod sum;
#[cfg(test)]
mod tests;
