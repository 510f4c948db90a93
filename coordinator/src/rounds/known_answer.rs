//! The known answer: a tally with a known outcome, which the trustee must open before the federation is keyed.

use std::sync::atomic::AtomicBool;

use shared::{
    federation::{KNOWN_ANSWER_INSTANCES, known_answer_counts},
    fhe::{self, BallotBody, EncryptionKey, Layout, Resolution},
};

use super::{RoundError, close::certificate, tally::sum_of};
use crate::{app::App, storage::StorageError};

/// Votes for the winner of every instance.
const VOTES: u32 = 100;

/// Encrypts and tallies the known answer with the published keys, and stores its label ciphertexts.
pub(super) async fn compute(app: &App) -> Result<(), RoundError> {
    let mut tx = app.storage.read().await?;
    let Some(row) = app.storage.federation(&mut tx).await? else { return Ok(()) };
    drop(tx);
    let certificate = certificate(app).await?;
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the known answer cannot be computed");
        RoundError::from(StorageError::unreadable("key"))
    };
    let keys = app.keys.get(&certificate, app.storage.blobs(), &app.pool).await;
    let keys = keys.map_err(|e| unreadable(&e))?;
    let public_key = app.storage.blobs().get(certificate.public_key).await?;
    let (config, set) = (row.founding.config, certificate.parameters);
    let computed = app.pool.run(move || -> Result<Vec<u8>, String> {
        let classes = config.classes.len();
        let layout = Layout::new(classes, KNOWN_ANSWER_INSTANCES as usize).map_err(|e| e.to_string())?;
        let resolution = Resolution::new(layout, config.argmax, VOTES, 0.0).map_err(|e| e.to_string())?;
        let key = EncryptionKey::from_bytes(&public_key, set).map_err(|e| e.to_string())?;
        let counts = known_answer_counts(classes, i64::from(VOTES));
        let ballot = fhe::encrypt(&key, &resolution, &counts).map_err(|e| e.to_string())?;
        let body = BallotBody::parse(&ballot, layout).map_err(|e| e.to_string())?;
        let sum = sum_of(layout, &[body])?;
        let labels = fhe::tally(&keys, &resolution, &sum, &AtomicBool::new(false), |_| {});
        labels.map(|labels| labels.to_bytes()).map_err(|e| e.to_string())
    });
    let bytes = computed.await.map_err(|e| unreadable(&e))?.map_err(|e| unreadable(&e))?;
    let digest = app.storage.blobs().put(bytes).await?;
    let mut tx = app.storage.write().await?;
    app.storage.set_known_answer(&mut tx, digest).await?;
    tx.commit().await?;
    tracing::info!("known answer computed; the trustee can prove its keys");
    Ok(())
}
