//! The trustee's side: the key it holds or its pieces of one, the ceremony, and what it opens, each once and on the
//! record.
//!
//! A sole trustee keeps the whole key in its [`vault`] and answers with labels ([`open`]). One among several keeps a
//! [`package`] of pieces, recomputes every tally, and answers with [`shares`].

pub mod agreement;
pub mod artefacts;
pub mod ceremony;
pub mod check;
pub mod keys;
pub mod log;
pub mod open;
pub mod package;
pub mod permit;
pub mod shares;
pub mod tally_keys;
pub mod vault;

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use base::ids::Digest;
use protocol::federation::TrusteePolicy;
use threshold::Package;

use crate::home::Home;
use runtime::files::FileError;

use self::{
    shares::SharesError,
    tally_keys::KeySlot,
    vault::{Vault, VaultError},
};

/// Holds what a trustee knows of the key while its agent runs; it is loaded once and wiped when dropped.
#[derive(Debug, Default)]
pub struct Trustee {
    vault: Option<Arc<Vault>>,
    package: Option<Arc<Package>>,
    keys: KeySlot,
    /// Tallies that were computed again and refused, so that the work is not done over and over.
    refused: HashMap<Digest, String>,
}

impl Trustee {
    /// Loads the key of a home, or the pieces of it, if there are any.
    pub fn load(home: &Home, policy: TrusteePolicy) -> Result<Self, VaultError> {
        if policy.is_sole() {
            return Ok(Self { vault: Vault::load(home)?.map(Arc::new), ..Self::default() });
        }
        // Event 0 was checked at enrolment; a policy that is not supported shares nothing.
        let package = match policy.sharing() {
            Ok(sharing) => package::load(home, sharing)?.map(Arc::new),
            Err(_) => None,
        };
        Ok(Self { package, ..Self::default() })
    }

    /// Returns the keys of recomputation that are in memory, for whoever frees them in time.
    pub const fn keys(&mut self) -> &mut KeySlot {
        &mut self.keys
    }

    /// Destroys the key or its pieces, in memory and on disk; returns whether there were any on disk.
    pub fn destroy(&mut self, home: &Home) -> Result<bool, FileError> {
        self.vault = None;
        self.package = None;
        self.keys.free();
        let (had_key, had_pieces) = (Vault::destroy(home)?, package::destroy(home)?);
        Ok(had_key || had_pieces)
    }

    fn remember_refusal(&mut self, tally: Digest, reason: &str) {
        self.refused.insert(tally, reason.to_owned());
    }

    /// Refuses a tally that was refused before.
    fn check_not_refused(&self, tally: Digest) -> Result<(), SharesError> {
        match self.refused.get(&tally) {
            Some(reason) => Err(SharesError::Again(reason.clone())),
            None => Ok(()),
        }
    }
}
