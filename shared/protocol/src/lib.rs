//! The rules of Psephos: federations, rounds, ballots, the transcript, and what travels. Without clock, network or storage.

pub mod ballot;
pub mod federation;
pub mod kit;
mod openapi;
pub mod round;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod transcript;
pub mod wire;
