//! The messages of the REST API, `/api/v1`: what coordinator, participants and operator send each other.

mod ballots;
mod blobs;
mod board;
mod federation;
mod ledger;
mod operations;
mod rounds;
mod students;
mod tokens;
mod watch;
mod work;

pub use ballots::{Receipt, ReceiptView};
pub use blobs::{DIGEST_HEADER, UPLOAD_CHUNK, UploadView};
pub use board::{BoardId, BoardPage, LONGEST_WAIT, NoBoard, PAGE_BYTES, ToTally};
pub use federation::{
    CeremonyView, DeadCeremony, Enrol, Enrolled, FederationView, Found, Invite, NewInvite, PublishKeys,
    Revoke, Revoked, RosterChanged, RosterView, Standing, TrusteeSteps,
};
pub use ledger::{EntryState, LedgerEntry, LedgerView, Promise};
pub use operations::{LogFilterView, OperationsView, PoolView, QueueEntry, RefusalCount, StorageView};
pub use rounds::{
    Answered, Answers, Attendance, Labels, OpeningState, OpeningView, RoundSummary, RoundView, RoundsPage,
    SessionView, Voter,
};
pub use students::{StudentResult, StudentView};
pub use tokens::{IssuedToken, NewToken, Role, TokenView};
pub use watch::{
    CheckedLine, CheckedTranscript, ChecksView, CostCurve, EventLine, EventLines, Observer, PrivacyView,
};
pub use work::{Beat, PostOpening, Progress, Refused, ToOpen, Work};

use serde::{Deserialize, Serialize};

use crate::transcript::Event;
use base::{
    clock::Millis,
    identity::{Signed, SignedStatement},
};

/// `GET /transcript?from=HEIGHT`: events in order, at most a page of them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TranscriptPage {
    /// Signed events from the height asked for.
    #[schema(value_type = Vec<SignedStatement>)]
    pub events: Vec<Signed<Event>>,
    /// Number of events in the whole chain.
    pub length: u64,
}

/// `GET /healthz`.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// Always "ok" when the database answers.
    pub status: String,
    /// Version of the coordinator.
    pub version: String,
    /// Time of its clock.
    pub now: Millis,
}
