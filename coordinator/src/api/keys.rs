//! `/keys`: the sole trustee publishes its public material; everybody fetches it as artefacts of the transcript.

use axum::{extract::State, http::StatusCode};
use base::problem::Code;
use fhe::EncryptionKey;
use protocol::{
    federation::{FederationConfig, FederationState, KeyCertificate},
    transcript::EventBody,
    wire::PublishKeys,
};

use super::openapi::TRUSTEES;
use crate::{
    app::App,
    http::{Answer, ApiError, Json, Trustee, open_federation},
};

/// Publishes the sole trustee's certificate over blobs that were uploaded; the transcript's rules judge it. The known answer
/// is computed next.
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
    let published = tx.replay(|replay| replay.ceremony().keys()?.sole().cloned()).await?.flatten();
    drop(tx);
    if published.as_ref() == Some(&certificate) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let refused = |detail: &str| ApiError::new(Code::InvalidKeys, detail);
    if !row.founding.config.trustees.is_sole() {
        return Err(refused("several trustees make their key together, on the board of their ceremony"));
    }
    if row.state != FederationState::Assembling {
        return Err(ApiError::new(Code::WrongFederationState, "the federation is keyed; its keys are fixed"));
    }
    let expected = (row.founding.digest(), row.founding.config.parameter_set(), trustee.id);
    if (certificate.federation, certificate.parameters, certificate.trustee) != expected {
        return Err(refused("the certificate names another federation, parameter set or trustee"));
    }
    check_keys(&app, &row.founding.config, &certificate).await?;
    let mut tx = app.storage.write().await?;
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
