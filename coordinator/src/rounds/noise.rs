//! Drawing the coordinator's own noise.

use base::Step;
use fhe::{EncryptionKey, Resolution};
use privacy::draw_shares;
use protocol::{
    ballot::{self, StepCounts},
    federation::Founding,
    round::AnnouncementError,
    transcript::EventBody,
};

use super::{RoundError, certificate::certificate, release::damage};
use crate::{app::App, storage::RoundRow};
use runtime::PoolError;

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
    let Some(federation) = tx.federation().await? else { return Ok(()) };
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
        // What a panic said may hold the noise itself: it stays out of the public record.
        Err(PoolError::Bug(_)) => {
            let detail = "the coordinator's noise could not be drawn, by a bug of this program: see its log";
            return damage(app, id, detail.to_owned()).await;
        }
        Err(error @ (PoolError::Start(_) | PoolError::Stopped)) => return Err(error.into()),
    };
    let digest = app.storage.blobs().put(bytes).await?;
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let state = round.state.with_noise(digest)?;
    tx.set_round_state(id, &state).await?;
    let event = EventBody::NoiseBallot { round: id, digest };
    tx.append(&app.identity, app.now(), event).await?;
    tx.commit().await?;
    Ok(())
}
