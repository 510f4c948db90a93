//! `tls`: the federation's own authority and the server's certificate.

use std::path::Path;

use base::clock::Clock as _;
use clap::Subcommand;

use super::{Failure, output::Output};
use crate::{
    home::Home,
    tls::{Made, TlsError, make, renew},
};
use runtime::SystemClock;

#[derive(Debug, Subcommand)]
pub(super) enum TlsVerb {
    /// Makes an authority for this federation and a certificate for this service, in the data folder
    ///
    /// Example: coordinator tls init --name labels.example.org
    Init {
        /// Host name or address under which institutions reach the coordinator; localhost is always added
        #[arg(long = "name", required = true, value_name = "HOST")]
        names: Vec<String>,
    },
    /// Makes a fresh key and certificate under the same authority, so that every institution's pin holds
    ///
    /// A running service takes it at SIGHUP (systemctl reload), or at its next start.
    ///
    /// Example: coordinator tls renew
    Renew {
        /// Host names from now on; those of the old certificate by default
        #[arg(long = "name", value_name = "HOST")]
        names: Vec<String>,
    },
    /// Shows fingerprints, names and dates
    ///
    /// Example: coordinator tls show
    Show,
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Make(_) => Self::Job(error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}

pub(super) fn run(home: &Path, output: Output, verb: TlsVerb) -> Result<(), Failure> {
    let now = SystemClock.now();
    let made = match verb {
        TlsVerb::Init { names } => {
            Home::prepare(home).map_err(|e| Failure::Usage(e.to_string()))?;
            make(home, &names, now)?
        }
        TlsVerb::Renew { names } => renew(home, &names, now)?,
        TlsVerb::Show => Made::load(home)?.ok_or_else(|| {
            Failure::Usage(format!(
                "{} holds no certificate: run `coordinator tls init --name HOST`",
                home.display()
            ))
        })?,
    };
    output.fact(&made, || {
        format!(
            "authority   {} (until {})\nfingerprint {}\nserver      for {} (until {})\n\nkits carry the fingerprint; \
             institutions compare it with you by phone",
            made.authority.subject,
            made.authority.until,
            made.authority.fingerprint,
            made.server.names.join(", "),
            made.server.until
        )
    })
}
