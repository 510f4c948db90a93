//! What a ceremony leaves on disk: its secrets, each in a file of mode 0600, and its journal.

use std::path::PathBuf;

use base::ids::Digest;
use tally::ceremony::{Entry, SecretBytes, SecretName, Secrets};

use crate::{
    home::Home,
    trustee::journal::{Journal, make_lasting_folder},
};
use runtime::files::{Access, FileError, destroy, is_used, read_json, read_secret, write_atomic, write_json};

/// Why nothing can be kept of a ceremony, or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
}

/// Files of one ceremony.
#[derive(Debug, Clone)]
pub struct Store {
    home: Home,
    ceremony: Digest,
}

impl Store {
    /// Names the files of a ceremony in a home.
    pub fn of(home: &Home, ceremony: Digest) -> Self {
        Self { home: home.clone(), ceremony }
    }

    fn path(&self, name: SecretName) -> PathBuf {
        let file = match name {
            SecretName::BoxKey => "box-key.bin",
            SecretName::Contributions => "contributions.bin",
            SecretName::Roots => "roots.bin",
        };
        self.home.ceremony_secrets(self.ceremony).join(file)
    }

    fn journal_path(&self) -> PathBuf {
        self.home.ceremony(self.ceremony).join("journal")
    }

    fn name(&self) -> String {
        format!("ceremony {}", self.ceremony)
    }

    /// Opens the journal, or makes it.
    ///
    /// # Errors
    /// Where it cannot be used, or is damaged.
    pub fn journal(&self) -> Result<Journal<Entry>, StoreError> {
        make_lasting_folder(&self.home.ceremony(self.ceremony), Access::Public)?;
        Ok(Journal::open(&self.journal_path(), Access::Public, &self.name())?)
    }

    /// Reads the journal and changes nothing.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged.
    pub fn peek(&self) -> Result<Vec<Entry>, StoreError> {
        Ok(Journal::peek(&self.journal_path(), &self.name())?)
    }

    /// Reads V₁, if it is kept.
    ///
    /// # Errors
    /// As [`Store::peek`].
    pub fn first(&self) -> Result<Option<Digest>, StoreError> {
        Ok(self.peek()?.into_iter().find_map(|entry| match entry {
            Entry::First(first) => Some(first),
            _ => None,
        }))
    }

    /// Reads a secret, if it is kept.
    ///
    /// # Errors
    /// Where it cannot be read, or others can reach it.
    pub fn secret(&self, name: SecretName) -> Result<Option<SecretBytes>, StoreError> {
        let kept = read_secret(&self.path(name))?;
        Ok(kept.map(|bytes| SecretBytes::new(bytes.to_vec())))
    }

    /// Returns all secrets that are kept; where nothing was said yet, fresh ones for those that are not.
    ///
    /// # Errors
    /// Where they cannot be read, and where the system gives no randomness.
    pub fn secrets(&self, was_begun: bool) -> Result<Secrets, StoreError> {
        let kept_or_fresh = |name| match self.secret(name)? {
            None if !was_begun => fresh().map(Some),
            kept => Ok(kept),
        };
        Ok(Secrets {
            box_key: kept_or_fresh(SecretName::BoxKey)?,
            contributions: kept_or_fresh(SecretName::Contributions)?,
            roots: self.secret(SecretName::Roots)?,
        })
    }

    /// Keeps a secret; when it returns, the secret is on disk.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep(&self, name: SecretName, bytes: &SecretBytes) -> Result<(), StoreError> {
        make_lasting_folder(&self.home.ceremony_secrets(self.ceremony), Access::Secret)?;
        Ok(write_atomic(&self.path(name), bytes.bytes(), Access::Secret)?)
    }

    /// Overwrites and removes a secret.
    ///
    /// # Errors
    /// Where it cannot be overwritten.
    pub fn destroy(&self, name: SecretName) -> Result<(), StoreError> {
        Ok(destroy(&self.path(name)).map(drop)?)
    }

    /// Remembers which certificate all trustees signed.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn certify(&self, certificate: Digest) -> Result<(), StoreError> {
        Ok(write_json(&self.home.ceremony(self.ceremony).join("certificate.json"), &certificate)?)
    }

    /// Returns which certificate all trustees signed, as far as this one saw it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn certified(&self) -> Result<Option<Digest>, StoreError> {
        Ok(read_json(&self.home.ceremony(self.ceremony).join("certificate.json"))?)
    }
}

/// Returns whether anything of a key is kept, of whatever ceremony.
pub fn holds_anything(home: &Home) -> bool {
    is_used(&home.ceremonies()).unwrap_or(true)
}

/// Overwrites and removes the secrets of all ceremonies; returns whether there were any.
///
/// # Errors
/// Where one cannot be overwritten.
pub fn destroy_all(home: &Home) -> Result<bool, FileError> {
    let folder = home.ceremonies();
    if !is_used(&folder)? {
        return Ok(false);
    }
    let mut had_any = false;
    for entry in std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))? {
        let ceremony = entry.map_err(FileError::io("list", &folder))?.path();
        for file in std::fs::read_dir(&ceremony).map_err(FileError::io("list", &ceremony))? {
            had_any |= destroy(&file.map_err(FileError::io("list", &ceremony))?.path())?;
        }
        std::fs::remove_dir(&ceremony).map_err(FileError::io("remove", &ceremony))?;
    }
    Ok(had_any)
}

fn fresh() -> Result<SecretBytes, StoreError> {
    let mut bytes = vec![0; 32];
    getrandom::fill(&mut bytes).map_err(|e| StoreError::Randomness(e.to_string()))?;
    Ok(SecretBytes::new(bytes))
}
