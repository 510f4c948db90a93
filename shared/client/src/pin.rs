//! The pinned certificate: the coordinator's chain must lead to exactly the one that the institution was given.

use std::{error::Error as StdError, fmt, io, sync::Arc};

use base::fingerprint::Fingerprint;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_cert::{Certificate, der::Decode as _};

/// A certificate other than the pinned one, shown by the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OtherCertificate {
    expected: Fingerprint,
    found: Option<Fingerprint>,
}

impl StdError for OtherCertificate {}

impl fmt::Display for OtherCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.map_or_else(|| "none".to_owned(), |found| found.to_string());
        write!(
            f,
            "its chain ends with fingerprint {found}, but participant.toml pins coordinator_fingerprint = \"{}\": somebody \
             may stand in between, or the operator made a new authority; ask the operator by phone what `coordinator tls \
             show` says, and change coordinator_fingerprint only to what you are told there",
            self.expected
        )
    }
}

/// Verifier that accepts a chain to the pinned certificate, for the right name and within its dates.
#[derive(Debug)]
struct Pinned {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

/// Returns settings for TLS under which nothing but the pinned certificate is accepted.
pub(super) fn pinned(pin: Fingerprint) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Pinned { pin, provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Returns what is wrong with a certificate, if that is why a request failed.
pub(super) fn certificate_fault(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(Error::InvalidCertificate(fault)) = unwrapped(error) {
            return Some(in_words(fault));
        }
        cause = error.source();
    }
    None
}

/// Takes an error of TLS out of the errors of input and output around it, which do not name it as their source.
fn unwrapped<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    match error.downcast_ref::<io::Error>() {
        Some(outer) => unwrapped(outer.get_ref()?),
        None => error.downcast_ref(),
    }
}

fn in_words(fault: &CertificateError) -> String {
    if let CertificateError::Other(OtherError(other)) = fault
        && let Some(other) = other.downcast_ref::<OtherCertificate>()
    {
        return other.to_string();
    }
    let remedy = match fault {
        CertificateError::UnknownIssuer => {
            "no authority that this machine trusts vouches for it: set coordinator_fingerprint as the operator says"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has ended, or this clock is wrong: the operator renews it with `coordinator tls renew`"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name: use the address that the operator names"
        }
        _ => "tell the operator",
    };
    format!("{fault} ({remedy})")
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_pinned = |certificate: &CertificateDer<'_>| Fingerprint::of(certificate) == self.pin;
        if is_pinned(end_entity) {
            check_dates(end_entity, now)?;
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        let Some(authority) = intermediates.iter().find(|certificate| is_pinned(certificate)) else {
            let last = intermediates.last().unwrap_or(end_entity);
            let other = OtherCertificate { expected: self.pin, found: Some(Fingerprint::of(last)) };
            return Err(CertificateError::Other(OtherError(Arc::new(other))).into());
        };
        // A root's own dates are nobody else's to check.
        check_dates(authority, now)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let webpki = webpki.map_err(|e| Error::General(e.to_string()))?;
        webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let parsed = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let (validity, now) = (parsed.tbs_certificate().validity(), now.as_secs());
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
