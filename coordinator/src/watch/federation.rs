//! What the federation is, who is in it, how far the trustees are, and what weakens it.

use base::ids::Digest;
use protocol::{
    federation::{FederationKeys, FederationState, Roster},
    wire::{FederationView, Revoked, RosterView, Standing},
};

use super::ceremony::ceremony;
use crate::{
    app::App,
    rounds::RoundError,
    storage::{FederationRow, MemberRow, ReadTx, StorageError},
};

/// Returns what the federation is and where it stands.
pub async fn federation(
    app: &App,
    tx: &mut ReadTx,
    row: FederationRow,
) -> Result<FederationView, RoundError> {
    Ok(FederationView {
        hash: row.founding.digest(),
        insecure: row.founding.config.insecure_settings().into_iter().map(str::to_owned).collect(),
        founding: row.founding,
        state: row.state,
        keys: tx.replay(|replay| replay.ceremony().keys().map(FederationKeys::digest)).await?.flatten(),
        ceremony: ceremony(app, tx).await?,
    })
}

/// Returns a page of the roster as it stands, and what is known of its members: at most `limit` of them, revoked ones
/// included, from the one `after` whom it begins. The hash is that of the whole roster.
pub async fn roster(
    app: &App,
    tx: &mut ReadTx,
    federation: Digest,
    after: Option<u32>,
    limit: usize,
) -> Result<RosterView, StorageError> {
    let hash = tx.roster(federation).await?.digest();
    let mut rows = tx.members().await?;
    rows.retain(|row| row.member.id.get() > after.unwrap_or(0));
    let is_last = rows.len() <= limit;
    rows.truncate(limit);
    let next = rows.last().map(|row| row.member.id).filter(|_| !is_last);
    let (left, members): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.revoked_at.is_some());
    Ok(RosterView {
        hash,
        standing: members.iter().map(|row| stand(app, row)).collect(),
        roster: Roster { federation, members: members.into_iter().map(|row| row.member).collect() },
        revoked: left.into_iter().filter_map(revoked).collect(),
        next,
    })
}

/// Lists every setting that weakens security, the coordinator's and the agents' too, each with whose it is.
pub async fn weakenings(app: &App, tx: &mut ReadTx) -> Result<Vec<String>, StorageError> {
    let mut found = Vec::new();
    if app.settings.insecure_http {
        found.push("insecure_http (the coordinator speaks plain HTTP to other machines)".to_owned());
    }
    let Some(row) = tx.federation().await? else { return Ok(found) };
    if row.state != FederationState::Closed {
        let names = row.founding.config.insecure_settings().into_iter();
        found.extend(names.map(|name| format!("{name} (the federation's config)")));
    }
    for row in tx.members().await?.iter().filter(|row| row.revoked_at.is_none()) {
        let beat = app.beat(row.member.id);
        found.extend(beat.insecure.iter().map(|name| format!("{name} ({})", row.member.name)));
    }
    Ok(found)
}

fn stand(app: &App, row: &MemberRow) -> Standing {
    Standing {
        participant: row.member.id,
        approved: row.approved,
        last_seen: row.last_seen,
        online: app.is_online(row.last_seen),
    }
}

fn revoked(row: MemberRow) -> Option<Revoked> {
    Some(Revoked { participant: row.member.id, name: row.member.name, at: row.revoked_at? })
}
