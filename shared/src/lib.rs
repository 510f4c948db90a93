//! The protocol of Psephos: pure rules and mathematics, without clock, network or storage.

pub mod ballot;
pub mod bug;
pub mod chart;
pub mod clock;
pub mod decimal;
pub mod doctor;
pub mod federation;
pub mod fhe;
pub mod fingerprint;
pub mod identity;
pub mod ids;
pub mod kit;
pub mod learning;
mod openapi;
pub mod privacy;
pub mod problem;
pub mod round;
#[cfg(test)]
mod testing;
pub mod threshold;
pub mod transcript;
pub mod wire;
