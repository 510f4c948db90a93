//! The transcript: an append-only, hash-chained, signed record of everything public, and what follows from it.
//!
//! An [`Event`] attaches to a [`Head`]; a [`Replay`] applies events one by one and holds every one of them to the
//! rules, so that whoever follows the chain knows the same federation; [`verify`] adds what the blobs must show.

mod archive;
mod artefacts;
mod blobs;
mod check;
mod event;
mod folder;
mod kind;
mod recompute;
mod replay;
mod session;
mod tally;
mod verify;

pub use archive::{Archive, ArchiveError, archive_entry, archive_header};
pub use artefacts::{Access, Artefact};
pub use blobs::{BlobError, Blobs, check_digest, fetch};
pub use check::{Check, Fault, Place};
pub use event::{ChainError, CountedBallot, Event, EventBody, Head, TallyOutcome, TallyRecord};
pub use folder::{EVENTS_FILE, Folder, FolderError};
pub use kind::EventKind;
pub use recompute::{RecomputeError, add_ballots, add_noise, add_up, known_answer_resolution, sum_of_round};
pub use replay::{
    Asked, CeremonyRecord, EndedCeremony, Outcome, Recorded, Replay, RoundRecord, StepRecord, TestRecord,
};
pub use session::{SessionRecord, Task, UNDECIDED, class_of, label, shared_sum, sum_digest};
pub use tally::{TallyInput, TallyKeys, TallySink};
pub use verify::{Line, OnProgress, Report, Verdict, verify};
