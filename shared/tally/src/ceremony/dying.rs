//! How a ceremony dies: signed by all, then everything is shown and the liar is named.

use super::Ceremony;
use super::message::{Reason, Speech};
use super::outcome::{CeremonyError, Entry, Output};

impl Ceremony {
    pub(super) fn is_certified(&self) -> bool {
        self.journal.contains_key(&3)
    }

    pub(super) const fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    pub(super) fn all_dead(&self) -> bool {
        self.all_said(4)
    }

    /// Signs that the ceremony is dead, unless the certificate is signed.
    pub(super) fn die(&mut self, reason: Reason, outputs: &mut Vec<Output>) {
        if self.is_certified() || self.is_dead() {
            return;
        }
        self.dead = Some(reason);
        outputs.push(Output::Store(Entry::Dead(reason)));
        outputs.push(Output::Dead(reason));
        self.say(Speech::Dead(reason), Vec::new(), outputs);
    }

    /// Signs that the ceremony is dead: a driver calls it when somebody is silent for too long.
    ///
    /// # Errors
    /// Refuses once the certificate is signed.
    pub fn give_up(&mut self) -> Result<Vec<Output>, CeremonyError> {
        if self.is_certified() {
            return Err(CeremonyError::Certified);
        }
        let mut outputs = Vec::new();
        self.die(Reason::GivenUp, &mut outputs);
        Ok(outputs)
    }

    /// Shows this trustee's contributions once all have signed that the ceremony is dead.
    pub(super) fn show(&mut self, outputs: &mut Vec<Output>) {
        let shown = self.heard.contains_key(&(5, self.setup.trustee));
        if !self.all_dead() || shown || self.is_certified() {
            return;
        }
        let held = self.setup.sharing.held(self.setup.trustee).into_iter();
        let shown = held.filter_map(|piece| Some((piece, *self.contribution(piece)?.bytes()))).collect();
        self.say(Speech::Shown(shown), Vec::new(), outputs);
    }
}
