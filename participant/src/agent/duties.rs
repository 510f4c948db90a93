//! The trustee's duties: keys and answers, beside the votes, each tried again at a later heartbeat.

use std::{fmt::Display, sync::Arc};

use protocol::{federation::FederationState, wire::Work};
use tokio::sync::watch;

use super::{Agent, AgentError, Ended};
use crate::trustee::{
    Trustee,
    boards::{Boards, round_of},
    keys::{make_keys, mark_destroyed},
    open::open,
};
use client::Question;

/// Does what each heartbeat asks for until the federation is closed; without a trustee's seat it only waits for that.
pub(super) async fn follow(
    agent: &Arc<Agent>,
    mut trustee: Trustee,
    mut works: watch::Receiver<Option<Work>>,
) -> Result<Ended, AgentError> {
    let mut boards = Boards::default();
    loop {
        tokio::select! {
            changed = works.changed() => if changed.is_err() { return Ok(Ended::Stopped) },
            () = boards.ended(agent) => continue,
        }
        let Some(work) = works.borrow_and_update().clone() else { continue };
        if work.federation == FederationState::Closed {
            boards.stop();
            close(agent, &mut trustee)?;
            return Ok(Ended::Closed);
        }
        if !agent.membership.trustee {
            continue;
        }
        match agent.membership.founding.config.trustees.is_sole() {
            true => serve_alone(agent, &mut trustee, &work).await,
            false => serve_among_others(agent, &mut boards, &work).await,
        }
        // Heartbeats that were answered meanwhile still list what is done by now.
        works.mark_unchanged();
    }
}

/// Returns what waits to be opened.
fn questions(work: &Work) -> impl Iterator<Item = Question> {
    let known_answer = work.open_known_answer.then_some(Question::KnownAnswer);
    known_answer.into_iter().chain(work.open.iter().map(|open| Question::Round(open.round, open.step)))
}

async fn serve_alone(agent: &Agent, trustee: &mut Trustee, work: &Work) {
    agent.pulse.keep(|round| questions(work).any(|question| question.round() == round));
    if !work.make_keys && questions(work).next().is_none() {
        return;
    }
    let Some(replay) = agent.follow().await else {
        if let Some(reason) = agent.transcript_fault() {
            questions(work).for_each(|question| agent.pulse.refuse(question.round(), reason.clone()));
        }
        return;
    };
    if work.make_keys {
        report(agent, "keys", make_keys(agent, trustee).await);
    }
    for question in questions(work) {
        let opened = open(agent, trustee, &replay, question).await;
        match &opened {
            Err(error) if error.is_refusal() => agent.pulse.refuse(question.round(), error.to_string()),
            _ => agent.pulse.accept(question.round()),
        }
        report(agent, &question.to_string(), opened);
    }
}

async fn serve_among_others(agent: &Arc<Agent>, boards: &mut Boards, work: &Work) {
    agent.pulse.keep(|round| work.tally.iter().any(|to| round_of(&to.board) == round));
    boards.keep(agent, &work.tally);
    if work.approve_trustees {
        agent.say_once("trustees", "a person has to approve the trustees: run `participant trustee approve`");
    } else {
        agent.is_well("trustees");
    }
    // The votes follow the chain as it grows; a new board may be asked for by an event that is newer still.
    let replay = match boards.is_settled(&work.tally) {
        true => agent.replay().await,
        false => agent.follow().await,
    };
    match replay {
        Some(replay) => {
            report(agent, "labels", boards.look(agent, &replay));
            boards.start(agent, &replay, &work.tally);
        }
        None => {
            if let Some(reason) = agent.transcript_fault() {
                boards.stop();
                let asked = work.tally.iter().map(|to| round_of(&to.board));
                asked.for_each(|round| agent.pulse.refuse(round, reason.clone()));
            }
        }
    }
    report(agent, "standing", agent.standing.write(&agent.home));
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
            tracing::warn!(
                "the federation is closed: what this trustee held of the key was overwritten and removed; destroy every \
                 backup of it too, one that is found later is a corrupt trustee"
            );
        }
    }
    tracing::info!("the federation is closed, nothing is left to do");
    Ok(())
}
