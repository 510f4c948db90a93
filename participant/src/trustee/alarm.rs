//! Alarms: what a person has to look at before this trustee answers anything again.

use base::{Step, clock::Millis, ids::RoundId};
use serde::{Deserialize, Serialize};

use crate::home::Home;
use runtime::files::{Access, FileError, make_folder, read_json, write_json};

/// Something that must not happen, and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// What happened, in words.
    pub what: String,
    /// When it was noticed.
    pub raised_at: Millis,
    /// When a person said that this trustee may go on.
    pub seen_at: Option<Millis>,
}

/// Alarms of a home, in `state/trustee/alarms.json`.
#[derive(Debug, Clone)]
pub struct Alarms {
    home: Home,
}

impl Alarms {
    /// Uses the alarms of a home.
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone() }
    }

    /// Returns all of them, the oldest first.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn all(&self) -> Result<Vec<Alarm>, FileError> {
        Ok(read_json(&self.home.trustee().join("alarms.json"))?.unwrap_or_default())
    }

    /// Returns the oldest that no person has looked at, in words.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn pending(&self) -> Result<Option<String>, FileError> {
        Ok(self.all()?.into_iter().find(|alarm| alarm.seen_at.is_none()).map(|alarm| alarm.what))
    }

    /// Raises one, once for a step; returns whether it is new.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn raise(
        &self,
        (round, step): (Option<RoundId>, Step),
        what: &str,
        now: Millis,
    ) -> Result<bool, FileError> {
        let mut alarms = self.all()?;
        if alarms.iter().any(|alarm| (alarm.round, alarm.step) == (round, step)) {
            return Ok(false);
        }
        alarms.push(Alarm { round, step, what: what.to_owned(), raised_at: now, seen_at: None });
        self.write(&alarms)?;
        Ok(true)
    }

    /// Notes that a person has looked at all of them; returns those that were new to it.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn resume(&self, now: Millis) -> Result<Vec<Alarm>, FileError> {
        let mut alarms = self.all()?;
        let mut seen = Vec::new();
        for alarm in alarms.iter_mut().filter(|alarm| alarm.seen_at.is_none()) {
            alarm.seen_at = Some(now);
            seen.push(alarm.clone());
        }
        self.write(&alarms)?;
        Ok(seen)
    }

    fn write(&self, alarms: &[Alarm]) -> Result<(), FileError> {
        make_folder(&self.home.trustee(), Access::Public)?;
        write_json(&self.home.trustee().join("alarms.json"), &alarms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_stands_until_a_person_has_looked_and_is_not_raised_again() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let (alarms, step) = (Alarms::of(&home), (Some(RoundId::from_bytes([1; 16])), Step::Label));
        assert_eq!(alarms.pending().unwrap(), None);
        assert!(alarms.raise(step, "other labels", Millis(7)).unwrap());
        assert!(!alarms.raise(step, "other labels", Millis(8)).unwrap());
        assert_eq!(alarms.pending().unwrap().as_deref(), Some("other labels"));
        assert_eq!(alarms.resume(Millis(9)).unwrap().len(), 1);
        assert_eq!(alarms.pending().unwrap(), None);
        assert!(!alarms.raise(step, "other labels", Millis(10)).unwrap());
        assert!(alarms.resume(Millis(11)).unwrap().is_empty());
    }
}
