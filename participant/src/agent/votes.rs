//! The agent's votes, each tried again at the next heartbeat.

use std::sync::atomic::Ordering;

use base::ids::{Digest, RoundId};
use protocol::{federation::FederationState, transcript::Replay, wire::Work};
use tokio::sync::watch;

use super::{Agent, AgentError, Ended};
use crate::{
    approval::Pin,
    teacher::{
        limits::LimitError,
        vote::{Outcome, VoteError, vote},
    },
};

/// Follows the transcript and votes, heartbeat by heartbeat, until the federation is closed.
pub(super) async fn follow(
    agent: &Agent,
    mut works: watch::Receiver<Option<Work>>,
) -> Result<Ended, AgentError> {
    loop {
        if works.changed().await.is_err() {
            return Ok(Ended::Stopped);
        }
        let Some(work) = works.borrow_and_update().clone() else { continue };
        if work.federation == FederationState::Closed {
            // The trustee's side ends the agent once the key is destroyed.
            return std::future::pending().await;
        }
        watch_roster(agent, work.roster)?;
        let is_due = !work.vote.is_empty() || agent.seen().await != work.transcript;
        if let Some(replay) = if is_due { agent.follow().await } else { None } {
            for round in work.vote {
                cast(agent, &replay, round).await;
            }
        }
        // Heartbeats that were answered meanwhile still list what is done by now.
        works.mark_unchanged();
    }
}

/// Logs when the roster is another than the approved one.
fn watch_roster(agent: &Agent, roster: Digest) -> Result<(), AgentError> {
    match Pin::load(&agent.home, agent.membership.federation())? {
        Some(pin) if pin.roster == roster => {
            agent.is_well("roster");
        }
        Some(_) => {
            agent.say_once("roster", "the roster changed: run `participant approve` to see and approve it");
        }
        None => agent.say_once("roster", "nothing is approved yet: run `participant approve`"),
    }
    Ok(())
}

async fn cast(agent: &Agent, replay: &Replay, round: RoundId) {
    let subject = format!("vote in round {round}");
    // Instances, teachers and a ballot are held while it votes: only so many agents of a process do so at once.
    let _turn = agent.commons.turn().await;
    match vote(agent, replay, round).await {
        Ok(Outcome::Cast(receipt)) => {
            tracing::info!(%round, ballot = %receipt.receipt.digest.short(), "cast a ballot, receipt stored");
            agent.cast.fetch_add(1, Ordering::Relaxed);
            agent.is_well(&subject);
        }
        Ok(Outcome::AlreadyCast) => {}
        Err(VoteError::Limit(LimitError::NeedsPerson)) => agent.say_once(
            &subject,
            &format!(
                "waits for a person: `participant rounds approve {round}`, or `refuse` instead of `approve`"
            ),
        ),
        Err(error) => agent.say_once(&subject, &error.to_string()),
    }
}
