//! What a doctor finds: one line per check, with what to do about it.

use serde::Serialize;

use fhe::{Transform, rehearse};

/// The outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Works, but deserves a look.
    Warn,
    /// Something does not work.
    Fail,
}

/// A check and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// Its outcome.
    pub verdict: Severity,
    /// What was found.
    pub found: String,
    /// What helps, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Whether only the way to the other side failed.
    #[serde(skip)]
    pub is_connection: bool,
}

impl Finding {
    /// Returns the finding that all is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Severity::Ok, found: found.into(), remedy: None, is_connection: false }
    }

    /// Returns the finding that something deserves a look.
    pub fn warn(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Severity::Warn, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    /// Returns the finding that something does not work.
    pub fn fail(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Severity::Fail, remedy: Some(remedy.into()), ..Self::ok(check, found) }
    }

    /// Tallies a few votes under throw-away keys, with the plan of the transform that every tally here is pinned to.
    ///
    /// Takes a second or two of processor time.
    pub fn arithmetic(transform: Transform) -> Self {
        const CHECK: &str = "arithmetic";
        match rehearse(transform) {
            Ok(()) => {
                let found = "transform, plan pinned: two tallies gave the same bits, the right labels";
                Self::ok(CHECK, format!("{transform:?} {found}"))
            }
            Err(error) => {
                Self::fail(CHECK, error, "this machine computes wrongly: test its memory, use another")
            }
        }
    }

    /// Returns the finding that the other side cannot be reached.
    pub fn unreachable(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { is_connection: true, ..Self::fail(check, found, remedy) }
    }
}

/// All findings of a doctor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Diagnosis {
    /// The checks, in the order in which they were made.
    pub checks: Vec<Finding>,
}

/// Meaning of a diagnosis for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No check failed.
    Well,
    /// Some check failed.
    Ill,
    /// Only the way to the other side failed.
    Alone,
}

impl Diagnosis {
    /// Returns what the findings mean together.
    pub fn health(&self) -> Health {
        let mut failed = self.checks.iter().filter(|finding| finding.verdict == Severity::Fail).peekable();
        if failed.peek().is_none() {
            return Health::Well;
        }
        if failed.all(|finding| finding.is_connection) { Health::Alone } else { Health::Ill }
    }

    /// Returns one line per check, and one more for each remedy.
    pub fn in_words(&self) -> String {
        let width = self.checks.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
        let line = |finding: &Finding| {
            let verdict = match finding.verdict {
                Severity::Ok => "ok  ",
                Severity::Warn => "warn",
                Severity::Fail => "FAIL",
            };
            let line = format!("{verdict}  {:width$}  {}", finding.check, finding.found);
            match &finding.remedy {
                None => line,
                Some(remedy) => format!("{line}\n      {:width$}  fix: {remedy}", ""),
            }
        };
        self.checks.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Extend<Finding> for Diagnosis {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        self.checks.extend(findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lost_connection_is_told_apart_from_what_is_broken_here() {
        let mut diagnosis = Diagnosis::default();
        diagnosis.extend([Finding::ok("disk", "much"), Finding::warn("clock", "slow", "set it")]);
        assert_eq!(diagnosis.health(), Health::Well);
        diagnosis.extend([Finding::unreachable("coordinator", "no answer", "start it")]);
        assert_eq!(diagnosis.health(), Health::Alone);
        diagnosis.extend([Finding::fail("data", "gone", "bring it back")]);
        assert_eq!(diagnosis.health(), Health::Ill);
        let words = diagnosis.in_words();
        assert!(words.contains("FAIL  data") && words.contains("fix: bring it back"), "{words}");
    }
}
