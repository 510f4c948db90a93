//! Drawing the coordinator's own noise.

use base::Step;
use fhe::Encoding;
use privacy::draw_shares;
use protocol::{
    ballot::{self, StepCounts},
    federation::Founding,
    round::AnnouncementError,
    transcript::EventBody,
};

use super::{RoundError, release::damage};
use crate::{
    app::App,
    storage::{RoundRow, StorageError},
};
use runtime::PoolError;

/// Returns how the counts of each step are encoded, in the order of the steps.
fn encodings(founding: &Founding, round: &RoundRow) -> Result<Vec<Encoding>, AnnouncementError> {
    let announcement = &round.announcement;
    announcement.steps().iter().map(|step| announcement.encoding(founding, &round.roster, *step)).collect()
}

/// Draws the coordinator's noise of every step in one batch and encrypts it as one more ballot; its plaintext is dropped here.
///
/// The digest is committed before the tally. After a crash before the commit nothing was used and nothing
/// remains; after the commit the stored ciphertext is used again.
pub(super) async fn draw_noise(app: &App, round: RoundRow) -> Result<(), RoundError> {
    let id = round.id();
    let mut tx = app.storage.read().await?;
    let Some(federation) = tx.federation().await? else { return Ok(()) };
    let encodings = encodings(&federation.founding, &round)?;
    let key = tx.replay(|replay| replay.encryption_key(app.storage.blobs())).await?;
    let key = key.ok_or(StorageError::missing("transcript"))?;
    let key = key.map_err(|e| RoundError::damaged("encryption key", &e))?;
    drop(tx);
    let announcement = round.announcement;
    let encrypted = app.pool.run(move || {
        let draw = |(encoding, step): (&Encoding, &Step)| {
            let (_, size) = announcement.share_sizes(*step);
            draw_shares(size, encoding.layout().slots()).map_err(|e| e.to_string())
        };
        let noise = encodings.iter().zip(announcement.steps()).map(draw);
        let noise = noise.collect::<Result<Vec<_>, _>>()?;
        let steps = encodings.iter().zip(&noise).map(|(encoding, counts)| StepCounts { encoding, counts });
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
