//! Opening and closing the window, and drawing the coordinator's own noise.

use shared::{
    ballot::{self, StepCounts},
    federation::{Founding, KeyCertificate},
    fhe::{EncryptionKey, Resolution},
    ids::RoundId,
    privacy::draw_shares,
    round::{AnnouncementError, RoundState, Step},
    transcript::EventBody,
};

use super::{RoundError, release::damage, tally::on_record};
use crate::{
    app::App,
    storage::{RoundRow, StorageError},
};

/// Begins the window.
pub(super) async fn open(app: &App, id: RoundId) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let state = round.state.open()?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    tx.commit().await?;
    Ok(())
}

/// Closes the window over the ballots that are in; below the quorum the round fails and nothing is opened.
pub(super) async fn close(app: &App, id: RoundId) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let ballots = app.storage.ballots(&mut tx, id).await?;
    let counted = ballots.iter().map(|ballot| ballot.participant).collect();
    let now = app.now();
    let state = round.state.close(counted, round.announcement.quorum, now)?;
    let event = match &state {
        RoundState::Failed { reason, charged } => {
            tracing::warn!(round = %id, %reason, "round failed");
            EventBody::Failed { round: id, reason: reason.clone(), charged: *charged }
        }
        _ => {
            let ballots = ballots.iter().map(on_record).collect();
            EventBody::WindowClosed { round: id, ballots }
        }
    };
    app.storage.set_round_state(&mut tx, id, &state).await?;
    app.storage.append(&mut tx, &app.identity, now, event).await?;
    tx.commit().await?;
    Ok(())
}

/// Returns the federation's key certificate.
pub(super) async fn certificate(app: &App) -> Result<KeyCertificate, RoundError> {
    let mut tx = app.storage.read().await?;
    let signed = app.storage.federation(&mut tx).await?.and_then(|row| row.certificate);
    let certificate = signed.and_then(|signed| signed.unverified().ok());
    Ok(certificate.ok_or(StorageError::unreadable("key certificate"))?)
}

/// Returns what the circuit of each step resolves, in the order of the steps.
fn resolutions(founding: &Founding, round: &RoundRow) -> Result<Vec<Resolution>, AnnouncementError> {
    let announcement = &round.announcement;
    announcement.steps().iter().map(|step| announcement.resolution(founding, &round.roster, *step)).collect()
}

/// Draws the coordinator's noise of every step in one batch and encrypts it as one more ballot; its plaintext is dropped here.
///
/// The digest is committed before the tally. After a crash before the commit nothing was used and nothing
/// remains; after the commit the stored ciphertext is used again.
pub(super) async fn draw_noise(app: &App, round: RoundRow) -> Result<(), RoundError> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let Some(federation) = app.storage.federation(&mut tx).await? else { return Ok(()) };
    drop(tx);
    let resolutions = resolutions(&federation.founding, &round)?;
    let certificate = certificate(app).await?;
    let public_key = app.storage.blobs().get(certificate.public_key).await?;
    let (announcement, set) = (round.announcement, certificate.parameters);
    let encrypted = app.pool.run(move || {
        let draw = |(resolution, step): (&Resolution, &Step)| {
            let (_, size) = announcement.share_sizes(*step);
            draw_shares(size, resolution.layout().slots()).map_err(|e| e.to_string())
        };
        let noise = resolutions.iter().zip(announcement.steps()).map(draw);
        let noise = noise.collect::<Result<Vec<_>, _>>()?;
        let key = EncryptionKey::from_bytes(&public_key, set).map_err(|e| e.to_string())?;
        let steps =
            resolutions.iter().zip(&noise).map(|(resolution, counts)| StepCounts { resolution, counts });
        ballot::encrypt(&key, &steps.collect::<Vec<_>>()).map_err(|e| e.to_string())
    });
    let bytes = match encrypted.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(detail)) => return damage(app, id, format!("the coordinator's noise: {detail}")).await,
        Err(stopped) => return damage(app, id, format!("the coordinator's noise: {stopped}")).await,
    };
    let digest = app.storage.blobs().put(bytes).await?;
    let mut tx = app.storage.write().await?;
    let Some(round) = app.storage.round(&mut tx, id).await? else { return Ok(()) };
    let state = round.state.with_noise(digest)?;
    app.storage.set_round_state(&mut tx, id, &state).await?;
    let event = EventBody::NoiseBallot { round: id, digest };
    app.storage.append(&mut tx, &app.identity, app.now(), event).await?;
    tx.commit().await?;
    Ok(())
}
