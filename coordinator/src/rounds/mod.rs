//! The conductor: it takes every round from one state to the next.
//!
//! Each step is claimed, computed and committed: the new state, its transcript event and what belongs to it
//! go into one transaction. Every step can run again, so a restart at any moment resumes every round.

mod announce;
mod ballots;
mod certificate;
mod close;
mod digits;
mod due;
mod error;
mod known_answer;
mod noise;
mod opening;
mod posting;
mod release;
mod repeats;
mod tally;

pub use announce::{
    Announce, AnnounceError, Draft, InstancesError, NewRound, announce, draft, read_instances,
};
pub use ballots::{CastError, cast, record_refusal};
pub(crate) use digits::{digits_of, forget_digits};
pub use error::RoundError;
pub(crate) use known_answer::is_proven;
pub use posting::{OpeningRefusal, check_opening, post_opening};
pub use release::cancel;
pub use repeats::{Fresh, answered, submitted, take_out};

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::ids::RoundId;
use tokio::sync::watch::Receiver;
use tracing::Instrument as _;

use crate::app::App;

/// How often deadlines are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(500);
/// How long a step that failed rests before it is tried again.
const REST: Duration = Duration::from_secs(5);
/// How long one rests that only somebody's hand can help, such as a known answer whose keys are gone.
const LONG_REST: Duration = Duration::from_secs(60);

/// A claim on one piece of work; nothing is worked on twice at a time.
type Claims = Arc<Mutex<HashSet<Option<RoundId>>>>;

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

/// Starts every step that is due and not claimed; `None` stands for the known answer.
async fn dispatch(app: &App, claims: &Claims) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let mut due: Vec<Option<RoundId>> = Vec::new();
    if known_answer::is_due(&mut tx).await? {
        due.push(None);
    }
    let unfinished = tx.unfinished_rounds().await?;
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
                None => {
                    let span = tracing::info_span!("step", due = "known answer");
                    known_answer::compute(&app).instrument(span).await.map(|()| true)
                }
                Some(id) => due::step(&app, id).await,
            };
            if let Err(error) = &moved {
                tracing::error!(round = ?piece, %error, "a step failed and will be tried again");
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

fn lock(claims: &Claims) -> std::sync::MutexGuard<'_, HashSet<Option<RoundId>>> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}
