//! Where a coordinator is, and who vouches for it.

use base::fingerprint::Fingerprint;
use reqwest::Url;

/// A coordinator's address, and who vouches for whoever answers there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub url: Url,
    /// Who vouches for an https address.
    pub trust: Trust,
}

/// Who vouches for a coordinator's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that the system trusts.
    System,
    /// One certificate, to which the coordinator's chain must lead.
    Pinned(Fingerprint),
    /// One authority, in PEM.
    Authority(Vec<u8>),
}

impl From<Url> for Endpoint {
    fn from(url: Url) -> Self {
        Self { url, trust: Trust::System }
    }
}
