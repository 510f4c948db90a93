//! `/students`: what operators measured of the students they trained.

use axum::extract::State;
use base::{ids::StudentId, problem::Code};
use protocol::wire::{StudentResult, StudentView};

use super::openapi::{OPERATOR, READERS};
use crate::{
    app::App,
    http::{Answer, ApiError, InPath, Json, Operator, Reader, federation},
    storage::ReadTx,
    watch,
};

/// Records what the operator says of a student; the same again gives the same answer.
#[utoipa::path(
    put,
    path = "/students/{student}",
    tag = "students",
    params(("student" = StudentId, Path, description = "Id of the student; the operator's client draws it")),
    request_body = StudentResult,
    responses((status = 200, description = "The student as it is kept", body = StudentView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::Conflict])))
)]
pub(super) async fn report(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<StudentId>,
    Json(result): Json<StudentResult>,
) -> Answer<Json<StudentView>> {
    let mut tx = app.storage.write().await?;
    check(&mut tx, &result).await?;
    if let Some(known) = tx.student(id).await? {
        if known.result == result {
            return Ok(Json(known));
        }
        return Err(ApiError::new(Code::Conflict, format!("student {id} was reported with other figures")));
    }
    tx.insert_student(id, &result, app.now()).await?;
    let view = tx.student(id).await?;
    tx.commit().await?;
    Ok(Json(view.ok_or_else(|| ApiError::new(Code::Internal, "the student was not stored"))?))
}

/// Checks what can be checked: the shape of the figures, and that they rest on this coordinator's transcript.
async fn check(tx: &mut ReadTx, result: &StudentResult) -> Answer<()> {
    let refused = |detail: String| Err(ApiError::new(Code::InvalidRequest, detail));
    let classes = federation(tx).await?.founding.config.classes.len();
    let is_share = |share: &f64| (0.0..=1.0).contains(share);
    if !result.accuracy.iter().chain(result.recall.iter().flatten()).all(is_share) {
        return refused("accuracy and recall are shares from 0 to 1".to_owned());
    }
    let has_shape = |length: usize| length == 0 || length == classes;
    if !has_shape(result.recall.len())
        || !has_shape(result.confusion.len())
        || result.confusion.iter().any(|row| row.len() != classes)
    {
        return refused(format!(
            "recall and confusion have one entry for each of the {classes} classes, or none"
        ));
    }
    if result.confusion.iter().flatten().copied().fold(0, u64::saturating_add) != result.held_out
        && !result.confusion.is_empty()
    {
        return refused(format!("the confusions do not add up to held_out = {}", result.held_out));
    }
    let at = result.events.checked_sub(1);
    let line = match at {
        Some(height) => watch::event_line(tx, height).await?,
        None => None,
    };
    if line.map(|line| line.digest) != Some(result.head) {
        let detail = format!(
            "the transcript does not stand at {} after {} events: is this the coordinator of that federation?",
            result.head, result.events
        );
        return Err(ApiError::new(Code::Conflict, detail));
    }
    Ok(())
}

/// Lists what operators measured of their students.
#[utoipa::path(
    get,
    path = "/students",
    tag = "students",
    responses((status = 200, description = "Every student", body = Vec<StudentView>)),
    extensions(("x-roles" = json!(READERS)))
)]
pub(super) async fn list(_: Reader, State(app): State<App>) -> Answer<Json<Vec<StudentView>>> {
    let mut tx = app.storage.read().await?;
    Ok(Json(tx.students().await?))
}

/// Shows what an operator measured of a student.
#[utoipa::path(
    get,
    path = "/students/{student}",
    tag = "students",
    params(("student" = StudentId, Path, description = "Id of the student")),
    responses((status = 200, description = "The student", body = StudentView)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn show(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<StudentId>,
) -> Answer<Json<StudentView>> {
    let mut tx = app.storage.read().await?;
    let view = tx.student(id).await?;
    Ok(Json(
        view.ok_or_else(|| ApiError::new(Code::NotFound, format!("no student {id}: see GET /students")))?,
    ))
}
