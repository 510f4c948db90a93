//! Trustees that are stopped before the openings, and one that returns when too few are left.

use protocol::{
    round::RoundState,
    wire::{OpeningState, RoundView},
};

use super::{Arguments, Steps};
use crate::Federation;

/// A round that is followed, and trustees that are stopped on the way, the dealer last of all.
pub(super) struct Stopped {
    to_stop: Vec<usize>,
    stopped: Vec<usize>,
    needed: usize,
    institution: &'static str,
}

impl Stopped {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let count = usize::from(arguments.trustees.count);
        let first = count.saturating_sub(usize::from(arguments.stop_trustees));
        let needed = usize::from(arguments.trustees.threshold) + 1;
        Self {
            to_stop: (first..count).collect(),
            stopped: Vec::new(),
            needed,
            institution: arguments.data_kind.institution(),
        }
    }

    /// Stops the trustees once all ballots are in; brings one back when the others have opened and wait for it.
    pub(super) fn follow(
        &mut self,
        federation: &mut Federation,
        view: &RoundView,
        steps: &Steps,
    ) -> anyhow::Result<()> {
        if matches!(view.state, RoundState::Tallying { .. } | RoundState::Opening { .. }) {
            for index in std::mem::take(&mut self.to_stop) {
                federation.kill_agent(index);
                let (institution, number) = (self.institution, index + 1);
                steps.say(&format!("stopped the trustee {institution}-{number} before the openings"));
                self.stopped.push(index);
            }
        }
        let posted = view.openings.iter().filter(|view| view.state == OpeningState::Posted).count();
        let working = view.openings.len().saturating_sub(self.stopped.len());
        let is_stuck =
            matches!(view.state, RoundState::Opening { .. }) && posted == working && posted < self.needed;
        if !is_stuck {
            return Ok(());
        }
        let waiting =
            view.openings.iter().filter(|view| view.state == OpeningState::Waiting { online: false });
        let waiting: Vec<&str> = waiting.map(|view| view.name.as_str()).collect();
        if waiting.len() < self.stopped.len() {
            return Ok(());
        }
        steps.say(&format!("the round waits for {}", waiting.join(" and ")));
        if let Some(index) = self.stopped.pop() {
            steps.say(&format!("the trustee {}-{} returns", self.institution, index + 1));
            federation.start_agent(index)?;
        }
        Ok(())
    }
}
