//! The home folder of one participant: where everything lies, and the lock that keeps a second agent out.
//!
//! ```text
//! HOME/participant.toml      the config
//! HOME/secret/  (0700)       identity, shard.key, token, trustee/key.bin or package.bin
//! HOME/public/               identity.json
//! HOME/teachers/             teacher-000.safetensors + .json or shard-000/, training.json
//! HOME/work/                 private folders of command teachers while they run
//! HOME/cache/blobs/          large public artefacts by digest; may be deleted, they are fetched again
//! HOME/state/                enrolment.json, approval.json, transcript.bin, rosters/, keys/, rounds/, trustee/,
//!                            openings.log
//! ```

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use base::ids::{Digest, RoundId};

use runtime::files::{Access, FileError, make_folder, refuse_exposed};

/// Why a home folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is no home yet.
    #[error("{path} is not a participant's home: run `participant init --home {path} ...` first", path = .0.display())]
    Missing(PathBuf),
    /// Another agent runs.
    #[error(
        "another agent runs on {path}: two agents on one home could draw noise twice; stop the other first",
        path = .0.display()
    )]
    Locked(PathBuf),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Folder that holds one participant's config, secrets, teachers and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// Lock that keeps other agents out of a home until it is dropped.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl Home {
    /// Returns a home without looking at the folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Opens a home that `participant init` made; its secrets must be the owner's alone.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let home = Self::at(root);
        if !home.config().is_file() {
            return Err(HomeError::Missing(home.root));
        }
        let secret = home.secret();
        let metadata = std::fs::metadata(&secret).map_err(FileError::io("read", &secret))?;
        refuse_exposed(&secret, metadata.permissions().mode())?;
        Ok(home)
    }

    /// Makes the folders of a new home.
    pub fn make_folders(&self) -> Result<(), FileError> {
        make_folder(&self.secret(), Access::Secret)?;
        make_folder(&self.public(), Access::Public)?;
        for folder in [self.rosters(), self.keys(), self.rounds(), self.openings()] {
            make_folder(&folder, Access::Public)?;
        }
        Ok(())
    }

    /// Takes the lock, or says that another agent holds it.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        let path = self.state().join("agent.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(FileError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(HomeLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(HomeError::Locked(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(FileError::io("lock", &path)(error).into()),
        }
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the config.
    pub fn config(&self) -> PathBuf {
        self.root.join("participant.toml")
    }

    /// Returns the folder of secrets.
    pub fn secret(&self) -> PathBuf {
        self.root.join("secret")
    }

    /// Returns the path of the sole trustee's key.
    pub fn trustee_key(&self) -> PathBuf {
        self.secret().join("trustee").join("key.bin")
    }

    /// Returns the folder of what may be shown to anyone.
    pub fn public(&self) -> PathBuf {
        self.root.join("public")
    }

    /// Returns the folder of trained teachers.
    pub fn teachers(&self) -> PathBuf {
        self.root.join("teachers")
    }

    /// Returns the folder in which command teachers work; it is gone between two rounds.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Returns the folder of everything the agent has to remember.
    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// Returns the folder of the rosters that were approved.
    pub fn rosters(&self) -> PathBuf {
        self.state().join("rosters")
    }

    /// Returns the path of an approved roster.
    pub fn roster(&self, hash: Digest) -> PathBuf {
        self.rosters().join(format!("{hash}.json"))
    }

    /// Returns the folder of the federation's public keys.
    pub fn keys(&self) -> PathBuf {
        self.state().join("keys")
    }

    /// Returns the folder of large public artefacts that the coordinator holds too; it may be deleted.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("cache").join("blobs")
    }

    /// Returns the path of such an artefact, whether it is there or not.
    pub fn blob(&self, digest: Digest) -> PathBuf {
        self.blobs().join(digest.to_string())
    }

    /// Returns the path of such an artefact if it is there; only what had its digest gets there.
    pub fn cached(&self, digest: Digest) -> Option<PathBuf> {
        Some(self.blob(digest)).filter(|path| path.is_file())
    }

    /// Returns the folder of all rounds.
    pub fn rounds(&self) -> PathBuf {
        self.state().join("rounds")
    }

    /// Returns the folder of one round.
    pub fn round(&self, round: RoundId) -> PathBuf {
        self.rounds().join(round.to_string())
    }

    /// Returns the folder of the key material that this trustee publishes.
    pub fn publication(&self) -> PathBuf {
        self.state().join("trustee").join("publication")
    }

    /// Returns the folder of this trustee's signed openings.
    pub fn openings(&self) -> PathBuf {
        self.state().join("trustee").join("openings")
    }

    /// Returns the path of the transcript's events that were seen.
    pub fn transcript(&self) -> PathBuf {
        self.state().join("transcript.bin")
    }

    /// Returns the path of this trustee's pieces of the shared key.
    pub fn package(&self) -> PathBuf {
        self.secret().join("trustee").join("package.bin")
    }

    /// Returns the folder of what this trustee has to remember.
    pub fn trustee(&self) -> PathBuf {
        self.state().join("trustee")
    }

    /// Returns the path of the append-only log of openings.
    pub fn openings_log(&self) -> PathBuf {
        self.state().join("openings.log")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_agents_cannot_run_on_one_home() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let first = home.lock().unwrap();
        assert!(matches!(home.lock(), Err(HomeError::Locked(_))));
        drop(first);
        home.lock().unwrap();
    }

    #[test]
    fn a_folder_without_config_or_with_exposed_secrets_is_no_home() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Home::open(folder.path()), Err(HomeError::Missing(_))));
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        std::fs::write(home.config(), "").unwrap();
        Home::open(folder.path()).unwrap();
        std::fs::set_permissions(home.secret(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let refused = Home::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("mode 755"), "{refused}");
    }
    #[test]
    fn only_a_whole_artefact_counts_as_cached() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let digest = Digest::of(b"a key");
        assert_eq!(home.cached(digest), None);
        make_folder(&home.blobs(), Access::Public).unwrap();
        std::fs::write(home.blobs().join(format!("{digest}.partial")), b"a k").unwrap();
        assert_eq!(home.cached(digest), None);
        std::fs::write(home.blob(digest), b"a key").unwrap();
        assert_eq!(home.cached(digest), Some(home.blob(digest)));
    }
}
