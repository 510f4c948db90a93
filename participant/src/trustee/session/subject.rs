//! What is tallied: asked by the chain, permitted by the rule book, and added up here from the ballots themselves.

use std::sync::Arc;

use base::{
    Step,
    ids::{ParticipantId, RoundId},
};
use protocol::{
    transcript::{Replay, Task, shared_sum, sum_of_round},
    wire::BoardId,
};
use tally::{keyring::Keyring, plan::Verdict, sharing::Trustee, sum::Sum};

use super::{SessionError, Tallier, record::Book};
use crate::{
    agent::Agent,
    trustee::{
        agreement::Seat,
        artefacts::{Cached, Wanted, ballots_of, encryption_key_of},
        grounds::Gathered,
        keyring,
        rules::not_recorded,
    },
};
use client::TransferError;

/// A sum that this trustee is ready to tally with the others.
pub struct Subject {
    /// The board.
    pub board: BoardId,
    /// What the chain asks.
    pub task: Task,
    /// The sum, as this trustee added it up.
    pub sum: Arc<Sum>,
    /// The roots of its pieces.
    pub keyring: Arc<Keyring>,
    /// Its place.
    pub place: Trustee,
    /// What the known answer must come to.
    pub expected: Option<Vec<(u32, Verdict)>>,
    /// Height of the event that announced the round, or published the keys.
    pub announced_at: u64,
    /// Whose ballots are counted.
    pub counted: Vec<ParticipantId>,
    /// The names of all trustees, in their order.
    pub names: Vec<String>,
}

/// A way to artefacts: whatever is fetched lies in the home's cache afterwards.
pub trait Fetch: Sync {
    /// Downloads what is not in the cache yet.
    fn fetch(&self, wanted: &[Wanted]) -> impl Future<Output = Result<(), TransferError>> + Send;
}

impl Fetch for Agent {
    async fn fetch(&self, wanted: &[Wanted]) -> Result<(), TransferError> {
        Self::fetch(self, wanted).await
    }
}

/// Checks what a board asks, fetches the ballots and adds them up.
///
/// # Errors
/// Where the rule book forbids it, something cannot be fetched, or the sum is another one than the chain says.
pub async fn prepare(
    fetcher: &impl Fetch,
    tallier: &Tallier,
    participant: ParticipantId,
    replay: &Arc<Replay>,
    board: BoardId,
) -> Result<Subject, SessionError> {
    let home = &tallier.home;
    let seat = Seat::find(replay, participant, tallier.identity.public())?;
    seat.check_approved(home)?;
    let (round, step) = match board {
        BoardId::Round(round, step) => (Some(round), step),
        BoardId::KnownAnswer | BoardId::Ceremony(_) => (None, Step::Label),
    };
    let keys = replay.ceremony().keys().ok_or_else(|| not_recorded(round, step))?;
    let shared = keys.shared().ok_or_else(|| not_recorded(round, step))?;
    let keyring = keyring::load(home, shared, seat.place)?;
    let gathered = Gathered::of(home, replay, participant, round, Some(keys.digest()))?;
    let permit = |task: &Task| -> Result<(), SessionError> {
        let signed = Book::open(home, task.id(), task.step)?.record().sum();
        Ok(gathered.grounds(replay).permit_sum((round, step), task.sum, signed)?)
    };
    let (task, sum, expected) = match round {
        None => {
            fetcher.fetch(&encryption_key_of(keys)).await?;
            let (replay, cached) = (Arc::clone(replay), Cached::of(home));
            let (task, known) = tallier.pool.run(move || replay.known_answer_task(&cached)).await??;
            permit(&task)?;
            (task, known.sum, Some(known.verdicts))
        }
        Some(round) => {
            let task = replay.task(round, step)?.ok_or_else(|| not_recorded(Some(round), step))?;
            permit(&task)?;
            (task, add_up(fetcher, tallier, replay, (round, step)).await?, None)
        }
    };
    let record = round.and_then(|round| replay.round(round));
    let published = replay.ceremony().published().map_or(0, |(height, _)| height);
    let announced_at = record.map_or(published, |record| record.height);
    let counted = record
        .and_then(|record| record.ballots.as_ref())
        .into_iter()
        .flatten()
        .map(|ballot| ballot.participant)
        .collect();
    let (sum, place, names) = (Arc::new(sum), seat.place, names(replay));
    Ok(Subject { board, task, sum, keyring, place, expected, announced_at, counted, names })
}

/// Fetches the counted ballots and adds up a step of them, each checked as at the coordinator's door.
async fn add_up(
    fetcher: &impl Fetch,
    tallier: &Tallier,
    replay: &Arc<Replay>,
    (round, step): (RoundId, Step),
) -> Result<Sum, SessionError> {
    let record = replay.round(round).ok_or_else(|| not_recorded(Some(round), step))?;
    fetcher.fetch(&ballots_of(record)?).await?;
    let (replay, cached) = (Arc::clone(replay), Cached::of(&tallier.home));
    let job = move || -> Result<Sum, SessionError> {
        let record = replay.round(round).ok_or_else(|| not_recorded(Some(round), step))?;
        Ok(shared_sum(&sum_of_round(record, step, &cached)?)?)
    };
    tallier.pool.run(job).await?
}

/// Returns the names of the trustees, in their order.
pub fn names(replay: &Replay) -> Vec<String> {
    replay.roster().trustees().map(|member| member.name.clone()).collect()
}
