//! The sole trustee's side: its vault, the keys it makes, and what it opens, each once and on the record.

pub mod keys;
pub mod log;
pub mod open;
pub mod permit;
pub mod vault;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{files::FileError, home::Home};

use vault::{Vault, VaultError};

/// Holds a trustee's key while its agent runs; it is loaded once and wiped when dropped.
#[derive(Debug, Default)]
pub struct Trustee {
    vault: Option<Arc<Vault>>,
}

impl Trustee {
    /// Loads the key of a home, if one was made.
    pub fn load(home: &Home) -> Result<Self, VaultError> {
        Ok(Self { vault: Vault::load(home)?.map(Arc::new) })
    }

    /// Tells whether a key is there.
    pub const fn holds_key(&self) -> bool {
        self.vault.is_some()
    }

    /// Destroys the key, in memory and on disk; returns whether there was one on disk.
    pub fn destroy(&mut self, home: &Home) -> Result<bool, FileError> {
        self.vault = None;
        Vault::destroy(home)
    }
}
