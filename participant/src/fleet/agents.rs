//! All agents of a fleet: started one after the other over a poll's time, so that their heartbeats stay spread.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{sync::watch, task::JoinSet};
use tracing::Instrument as _;

use super::{FleetError, Member, progress::say};
use crate::{
    agent::{Agent, AgentError, Commons, Ended, run as run_agent},
    config::Config,
};
use runtime::SystemClock;

/// How often the number of ballots is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How a fleet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Ballots that were cast.
    pub ballots: u64,
    /// Agents that ended because the federation is closed.
    pub closed: usize,
    /// Agents that were told to stop.
    pub stopped: usize,
    /// Agents that ended by an error.
    pub failed: usize,
}

type Outcome = (String, Result<Ended, AgentError>);

/// Runs every agent until `shutdown` is ready, or each has ended by itself; one that fails does not end the others.
pub(super) async fn run(
    members: &[Member],
    commons: &Commons,
    poll: f64,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, FleetError> {
    let agents = members.iter().map(|member| gather(member, commons, poll)).collect::<Result<Vec<_>, _>>()?;
    let (stop, told) = watch::channel(false);
    let mut tasks: JoinSet<Outcome> = JoinSet::new();
    for (index, (member, agent)) in members.iter().zip(&agents).enumerate() {
        let late = agent.config.poll().mul_f64(index as f64 / members.len() as f64);
        let span = tracing::info_span!("fleet", member = member.name);
        let job = live(member.name.clone(), Arc::clone(agent), late, told.clone());
        tasks.spawn(job.instrument(span));
    }
    drop(told);
    say(&format!("{} agents run; end them with Ctrl-C, or close the federation", agents.len()));
    let mut summary = Summary { ballots: 0, closed: 0, stopped: 0, failed: 0 };
    let mut look = tokio::time::interval(LOOK);
    tokio::pin!(shutdown);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            () = &mut shutdown, if !is_stopping => {
                is_stopping = true;
                stop.send_replace(true);
            }
            joined = tasks.join_next() => match joined {
                Some(joined) => count(&mut summary, joined),
                None => break,
            },
            _ = look.tick() => tell(&mut summary, &agents),
        }
    }
    tell(&mut summary, &agents);
    Ok(summary)
}

fn gather(member: &Member, commons: &Commons, poll: f64) -> Result<Arc<Agent>, FleetError> {
    let fail = |e: &dyn std::fmt::Display| FleetError::member(&member.name, e);
    let mut config = Config::load(&member.home).map_err(|e| fail(&e))?;
    config.poll_seconds = poll;
    let agent = Agent::among(member.home.clone(), config, Arc::new(SystemClock), commons);
    agent.map(Arc::new).map_err(|e| fail(&e))
}

async fn live(name: String, agent: Arc<Agent>, late: Duration, mut told: watch::Receiver<bool>) -> Outcome {
    let mut waiting = told.clone();
    tokio::select! {
        () = tokio::time::sleep(late) => {}
        _ = waiting.wait_for(|stop| *stop) => return (name, Ok(Ended::Stopped)),
    }
    // An error means that the fleet itself is gone, which is a reason to stop too.
    let ended = run_agent(&agent, async move { drop(told.wait_for(|stop| *stop).await) }).await;
    (name, ended)
}

fn count(summary: &mut Summary, joined: Result<Outcome, tokio::task::JoinError>) {
    match joined {
        Ok((_, Ok(Ended::Closed))) => summary.closed += 1,
        Ok((_, Ok(Ended::Stopped))) => summary.stopped += 1,
        Ok((name, Err(error))) => {
            summary.failed += 1;
            tracing::error!(name, "ended: {error}");
        }
        Err(error) => {
            summary.failed += 1;
            tracing::error!("an agent hit a bug: {error}");
        }
    }
}

/// Prints how many ballots were cast, whenever there are more.
fn tell(summary: &mut Summary, agents: &[Arc<Agent>]) {
    let ballots = agents.iter().map(|agent| agent.cast.load(Ordering::Relaxed)).sum();
    if ballots != summary.ballots {
        summary.ballots = ballots;
        say(&format!("{ballots} ballots cast since the start, by {} participants", agents.len()));
    }
}
