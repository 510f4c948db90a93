//! What the federation is, who is in it, how far the trustees are, and what weakens it.

use shared::{
    clock::Millis,
    federation::FederationState,
    ids::Digest,
    transcript::Replay,
    wire::{CeremonyView, FederationView, Revoked, RosterView, Standing, TrusteeSteps},
};

use crate::{
    app::App,
    storage::{FederationRow, MemberRow, StorageError, Tx},
};

/// Returns what the federation is and where it stands.
pub async fn federation(app: &App, tx: &mut Tx, row: FederationRow) -> Result<FederationView, StorageError> {
    Ok(FederationView {
        hash: row.founding.digest(),
        insecure: row.founding.config.insecure_settings().into_iter().map(str::to_owned).collect(),
        founding: row.founding,
        state: row.state,
        keys: row.certificate,
        ceremony: app.storage.replay(tx, ceremony).await?.flatten(),
    })
}

/// Returns the roster as it stands, and what is known of its members.
pub async fn roster(app: &App, tx: &mut Tx, federation: Digest) -> Result<RosterView, StorageError> {
    let roster = app.storage.roster(tx, federation).await?;
    let rows = app.storage.members(tx).await?;
    let (left, standing): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.revoked_at.is_some());
    Ok(RosterView {
        hash: roster.digest(),
        roster,
        standing: standing.into_iter().map(|row| stand(app, &row)).collect(),
        revoked: left.into_iter().filter_map(revoked).collect(),
    })
}

/// Lists every setting that weakens security, the coordinator's and the agents' too, each with whose it is.
pub async fn weakenings(app: &App, tx: &mut Tx) -> Result<Vec<String>, StorageError> {
    let mut found = Vec::new();
    if app.settings.insecure_http {
        found.push("insecure_http (the coordinator speaks plain HTTP to other machines)".to_owned());
    }
    let Some(row) = app.storage.federation(tx).await? else { return Ok(found) };
    if row.state != FederationState::Closed {
        let names = row.founding.config.insecure_settings().into_iter();
        found.extend(names.map(|name| format!("{name} (the federation's config)")));
    }
    for row in app.storage.members(tx).await?.iter().filter(|row| row.revoked_at.is_none()) {
        let beat = app.beat(row.member.id);
        found.extend(beat.insecure.iter().map(|name| format!("{name} ({})", row.member.name)));
    }
    Ok(found)
}

fn stand(app: &App, row: &MemberRow) -> Standing {
    let within = i64::try_from(app.settings.online_within.as_millis()).unwrap_or(i64::MAX);
    let heard = |seen: Millis| seen.plus(within) >= app.now();
    Standing {
        participant: row.member.id,
        approved: row.approved,
        last_seen: row.last_seen,
        online: row.last_seen.is_some_and(heard),
    }
}

fn revoked(row: MemberRow) -> Option<Revoked> {
    Some(Revoked { participant: row.member.id, name: row.member.name, at: row.revoked_at? })
}

fn ceremony(replay: &Replay) -> Option<CeremonyView> {
    let policy = replay.founding().config.trustees;
    if policy.is_sole() {
        return None;
    }
    let (trustees, record) = (replay.trustees(), replay.ceremony());
    let is_complete = trustees.members.len() == usize::from(policy.count);
    let roster = replay.roster();
    let steps = roster.trustees().map(|member| TrusteeSteps {
        participant: member.id,
        name: member.name.clone(),
        approved: record.approved().contains(&member.id),
        acknowledged: record.acknowledged().contains(&member.id),
        opened: record.openings().iter().any(|opening| opening.trustee == member.id),
    });
    Some(CeremonyView {
        trustees: is_complete.then(|| trustees.digest()),
        dealer: trustees.dealer().filter(|_| is_complete),
        steps: steps.collect(),
        complaint: record.complaint().cloned(),
    })
}
