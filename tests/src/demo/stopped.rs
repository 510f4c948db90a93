//! Trustees that are stopped when all ballots are in, and those that return where the others cannot go on without them.

use base::ids::ParticipantId;
use protocol::{round::RoundState, wire::RoundView};

use super::{Arguments, Steps};
use crate::Federation;

/// A round that is followed, and trustees that are stopped on the way, the last of them first.
pub(super) struct Stopped {
    to_stop: Vec<usize>,
    stopped: Vec<usize>,
    /// How many trustees a tally needs.
    needed: usize,
    count: usize,
    institution: &'static str,
}

impl Stopped {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let policy = arguments.trustees();
        let count = usize::from(policy.count);
        let first = count.saturating_sub(usize::from(arguments.stop_trustees));
        Self {
            to_stop: (first..count).collect(),
            stopped: Vec::new(),
            needed: 2 * usize::from(policy.threshold) + 1,
            count,
            institution: arguments.data_kind.institution(),
        }
    }

    /// Stops the trustees once the sum is named; brings back as many as a tally needs when it says that it waits for them.
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
                steps.say(&format!("stopped the trustee {institution}-{number}"));
                self.stopped.push(index);
            }
        }
        let Some(session) = &view.session else { return Ok(()) };
        let is_stopped = |id: &ParticipantId| self.stopped.iter().any(|index| index + 1 == id.get() as usize);
        let waits_for_them = !session.waits_for.is_empty() && session.waits_for.iter().all(is_stopped);
        if self.count - self.stopped.len() >= self.needed || !waits_for_them {
            return Ok(());
        }
        steps.say(&session.words);
        if let Some(index) = self.stopped.pop() {
            steps.say(&format!("the trustee {}-{} returns", self.institution, index + 1));
            federation.start_agent(index)?;
        }
        Ok(())
    }
}
