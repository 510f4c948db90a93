//! The conductor: it takes every round from one state to the next.
//!
//! Each step is claimed, computed and committed: the new state, its transcript event and what belongs to it
//! go into one transaction. Every step can run again, so a restart at any moment resumes every round.

mod announce;
mod ballots;
mod board;
mod ceremony;
mod close;
mod due;
mod error;
mod heard;
mod known_answer;
mod noise;
mod opening;
mod posting;
mod release;
mod repeats;
mod session;
mod shared;
mod tally;

pub use announce::{
    Announce, AnnounceError, Draft, InstancesError, NewRound, announce, draft, read_instances,
};
pub use ballots::{CastError, cast, record_refusal};
pub use board::{BoardRefusal, board_page, post_message};
pub use ceremony::open_ceremony;
pub use error::RoundError;
pub use heard::{Front, Heard, group};
pub(crate) use known_answer::proves;
pub use posting::{OpeningRefusal, check_opening, post_opening};
pub use release::cancel;
pub use repeats::{Fresh, answered, class_of, submitted, take_out};
pub use session::session_of;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::ids::{Digest, RoundId};
use protocol::{federation::FederationState, transcript::Replay, wire::BoardId};
use tokio::sync::watch::Receiver;
use tracing::Instrument as _;

use crate::{
    app::App,
    storage::{ReadTx, StorageError},
};

/// How often deadlines are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(500);
/// How long a step that failed rests before it is tried again.
const REST: Duration = Duration::from_secs(5);
/// How long one rests that only somebody's hand can help, such as a known answer whose keys are gone.
const LONG_REST: Duration = Duration::from_secs(60);

/// One piece of work; nothing is worked on twice at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Piece {
    /// The sole trustee's known answer is to be tallied.
    KnownAnswer,
    /// Several trustees hold a ceremony.
    Ceremony(Digest),
    /// Several trustees tally their known answer.
    SharedKnownAnswer,
    /// A round.
    Round(RoundId),
}

type Claims = Arc<Mutex<HashSet<Piece>>>;

/// Conducts until `stop` turns true.
pub async fn conduct(app: App, mut stop: Receiver<bool>) {
    let claims = Claims::default();
    while !*stop.borrow() {
        if let Err(error) = dispatch(&app, &claims).await {
            tracing::error!(%error, "the conductor could not look for work");
        }
        app.keys.free_idle();
        tokio::select! {
            () = app.wake.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            _ = stop.changed() => {}
        }
    }
    app.stop_tallies();
}

/// Returns what is due before the federation is keyed.
fn due_before_keys(replay: &Replay) -> Option<Piece> {
    let ceremony = replay.ceremony();
    if replay.state() != FederationState::Assembling || ceremony.tally().is_some() {
        return None;
    }
    match ceremony.keys() {
        None => replay.current_ceremony().map(Piece::Ceremony),
        Some(keys) if keys.sole().is_some() => Some(Piece::KnownAnswer),
        Some(_) => Some(Piece::SharedKnownAnswer),
    }
}

/// Returns every piece of work that may be due; what is kept in memory of others is forgotten.
async fn pieces(app: &App, tx: &mut ReadTx) -> Result<Vec<Piece>, StorageError> {
    let before_keys = tx.replay(due_before_keys).await?.flatten();
    let unfinished = tx.unfinished_rounds().await?;
    app.sums.keep(&unfinished);
    app.boards.retain(|board| match board {
        BoardId::Round(round, _) => unfinished.contains(&round),
        BoardId::KnownAnswer => before_keys == Some(Piece::SharedKnownAnswer),
        BoardId::Ceremony(ceremony) => before_keys == Some(Piece::Ceremony(ceremony)),
    });
    Ok(before_keys.into_iter().chain(unfinished.into_iter().map(Piece::Round)).collect())
}

/// Takes a piece of work one step further, and tells whether it moved.
async fn take(app: &App, piece: Piece) -> Result<bool, RoundError> {
    let span = |due: &'static str| tracing::info_span!("step", due);
    match piece {
        Piece::KnownAnswer => {
            known_answer::compute(app).instrument(span("known answer")).await.map(|()| true)
        }
        Piece::Ceremony(id) => ceremony::step(app, id).instrument(span("ceremony")).await,
        Piece::SharedKnownAnswer => known_answer::step(app).instrument(span("known answer")).await,
        Piece::Round(id) => due::step(app, id).await,
    }
}

/// Starts every step that is due and not claimed.
async fn dispatch(app: &App, claims: &Claims) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let due = pieces(app, &mut tx).await?;
    drop(tx);
    for piece in due {
        if !lock(claims).insert(piece) {
            continue;
        }
        let (app, claims) = (app.clone(), Arc::clone(claims));
        tokio::spawn(async move {
            let moved = take(&app, piece).await;
            if let Err(error) = &moved {
                tracing::error!(?piece, %error, "a step failed and will be tried again");
                tokio::time::sleep(if error.is_lasting() { LONG_REST } else { REST }).await;
            }
            lock(&claims).remove(&piece);
            if matches!(moved, Ok(true)) {
                app.wake.notify_one();
            }
        });
    }
    Ok(())
}

fn lock(claims: &Claims) -> std::sync::MutexGuard<'_, HashSet<Piece>> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}
