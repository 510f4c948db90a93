//! Facts on standard output, in words or as one JSON value; errors on standard error.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdin, stdout};

use serde::Serialize;

use super::{Failure, arguments::Format};

const RED: &str = "\x1b[1;31m";
const PLAIN: &str = "\x1b[0m";

/// Printer of facts, in the way the person or script asked for.
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

    /// Returns whether words for people are wanted.
    pub(super) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Returns whether standard output is a terminal that shows colours.
    pub(super) fn has_color(&self) -> bool {
        self.is_text() && stdout().is_terminal()
    }
}

/// Asks on the terminal, after showing what is decided; anything but a clear yes is a no.
pub(super) fn confirm(words: &str, question: &str, output: &Output) -> Result<(), Failure> {
    if !stdin().is_terminal() {
        remark(words);
        return Err(Failure::arguments(
            "approve asks a person, but standard input is not a terminal: nothing is approved; read the above, then \
             pass --yes",
        ));
    }
    // Facts for a script go to standard output alone.
    let text = format!("{words}\n\n{question} [y/N] ");
    let asked = match output.is_text() {
        true => stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()),
        false => stderr().write_all(text.as_bytes()),
    };
    let mut answer = String::new();
    asked
        .and_then(|()| stdin().read_line(&mut answer))
        .map_err(|e| Failure::job(format_args!("cannot ask: {e}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::job("nothing was approved")),
    }
}

/// Prints a remark beside the facts, on standard error.
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
