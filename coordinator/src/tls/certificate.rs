//! Certificates as files: chains, and what can be said of them.

use std::path::Path;

use base::{clock::Millis, fingerprint::Fingerprint};
use serde::Serialize;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject as _};
use x509_cert::{
    Certificate,
    der::Decode as _,
    ext::pkix::{SubjectAltName, name::GeneralName},
    time::Time,
};

use super::TlsError;

/// Reads a chain of certificates, the server's first.
pub fn load_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|e| TlsError::file(path, &e))?;
    let chain: Vec<_> = read.collect::<Result<_, _>>().map_err(|e| TlsError::file(path, &e))?;
    if chain.is_empty() {
        return Err(TlsError::file(path, &"it holds no certificate (PEM)"));
    }
    Ok(chain)
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its subject.
    pub subject: String,
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// When it begins to hold.
    pub from: Millis,
    /// When it ends.
    pub until: Millis,
}

impl Facts {
    /// Reads the first certificate of a file.
    pub fn load(path: &Path) -> Result<Self, TlsError> {
        let chain = load_chain(path)?;
        let first = chain.first().ok_or_else(|| TlsError::file(path, &"it holds no certificate (PEM)"))?;
        Self::of(first).map_err(|e| TlsError::file(path, &e))
    }

    fn of(der: &CertificateDer<'_>) -> Result<Self, String> {
        let certificate = Certificate::from_der(der).map_err(|e| e.to_string())?;
        let certificate = certificate.tbs_certificate();
        let names = certificate.get_extension::<SubjectAltName>().map_err(|e| e.to_string())?;
        let names = names.map(|(_, SubjectAltName(names))| names.iter().filter_map(name).collect());
        let validity = certificate.validity();
        let millis =
            |time: Time| Millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX));
        Ok(Self {
            fingerprint: Fingerprint::of(der),
            subject: certificate.subject().to_string(),
            names: names.unwrap_or_default(),
            from: millis(validity.not_before),
            until: millis(validity.not_after),
        })
    }

    /// Returns the whole days until it ends; less than zero afterwards.
    pub fn days_left(&self, now: Millis) -> i64 {
        self.until.0.saturating_sub(now.0).div_euclid(24 * 3600 * 1000)
    }
}

/// Reads a name or an address.
fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from).ok();
            let v6 = <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from).ok();
            v4.or(v6).map(|address| address.to_string())
        }
        _ => None,
    }
}
