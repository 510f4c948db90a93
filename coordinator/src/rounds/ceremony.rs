//! The ceremony of several trustees: the coordinator carries their messages, and records how it ended.

use base::ids::{Digest, canonical};
use protocol::{
    federation::SharedKeys,
    transcript::{EventBody, Replay},
    wire::BoardId,
};
use tally::{
    ceremony::{Observed, observe},
    sharing::Group,
};

use super::{RoundError, session::all_messages};
use crate::{
    app::App,
    storage::{StorageError, WriteTx},
};

/// Opens the board of the ceremony that is held, if there is one and it is not open yet.
pub async fn open_ceremony(app: &App, tx: &mut WriteTx) -> Result<(), StorageError> {
    let Some(ceremony) = tx.replay(Replay::current_ceremony).await?.flatten() else { return Ok(()) };
    tx.open_board(BoardId::Ceremony(ceremony), app.now(), 0).await
}

/// Looks at the ceremony that is held, and tells whether it ended.
pub(super) async fn step(app: &App, ceremony: Digest) -> Result<bool, RoundError> {
    let board = BoardId::Ceremony(ceremony);
    let mut tx = app.storage.read().await?;
    let last = tx.last_message(board, 0).await?;
    if app.boards.was_looked_at(board, 0, last) {
        return Ok(false);
    }
    let scene = tx.replay(|replay| {
        let sharing = replay.founding().config.trustees.sharing().ok().flatten()?;
        Some((replay.federation(), sharing, replay.trustees().identities()))
    });
    let Some((federation, sharing, trustees)) = scene.await?.flatten() else { return Ok(false) };
    drop(tx);
    let messages = all_messages(app, board, 0, |bytes| Some(bytes.to_vec())).await?;
    let looked = app.pool.run(move || {
        let observed = observe((&federation, &ceremony), sharing, &trustees, &messages);
        (observed, messages)
    });
    let (observed, messages) = looked.await?;
    let Observed { certified, dead, named, .. } = observed;
    if let Some((certificate, signatures, shares)) = certified {
        return publish(app, SharedKeys { certificate, signatures }, shares).await.map(|()| true);
    }
    match named {
        Some(named) if dead.len() == usize::from(sharing.trustees()) => {
            end(app, ceremony, messages, Group::of(named)).await.map(|()| true)
        }
        _ => {
            app.boards.looked_in_vain(board, 0, last);
            Ok(false)
        }
    }
}

/// Records the key that the trustees made, and asks for its known answer.
async fn publish(app: &App, keys: SharedKeys, shares: Vec<Vec<u8>>) -> Result<(), RoundError> {
    for share in shares {
        app.storage.blobs().put(share).await?;
    }
    let mut tx = app.storage.write().await?;
    let (now, certificate) = (app.now(), keys.certificate.digest());
    tx.append(&app.identity, now, EventBody::KeysShared(Box::new(keys))).await?;
    tx.open_board(BoardId::KnownAnswer, now, 0).await?;
    tx.commit().await?;
    app.boards.moved();
    tracing::info!(%certificate, "the trustees made a key; its known answer is tallied next");
    Ok(())
}

/// Records that a ceremony ended without a key, and opens the board of the next one.
async fn end(app: &App, ceremony: Digest, messages: Vec<Vec<u8>>, liars: Group) -> Result<(), RoundError> {
    let board = app.storage.blobs().put(canonical(&messages)).await?;
    let mut tx = app.storage.write().await?;
    let named = tx.replay(|replay| replay.named(liars)).await?.unwrap_or_default();
    tracing::error!(%ceremony, ?named, "a ceremony ended without a key; the next one begins");
    tx.append(&app.identity, app.now(), EventBody::CeremonyEnded { ceremony, board, named }).await?;
    tx.close_board(BoardId::Ceremony(ceremony)).await?;
    open_ceremony(app, &mut tx).await?;
    tx.commit().await?;
    app.boards.moved();
    Ok(())
}
