//! Chains as an honest coordinator and as somebody in between would show them.

use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

/// An authority of its own, which signs for names and dates.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2036, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn server(&self, name: &str) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 6, 1), date_time_ymd(2027, 6, 1));
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }
}

/// Seconds since 1970 of the middle of a month.
fn at(year: i16, month: i8) -> u64 {
    let date = jiff::civil::date(year, month, 15).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    date.timestamp().as_second().unsigned_abs()
}

fn verify(
    pin: &CertificateDer<'_>,
    server: &CertificateDer<'_>,
    above: &[CertificateDer<'_>],
    seconds: u64,
) -> Result<(), Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pinned = Pinned { pin: Fingerprint::of(pin), provider };
    let name = ServerName::try_from("labels.example.org").unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    pinned.verify_server_cert(server, above, &name, &[], now).map(drop)
}

fn fault(outcome: Result<(), Error>) -> String {
    match outcome {
        Err(Error::InvalidCertificate(fault)) => in_words(&fault),
        other => format!("unexpected: {other:?}"),
    }
}

#[test]
fn a_chain_to_the_pinned_authority_is_accepted_for_its_name_and_dates_alone() {
    let authority = Authority::new();
    let (server, above, pin) = (authority.server("labels.example.org"), [authority.der()], authority.der());
    assert_eq!(verify(&pin, &server, &above, at(2026, 9)), Ok(()));
    assert!(fault(verify(&pin, &server, &above, at(2028, 1))).contains("it has ended"));
    assert!(fault(verify(&pin, &server, &above, at(2026, 3))).contains("not valid yet"));
    let other_name = authority.server("other.example.org");
    assert!(fault(verify(&pin, &other_name, &above, at(2026, 9))).contains("for another name"));
    // The authority's own end counts too, though a root's dates are checked by nobody else.
    assert!(fault(verify(&pin, &server, &above, at(2036, 9))).contains("it has ended"));
}

#[test]
fn another_authority_is_refused_with_both_fingerprints_and_what_to_do() {
    let (authority, other) = (Authority::new(), Authority::new());
    let refused =
        fault(verify(&authority.der(), &other.server("labels.example.org"), &[other.der()], at(2026, 9)));
    for part in [Fingerprint::of(&authority.der()), Fingerprint::of(&other.der())] {
        assert!(refused.contains(&part.to_string()), "{refused}");
    }
    assert!(refused.contains("ask the operator by phone"), "{refused}");
}

#[test]
fn the_pinned_authority_beside_a_chain_that_it_did_not_sign_proves_nothing() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = other.server("labels.example.org");
    for above in [vec![authority.der()], vec![other.der(), authority.der()]] {
        let refused = verify(&authority.der(), &server, &above, at(2026, 9));
        assert!(refused.is_err(), "a certificate that anybody can copy must not vouch for another");
    }
}

#[test]
fn the_servers_own_certificate_can_be_pinned_and_still_needs_name_and_dates() {
    let authority = Authority::new();
    let server = authority.server("labels.example.org");
    assert_eq!(verify(&server, &server, &[], at(2026, 9)), Ok(()));
    assert!(fault(verify(&server, &server, &[], at(2028, 1))).contains("it has ended"));
    let other = authority.server("other.example.org");
    assert!(fault(verify(&other, &other, &[], at(2026, 9))).contains("for another name"));
    assert!(
        verify(&server, &authority.server("labels.example.org"), &[authority.der()], at(2026, 9)).is_err()
    );
}
