//! `/invites` and `/enrolments`: how an institution becomes a participant.

use axum::extract::State;
use base::{
    ids::{Digest, ParticipantId},
    problem::Code,
};
use protocol::{
    federation::{Enrolment, FederationState, Founding},
    transcript::EventBody,
    wire::{Enrol, Enrolled, Invite, NewInvite},
};

use super::openapi::{ANYONE, OPERATOR};
use crate::{
    app::App,
    home::random_token,
    http::{Answer, ApiError, Json, Operator, federation, open_federation},
    storage::{InviteRow, MemberRow, WriteTx},
};

/// Issues an invite; its secret is shown once and stored as a digest.
#[utoipa::path(
    post,
    path = "/invites",
    tag = "federation",
    request_body = NewInvite,
    responses((status = 200, description = "The invite, with its secret", body = Invite)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::Conflict])))
)]
pub(super) async fn invite(
    _: Operator,
    State(app): State<App>,
    Json(NewInvite { name, trustee }): Json<NewInvite>,
) -> Answer<Json<Invite>> {
    let mut tx = app.storage.write().await?;
    let row = open_federation(&mut tx).await?;
    protocol::federation::check_name(&name)
        .map_err(|e| ApiError::new(Code::InvalidRequest, e.to_string()))?;
    let invites = tx.invites().await?;
    if invites.iter().any(|invite| invite.name == name) {
        return Err(ApiError::new(
            Code::Conflict,
            format!("\"{name}\" was invited already: choose another name"),
        ));
    }
    let invited = invites.iter().filter(|invite| invite.trustee).count();
    let seats = usize::from(row.founding.config.trustees.count);
    if trustee && (invited >= seats || row.state != FederationState::Assembling) {
        let detail = format!("all {seats} trustee seats are taken, and trustees are fixed");
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let secret = random_token()?;
    let invite =
        InviteRow { secret: Digest::of(secret.as_bytes()), name: name.clone(), trustee, participant: None };
    tx.insert_invite(&invite, app.now()).await?;
    tx.commit().await?;
    Ok(Json(Invite { name, invite: secret }))
}

/// Enrols the holder of an invite; the same invite with the same keys again only replaces the token.
#[utoipa::path(
    post,
    path = "/enrolments",
    tag = "federation",
    request_body = Enrol,
    responses((status = 200, description = "Number, token and event 0", body = Enrolled)),
    extensions(("x-roles" = json!(ANYONE)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::UnknownInvite, Code::UsedInvite, Code::Conflict])))
)]
pub(super) async fn enrol(
    State(app): State<App>,
    Json(Enrol { invite, enrolment }): Json<Enrol>,
) -> Answer<Json<Enrolled>> {
    let claimed = enrolment.unverified()?;
    let enrolment = enrolment.verify(&claimed.identity)?;
    let secret = Digest::of(invite.as_bytes());
    let mut tx = app.storage.write().await?;
    let unknown = || {
        let detail =
            "the invite is not known here: ask the operator for one, and check the coordinator's address";
        ApiError::new(Code::UnknownInvite, detail)
    };
    let row = tx.invites().await?.into_iter().find(|row| row.secret == secret);
    let row = row.ok_or_else(unknown)?;
    if enrolment.invite != secret {
        return Err(ApiError::new(Code::InvalidRequest, "the signed enrolment is for another invite"));
    }
    let founding = federation(&mut tx).await?.founding;
    let token = random_token()?;
    let answer = match row.participant {
        Some(id) => replace_token(&mut tx, (id, &enrolment), founding, token).await?,
        None => {
            open_federation(&mut tx).await?;
            admit(&app, &mut tx, (row, enrolment), founding, token).await?
        }
    };
    tx.commit().await?;
    tracing::info!(participant = %answer.participant, name = answer.name, "enrolled");
    Ok(Json(answer))
}

async fn admit(
    app: &App,
    tx: &mut WriteTx,
    (invite, enrolment): (InviteRow, Enrolment),
    founding: Founding,
    token: String,
) -> Answer<Enrolled> {
    let members = tx.members().await?;
    if members.iter().any(|row| row.member.identity == enrolment.identity) {
        return Err(ApiError::new(Code::Conflict, "this identity is enrolled already, under another invite"));
    }
    let next = members.last().map_or(1, |row| row.member.id.get() + 1);
    let id =
        ParticipantId::new(next).ok_or_else(|| ApiError::new(Code::Internal, "too many participants"))?;
    let member = enrolment
        .into_member(id, invite.name, invite.trustee)
        .map_err(|e| ApiError::new(Code::InvalidRequest, e.to_string()))?;
    let now = app.now();
    let digest = Digest::of(token.as_bytes());
    tx.insert_member(&member, digest, invite.secret, now).await?;
    tx.append(&app.identity, now, EventBody::Enrolled(member.clone())).await?;
    let (name, trustee) = (member.name, member.trustee);
    Ok(Enrolled { participant: id, name, trustee, token, founding })
}

async fn replace_token(
    tx: &mut WriteTx,
    (id, enrolment): (ParticipantId, &Enrolment),
    founding: Founding,
    token: String,
) -> Answer<Enrolled> {
    let used = || {
        let detail = "the invite was used by somebody else: ask the operator for a new one";
        ApiError::new(Code::UsedInvite, detail)
    };
    let members = tx.members().await?;
    let row: MemberRow = members.into_iter().find(|row| row.member.id == id).ok_or_else(used)?;
    let member = row.member;
    let same = member.identity == enrolment.identity
        && member.sealing == enrolment.sealing
        && member.teachers == enrolment.teachers;
    if !same {
        return Err(used());
    }
    tx.set_token(id, Digest::of(token.as_bytes())).await?;
    let (name, trustee) = (member.name, member.trustee);
    Ok(Enrolled { participant: id, name, trustee, token, founding })
}
