//! The keys that every step of a round computes with, by their certificate.

use protocol::federation::KeyCertificate;

use super::RoundError;
use crate::{app::App, storage::StorageError};

/// Returns the federation's key certificate.
pub(super) async fn certificate(app: &App) -> Result<KeyCertificate, RoundError> {
    let mut tx = app.storage.read().await?;
    let signed = tx.federation().await?.and_then(|row| row.certificate);
    let certificate = signed.map(|signed| signed.unverified()).transpose();
    let certificate = certificate.map_err(|_| StorageError::unreadable("key certificate"))?;
    Ok(certificate.ok_or(StorageError::missing("key certificate"))?)
}
