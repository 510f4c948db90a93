//! What a tally of several trustees takes: processor time of all programs that compute, wall-clock time, memory.

use std::time::{Duration, Instant};

use protocol::round::RoundState;

use crate::{Federation, Service};

/// What a tally took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Processor time of coordinator and trustees together.
    pub(super) cpu: Duration,
    /// From the close of the window to the release.
    pub(super) wall: Duration,
}

/// Meter of the programs that compute a tally, which runs from the close of the window to the release.
pub(super) struct Meter {
    began: Option<(Instant, Duration)>,
}

impl Meter {
    pub(super) const fn new() -> Self {
        Self { began: None }
    }

    /// Looks at a round's state; the first look after the window begins the measurement.
    pub(super) fn follow(
        &mut self,
        federation: &Federation,
        trustees: usize,
        state: &RoundState,
    ) -> anyhow::Result<()> {
        let is_open = matches!(state, RoundState::Announced | RoundState::Voting);
        if self.began.is_none() && !is_open {
            self.began = Some((Instant::now(), cpu(federation, trustees)?));
        }
        Ok(())
    }

    /// Returns what was measured; nothing if the window was never seen closed before the release.
    pub(super) fn finish(&self, federation: &Federation, trustees: usize) -> anyhow::Result<Option<Taken>> {
        let Some((began, before)) = self.began else { return Ok(None) };
        let cpu = cpu(federation, trustees)?.saturating_sub(before);
        Ok(Some(Taken { cpu, wall: began.elapsed() }))
    }
}

/// Returns the processes that compute: the coordinator, and the trustees that run.
fn computing(federation: &Federation, trustees: usize) -> impl Iterator<Item = Service> {
    let agents = federation.members.iter().take(trustees).filter_map(|member| member.agent);
    federation.coordinator().into_iter().chain(agents)
}

fn cpu(federation: &Federation, trustees: usize) -> anyhow::Result<Duration> {
    computing(federation, trustees).map(Service::cpu).sum()
}

/// Returns the most memory that any trustee's program took so far, in MiB.
pub(super) fn trustee_peak(federation: &Federation, trustees: usize) -> anyhow::Result<u64> {
    let agents = federation.members.iter().take(trustees).filter_map(|member| member.agent);
    agents.map(Service::peak_mib).try_fold(0, |most, peak| Ok(most.max(peak?)))
}
