//! The manifest: what a backup holds, with lengths and digests.

use base::{clock::Millis, ids::Digest};
use serde::{Deserialize, Serialize};

use crate::storage::DATABASE;

/// Form of the archives that this program writes; version 0.1 wrote form 1.
pub(super) const FORM: u32 = 2;
/// Name of the manifest, the first entry.
pub(super) const NAME: &str = "manifest.json";
/// Most bytes of a manifest: some hundred thousand blobs.
pub(super) const LARGEST: u64 = 64 << 20;

/// The first entry of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Form of the archive.
    pub form: u32,
    /// Version of the program that wrote it.
    pub version: String,
    /// When it was written.
    pub written_at: Millis,
    /// Hash of the federation, if one was founded.
    pub federation: Option<Digest>,
    /// Number of events of the transcript.
    pub events: u64,
    /// Digest of the last event.
    pub head: Digest,
    /// Everything else, in the order of the archive.
    pub files: Vec<Entry>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path below the data folder.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub sha256: Digest,
}

impl Entry {
    /// Returns whether a backup of ours could hold this path; nothing else is ever written.
    pub(super) fn is_expected(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        match parts.as_slice() {
            [name] => [DATABASE, "coordinator.toml"].contains(name),
            ["secret" | "tls", name] => is_plain(name),
            ["blobs", folder, name] => {
                name.parse::<Digest>().is_ok_and(|digest| digest == self.sha256)
                    && name.get(..2) == Some(folder)
            }
            _ => false,
        }
    }

    /// Returns whether only the owner may read it.
    pub(super) fn is_secret(&self) -> bool {
        self.path.starts_with("secret/")
    }
}

fn is_plain(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
}
