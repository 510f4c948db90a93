//! The agent's work: keys, openings and votes, in this order, each tried again at the next heartbeat.

use shared::{federation::FederationState, ids::RoundId, wire::Work};
use tokio::sync::watch;

use super::{Agent, AgentError, Ended};
use crate::{
    approval::Pin,
    client::Question,
    teacher::{
        limits::LimitError,
        vote::{Outcome, VoteError, vote},
    },
    trustee::{
        Trustee,
        keys::{make_keys, mark_destroyed},
        open::open,
    },
};

/// Does what each heartbeat brings until the federation is closed.
pub(super) async fn follow(
    agent: &Agent,
    mut trustee: Trustee,
    mut works: watch::Receiver<Option<Work>>,
) -> Result<Ended, AgentError> {
    loop {
        if works.changed().await.is_err() {
            return Ok(Ended::Stopped);
        }
        let Some(work) = works.borrow_and_update().clone() else { continue };
        if work.federation == FederationState::Closed {
            close(agent, &mut trustee)?;
            return Ok(Ended::Closed);
        }
        watch_roster(agent, &work)?;
        if agent.membership.trustee {
            serve_as_trustee(agent, &mut trustee, &work).await;
        }
        for round in work.vote {
            cast(agent, round).await;
        }
        // Heartbeats that were answered meanwhile still list what is done by now.
        works.mark_unchanged();
    }
}

/// Says so when the roster is another than the approved one.
fn watch_roster(agent: &Agent, work: &Work) -> Result<(), AgentError> {
    match Pin::load(&agent.home, agent.membership.federation())? {
        Some(pin) if pin.roster == work.roster => {
            agent.is_well("roster");
        }
        Some(_) => {
            agent.say_once("roster", "the roster changed: run `participant approve` to see and approve it")
        }
        None => agent.say_once("roster", "nothing is approved yet: run `participant approve`"),
    }
    Ok(())
}

async fn serve_as_trustee(agent: &Agent, trustee: &mut Trustee, work: &Work) {
    if work.make_keys {
        let made = make_keys(agent, trustee).await;
        report(agent, "keys", made.map_err(|e| e.to_string()));
    }
    let known_answer = work.open_known_answer.then_some(Question::KnownAnswer);
    for question in known_answer.into_iter().chain(work.open.iter().copied().map(Question::Round)) {
        let opened = open(agent, trustee, question).await;
        report(agent, &question.to_string(), opened.map_err(|e| e.to_string()));
    }
}

async fn cast(agent: &Agent, round: RoundId) {
    let subject = format!("vote in round {round}");
    match vote(agent, round).await {
        Ok(Outcome::Cast(receipt)) => {
            tracing::info!(%round, ballot = %receipt.receipt.digest.short(), "cast a ballot, receipt stored");
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

fn report(agent: &Agent, subject: &str, result: Result<(), String>) {
    match result {
        Ok(()) => {
            agent.is_well(subject);
        }
        Err(reason) => agent.say_once(subject, &reason),
    }
}

/// Destroys what this agent holds of the key; a closed federation never opens again.
fn close(agent: &Agent, trustee: &mut Trustee) -> Result<(), AgentError> {
    if agent.membership.trustee {
        mark_destroyed(&agent.home, agent.membership.federation())?;
        if trustee.destroy(&agent.home)? {
            tracing::warn!("the federation is closed: the decryption key was overwritten and removed");
        }
    }
    tracing::info!("the federation is closed, nothing is left to do");
    Ok(())
}
