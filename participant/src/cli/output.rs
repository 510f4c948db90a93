//! Facts on standard output, in words or as one JSON value; errors on standard error.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use serde::Serialize;

use super::{Failure, arguments::Format};

const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";

/// Prints facts the way the person or script asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    format: Format,
}

impl Output {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Prints one fact: the words for people, the value for scripts.
    pub(super) fn show<T: Serialize>(&self, words: &str, value: &T) -> Result<(), Failure> {
        let text = match self.format {
            Format::Text => words.to_owned(),
            Format::Json => serde_json::to_string_pretty(value).map_err(Failure::job)?,
        };
        match writeln!(stdout(), "{text}") {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|e| Failure::job(format_args!("cannot write the answer: {e}"))),
        }
    }

    /// Tells whether words for people are wanted.
    pub(super) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Tells whether standard output is a terminal that shows colours.
    pub(super) fn has_color(&self) -> bool {
        self.is_text() && stdout().is_terminal()
    }
}

/// Says something beside the facts, on standard error.
pub(super) fn remark(text: &str) {
    // Nothing more can be said if standard error is closed.
    drop(writeln!(stderr(), "{text}"));
}

/// Shows an insecure setting: red on a terminal, and in capitals everywhere.
pub(super) fn insecure(text: &str) {
    match stderr().is_terminal() {
        true => remark(&format!("{RED}INSECURE {text}{PLAIN}")),
        false => remark(&format!("INSECURE {text}")),
    }
}

/// Shows why a command failed.
pub(super) fn error(failure: &Failure) {
    match stderr().is_terminal() {
        true => remark(&format!("{RED}error:{PLAIN} {failure}")),
        false => remark(&format!("error: {failure}")),
    }
}
