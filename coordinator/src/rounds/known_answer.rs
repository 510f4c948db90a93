//! The known answer: a tally with a known outcome, which the trustees must open before the federation is keyed.

use std::sync::atomic::AtomicBool;

use base::{Step, ids::Digest};
use fhe::{self, BallotBody, EncryptionKey, Resolution, RunningSum, SquashedRecord};
use protocol::{
    federation::{FederationState, KNOWN_ANSWER_VOTES, Trustees, known_answer_counts, known_answer_labels},
    round::{Opening, OpeningContent, every_subset_opens},
    transcript::{EventBody, TallyInput, TallyKeys, TallyRecord, known_answer_resolution},
};

use super::{RoundError, certificate::certificate};
use crate::{
    app::App,
    storage::{Blobs, FederationRow, ReadTx, StorageError},
    tally::{Published, publish},
};

/// Returns whether the known answer waits to be computed: keys are there, and every trustee holds its pieces.
pub(super) async fn is_due(tx: &mut ReadTx) -> Result<bool, StorageError> {
    let Some(row) = tx.federation().await? else { return Ok(false) };
    if row.certificate.is_none() || row.known_answer.is_some() || row.state != FederationState::Assembling {
        return Ok(false);
    }
    let trustees = usize::from(row.founding.config.trustees.count);
    let is_shared = !row.founding.config.trustees.is_sole();
    let ready = tx.replay(|replay| {
        let ceremony = replay.ceremony();
        ceremony.complaint().is_none() && (!is_shared || ceremony.acknowledged().len() == trustees)
    });
    Ok(ready.await?.unwrap_or(false))
}

/// Encrypts and tallies the known answer with the published keys, and records both.
pub(super) async fn compute(app: &App) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(row) = tx.federation().await? else { return Ok(()) };
    drop(tx);
    let certificate = certificate(app).await?;
    let failed = |detail: String| RoundError::Damaged { what: "known answer", detail };
    let config = row.founding.config;
    let resolution = known_answer_resolution(&config)?;
    let keys = app.keys.get(&certificate, &config, app.storage.blobs(), &app.pool).await;
    let keys = keys?;
    let public_key = app.storage.blobs().get(certificate.public_key).await?;
    let (set, blobs) = (certificate.parameters, app.storage.blobs().clone());
    let computed = app.pool.run(move || -> Result<(Vec<u8>, Digest, Published), String> {
        let key = EncryptionKey::from_bytes(&public_key, set).map_err(|e| e.to_string())?;
        tally_known_answer((&keys, &key), &resolution, config.classes.len(), &blobs)
    });
    let (ballot, sum, tally) = computed.await?.map_err(failed)?;
    let ballot = app.storage.blobs().put(ballot).await?;
    let Published { ciphertexts, squashed, squashed_digits, .. } = tally;
    let tally = TallyRecord { round: None, step: Step::Label, sum, ciphertexts, squashed };
    let mut tx = app.storage.write().await?;
    let now = app.now();
    tx.append(&app.identity, now, EventBody::KnownAnswer { ballot }).await?;
    tx.append(&app.identity, now, EventBody::Tallied(tally)).await?;
    tx.set_known_answer(squashed_digits.unwrap_or(ciphertexts)).await?;
    tx.commit().await?;
    tracing::info!("known answer computed; the trustees can prove the keys");
    Ok(())
}

/// Returns the ballot body of the known answer, the digest of its sum, and where its tally lies.
fn tally_known_answer(
    (keys, key): (&TallyKeys, &EncryptionKey),
    resolution: &Resolution,
    classes: usize,
    blobs: &Blobs,
) -> Result<(Vec<u8>, Digest, Published), String> {
    let counts = known_answer_counts(classes, i64::from(KNOWN_ANSWER_VOTES));
    let ballot = fhe::encrypt(key, resolution, &counts).map_err(|e| e.to_string())?;
    let body = BallotBody::parse(&ballot, resolution.layout()).map_err(|e| e.to_string())?;
    let mut sum = RunningSum::new(resolution.layout());
    sum.add(&body).map_err(|e| e.to_string())?;
    let digest = Digest::of(&sum.to_bytes());
    let input = TallyInput::of_all(*resolution, sum);
    let tally = publish(keys, &input, blobs, &AtomicBool::new(false), |_| {}).map_err(|e| e.to_string())?;
    Ok((ballot, digest, tally))
}

/// Returns whether the openings so far prove the keys; says what is wrong if they prove the contrary, and `false`
/// while trustees are still missing.
pub(crate) async fn is_proven(
    app: &App,
    row: &FederationRow,
    trustees: Trustees,
    openings: Vec<Opening>,
    record: Option<Digest>,
) -> Result<Result<bool, String>, RoundError> {
    let policy = row.founding.config.trustees;
    let classes = row.founding.config.classes.len();
    let expected = known_answer_labels(classes);
    if openings.len() < usize::from(policy.count) {
        return Ok(Ok(false));
    }
    let wrong = |what: &str| {
        format!(
            "the known answer does not open to {expected:?}: {what}; close this federation and found another"
        )
    };
    let Some(record) = record else {
        let opened = openings.first().map(|opening| &opening.content);
        let is_right = matches!(opened, Some(OpeningContent::Labels(labels)) if *labels == expected);
        return Ok(if is_right { Ok(true) } else { Err(wrong("the keys do not fit together")) });
    };
    let record = app.storage.blobs().get(record).await?;
    let layout = known_answer_resolution(&row.founding.config).map(|resolution| resolution.layout());
    let record = SquashedRecord::from_bytes(&record, layout?);
    let record = record.map_err(|e| RoundError::damaged("record of squashed digits", &e))?;
    Ok(match every_subset_opens(policy, &trustees, classes, &record, &openings, &expected) {
        Ok(true) => Ok(true),
        Ok(false) => Err(wrong("a subset of the trustees opens something else")),
        Err(error) => Err(wrong(&error.to_string())),
    })
}
