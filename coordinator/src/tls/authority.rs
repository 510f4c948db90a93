//! A federation's own authority: made once, pinned by everybody, and used again for every renewal.

use std::path::Path;

use base::clock::Millis;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::{AUTHORITY, AUTHORITY_KEY, Facts, Pair, SERVER, SERVER_KEY, TlsError};
use crate::home::write_secret;

/// How long the authority holds: as long as a federation may last.
const AUTHORITY_DAYS: i64 = 3650;
/// How long a server's certificate holds before it is renewed.
const SERVER_DAYS: i64 = 397;
const DAY: i64 = 24 * 3600 * 1000;

/// What `tls init` and `tls renew` made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Made {
    /// The authority, which everybody pins.
    pub authority: Facts,
    /// The server's certificate.
    pub server: Facts,
}

/// Makes an authority and a server's certificate for these names in a data folder that has none.
pub fn make(home: &Path, names: &[String], now: Millis) -> Result<Made, TlsError> {
    let path = home.join(AUTHORITY);
    if path.exists() {
        return Err(TlsError::Exists(path));
    }
    let key = KeyPair::generate()?;
    let subject = format!("Psephos authority of {}", names.first().map_or("localhost", String::as_str));
    let certificate = authority(&subject, now)?.self_signed(&key)?;
    write_secret(&home.join(AUTHORITY_KEY), key.serialize_pem().as_bytes())?;
    issue(home, &certificate.pem(), &Issuer::new(authority(&subject, now)?, key), names, now)?;
    // The authority's file comes last: without it the next `tls init` begins anew.
    write_public(&path, &certificate.pem())?;
    show(home)
}

/// Makes a fresh key and certificate for the server under the same authority, so that every pin holds.
pub fn renew(home: &Path, names: &[String], now: Millis) -> Result<Made, TlsError> {
    let path = home.join(AUTHORITY);
    if !path.exists() {
        return Err(TlsError::NoAuthority(path));
    }
    let before = show(home)?;
    let key_path = home.join(AUTHORITY_KEY);
    let key = std::fs::read_to_string(&key_path).map_err(|e| TlsError::file(&key_path, &e))?;
    let key = KeyPair::from_pem(&key)?;
    let pem = std::fs::read_to_string(&path).map_err(|e| TlsError::file(&path, &e))?;
    let subject = before.authority.subject.strip_prefix("CN=").unwrap_or(&before.authority.subject);
    let names = if names.is_empty() { &before.server.names } else { names };
    issue(home, &pem, &Issuer::new(authority(subject, now)?, key), names, now)?;
    show(home)
}

/// Reads what is there.
fn show(home: &Path) -> Result<Made, TlsError> {
    Ok(Made { authority: Facts::load(&home.join(AUTHORITY))?, server: Facts::load(&home.join(SERVER))? })
}

fn authority(subject: &str, now: Millis) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, subject);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    hold(&mut params, now, AUTHORITY_DAYS);
    Ok(params)
}

fn issue(
    home: &Path,
    authority: &str,
    issuer: &Issuer<'_, KeyPair>,
    names: &[String],
    now: Millis,
) -> Result<(), TlsError> {
    let mut all: Vec<String> = names.to_vec();
    // The operator's own commands on the same machine.
    all.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]);
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    let mut params = CertificateParams::new(all)?;
    let first = names.first().map_or("localhost", String::as_str);
    params.distinguished_name.push(DnType::CommonName, first);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    hold(&mut params, now, SERVER_DAYS);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    write_secret(&home.join(SERVER_KEY), key.serialize_pem().as_bytes())?;
    // The authority travels along, so that whoever pins it finds it.
    write_public(&home.join(SERVER), &format!("{}{authority}", certificate.pem()))
}

/// Lets a certificate hold from yesterday on: the clocks of institutions differ.
fn hold(params: &mut CertificateParams, now: Millis, days: i64) {
    let date = |at: i64| {
        let at = jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
        date_time_ymd(at.year().into(), at.month().unsigned_abs(), at.day().unsigned_abs())
    };
    params.not_before = date(now.0.saturating_sub(DAY));
    params.not_after = date(now.0.saturating_add(days.saturating_mul(DAY)));
}

fn write_public(path: &Path, text: &str) -> Result<(), TlsError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| TlsError::file(folder, &e))?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, text).map_err(|e| TlsError::file(&partial, &e))?;
    std::fs::rename(&partial, path).map_err(|e| TlsError::file(path, &e))
}

impl Made {
    /// Reads the authority and certificate of a data folder, if `tls init` made them.
    pub fn load(home: &Path) -> Result<Option<Self>, TlsError> {
        Pair::own(home).map(|_| show(home)).transpose()
    }
}
