//! Backing up and restoring a trustee's roots; and what a restored home must not forget: that it does not know what it
//! signed before.

use base::ids::Digest;
use protocol::federation::SharedKeys;
use serde::{Deserialize, Serialize};
use tally::{
    ceremony::{Entry, SecretName},
    keyring::Keyring,
    sharing::Trustee,
};

use super::{
    backup::{self, BackupError, Content, Passphrase, Subject},
    ceremony::store::{Store, StoreError},
    journal::make_lasting_folder,
    keyring::{self, KeyringError},
};
use crate::home::Home;
use runtime::files::{Access, FileError, read_json, write_atomic};

/// Why nothing is backed up or restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The pieces that are backed up.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Something cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something already.
    #[error(
        "this home holds roots of ceremony {0} already: nothing was restored; a backup is for a home that lost them"
    )]
    Held(Digest),
    /// The roots do not belong to the certificate.
    #[error(
        "the roots in the backup do not belong to the certificate on the transcript: nothing was restored"
    )]
    Foreign,
}

impl From<FileError> for RestoreError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}

/// Returns what a backup of this trustee is of.
pub fn subject_of(federation: Digest, keys: &SharedKeys, place: Trustee) -> Subject {
    let (ceremony, certificate) = (*keys.certificate.ceremony(), keys.certificate.digest());
    Subject { federation, ceremony, place: place.number(), certificate }
}

/// Seals this home's roots and V₁ under a fresh passphrase; returns the file's bytes and the passphrase.
///
/// # Errors
/// Where this home does not hold them whole.
pub fn back_up(
    home: &Home,
    federation: Digest,
    keys: &SharedKeys,
    place: Trustee,
) -> Result<(Vec<u8>, Passphrase), RestoreError> {
    drop(keyring::load(home, keys, place)?);
    let ceremony = *keys.certificate.ceremony();
    let store = Store::of(home, ceremony);
    let missing = |what| KeyringError::Missing { what, ceremony };
    let roots = store.secret(SecretName::Roots)?.ok_or_else(|| missing("roots of its pieces"))?;
    let first = store.first()?.ok_or_else(|| missing("journal"))?;
    let passphrase = Passphrase::generate()?;
    let subject = subject_of(federation, keys, place);
    Ok((backup::seal(subject, &Content { roots, first }, &passphrase)?, passphrase))
}

/// Puts roots and V₁ back into a home that lost them, and marks it first: for rounds among the `events` that the transcript
/// has by now it signs nothing until the other trustees have said what they saw it sign.
///
/// # Errors
/// Refuses a home that holds them, another backup or passphrase, and roots of another key.
pub fn restore(
    home: &Home,
    (subject, keys, place): (&Subject, &SharedKeys, Trustee),
    (file, passphrase): (&[u8], &Passphrase),
    events: u64,
) -> Result<(), RestoreError> {
    let (store, ceremony) = (Store::of(home, subject.ceremony), subject.ceremony);
    if store.secret(SecretName::Roots)?.is_some() {
        return Err(RestoreError::Held(ceremony));
    }
    let Content { roots, first } = backup::open(file, subject, passphrase)?;
    let of = (keys.certificate.sharing(), place);
    let keyring = Keyring::from_kept(of, (ceremony, first), &roots);
    if !keyring.is_some_and(|keyring| keyring.belongs_to(&keys.certificate)) {
        return Err(RestoreError::Foreign);
    }
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|e| BackupError::Randomness(e.to_string()))?;
    Restored { ceremony, nonce, events }.store(home)?;
    let mut journal = store.journal()?;
    match store.first()? {
        Some(known) if known != first => return Err(RestoreError::Foreign),
        Some(_) => {}
        None => journal.append(Entry::First(first))?,
    }
    store.certify(keys.certificate.digest())?;
    Ok(store.keep(SecretName::Roots, &roots)?)
}

/// Mark of a home that was restored from a backup, in `secret/trustee/restored.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The ceremony whose roots were restored.
    pub ceremony: Digest,
    /// The nonce over which the other trustees have to say what they saw signed.
    pub nonce: [u8; 32],
    /// Number of events that the transcript had then: whatever was announced among them is older than this home.
    pub events: u64,
}

fn path(home: &Home) -> std::path::PathBuf {
    home.trustee_secrets().join("restored.json")
}

impl Restored {
    /// Reads the mark, if there is one.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn load(home: &Home) -> Result<Option<Self>, FileError> {
        read_json(&path(home))
    }

    /// Marks a home, before its roots are there.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn store(&self, home: &Home) -> Result<(), FileError> {
        make_lasting_folder(&home.trustee_secrets(), Access::Secret)?;
        let path = path(home);
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| FileError::damaged(&path, &e))?;
        write_atomic(&path, &bytes, Access::Secret)
    }
}

/// Returns the nonce under which a step stands whose round was announced at this height, if that was before the home
/// was restored.
///
/// # Errors
/// Where the mark cannot be read.
pub(super) fn nonce_for(home: &Home, announced_at: u64) -> Result<Option<[u8; 32]>, FileError> {
    Ok(Restored::load(home)?.filter(|mark| announced_at < mark.events).map(|mark| mark.nonce))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trustees;
    use tally::sharing::Sharing;

    #[tokio::test]
    async fn roots_go_into_a_backup_and_back_into_a_home_that_lost_them_which_is_marked() {
        let story = Trustees::approved(Sharing::ThreeOne, "");
        story.make_key().await;
        let (keys, _) = story.certified().unwrap();
        let (place, federation) = (story.seat(2).place, story.board.federation.founding.digest());
        let (home, subject) = (&story.homes[1], subject_of(federation, &keys, place));
        let (file, passphrase) = back_up(home, federation, &keys, place).unwrap();
        let put_back = |home: &Home, passphrase: &Passphrase, place: Trustee| {
            let subject = Subject { place: place.number(), ..subject };
            restore(home, (&subject, &keys, place), (&file, passphrase), 40)
        };
        assert!(matches!(put_back(home, &passphrase, place), Err(RestoreError::Held(_))));
        assert_eq!(Restored::load(home).unwrap(), None);

        let folder = tempfile::tempdir().unwrap();
        let fresh = Home::at(folder.path());
        fresh.make_folders().unwrap();
        let wrong = Passphrase::generate().unwrap();
        let closed = put_back(&fresh, &wrong, place);
        assert!(matches!(closed, Err(RestoreError::Backup(BackupError::Closed))));
        let elsewhere = put_back(&fresh, &passphrase, story.seat(3).place);
        assert!(matches!(elsewhere, Err(RestoreError::Backup(BackupError::Other { what: "place", .. }))));
        assert!(!fresh.trustee_secrets().exists(), "a refusal leaves nothing behind");

        put_back(&fresh, &passphrase, place).unwrap();
        keyring::load(&fresh, &keys, place).unwrap();
        let mark = Restored::load(&fresh).unwrap().unwrap();
        assert_eq!(mark.events, 40);
        assert_eq!(nonce_for(&fresh, 39).unwrap(), Some(mark.nonce), "announced before");
        assert_eq!(nonce_for(&fresh, 40).unwrap(), None, "announced after");
        // The records are not in it: that is why it is marked.
        assert!(!fresh.records().exists());
    }
}
