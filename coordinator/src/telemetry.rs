//! Logs: text on a terminal, JSON lines otherwise; `RUST_LOG` chooses what is shown, and the operator may change it.

use std::{io::IsTerminal as _, sync::Arc};

use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, fmt, layer::SubscriberExt as _, reload, util::SubscriberInitExt as _,
};

const DEFAULT: &str = "info,sqlx=warn";

/// What chooses the lines of the running log; clones share it.
#[derive(Clone, Debug)]
pub struct LogFilter(Arc<reload::Handle<EnvFilter, Registry>>);

/// Why the filter stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum LogFilterError {
    /// The text is no filter.
    #[error("\"{0}\" is no log filter: write for example info, or info,coordinator=debug ({1})")]
    Syntax(String, String),
    /// There is no log any more.
    #[error("the log has no filter to change: {0}")]
    Gone(String),
}

impl LogFilter {
    /// Returns the filter as it is.
    pub fn current(&self) -> Result<String, LogFilterError> {
        let gone = |e: reload::Error| LogFilterError::Gone(e.to_string());
        self.0.with_current(ToString::to_string).map_err(gone)
    }

    /// Replaces the filter until the next change or start.
    pub fn replace(&self, text: &str) -> Result<(), LogFilterError> {
        let shown = || text.chars().take(80).collect();
        let filter = EnvFilter::builder().parse(text);
        let filter = filter.map_err(|e| LogFilterError::Syntax(shown(), e.to_string()))?;
        self.0.reload(filter).map_err(|e| LogFilterError::Gone(e.to_string()))
    }
}

/// Starts logging to standard error, and returns what changes its filter.
pub fn start() -> LogFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match std::io::stderr().is_terminal() {
        true => lines.compact().boxed(),
        false => lines.json().flatten_event(true).boxed(),
    };
    // A second start in one process (in tests) keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    LogFilter(Arc::new(handle))
}
