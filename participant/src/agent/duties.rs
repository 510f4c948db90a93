//! The trustee's duties: the ceremony and the openings, beside the votes, each tried again at the next heartbeat.

use std::{fmt::Display, sync::Arc, time::Instant};

use protocol::{federation::FederationState, transcript::Replay, wire::Work};
use tokio::sync::watch;

use super::{Agent, AgentError, Ended};
use crate::trustee::{
    Trustee,
    artefacts::forget_ended,
    ceremony::{acknowledge::acknowledge, deal::deal_keys},
    keys::{make_keys, mark_destroyed},
    open::open,
    shares::open_shares,
};
use client::Question;

/// Does what each heartbeat asks for until the federation is closed; without a trustee's seat it only waits for that.
pub(super) async fn follow(
    agent: &Agent,
    mut trustee: Trustee,
    mut works: watch::Receiver<Option<Work>>,
) -> Result<Ended, AgentError> {
    loop {
        let idle_at = trustee.keys().idle_at();
        tokio::select! {
            changed = works.changed() => if changed.is_err() { return Ok(Ended::Stopped) },
            () = until(idle_at) => {
                if trustee.keys().free_if_idle(Instant::now()) {
                    tracing::info!("freed the keys of the recomputation, unused for a minute");
                }
                continue;
            }
        }
        let Some(work) = works.borrow_and_update().clone() else { continue };
        if work.federation == FederationState::Closed {
            close(agent, &mut trustee)?;
            return Ok(Ended::Closed);
        }
        if agent.membership.trustee {
            serve(agent, &mut trustee, &work).await;
            // Heartbeats that were answered meanwhile still list what is done by now.
            works.mark_unchanged();
        }
    }
}

/// Waits until then, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// Returns what waits to be opened.
fn questions(work: &Work) -> impl Iterator<Item = Question> {
    let known_answer = work.open_known_answer.then_some(Question::KnownAnswer);
    known_answer.into_iter().chain(work.open.iter().map(|open| Question::Round(open.round, open.step)))
}

async fn serve(agent: &Agent, trustee: &mut Trustee, work: &Work) {
    agent.pulse.keep(|round| questions(work).any(|question| question.round() == round));
    if work.approve_trustees {
        let message =
            "a person has to approve the trustees and the dealer: run `participant trustee approve`";
        agent.say_once("trustees", message);
    } else {
        agent.is_well("trustees");
    }
    if !(work.make_keys || work.acknowledge || questions(work).next().is_some()) {
        return;
    }
    let Some(replay) = agent.follow().await else {
        if let Some(reason) = agent.transcript_fault() {
            questions(work).for_each(|question| agent.pulse.refuse(question.round(), reason.clone()));
        }
        return;
    };
    match agent.membership.founding.config.trustees.is_sole() {
        true => serve_alone(agent, trustee, &replay, work).await,
        false => serve_among_others(agent, trustee, &replay, work).await,
    }
}

async fn serve_alone(agent: &Agent, trustee: &mut Trustee, replay: &Replay, work: &Work) {
    if work.make_keys {
        report(agent, "keys", make_keys(agent, trustee).await);
    }
    for question in questions(work) {
        let opened = open(agent, trustee, replay, question).await;
        report(agent, &question.to_string(), opened);
    }
}

async fn serve_among_others(agent: &Agent, trustee: &mut Trustee, replay: &Arc<Replay>, work: &Work) {
    if work.make_keys {
        report(agent, "keys", deal_keys(agent, replay).await);
    }
    if work.acknowledge {
        report(agent, "package of pieces", acknowledge(agent, trustee, replay).await);
    }
    for question in questions(work) {
        let opened = open_shares(agent, trustee, replay, question).await;
        match &opened {
            Err(error) if error.is_refusal() => agent.pulse.refuse(question.round(), error.to_string()),
            _ => agent.pulse.accept(question.round()),
        }
        report(agent, &question.to_string(), opened);
    }
    report(agent, "cache", forget_ended(&agent.home, replay));
}

fn report(agent: &Agent, subject: &str, result: Result<(), impl Display>) {
    match result {
        Ok(()) => {
            agent.is_well(subject);
        }
        Err(reason) => agent.say_once(subject, &reason.to_string()),
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
