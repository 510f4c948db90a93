//! The roots of a trustee's pieces on disk, and whether they belong to the key that the transcript names.

use std::sync::Arc;

use base::ids::Digest;
use protocol::federation::SharedKeys;
use tally::{ceremony::SecretName, keyring::Keyring, sharing::Trustee};

use super::ceremony::store::{Store, StoreError};
use crate::home::Home;

/// Why a trustee has no use of its pieces.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// What is kept of the ceremony cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is kept, or not everything.
    #[error(
        "this trustee has no {what} of ceremony {ceremony}: they were made elsewhere, or destroyed; restore them from a \
         backup with `participant trustee restore`"
    )]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The ceremony.
        ceremony: Digest,
    },
    /// What is kept belongs to another key.
    #[error(
        "what secret/trustee/ceremonies/{0} holds does not belong to the certificate on the transcript: nothing is \
         signed with it; ask the other trustees which certificate they signed"
    )]
    Foreign(Digest),
}

/// Reads the roots that belong to the published keys.
///
/// # Errors
/// Where they are missing, damaged, or of another key.
pub fn load(home: &Home, keys: &SharedKeys, place: Trustee) -> Result<Arc<Keyring>, KeyringError> {
    let (certificate, ceremony) = (&keys.certificate, *keys.certificate.ceremony());
    let store = Store::of(home, ceremony);
    let missing = |what| KeyringError::Missing { what, ceremony };
    let roots = store.secret(SecretName::Roots)?.ok_or_else(|| missing("roots of its pieces"))?;
    let first = store.first()?.ok_or_else(|| missing("journal"))?;
    let of = (certificate.sharing(), place);
    let keyring = Keyring::from_kept(of, (ceremony, first), &roots);
    let keyring = keyring.filter(|keyring| keyring.belongs_to(certificate));
    let keyring = keyring.ok_or(KeyringError::Foreign(ceremony))?;
    match store.certified()? {
        Some(signed) if signed != certificate.digest() => Err(KeyringError::Foreign(ceremony)),
        _ => Ok(Arc::new(keyring)),
    }
}
