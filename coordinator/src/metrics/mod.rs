//! Metrics in the text format of Prometheus: what is counted while the service runs, and how a page of them is put
//! together.
//!
//! No label holds a name, a token or an id of a round: routes, codes, states and numbers of participants alone.

mod page;

pub use page::Page;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use base::{Step, problem::Code};
use fhe::{ArgmaxKind, Effort};
use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of the request durations that are told apart, in seconds; a large upload takes minutes.
const BUCKETS: [f64; 9] = [0.002, 0.01, 0.05, 0.2, 1.0, 5.0, 20.0, 60.0, 300.0];

/// A metric's labels: names and values.
pub(crate) type Labels = Vec<(&'static str, String)>;

type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// Says which way bytes of bodies go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the coordinator.
    In,
    /// Away from it.
    Out,
}

/// What the work of one instance depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circuit {
    /// Number of classes.
    pub classes: u32,
    /// The circuit that finds the winner.
    pub argmax: ArgmaxKind,
    /// Bound D in votes.
    pub bound: u64,
    /// Whether there are abstentions.
    pub abstains: bool,
    /// The step.
    pub step: Step,
}

/// What is known of a request when it ended.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'a> {
    /// Its method.
    pub method: &'static str,
    /// The template of its path.
    pub route: &'a str,
    /// The status of its answer.
    pub status: u16,
    /// How long it took until the head of its answer.
    pub seconds: f64,
    /// The code of the refusal, if it was refused.
    pub code: Option<Code>,
}

/// Counts what happens while the service runs; a restart begins at zero, which Prometheus expects.
pub struct Metrics {
    registry: Registry,
    durations: Durations,
    requests: Family<Labels, Counter>,
    problems: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    messages: Counter,
    bytes: Family<Labels, Counter>,
    efforts: Mutex<Vec<(Circuit, Effort)>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let durations = Durations::new_with_constructor(|| Histogram::new(BUCKETS));
        let metrics = Self {
            registry: Registry::default(),
            durations,
            requests: Family::default(),
            problems: Family::default(),
            refused: Family::default(),
            messages: Counter::default(),
            bytes: Family::default(),
            efforts: Mutex::default(),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let to = &mut self.registry;
        to.register(
            "psephos_request_duration_seconds",
            "Time from a request to the head of its answer, by method and route",
            self.durations.clone(),
        );
        to.register("psephos_requests", "Requests by method, route and status", self.requests.clone());
        to.register("psephos_problems", "Refusals and failures by code", self.problems.clone());
        to.register("psephos_ballots_refused", "Ballots refused at the door by code", self.refused.clone());
        to.register(
            "psephos_board_messages",
            "Messages of ceremonies and tallies that trustees left each other",
            self.messages.clone(),
        );
        to.register("psephos_http_body_bytes", "Bytes of bodies by direction", self.bytes.clone());
        // Without a sample a metric would not show before its first event.
        for direction in [Direction::In, Direction::Out] {
            self.passed(direction, 0);
        }
        for code in Code::ALL {
            drop(self.problems.get_or_create(&vec![("code", name(*code))]));
        }
        for code in Code::ALL.iter().filter(|code| name(**code).starts_with("ballot_")) {
            drop(self.refused.get_or_create(&vec![("code", name(*code))]));
        }
        self
    }

    /// Counts a request that ended.
    pub fn finished(&self, request: Finished<'_>) {
        let Finished { method, route, status, seconds, code } = request;
        let place = vec![("method", method.to_owned()), ("route", route.to_owned())];
        self.durations.get_or_create(&place).observe(seconds);
        let with_status = place.into_iter().chain([("status", status.to_string())]).collect();
        self.requests.get_or_create(&with_status).inc();
        if let Some(code) = code {
            self.problems.get_or_create(&vec![("code", name(code))]).inc();
        }
    }

    /// Counts bytes of a body.
    pub fn passed(&self, direction: Direction, bytes: u64) {
        let direction = match direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        self.bytes.get_or_create(&vec![("direction", direction.to_owned())]).inc_by(bytes);
    }

    /// Counts a ballot that was refused at the door.
    pub fn refused_ballot(&self, code: Code) {
        self.refused.get_or_create(&vec![("code", name(code))]).inc();
    }

    /// Counts a message that a trustee left on a board.
    pub fn message(&self) {
        self.messages.inc();
    }

    /// Returns the work of one instance in a circuit; it is computed once, because rounds are often alike.
    pub fn effort(&self, circuit: Circuit, compute: impl FnOnce() -> Effort) -> Effort {
        let mut efforts = self.efforts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, effort)) = efforts.iter().find(|(known, _)| *known == circuit) {
            return *effort;
        }
        let effort = compute();
        efforts.push((circuit, effort));
        effort
    }

    /// Writes what was counted.
    fn write(&self, text: &mut String) -> fmt::Result {
        encode_registry(text, &self.registry)
    }
}

/// Returns a code as the API spells it.
fn name(code: Code) -> String {
    serde_json::json!(code).as_str().unwrap_or_default().to_owned()
}
