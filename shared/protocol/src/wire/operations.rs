//! How the coordinator itself is doing.

use serde::{Deserialize, Serialize};

use super::Progress;
use base::{clock::Millis, ids::RoundId, problem::Code};

/// `GET /operations`: how the coordinator itself is doing.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OperationsView {
    /// Version of the coordinator.
    pub version: String,
    /// Its time.
    pub now: Millis,
    /// When it started.
    pub started_at: Millis,
    /// What is under way or waits, oldest first.
    pub queue: Vec<QueueEntry>,
    /// The threads that compute.
    pub pool: PoolView,
    /// What lies on disk.
    pub storage: StorageView,
    /// Refusals since it started, most frequent first.
    pub refusals: Vec<RefusalCount>,
    /// Open streams of events.
    pub streams: u32,
}

/// A job that is under way or waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueueEntry {
    /// The round; `None` for the known answer that proves the keys.
    pub round: Option<RoundId>,
    /// Name of its state.
    pub phase: String,
    /// What it waits for, in words.
    pub waits_for: String,
    /// How far its tally is, while it runs.
    pub progress: Option<Progress>,
}

/// State of the threads that compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolView {
    /// Number of threads.
    pub threads: u32,
    /// Computations under way.
    pub running: u32,
    /// Computations that wait for a thread.
    pub waiting: u32,
    /// Processor time of this process so far, in milliseconds, all threads together.
    pub cpu_ms: u64,
}

/// What lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StorageView {
    /// Bytes of the database with its log.
    pub database_bytes: u64,
    /// Number of blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Bytes that are free on the disk, as far as the system says.
    pub free_bytes: Option<u64>,
    /// When this was measured.
    pub measured_at: Millis,
}

/// How often one reason for a refusal occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusalCount {
    /// The reason.
    pub code: Code,
    /// Its HTTP status.
    pub status: u16,
    /// The reason in words.
    pub title: String,
    /// How often.
    pub count: u64,
    /// When last.
    pub last_at: Millis,
}

/// `GET` and `PUT /log-filter`: which lines the service logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFilterView {
    /// Directives such as `info,coordinator=debug`.
    pub filter: String,
}
