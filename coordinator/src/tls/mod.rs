//! TLS: which certificate is served, how it is made and renewed, and the listener that speaks it.

mod authority;
mod certificate;
mod listener;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{self, crypto::CryptoProvider};

pub use authority::{Made, make, renew};
pub use certificate::{Facts, load_chain};
pub use listener::{Current, TlsListener};

/// Certificate of the federation's own authority, below the data folder.
pub const AUTHORITY: &str = "tls/authority.pem";
const SERVER: &str = "tls/server.pem";
const AUTHORITY_KEY: &str = "secret/authority.key";
const SERVER_KEY: &str = "secret/tls.key";

/// What is wrong with certificates or keys.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {detail}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Certificate and key cannot be served.
    #[error("certificate {certificate} and key {key} cannot be served: {detail}",
        certificate = certificate.display(), key = key.display())]
    Pair {
        /// File of the chain.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// What is wrong with them.
        detail: String,
    },
    /// An authority is there already.
    #[error(
        "{path} is there already, and every institution pins it: use `coordinator tls renew`, which keeps it",
        path = .0.display()
    )]
    Exists(PathBuf),
    /// There is no authority to renew with.
    #[error("{path} is not there: run `coordinator tls init --name HOST` first", path = .0.display())]
    NoAuthority(PathBuf),
    /// A certificate cannot be made.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// The secrets cannot be stored.
    #[error(transparent)]
    Home(#[from] crate::home::HomeError),
}

impl TlsError {
    fn file(path: &Path, detail: &impl ToString) -> Self {
        Self::File { path: path.to_owned(), detail: detail.to_string() }
    }
}

/// Names the files that are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The server's certificate and those above it (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

impl Pair {
    /// Returns what `tls init` made in a data folder, if it did.
    pub fn own(home: &Path) -> Option<Self> {
        let pair = Self { certificate: home.join(SERVER), key: home.join(SERVER_KEY) };
        pair.certificate.exists().then_some(pair)
    }

    /// Reads both and checks that they belong together.
    pub fn load(&self) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
        let chain = load_chain(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| TlsError::file(&self.key, &e))?;
        let refuse = |e: &dyn std::fmt::Display| TlsError::Pair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            detail: e.to_string(),
        };
        let builder = rustls::ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().map_err(|e| refuse(&e))?;
        let mut config =
            builder.with_no_client_auth().with_single_cert(chain, key).map_err(|e| refuse(&e))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Returns the one provider of cryptography that this program and its HTTP client use.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
