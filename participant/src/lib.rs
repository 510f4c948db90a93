//! The participant: an institution's agent. It holds the private data, trains its teachers, casts encrypted
//! ballots, and, where it is the trustee, makes the keys and opens the label ciphertexts.
//!
//! The agent only dials out. What it approved is pinned below its home folder, and every number of a round
//! is computed here from what was approved, never taken from the coordinator.

pub mod agent;
pub mod approval;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod fleet;
pub mod home;
pub mod identity;
pub mod joining;
pub mod receipts;
pub mod teacher;
pub mod telemetry;
pub mod transcript;
pub mod trustee;

#[cfg(test)]
mod testing;
