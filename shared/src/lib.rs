//! The protocol of Psephos: pure rules and mathematics, without clock, network or storage.

pub mod decimal;
pub mod fhe;
pub mod learning;
pub mod privacy;
