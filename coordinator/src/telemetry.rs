//! Logs: text on a terminal, JSON lines otherwise; `RUST_LOG` chooses what is shown.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (in tests) keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        builder.compact().try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
