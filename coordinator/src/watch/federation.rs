//! What the federation is, who is in it, how far the trustees are, and what weakens it.

use shared::{
    clock::Millis,
    federation::{FederationState, Roster},
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

/// Returns a page of the roster as it stands, and what is known of its members: at most `limit` of them, revoked ones
/// included, from the one `after` whom it begins. The hash is that of the whole roster.
pub async fn roster(
    app: &App,
    tx: &mut Tx,
    federation: Digest,
    after: Option<u32>,
    limit: usize,
) -> Result<RosterView, StorageError> {
    let hash = app.storage.roster(tx, federation).await?.digest();
    let mut rows = app.storage.members(tx).await?;
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

/// Tells whether an agent that was heard last then is online.
pub fn is_online(app: &App, last_seen: Option<Millis>) -> bool {
    let within = i64::try_from(app.settings.online_within.as_millis()).unwrap_or(i64::MAX);
    last_seen.is_some_and(|seen| seen.plus(within) >= app.now())
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
    Standing {
        participant: row.member.id,
        approved: row.approved,
        last_seen: row.last_seen,
        online: is_online(app, row.last_seen),
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
