//! The boards: one task for each on which this trustee is waited for, so that a tally that waits blocks nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use base::{Step, ids::RoundId};
use protocol::{
    transcript::Replay,
    wire::{BoardId, ToTally},
};
use tokio::task::{AbortHandle, JoinSet};

use super::{
    agreement::{AgreementError, Seat},
    alarm::Alarms,
    artefacts::forget_ended,
    ceremony::{self, HoldError, Holder},
    session::{self, SessionError, Tallier, labels, subject},
};
use crate::agent::Agent;
use runtime::files::FileError;

/// Most boards that are served at once.
const MOST: usize = 8;
/// Shortest and longest pause before a task that failed begins again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Why a task ended.
#[derive(Debug, thiserror::Error)]
enum TaskError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Ceremony(#[from] HoldError),
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    #[error("its task hit a bug: {0}")]
    Bug(String),
}

impl TaskError {
    const fn is_refusal(&self) -> bool {
        match self {
            Self::Session(error) => error.is_refusal(),
            Self::Ceremony(error) => !matches!(error, HoldError::Client(_) | HoldError::Pool(_)),
            Self::Agreement(_) => true,
            Self::Bug(_) => false,
        }
    }

    const fn is_lasting(&self) -> bool {
        match self {
            Self::Session(error) => error.is_lasting(),
            Self::Ceremony(error) => matches!(error, HoldError::Engine(_) | HoldError::Destroyed),
            Self::Agreement(_) | Self::Bug(_) => false,
        }
    }
}

/// When a board may be tried again.
struct Rest {
    until: Option<Instant>,
    failures: u32,
}

/// Tasks of a trustee's boards; they end when this is dropped.
#[derive(Default)]
pub struct Boards {
    tasks: JoinSet<Result<(), TaskError>>,
    running: BTreeMap<BoardId, AbortHandle>,
    resting: BTreeMap<BoardId, Rest>,
    /// Labels that were compared with what the chain says of them.
    compared: BTreeSet<PathBuf>,
    /// Rounds whose ballots were removed from the cache.
    forgotten: BTreeSet<RoundId>,
    /// Length of the chain when it was looked at last.
    followed: u64,
}

/// Returns the round of a board; nothing for a ceremony and its known answer.
pub const fn round_of(board: &BoardId) -> Option<RoundId> {
    match board {
        BoardId::Round(round, _) => Some(*round),
        BoardId::Ceremony(_) | BoardId::KnownAnswer => None,
    }
}

impl Boards {
    /// Ends the tasks of all boards that are not waited for.
    pub fn keep(&mut self, agent: &Agent, waiting: &[ToTally]) {
        let is_waiting = |board: &BoardId| waiting.iter().any(|to| to.board == *board);
        self.running.retain(|board, task| {
            let stays = is_waiting(board);
            if !stays {
                task.abort();
                agent.is_well(&board.to_string());
            }
            stays
        });
        self.resting.retain(|board, _| is_waiting(board));
        agent.standing.keep(is_waiting);
    }

    /// Ends all tasks.
    pub fn stop(&mut self) {
        self.tasks.abort_all();
        self.running.clear();
    }

    /// Starts a task for each board that is waited for and has none.
    pub fn start(&mut self, agent: &Arc<Agent>, replay: &Arc<Replay>, waiting: &[ToTally]) {
        for to in waiting {
            let rests = self
                .resting
                .get(&to.board)
                .is_some_and(|rest| rest.until.is_none_or(|until| Instant::now() < until));
            if rests || self.running.contains_key(&to.board) || self.running.len() >= MOST {
                continue;
            }
            let (agent, replay, to) = (Arc::clone(agent), Arc::clone(replay), *to);
            let task = self.tasks.spawn(async move { serve(&agent, &replay, to).await });
            self.running.insert(to.board, task);
        }
    }

    /// Returns whether every board that is waited for has its task or rests.
    pub fn is_settled(&self, waiting: &[ToTally]) -> bool {
        let now = Instant::now();
        waiting.iter().all(|to| {
            let rest = self.resting.get(&to.board);
            self.running.contains_key(&to.board)
                || rest.is_some_and(|rest| rest.until.is_none_or(|until| now < until))
        })
    }

    /// Waits for a task to end by itself and says why it did; it begins again after a pause, unless nothing would change.
    pub async fn ended(&mut self, agent: &Agent) {
        let Some(joined) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
        let (id, outcome) = match joined {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), Err(TaskError::Bug(error.to_string()))),
        };
        // One that was told to end is not found any more.
        let found = self.running.iter().find(|(_, task)| task.id() == id).map(|(board, _)| *board);
        let Some(board) = found else { return };
        self.running.remove(&board);
        let failures = self.resting.get(&board).map_or(0, |rest| rest.failures) + 1;
        let pause = PAUSES.0.saturating_mul(1 << failures.min(6)).min(PAUSES.1);
        let mut until = Some(Instant::now() + pause);
        if let Err(error) = outcome {
            let words = error.to_string();
            agent.say_once(&board.to_string(), &words);
            agent.standing.set(board, 0, words.clone());
            if error.is_refusal() {
                agent.pulse.refuse(round_of(&board), words);
            }
            until = until.filter(|_| !error.is_lasting());
        }
        self.resting.insert(board, Rest { until, failures });
    }

    /// Looks at what is new on the chain: the labels that were computed here are held against what it says by now, and
    /// ballots that are needed no more go. A difference is an alarm, and no task goes on while a person has not looked.
    ///
    /// # Errors
    /// Where labels cannot be read, or the alarm not be kept.
    pub fn look(&mut self, agent: &Agent, replay: &Replay) -> Result<(), FileError> {
        if Alarms::of(&agent.home).pending()?.is_some() {
            self.stop();
        }
        let length = replay.head().length;
        if length == self.followed {
            return Ok(());
        }
        let known = labels::all(&agent.home, |path| self.compared.contains(path))?;
        for (path, computed) in known {
            let Some(verdict) = computed.verdict(replay) else { continue };
            if let Err(what) = verdict {
                self.alarm(agent, (computed.round, computed.step), &what)?;
            }
            self.compared.insert(path);
        }
        forget_ended(&agent.home, replay, &mut self.forgotten)?;
        self.followed = length;
        Ok(())
    }

    fn alarm(&mut self, agent: &Agent, of: (Option<RoundId>, Step), what: &str) -> Result<(), FileError> {
        if Alarms::of(&agent.home).raise(of, what, agent.clock.now())? {
            tracing::error!("ALARM: {what}; this trustee answers nothing until a person has looked");
        }
        self.stop();
        Ok(())
    }
}

/// Takes part on one board until it is dropped or cannot go on.
async fn serve(agent: &Arc<Agent>, replay: &Arc<Replay>, to: ToTally) -> Result<(), TaskError> {
    if let BoardId::Ceremony(ceremony) = to.board {
        let seat = Seat::find(replay, agent.membership.participant, agent.identity.public())?;
        ceremony::check(&agent.home, replay, &seat, ceremony)?;
        let holder = Holder {
            home: agent.home.clone(),
            identity: Arc::clone(&agent.identity),
            seat,
            ceremony,
            names: subject::names(replay),
            pool: agent.pool.clone(),
            standing: Arc::clone(&agent.standing),
        };
        agent.pulse.accept(None);
        return Ok(ceremony::hold(agent.as_ref(), &holder).await?);
    }
    agent.standing.set(to.board, to.attempt, "adding up the ballots".to_owned());
    let tallier = Tallier {
        home: agent.home.clone(),
        identity: Arc::clone(&agent.identity),
        clock: Arc::clone(&agent.clock),
        pool: agent.pool.clone(),
        standing: Arc::clone(&agent.standing),
    };
    let (carrier, participant) = (agent.as_ref(), agent.membership.participant);
    let subject = subject::prepare(carrier, &tallier, participant, replay, to.board).await?;
    agent.pulse.accept(round_of(&to.board));
    agent.is_well(&to.board.to_string());
    Ok(session::tally(carrier, &tallier, &subject, to.attempt).await?)
}
