//! `PUT /rounds/{round}/ballots/{ballot}`: a ballot in, a signed receipt or the reason of its refusal out.

use axum::{body::Body, extract::State};
use base::{
    ids::{BallotId, RoundId},
    problem::Code,
};
use protocol::{
    ballot::{BallotError, ballot_bytes},
    federation::Member,
    wire::{Receipt, ReceiptView},
};

use super::openapi::{Octets, PARTICIPANTS};
use crate::{
    app::App,
    http::{Answer, ApiError, InPath, Json, Participant, federation, find_round},
    rounds::{self, CastError},
    storage::{BallotRow, RoundRow},
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
    federation(&mut tx).await?;
    let round = find_round(&mut tx, id).await?;
    drop(tx);
    match admit(&app, &member, (round, ballot), body).await.map_err(ApiError::from) {
        Ok(row) => {
            let receipt = Receipt {
                round: id,
                participant: row.participant,
                ballot: row.ballot,
                digest: row.digest,
                received_at: row.received_at,
            };
            Ok(Json(ReceiptView::new(receipt, &app.identity)))
        }
        Err(ApiError(problem)) => {
            app.metrics.refused_ballot(problem.code);
            rounds::record_refusal(&app, member.id, id, &problem).await?;
            tracing::warn!(round = %id, participant = %member.id, code = ?problem.code, "ballot refused");
            Err(ApiError(problem))
        }
    }
}

/// Reads the body and hands it to the round.
async fn admit(
    app: &App,
    member: &Member,
    (round, ballot): (RoundRow, BallotId),
    body: Body,
) -> Result<BallotRow, CastError> {
    let expected = ballot_bytes(&round.announcement).map_err(BallotError::from)?;
    // One byte more than the only valid length is read, so that a longer body is seen without taking it in.
    let bytes = axum::body::to_bytes(body, expected + 1).await;
    let bytes = bytes.map_err(|_| CastError::Length { expected })?;
    rounds::cast(app, member.id, (round, ballot), bytes.into()).await
}
