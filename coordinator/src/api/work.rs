//! `POST /heartbeat`: an agent says that it is there and what it is doing, and learns what waits for it.

use axum::extract::State;
use base::{ids::ParticipantId, problem::Code};
use protocol::{
    federation::{FederationState, Member},
    round::RoundState,
    transcript::Replay,
    wire::{Beat, BoardId, ToOpen, ToTally, Work},
};

use super::openapi::PARTICIPANTS;
use crate::{
    app::App,
    http::{Answer, Json, Participant, federation},
    storage::{ReadTx, RoundRow},
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
        open_known_answer: false,
        vote: Vec::new(),
        open: Vec::new(),
        tally: Vec::new(),
    };
    if member.trustee && row.state == FederationState::Assembling {
        let id = member.id;
        let board = tx.replay(|replay| add_ceremony(replay, id, &mut work)).await?.flatten();
        if let Some(board) = board {
            add_board(&mut tx, id, board, &mut work).await?;
        }
    }
    for round in tx.open_rounds().await? {
        add_round(&mut tx, &member, &round, &mut work).await?;
    }
    tx.commit().await?;
    app.heard(member.id, beat);
    Ok(Json(work))
}

/// Adds what waits for a trustee before the federation is keyed; returns the board that several trustees hold.
fn add_ceremony(replay: &Replay, trustee: ParticipantId, work: &mut Work) -> Option<BoardId> {
    let (policy, ceremony, trustees) =
        (replay.founding().config.trustees, replay.ceremony(), replay.trustees());
    let is_complete = trustees.members.len() == usize::from(policy.count);
    let has_keys = ceremony.keys().is_some();
    if policy.is_sole() {
        let is_own = trustees.sole() == Some(trustee);
        work.make_keys = is_complete && is_own && !has_keys;
        work.open_known_answer = is_own && ceremony.tally().is_some() && ceremony.openings().is_empty();
        return None;
    }
    work.approve_trustees = is_complete && !ceremony.approved().contains(&trustee);
    match replay.current_ceremony() {
        Some(id) => Some(BoardId::Ceremony(id)),
        None => (has_keys && ceremony.tally().is_none()).then_some(BoardId::KnownAnswer),
    }
}

async fn add_round(tx: &mut ReadTx, member: &Member, round: &RoundRow, work: &mut Work) -> Answer<()> {
    let id = round.id();
    match &round.state {
        RoundState::Voting if round.roster.member(member.id).is_some() => {
            let ballots = tx.ballots(id).await?;
            if !ballots.iter().any(|ballot| ballot.participant == member.id) {
                work.vote.push(id);
            }
        }
        RoundState::Tallying { summed: Some(summed), .. } if member.trustee => {
            add_board(tx, member.id, BoardId::Round(id, summed.step), work).await?;
        }
        RoundState::Opening { tallied, .. } if member.trustee => {
            let is_missing = tx.openings(id, tallied.step).await?.is_empty();
            work.open.extend(is_missing.then_some(ToOpen { round: id, step: tallied.step }));
        }
        _ => {}
    }
    Ok(())
}

/// Adds a board if the trustee takes part in the attempt that is held there.
async fn add_board(tx: &mut ReadTx, trustee: ParticipantId, board: BoardId, work: &mut Work) -> Answer<()> {
    let Some(row) = tx.board(board).await? else { return Ok(()) };
    let is_in = |replay: &Replay| {
        let sharing = replay.founding().config.trustees.sharing().ok().flatten()?;
        let place = replay.trustees().place(trustee, sharing)?;
        let all_speak = matches!(board, BoardId::Ceremony(_));
        Some(all_speak || sharing.group(row.attempt).contains(place))
    };
    if tx.replay(is_in).await?.flatten() == Some(true) {
        work.tally.push(ToTally { board, attempt: row.attempt });
    }
    Ok(())
}
