//! `/keys`: the trustee publishes its public material, everybody may fetch it.

use axum::{
    extract::State,
    http::{StatusCode, request::Parts},
    response::Response,
};
use base::problem::Code;
use fhe::EncryptionKey;
use protocol::{
    federation::{FederationConfig, FederationState, KeyCertificate},
    transcript::EventBody,
    wire::PublishKeys,
};

use super::{
    blobs::stream_blob,
    openapi::{MEMBERS, Streamed, TRUSTEES},
};
use crate::{
    app::App,
    http::{Answer, ApiError, Caller, InPath, Json, Trustee, federation, open_federation},
};

/// Publishes the certificate over blobs that were uploaded; the transcript's rules judge it.
///
/// With several trustees the packages wait to be acknowledged next, otherwise the known answer is computed.
#[utoipa::path(
    put,
    path = "/keys",
    tag = "ceremony",
    request_body = PublishKeys,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::InvalidKeys, Code::RuleBroken])))
)]
pub(super) async fn publish(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    Json(PublishKeys { certificate: signed }): Json<PublishKeys>,
) -> Answer<StatusCode> {
    let certificate = signed.verify(&trustee.identity)?;
    let mut tx = app.storage.read().await?;
    let row = open_federation(&mut tx).await?;
    drop(tx);
    if row.certificate.as_ref() == Some(&signed) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let refused = |detail: &str| ApiError::new(Code::InvalidKeys, detail);
    if row.state != FederationState::Assembling {
        return Err(ApiError::new(Code::WrongFederationState, "the federation is keyed; its keys are fixed"));
    }
    let expected = (row.founding.digest(), row.founding.config.parameter_set(), trustee.id);
    if (certificate.federation, certificate.parameters, certificate.trustee) != expected {
        return Err(refused("the certificate names another federation, parameter set or trustee"));
    }
    check_keys(&app, &row.founding.config, &certificate).await?;
    let mut tx = app.storage.write().await?;
    tx.set_certificate(&signed).await?;
    tx.append(&app.identity, app.now(), EventBody::Keys(signed)).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that everything certified was uploaded, and reads the keys with the certificate's parameters.
async fn check_keys(app: &App, config: &FederationConfig, certificate: &KeyCertificate) -> Answer<()> {
    let blobs = app.storage.blobs();
    for digest in &certificate.blobs() {
        if !blobs.has(*digest).await? {
            let detail = format!("blob {digest} was not uploaded: PUT /api/v1/blobs/{digest}/upload/0 first");
            return Err(ApiError::new(Code::InvalidKeys, detail));
        }
    }
    let unusable = |e: &dyn std::fmt::Display| ApiError::new(Code::InvalidKeys, e.to_string());
    let (public, set) = (blobs.get(certificate.public_key).await?, certificate.parameters);
    let read = app.pool.run(move || EncryptionKey::from_bytes(&public, set).map(|_| ()));
    read.await?.map_err(|e| unusable(&e))?;
    app.keys.get(certificate, config, blobs, &app.pool).await.map_err(|e| unusable(&e))?;
    Ok(())
}

/// Streams one of the published keys.
#[utoipa::path(
    get,
    path = "/keys/{kind}",
    tag = "ceremony",
    params(("kind" = String, Path, description = "`public_key`, `keyswitching_key`, `bootstrapping_key` or `squashing_key`")),
    responses(Streamed),
    extensions(("x-roles" = json!(MEMBERS)), ("x-codes" = json!([Code::NoFederation, Code::NotFound])))
)]
pub(super) async fn download(
    _: Caller,
    State(app): State<App>,
    InPath(kind): InPath<String>,
    request: Parts,
) -> Answer<Response> {
    let mut tx = app.storage.read().await?;
    let signed = federation(&mut tx).await?.certificate;
    drop(tx);
    let missing = || ApiError::new(Code::NotFound, "the trustee has not published its keys yet");
    let certificate = signed.ok_or_else(missing)?.unverified()?;
    let digest = match kind.as_str() {
        "public_key" => certificate.public_key,
        "keyswitching_key" => certificate.keyswitching_key,
        "bootstrapping_key" => certificate.bootstrapping_key,
        "squashing_key" => {
            let none = || ApiError::new(Code::NotFound, "with one trustee there is no squashing key");
            certificate.sharing.ok_or_else(none)?.squashing_key
        }
        other => {
            let detail = format!(
                "no key \"{other}\": ask for public_key, keyswitching_key, bootstrapping_key or squashing_key"
            );
            return Err(ApiError::new(Code::NotFound, detail));
        }
    };
    stream_blob(&app, digest, &request).await
}
