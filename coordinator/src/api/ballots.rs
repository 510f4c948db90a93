//! `PUT /rounds/{round}/ballots/{ballot}`: the door through which every ballot comes.
//!
//! Checks in this order: size, framing, parameters, signature, announcement, state and deadline, one ballot
//! per participant. The same ballot again gives the same receipt, also after the window closed.

use axum::{body::Body, extract::State};
use shared::{
    ballot::{BallotError, Door, ValidBallot, ballot_bytes},
    federation::Member,
    ids::{BallotId, RoundId},
    problem::{Code, Problem},
    round::RoundState,
    wire::{Receipt, ReceiptView},
};

use super::{
    Answer, ApiError,
    auth::{Participant, federation},
    error::{InPath, Json},
    openapi::{Octets, PARTICIPANTS},
    rounds::find,
};
use crate::{
    app::App,
    storage::{BallotRow, RefusalRow, RoundRow, Tx},
};

/// Takes a ballot; the same ballot again gives the same receipt, also after the window closed.
#[utoipa::path(
    put,
    path = "/rounds/{round}/ballots/{ballot}",
    tag = "rounds",
    params(
        ("round" = RoundId, Path, description = "Id of the round"),
        ("ballot" = BallotId, Path, description = "Id that the participant drew for the ballot and keeps over retries")
    ),
    request_body(
        content = Octets,
        content_type = "application/octet-stream",
        description = "The ballot: exactly `ballot_bytes` of the round"
    ),
    responses((status = 200, description = "The signed receipt", body = ReceiptView)),
    extensions(("x-roles" = json!(PARTICIPANTS)), ("x-codes" = json!([Code::NoFederation, Code::NotFound, Code::NotOnRoster, Code::BallotLength, Code::BallotFraming, Code::BallotParameters, Code::BallotSignature, Code::BallotParticipant, Code::BallotAnnouncement, Code::BallotLate, Code::BallotSecond, Code::BallotCopy, Code::WrongRoundState])))
)]
pub(super) async fn cast(
    Participant(member): Participant,
    State(app): State<App>,
    InPath((id, ballot)): InPath<(RoundId, BallotId)>,
    body: Body,
) -> Answer<Json<ReceiptView>> {
    let mut tx = app.storage.read().await?;
    federation(&app.storage, &mut tx).await?;
    let round = find(&app, &mut tx, id).await?;
    drop(tx);
    match admit(&app, &member, (round, ballot), body).await {
        Ok(row) => {
            let receipt = Receipt {
                round: id,
                participant: row.participant,
                ballot: row.ballot,
                digest: row.digest,
                received_at: row.received_at,
            };
            app.wake.notify_one();
            Ok(Json(ReceiptView::new(receipt, &app.identity)))
        }
        Err(ApiError(problem)) => {
            app.metrics.refused_ballot(problem.code);
            record_refusal(&app, &member, id, &problem).await?;
            tracing::warn!(round = %id, participant = %member.id, code = ?problem.code, "ballot refused");
            Err(ApiError(problem))
        }
    }
}

async fn admit(
    app: &App,
    member: &Member,
    (round, ballot): (RoundRow, BallotId),
    body: Body,
) -> Answer<BallotRow> {
    let expected = ballot_bytes(&round.announcement).map_err(BallotError::from)?;
    // One byte more than the only valid length is read, so that a longer body is seen without taking it in.
    let bytes = axum::body::to_bytes(body, expected + 1).await.map_err(|_| {
        let detail =
            format!("the ballot has more than the {expected} bytes of this round's ballots, or broke off");
        ApiError::new(Code::BallotLength, detail)
    })?;
    let (id, sender) = (round.id(), member.id);
    let bytes: Vec<u8> = bytes.into();
    let checked = app.pool.run(move || {
        let door = Door { announcement: &round.announcement, roster: &round.roster };
        let ValidBallot { digest, bodies, .. } = door.admit(&bytes, sender)?;
        Ok::<_, BallotError>((bytes, digest, bodies, round))
    });
    let (bytes, digest, bodies, round) = checked.await??;
    app.storage.blobs().put(bytes).await?;
    let mut tx = app.storage.write().await?;
    let row = BallotRow { participant: sender, ballot, digest, received_at: app.now() };
    let row = count(app, &mut tx, id, row).await?;
    tx.commit().await?;
    let (sums, layout) = (app.clone(), round.announcement.layout().map_err(BallotError::from)?);
    let add = move || {
        let door = Door { announcement: &round.announcement, roster: &round.roster };
        sums.sums.add(door, layout, (sender, digest), &bodies);
    };
    app.pool.run(add).await?;
    Ok(row)
}

/// Checks state, deadline and uniqueness in the database, and stores the ballot.
async fn count(app: &App, tx: &mut Tx, id: RoundId, row: BallotRow) -> Answer<BallotRow> {
    let ballots = app.storage.ballots(tx, id).await?;
    if let Some(earlier) = ballots.iter().find(|earlier| earlier.participant == row.participant) {
        if (earlier.digest, earlier.ballot) == (row.digest, row.ballot) {
            return Ok(earlier.clone());
        }
        let detail = format!("participant {} already cast ballot {}", row.participant, earlier.ballot);
        return Err(ApiError::new(Code::BallotSecond, detail));
    }
    if ballots.iter().any(|earlier| earlier.digest == row.digest || earlier.ballot == row.ballot) {
        return Err(ApiError::new(Code::BallotCopy, "another participant cast this ballot, or used its id"));
    }
    let round = find(app, tx, id).await?;
    let closes_at = round.announcement.closes_at;
    match round.state {
        RoundState::Voting if row.received_at < closes_at => {}
        RoundState::Announced => {
            return Err(ApiError::new(
                Code::WrongRoundState,
                "voting has not begun yet: try again in a moment",
            ));
        }
        state => {
            let detail = format!("the window closed at {closes_at}; the round is {}", state.name());
            return Err(ApiError::new(Code::BallotLate, detail));
        }
    }
    app.storage.insert_ballot(tx, id, &row).await?;
    Ok(row)
}

/// Remembers why something was refused, so that nobody is silently absent from a round.
async fn record_refusal(app: &App, member: &Member, id: RoundId, problem: &Problem) -> Answer<()> {
    if problem.code == Code::Internal {
        return Ok(());
    }
    let refusal = RefusalRow {
        participant: member.id,
        late: problem.code == Code::BallotLate,
        reason: problem.to_string(),
        code: Some(problem.code),
        at: app.now(),
    };
    let mut tx = app.storage.write().await?;
    app.storage.refuse(&mut tx, id, &refusal).await?;
    tx.commit().await?;
    Ok(())
}
