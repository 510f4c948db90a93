//! `POST /heartbeat`: an agent says that it is there and learns what waits for it.

use axum::extract::State;
use shared::{
    federation::{FederationState, Member},
    round::{RoundState, Step},
    wire::Work,
};

use super::{
    Answer,
    auth::{Participant, federation},
    error::Json,
};
use crate::{
    app::App,
    storage::{RoundRow, Tx},
};

pub(super) async fn heartbeat(
    Participant(member): Participant,
    State(app): State<App>,
) -> Answer<Json<Work>> {
    let now = app.now();
    let mut tx = app.storage.write().await?;
    app.storage.seen(&mut tx, member.id, now).await?;
    let row = federation(&app.storage, &mut tx).await?;
    let roster = app.storage.roster(&mut tx, row.founding.digest()).await?.digest();
    let assembling = row.state == FederationState::Assembling && member.trustee;
    let mut work = Work {
        federation: row.state,
        roster,
        now,
        make_keys: assembling && row.certificate.is_none(),
        open_known_answer: assembling && row.known_answer.is_some(),
        vote: Vec::new(),
        open: Vec::new(),
    };
    for id in app.storage.unfinished_rounds(&mut tx).await? {
        if let Some(round) = app.storage.round(&mut tx, id).await? {
            add_round(&app, &mut tx, &member, &round, &mut work).await?;
        }
    }
    tx.commit().await?;
    Ok(Json(work))
}

async fn add_round(app: &App, tx: &mut Tx, member: &Member, round: &RoundRow, work: &mut Work) -> Answer<()> {
    let id = round.id();
    let (voting, opening) =
        (matches!(round.state, RoundState::Voting), matches!(round.state, RoundState::Opening { .. }));
    if voting && round.roster.member(member.id).is_some() {
        let ballots = app.storage.ballots(tx, id).await?;
        if !ballots.iter().any(|ballot| ballot.participant == member.id) {
            work.vote.push(id);
        }
    }
    if opening && member.trustee && app.storage.openings(tx, id, Step::Label).await?.is_empty() {
        work.open.push(id);
    }
    Ok(())
}
