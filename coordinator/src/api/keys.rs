//! `/keys`: the trustee publishes its public material, everybody may fetch it.

use axum::{
    extract::State,
    http::{StatusCode, request::Parts},
    response::Response,
};
use shared::{
    federation::{FederationState, KeyCertificate},
    fhe::{EncryptionKey, EvaluationKeys, Transform},
    ids::Digest,
    problem::Code,
    transcript::EventBody,
    wire::PublishKeys,
};

use super::{
    Answer, ApiError,
    auth::{Caller, Trustee, federation, open_federation},
    blobs::stream_blob,
    error::{InPath, Json},
};
use crate::{app::App, storage::Tx};

/// Publishes the certificate over three uploaded blobs; the known answer is computed next.
pub(super) async fn publish(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    Json(PublishKeys { certificate: signed }): Json<PublishKeys>,
) -> Answer<StatusCode> {
    let certificate = signed.verify(&trustee.identity)?;
    let mut tx = app.storage.read().await?;
    let row = open_federation(&app.storage, &mut tx).await?;
    drop(tx);
    if row.certificate.as_ref() == Some(&signed) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let refused = |detail: String| ApiError::new(Code::InvalidKeys, detail);
    if row.state != FederationState::Assembling {
        return Err(ApiError::new(Code::WrongFederationState, "the federation is keyed; its keys are fixed"));
    }
    let expected = (row.founding.digest(), row.founding.config.parameter_set(), trustee.id);
    if (certificate.federation, certificate.parameters, certificate.trustee) != expected {
        return Err(refused("the certificate names another federation, parameter set or trustee".to_owned()));
    }
    check_keys(&app, certificate).await?;
    let mut tx: Tx = app.storage.write().await?;
    app.storage.set_certificate(&mut tx, &signed).await?;
    app.storage.append(&mut tx, &app.identity, app.now(), EventBody::Keys(signed)).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Loads all three blobs and reads them with the certificate's parameters.
async fn check_keys(app: &App, certificate: KeyCertificate) -> Answer<()> {
    let blobs = app.storage.blobs();
    let digests = [certificate.public_key, certificate.keyswitching_key, certificate.bootstrapping_key];
    for digest in digests {
        if !blobs.has(digest).await? {
            let detail = format!("blob {digest} was not uploaded: PUT /api/v1/blobs/{digest}/upload/0 first");
            return Err(ApiError::new(Code::InvalidKeys, detail));
        }
    }
    let [public, keyswitching, bootstrapping] =
        [blobs.get(digests[0]).await?, blobs.get(digests[1]).await?, blobs.get(digests[2]).await?];
    let set = certificate.parameters;
    let read = app.pool.run(move || {
        EncryptionKey::from_bytes(&public, set)?;
        EvaluationKeys::from_parts(&keyswitching, &bootstrapping, set, Transform::default()).map(|_| ())
    });
    read.await?.map_err(|e| ApiError::new(Code::InvalidKeys, e.to_string()))
}

/// Streams one of the three published keys.
pub(super) async fn download(
    _: Caller,
    State(app): State<App>,
    InPath(kind): InPath<String>,
    request: Parts,
) -> Answer<Response> {
    let mut tx = app.storage.read().await?;
    let signed = federation(&app.storage, &mut tx).await?.certificate;
    drop(tx);
    let missing = || ApiError::new(Code::NotFound, "the trustee has not published its keys yet");
    let certificate = signed.ok_or_else(missing)?.unverified()?;
    let digest = match kind.as_str() {
        "public_key" => certificate.public_key,
        "keyswitching_key" => certificate.keyswitching_key,
        "bootstrapping_key" => certificate.bootstrapping_key,
        other => {
            let detail =
                format!("no key \"{other}\": ask for public_key, keyswitching_key or bootstrapping_key");
            return Err(ApiError::new(Code::NotFound, detail));
        }
    };
    stream_blob(&app, digest, &request).await
}
