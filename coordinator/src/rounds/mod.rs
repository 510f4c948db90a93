//! The conductor: it takes every round from one state to the next.
//!
//! Each step is claimed, computed and committed: the new state, its transcript event and what belongs to it
//! go into one transaction. Every step can run again, so a restart at any moment resumes every round.

mod announce;
mod close;
mod known_answer;
mod opening;
mod release;
mod repeats;
mod tally;
mod view;

pub use announce::{Announce, InstancesError, announce, read_instances};
pub(crate) use known_answer::is_proven;
pub(crate) use opening::compare;
pub use release::cancel;
pub use repeats::{Fresh, answered, submitted, take_out};
pub(crate) use tally::{digits_of, forget_digits};
pub use view::{summary, view};

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::{
    ids::RoundId,
    round::{AnnouncementError, InvalidTransition, RoundState},
};
use tokio::sync::watch::Receiver;

use crate::{
    app::App,
    storage::{RoundRow, StorageError},
    watch,
};

/// Says why a round cannot be handled.
#[derive(Debug, thiserror::Error)]
pub enum RoundError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The round is not in the needed state.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    /// The numbers of the round do not follow from federation and roster.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
}

/// How often deadlines are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(500);
/// How long a step that failed rests before it is tried again.
const REST: Duration = Duration::from_secs(5);

/// Is a claim on one piece of work; nothing is worked on twice at a time.
type Claims = Arc<Mutex<HashSet<Option<RoundId>>>>;

/// Conducts until `stop` turns true.
pub async fn conduct(app: App, mut stop: Receiver<bool>) {
    let claims = Claims::default();
    while !*stop.borrow() {
        if let Err(error) = dispatch(&app, &claims).await {
            tracing::error!(%error, "the conductor could not look for work");
        }
        if let Err(error) = watch::keep_checked(&app).await {
            tracing::error!(%error, "the conductor could not look at the checks of the transcript");
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

/// Starts every step that is due and not claimed; `None` stands for the known answer.
async fn dispatch(app: &App, claims: &Claims) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let mut due: Vec<Option<RoundId>> = Vec::new();
    if known_answer::is_due(app, &mut tx).await? {
        due.push(None);
    }
    let unfinished = app.storage.unfinished_rounds(&mut tx).await?;
    drop(tx);
    app.sums.keep(&unfinished);
    due.extend(unfinished.into_iter().map(Some));
    for piece in due {
        if !lock(claims).insert(piece) {
            continue;
        }
        let (app, claims) = (app.clone(), Arc::clone(claims));
        tokio::spawn(async move {
            let moved = match piece {
                None => known_answer::compute(&app).await.map(|()| true),
                Some(id) => step(&app, id).await,
            };
            if let Err(error) = &moved {
                tracing::error!(round = ?piece, %error, "a step failed and will be tried again");
                tokio::time::sleep(REST).await;
            }
            lock(&claims).remove(&piece);
            if matches!(moved, Ok(true)) {
                app.wake.notify_one();
            }
        });
    }
    Ok(())
}

fn lock(claims: &Claims) -> std::sync::MutexGuard<'_, HashSet<Option<RoundId>>> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one round one step further if that is due, and tells whether it moved.
async fn step(app: &App, id: RoundId) -> Result<bool, RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(false) };
    let ballots = app.storage.ballots(&mut tx, id).await?.len();
    drop(tx);
    let RoundRow { state, announcement, roster, .. } = &round;
    match state {
        RoundState::Announced => close::open(app, id).await.map(|()| true),
        RoundState::Voting => {
            let complete = ballots >= roster.members.len();
            if !complete && app.now() < announcement.closes_at {
                return Ok(false);
            }
            close::close(app, id).await.map(|()| true)
        }
        RoundState::Tallying { noise_ballot: None, .. } => close::draw_noise(app, round).await.map(|()| true),
        RoundState::Tallying { tested: Some(test), .. } if test.passed == 0 => {
            opening::release_nothing(app, &round).await
        }
        RoundState::Tallying { .. } => tally::tally(app, round).await,
        RoundState::Opening { deadline, .. } => opening::settle(app, &round, *deadline).await,
        _ => Ok(false),
    }
}
