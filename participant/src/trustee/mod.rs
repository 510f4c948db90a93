//! The trustee's side: the key it holds or its pieces of one, and what it answers, each step once and on the record.
//!
//! [`rules`] is the one book of rules that a sole trustee and one of several follow. A sole trustee makes the keys
//! ([`keys`]), keeps them in its [`vault`] and answers with labels ([`open`]). One among several makes a key with the
//! others ([`ceremony`]), keeps the roots of its pieces ([`keyring`]) and tallies with them ([`session`]); [`boards`] runs
//! a task for every board on which it is waited for.

pub mod agreement;
pub mod alarm;
pub mod artefacts;
pub mod backup;
pub mod boards;
pub mod carrier;
pub mod ceremony;
mod grounds;
pub mod journal;
pub mod keyring;
pub mod keys;
pub mod log;
pub mod open;
pub mod restored;
pub mod rules;
pub mod session;
pub mod standing;
pub mod vault;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::identity::PublicIdentity;
use protocol::{federation::TrusteePolicy, transcript::Replay};

use crate::{approval::Membership, home::Home};
use runtime::files::FileError;

use self::{
    agreement::Seat,
    ceremony::store::{destroy_all, holds_anything},
    keyring::KeyringError,
    vault::{Vault, VaultError},
};

/// What a sole trustee knows of the key while its agent runs; it is loaded once and wiped when dropped.
#[derive(Debug, Default)]
pub struct Trustee {
    vault: Option<Arc<Vault>>,
}

impl Trustee {
    /// Loads the key of a home, if it is that of a sole trustee and was made.
    pub fn load(home: &Home, policy: TrusteePolicy) -> Result<Self, VaultError> {
        let vault = if policy.is_sole() { Vault::load(home)?.map(Arc::new) } else { None };
        Ok(Self { vault })
    }

    /// Destroys the key or the roots of its pieces, in memory and on disk; returns whether there were any on disk.
    pub fn destroy(&mut self, home: &Home) -> Result<bool, FileError> {
        self.vault = None;
        let (had_key, had_roots) = (Vault::destroy(home)?, destroy_all(home)?);
        Ok(had_key || had_roots)
    }
}

/// Returns whether a home holds the key, or a part of one.
pub fn holds_key(home: &Home) -> bool {
    home.trustee_key().is_file() || holds_anything(home)
}

/// Checks that the pieces of a trustee among several belong to the key on the transcript, once there is one.
///
/// # Errors
/// Where they are missing, damaged, or of another key.
pub fn check_pieces(
    home: &Home,
    membership: &Membership,
    identity: PublicIdentity,
    replay: &Replay,
) -> Result<(), KeyringError> {
    let shared = replay.ceremony().keys().and_then(|keys| keys.shared());
    let seat = Seat::find(replay, membership.participant, identity);
    match (shared, seat) {
        (Some(shared), Ok(seat)) => keyring::load(home, shared, seat.place).map(drop),
        _ => Ok(()),
    }
}
