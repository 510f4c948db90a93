//! What the command line prints: facts to standard output, everything else to standard error.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use super::{Failure, Format};

/// Prints in the chosen form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    format: Format,
}

impl Output {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    pub(super) const fn format(self) -> Format {
        self.format
    }

    /// Prints a fact: its JSON form, or the text for people.
    pub(super) fn fact(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.bytes(format!("{}\n", text()).as_bytes()),
            Format::Json => {
                let json = serde_json::to_string(value).map_err(|e| Failure::Job(e.to_string()))?;
                self.bytes(format!("{json}\n").as_bytes())
            }
            Format::Csv | Format::Npy => {
                Err(Failure::Usage("--format csv and npy are for `round labels` only".to_owned()))
            }
        }
    }

    /// Prints raw bytes; a closed pipe is no error.
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::Job(error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Tells the user why the command failed.
    pub(super) fn failure(self, failure: &Failure) {
        // Nowhere is left to report a closed standard error.
        let _ = writeln!(std::io::stderr(), "coordinator: {failure}");
    }
}

/// Says something beside the facts, on standard error.
pub(super) fn remark(text: &str) {
    // Nowhere is left to report a closed standard error.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Colours the names of insecure settings red on a terminal.
pub(super) fn insecure_line(names: &[String]) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    let line = format!("INSECURE: {}", names.join(", "));
    Some(if std::io::stdout().is_terminal() { format!("\x1b[1;31m{line}\x1b[0m") } else { line })
}
