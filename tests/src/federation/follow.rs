//! Long jobs, followed from outside: until when, and how long each phase took.

use std::time::{Duration, Instant};

use anyhow::ensure;
use base::{Step, ids::RoundId};
use protocol::{federation::FederationState, round::RoundState, wire::RoundView};

use super::{Federation, released};
use crate::{Service, wait::until};

/// A round that was followed to its release, and how long its phases took.
#[derive(Debug)]
pub struct Followed {
    /// The released round.
    pub view: RoundView,
    /// From the announcement to the close of the window.
    pub voting: Duration,
    /// From the close of the window to the label ciphertexts: noise, sum, argmax.
    pub tally: Duration,
    /// From the label ciphertexts to the release.
    pub opening: Duration,
}

impl Federation {
    /// Waits for the trustees' keys; a fleet that ends ends the wait.
    pub fn wait_for_keys(&self, fleet: Service, longest: Duration) -> anyhow::Result<()> {
        until("the trustee's keys", longest, || {
            let running = self.processes().is_running(fleet);
            ensure!(running, "the fleet ended: see {}", self.log("fleet").display());
            Ok((self.view()?.state == FederationState::Keyed).then_some(()))
        })
    }

    /// Follows a round, whose announcement began at `begun`, to its release.
    pub fn follow(&self, round: RoundId, begun: Instant, longest: Duration) -> anyhow::Result<Followed> {
        let (mut closed, mut tallied) = (None, None);
        let view = until("the labels", longest, || {
            let view = self.round(round)?;
            if !matches!(view.state, RoundState::Announced | RoundState::Voting) {
                closed.get_or_insert_with(|| begun.elapsed());
            }
            if view.state.tally(Step::Label).is_some() {
                tallied.get_or_insert_with(|| begun.elapsed());
            }
            ensure!(
                released(&view.state) || !view.state.is_final(),
                "round {round} ended as {:?}",
                view.state
            );
            Ok(released(&view.state).then_some(view))
        })?;
        let all = begun.elapsed();
        let (closed, tallied) = (closed.unwrap_or(all), tallied.unwrap_or(all));
        Ok(Followed {
            view,
            voting: closed,
            tally: tallied.saturating_sub(closed),
            opening: all.saturating_sub(tallied),
        })
    }
}
