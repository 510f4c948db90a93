//! The known answer: a tally with a known outcome, which must come out before the federation is keyed.

use std::sync::{Arc, atomic::AtomicBool};

use base::{Step, ids::Digest};
use fhe::{self, BallotBody, EncryptionKey, Resolution, RunningSum};
use protocol::{
    federation::{KNOWN_ANSWER_VOTES, known_answer_counts, known_answer_labels},
    round::Opening,
    transcript::{
        EventBody, TallyInput, TallyKeys, TallyOutcome, TallyRecord, known_answer_resolution, sum_digest,
    },
    wire::BoardId,
};

use super::{
    RoundError,
    session::{Found, Opened, look, next_attempt, session_of},
    tally::certificate,
};
use crate::{
    app::{App, Session},
    storage::{Blobs, StorageError},
    tally::publish,
};

fn failed(detail: String) -> RoundError {
    RoundError::Damaged { what: "known answer", detail }
}

/// Encrypts and tallies the known answer with the sole trustee's keys, and records both.
pub(super) async fn compute(app: &App) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(row) = tx.federation().await? else { return Ok(()) };
    drop(tx);
    let certificate = certificate(app).await?;
    let config = row.founding.config;
    let resolution = known_answer_resolution(&config)?;
    let keys = app.keys.get(&certificate, &config, app.storage.blobs(), &app.pool).await;
    let keys = keys?;
    let public_key = app.storage.blobs().get(certificate.public_key).await?;
    let (set, blobs) = (certificate.parameters, app.storage.blobs().clone());
    let computed = app.pool.run(move || -> Result<(Vec<u8>, Digest, Digest), String> {
        let key = EncryptionKey::from_bytes(&public_key, set).map_err(|e| e.to_string())?;
        tally_known_answer((&keys, &key), &resolution, config.classes.len(), &blobs)
    });
    let (ballot, sum, ciphertexts) = computed.await?.map_err(failed)?;
    let ballot = app.storage.blobs().put(ballot).await?;
    let outcome = TallyOutcome::Ciphertexts(ciphertexts);
    let tally = TallyRecord { round: None, step: Step::Label, sum, outcome };
    let mut tx = app.storage.write().await?;
    let now = app.now();
    tx.append(&app.identity, now, EventBody::KnownAnswer { ballot }).await?;
    tx.append(&app.identity, now, EventBody::Tallied(tally)).await?;
    tx.commit().await?;
    tracing::info!("known answer computed; the trustee can prove the keys");
    Ok(())
}

/// Returns the ballot body of the known answer, the digest of its sum, and that of its label ciphertexts.
fn tally_known_answer(
    (keys, key): (&TallyKeys, &EncryptionKey),
    resolution: &Resolution,
    classes: usize,
    blobs: &Blobs,
) -> Result<(Vec<u8>, Digest, Digest), String> {
    let counts = known_answer_counts(classes, i64::from(KNOWN_ANSWER_VOTES));
    let ballot = fhe::encrypt(key, &resolution.encoding(), &counts).map_err(|e| e.to_string())?;
    let body = BallotBody::parse(&ballot, resolution.layout()).map_err(|e| e.to_string())?;
    let mut sum = RunningSum::new(resolution.layout());
    sum.add(&body).map_err(|e| e.to_string())?;
    let digest = sum_digest(&sum, true).map_err(|e| e.to_string())?;
    let input = TallyInput::of_all(*resolution, sum);
    let tally = publish(keys, &input, blobs, &AtomicBool::new(false), |_| {}).map_err(|e| e.to_string())?;
    Ok((ballot, digest, tally))
}

/// Checks that the sole trustee's opening of the known answer proves the keys; says what is wrong if it does not.
pub(crate) fn proves(opening: &Opening, classes: usize) -> Result<(), String> {
    let expected = known_answer_labels(classes);
    if opening.labels == expected {
        return Ok(());
    }
    Err(format!(
        "the known answer does not open to {expected:?}: the keys do not fit together; close this federation and found \
         another"
    ))
}

/// Looks whether several trustees have tallied the known answer, and tells whether anything moved.
pub(super) async fn step(app: &App) -> Result<bool, RoundError> {
    let board = BoardId::KnownAnswer;
    let session = session_of(app, &mut app.storage.read().await?, board).await?;
    let Some(session) = session else { return Ok(false) };
    match look(app, board, &session).await? {
        Found::Waits => Ok(false),
        Found::Moved => Ok(true),
        Found::Opened(opened) if session.expected.as_ref() == Some(&opened.labels) => {
            become_keyed(app, &session, opened).await.map(|()| true)
        }
        Found::Opened(opened) => {
            tracing::error!(
                attempt = opened.row.attempt,
                "the known answer came out wrong; it is tried again"
            );
            next_attempt(app, board, opened.row).await
        }
    }
}

/// Records that the known answer came out, which proves the key.
async fn become_keyed(app: &App, session: &Arc<Session>, opened: Opened) -> Result<(), RoundError> {
    let Opened { row, record, .. } = opened;
    let outcome = TallyOutcome::Session { attempt: row.attempt, record };
    let tally = TallyRecord { round: None, step: Step::Label, sum: session.task.sum, outcome };
    let mut tx = app.storage.write().await?;
    let federation = tx.federation().await?.ok_or(StorageError::missing("federation"))?;
    let keyed = federation.state.keyed().map_err(|e| failed(e.to_string()))?;
    let now = app.now();
    tx.append(&app.identity, now, EventBody::Tallied(tally)).await?;
    tx.append(&app.identity, now, EventBody::Keyed).await?;
    tx.set_federation_state(keyed).await?;
    tx.close_board(BoardId::KnownAnswer).await?;
    tx.commit().await?;
    app.boards.moved();
    tracing::info!(attempt = row.attempt, "the known answer came out; federation keyed");
    Ok(())
}
