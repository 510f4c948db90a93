//! The vault: the sole trustee's secret keys, in one file of mode 0600 and packed in memory.

use std::fmt;

use fhe::{KeyError, SecretKeys};
use zeroize::Zeroizing;

use crate::home::Home;
use runtime::files::{Access, FileError, destroy, make_folder, read_secret, write_atomic};

/// Why the secret keys cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not hold secret keys.
    #[error("secret/trustee/key.bin: {0}; restore it from its backup")]
    Key(#[from] KeyError),
}

/// Packed secret keys; they are unpacked for one opening at a time and wiped when dropped.
pub struct Vault {
    packed: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(secret)")
    }
}

impl Vault {
    /// Reads the keys of a home and checks that they are whole; `None` if none were made.
    pub fn load(home: &Home) -> Result<Option<Self>, VaultError> {
        let Some(packed) = read_secret(&home.trustee_key())? else { return Ok(None) };
        let vault = Self { packed };
        vault.unlock()?;
        Ok(Some(vault))
    }

    /// Writes fresh keys to a home before anything that depends on them is published.
    pub fn store(home: &Home, keys: &SecretKeys) -> Result<Self, VaultError> {
        let (path, packed) = (home.trustee_key(), keys.to_bytes());
        if let Some(folder) = path.parent() {
            make_folder(folder, Access::Secret)?;
        }
        write_atomic(&path, &packed, Access::Secret)?;
        Ok(Self { packed })
    }

    /// Unpacks the keys for one use.
    pub fn unlock(&self) -> Result<SecretKeys, KeyError> {
        SecretKeys::from_bytes(&self.packed)
    }

    /// Overwrites and removes the keys of a home; returns whether there were any.
    pub fn destroy(home: &Home) -> Result<bool, FileError> {
        destroy(&home.trustee_key())
    }
}
