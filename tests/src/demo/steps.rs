//! What the demo says while it works, on standard error.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Printer of each step with the time since the start.
#[derive(Debug)]
pub struct Steps {
    began: Instant,
}

impl Default for Steps {
    fn default() -> Self {
        Self { began: Instant::now() }
    }
}

impl Steps {
    /// Prints one line.
    pub fn say(&self, text: &str) {
        // Nothing more can be said if standard error is closed.
        drop(writeln!(stderr(), "[{:5.1} s] {text}", self.elapsed().as_secs_f64()));
    }

    /// Prints settings that protect nothing: red on a terminal, in capitals everywhere.
    pub fn warn(&self, text: &str) {
        self.say(&red(&format!("INSECURE {text}"), stderr().is_terminal()));
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Starts a bar for a slow step; it is shown on a terminal only.
    pub fn bar(&self, what: &'static str, total: u64) -> ProgressBar {
        let bar = ProgressBar::new(total).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("          {msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        bar
    }
}

/// Colours a text red where that can be seen.
pub(super) fn red(text: &str, is_terminal: bool) -> String {
    if is_terminal { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() }
}
