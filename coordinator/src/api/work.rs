//! `POST /heartbeat`: an agent says that it is there and what it is doing, and learns what waits for it.

use axum::extract::State;
use base::{Step, ids::ParticipantId, problem::Code};
use protocol::{
    federation::{FederationState, Member},
    round::{Corroboration, RoundState},
    transcript::Replay,
    wire::{Beat, ToOpen, Work},
};

use super::openapi::PARTICIPANTS;
use crate::{
    app::App,
    http::{Answer, Json, Participant, federation},
    storage::{OpeningRow, ReadTx, RoundRow},
};

/// Takes what an agent is doing, and says what waits for it.
#[utoipa::path(
    post,
    path = "/heartbeat",
    tag = "roster",
    request_body = Beat,
    responses((status = 200, description = "What waits for the agent", body = Work)),
    extensions(("x-roles" = json!(PARTICIPANTS)), ("x-codes" = json!([Code::NoFederation])))
)]
pub(super) async fn heartbeat(
    Participant(member): Participant,
    State(app): State<App>,
    Json(beat): Json<Beat>,
) -> Answer<Json<Work>> {
    let now = app.now();
    let mut tx = app.storage.write().await?;
    tx.seen(member.id, now).await?;
    let row = federation(&mut tx).await?;
    let roster = tx.roster(row.founding.digest()).await?.digest();
    let transcript = tx.transcript_length().await?;
    let mut work = Work {
        federation: row.state,
        roster,
        now,
        transcript,
        approve_trustees: false,
        make_keys: false,
        acknowledge: false,
        open_known_answer: false,
        vote: Vec::new(),
        open: Vec::new(),
    };
    if member.trustee && row.state == FederationState::Assembling {
        let id = member.id;
        tx.replay(|replay| add_ceremony(replay, id, &mut work)).await?;
    }
    for round in tx.open_rounds().await? {
        add_round(&mut tx, &member, &round, &mut work).await?;
    }
    tx.commit().await?;
    app.heard(member.id, beat);
    Ok(Json(work))
}

/// Adds what waits for a trustee before the federation is keyed.
fn add_ceremony(replay: &Replay, trustee: ParticipantId, work: &mut Work) {
    let (policy, ceremony, trustees) =
        (replay.founding().config.trustees, replay.ceremony(), replay.trustees());
    if ceremony.complaint().is_some() {
        return;
    }
    let seats = usize::from(policy.count);
    let is_agreed = policy.is_sole() || ceremony.approved().len() == seats;
    let is_complete = trustees.members.len() == seats;
    let shared = ceremony.certificate().and_then(|certificate| certificate.sharing.as_ref());
    work.approve_trustees = is_complete && !policy.is_sole() && !ceremony.approved().contains(&trustee);
    work.make_keys =
        is_complete && is_agreed && ceremony.certificate().is_none() && trustees.dealer() == Some(trustee);
    work.acknowledge = shared.is_some() && !ceremony.acknowledged().contains(&trustee);
    work.open_known_answer =
        ceremony.tally().is_some() && ceremony.openings().iter().all(|opening| opening.trustee != trustee);
}

async fn add_round(tx: &mut ReadTx, member: &Member, round: &RoundRow, work: &mut Work) -> Answer<()> {
    let id = round.id();
    if matches!(round.state, RoundState::Voting) && round.roster.member(member.id).is_some() {
        let ballots = tx.ballots(id).await?;
        if !ballots.iter().any(|ballot| ballot.participant == member.id) {
            work.vote.push(id);
        }
    }
    // An uncorroborated release still wants the openings of the trustees that were away.
    let waits = match &round.state {
        RoundState::Opening { .. } => true,
        RoundState::Released { corroboration, .. } => *corroboration == Corroboration::Uncorroborated,
        _ => false,
    };
    let tallied = Step::ALL.into_iter().filter(|step| round.state.tally(*step).is_some());
    for step in tallied.filter(|_| waits && member.trustee) {
        let rows = tx.openings(id, step).await?;
        let opened = rows.iter().map(OpeningRow::opening).collect::<Result<Vec<_>, _>>()?;
        if opened.iter().all(|opening| opening.trustee != member.id) {
            work.open.push(ToOpen { round: id, step });
        }
    }
    Ok(())
}
