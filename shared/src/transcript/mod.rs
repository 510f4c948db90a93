//! The transcript: an append-only, hash-chained, signed record of everything public, and what follows from it.
//!
//! An [`Event`] attaches to a [`Head`]; a [`Replay`] applies events one by one and holds every one of them to the
//! rules, so that whoever follows the chain knows the same federation; [`verify`] adds what the blobs must show.

mod check;
mod event;
mod replay;

pub use check::{Check, Fault, Place};
pub use event::{ChainError, CountedBallot, Event, EventBody, Head, TallyRecord};
pub use replay::{CeremonyRecord, Outcome, Recorded, Replay, RoundRecord};
