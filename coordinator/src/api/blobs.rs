//! `/blobs`: large artefacts come in parts that can be continued, and go out in ranges.

use axum::{
    body::{Body, Bytes as BodyBytes},
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE},
        request::Parts,
    },
    response::{IntoResponse as _, Response},
};
use base::{
    ids::Digest,
    problem::{Code, Problem},
};
use protocol::{
    federation::FederationState,
    transcript::Access,
    wire::{DIGEST_HEADER, UPLOAD_CHUNK, UploadView},
};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use super::openapi::{MEMBERS, Octets, Streamed, TRUSTEES};
use crate::{
    app::App,
    http::{Answer, ApiError, Bytes, Caller, InPath, Json, Trustee, open_federation},
    storage::{Blobs, StorageError},
};

/// Shows how far an upload is.
#[utoipa::path(
    get,
    path = "/blobs/{digest}/upload",
    tag = "blobs",
    params(("digest" = Digest, Path, description = "SHA-256 digest of the blob")),
    responses((status = 200, description = "How far the upload is", body = UploadView)),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState])))
)]
pub(super) async fn show(
    _: Trustee,
    State(app): State<App>,
    InPath(digest): InPath<Digest>,
) -> Answer<Json<UploadView>> {
    check_assembling(&app).await?;
    Ok(Json(view(app.storage.blobs(), digest).await?))
}

/// Takes the next part of an upload.
#[utoipa::path(
    put,
    path = "/blobs/{digest}/upload/{offset}",
    tag = "blobs",
    params(
        ("digest" = Digest, Path, description = "SHA-256 digest of the blob"),
        ("offset" = u64, Path, description = "Bytes that are there already; the part begins here", minimum = 0)
    ),
    request_body(
        content = Octets,
        content_type = "application/octet-stream",
        description = "The next bytes, at most 8 MiB"
    ),
    responses((status = 200, description = "How far the upload is", body = UploadView)),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::Conflict])), ("x-largest-body" = json!(UPLOAD_CHUNK)))
)]
pub(super) async fn append(
    _: Trustee,
    State(app): State<App>,
    InPath((digest, offset)): InPath<(Digest, u64)>,
    Bytes(part): Bytes,
) -> Answer<Json<UploadView>> {
    check_assembling(&app).await?;
    let limit = app.settings.largest_blob;
    if offset.saturating_add(part.len() as u64) > limit {
        let detail = format!(
            "blob {digest} would have more than {limit} bytes: raise largest_blob in coordinator.toml"
        );
        return Err(ApiError::new(Code::TooLarge, detail));
    }
    let blobs = app.storage.blobs();
    blobs.append(digest, offset, part).await?;
    Ok(Json(view(blobs, digest).await?))
}

/// Checks the digest of an upload and makes it a blob.
#[utoipa::path(
    post,
    path = "/blobs/{digest}/upload/finish",
    tag = "blobs",
    params(("digest" = Digest, Path, description = "SHA-256 digest of the blob")),
    responses((status = 204, description = "The upload is a blob")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::DigestMismatch])))
)]
pub(super) async fn finish(
    _: Trustee,
    State(app): State<App>,
    InPath(digest): InPath<Digest>,
) -> Answer<StatusCode> {
    check_assembling(&app).await?;
    app.storage.blobs().finish(digest).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn check_assembling(app: &App) -> Answer<()> {
    let mut tx = app.storage.read().await?;
    if open_federation(&mut tx).await?.state != FederationState::Assembling {
        let detail = "the keys are fixed since the federation is keyed";
        return Err(ApiError::new(Code::WrongFederationState, detail));
    }
    // Nobody but a sole trustee has a key to upload, and whatever else came would stay for ever.
    let is_sole = tx.replay(|replay| replay.founding().config.trustees.is_sole()).await?;
    if is_sole != Some(true) {
        let detail =
            "several trustees make their key on the board of their ceremony and upload no part of it";
        return Err(ApiError::new(Code::WrongFederationState, detail));
    }
    Ok(())
}

async fn view(blobs: &Blobs, digest: Digest) -> Result<UploadView, StorageError> {
    if let Some(received) = blobs.size(digest).await? {
        return Ok(UploadView { received, complete: true });
    }
    Ok(UploadView { received: blobs.upload_length(digest).await?, complete: false })
}

/// Streams an artefact that the transcript refers to, to whoever may have it.
///
/// Ballots go to trustees alone, and not before their window is closed: until then no event names them.
#[utoipa::path(
    get,
    path = "/blobs/{digest}",
    tag = "blobs",
    params(("digest" = Digest, Path, description = "SHA-256 digest of the blob")),
    responses(Streamed),
    extensions(("x-roles" = json!(MEMBERS)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn download(
    caller: Caller,
    State(app): State<App>,
    InPath(digest): InPath<Digest>,
    request: Parts,
) -> Answer<Response> {
    let mut tx = app.storage.read().await?;
    let member = match caller {
        Caller::Operator => None,
        Caller::Participant(member) => Some(member),
    };
    let found = tx.replay(|replay| {
        let is_sole = replay.founding().config.trustees.is_sole();
        let trustee = member.filter(|member| member.trustee && !is_sole);
        let artefact = replay.artefacts().into_iter().find(|artefact| artefact.digest == digest)?;
        let may = match artefact.access {
            Access::Public => true,
            Access::Trustees => trustee.is_some(),
        };
        Some((artefact.what, may))
    });
    let found = found.await?.flatten();
    drop(tx);
    match found {
        Some((_, true)) => stream_blob(&app, digest, &request).await,
        Some((what, false)) => {
            let detail = format!("the {what} with this digest is not served to this caller");
            Err(ApiError::new(Code::Forbidden, detail))
        }
        None => {
            Err(ApiError::new(Code::NotFound, "no event of the transcript names an artefact of this digest"))
        }
    }
}

/// Streams a blob, or the single range of it that the request asks for, under its digest as the entity tag.
pub(super) async fn stream_blob(app: &App, digest: Digest, request: &Parts) -> Answer<Response> {
    let blobs = app.storage.blobs();
    let missing = || StorageError::Blob { digest, source: std::io::ErrorKind::NotFound.into() };
    let size = blobs.size(digest).await?.ok_or_else(missing)?;
    let tag = format!("\"{digest}\"");
    let mut file_request = Request::new(Body::empty());
    *file_request.method_mut() = request.method.clone();
    // The file's time and its tag mean nothing here: a blob never changes.
    let same = request.headers.get(IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
    if let Some(range) = request.headers.get(RANGE).filter(|_| same) {
        file_request.headers_mut().insert(RANGE, range.clone());
    }
    let file = ServeFile::new(blobs.path(&digest)).ignore_multi_range_requests(true);
    let Ok(served) = file.oneshot(file_request).await;
    if served.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(no_such_range(digest, size));
    }
    if !served.status().is_success() {
        return Err(missing().into());
    }
    let mut response = served.map(Body::new);
    let headers = response.headers_mut();
    headers.remove(LAST_MODIFIED);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    for (name, value) in [(ETAG.as_str(), tag), (DIGEST_HEADER, digest.to_string())] {
        if let Ok(value) = HeaderValue::from_maybe_shared(BodyBytes::from(value)) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

fn no_such_range(digest: Digest, size: u64) -> Response {
    let detail = format!("blob {digest} has {size} bytes: ask for a range that begins before its end");
    let status = StatusCode::RANGE_NOT_SATISFIABLE.as_u16();
    let problem = Problem { status, ..Problem::new(Code::InvalidRequest, detail) };
    ([(CONTENT_RANGE, format!("bytes */{size}"))], ApiError(problem)).into_response()
}
