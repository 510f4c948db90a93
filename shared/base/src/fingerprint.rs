//! Fingerprints of certificates: what a kit carries and a participant pins.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::Digest;

/// SHA-256 digest of a certificate in DER form, written `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(Digest);

const PREFIX: &str = "sha256:";

/// A text that is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a fingerprint: write sha256: and 64 hexadecimal digits, as `coordinator tls show` prints them"
)]
pub struct FingerprintError(String);

impl Fingerprint {
    /// Returns the fingerprint of a certificate's DER bytes.
    pub fn of(der: &[u8]) -> Self {
        Self(Digest::of(der))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let refuse = || FingerprintError(text.chars().take(80).collect());
        let digits = text.trim().strip_prefix(PREFIX).ok_or_else(refuse)?;
        digits.to_ascii_lowercase().parse().map(Self).map_err(|_| refuse())
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;

    fn try_from(text: String) -> Result<Self, FingerprintError> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_survives_its_text_and_anything_else_is_refused() {
        let fingerprint = Fingerprint::of(b"certificate");
        let text = fingerprint.to_string();
        assert_eq!(text.parse(), Ok(fingerprint));
        assert_eq!(text.to_uppercase().replace("SHA256", "sha256").parse(), Ok(fingerprint));
        for wrong in ["", "sha256:", text.get(7..).unwrap_or_default(), &text.replace("sha256", "sha1")] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
