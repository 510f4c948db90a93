//! The home folder of one participant: where everything lies, and the lock that keeps a second agent out.
//!
//! ```text
//! HOME/participant.toml      the config
//! HOME/secret/  (0700)       identity, shard.key, token
//! HOME/secret/trustee/       key.bin of a sole trustee; of one among several: ceremonies/CEREMONY/roots.bin and, while it
//!                            is held, box-key.bin and contributions.bin; records/ROUND-STEP.journal, what was signed
//! HOME/public/               identity.json
//! HOME/teachers/             teacher-000.safetensors + .json or shard-000/, training.json
//! HOME/work/                 private folders of command teachers while they run
//! HOME/cache/blobs/          large public artefacts by digest; may be deleted, they are fetched again
//! HOME/state/                enrolment.json, approval.json, transcript.bin, rosters/, keys/, rounds/, openings.log
//! HOME/state/trustee/        approval.json; publication/ and openings/ of a sole trustee; of one among several:
//!                            ceremonies/CEREMONY/journal, labels/ROUND-STEP.json, standing.json, alarms.json
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
    /// It is of an older version.
    #[error(
        "{path} is of Psephos 0.1, whose trustees hold pieces that a dealer made: version 0.1 reads it, this version \
         does not", path = .0.display()
    )]
    Older(PathBuf),
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
        home.refuse_older()?;
        Ok(home)
    }

    /// Refuses the home of a trustee of version 0.1.
    pub fn refuse_older(&self) -> Result<(), HomeError> {
        let package = self.trustee_secrets().join("package.bin");
        if package.exists() { Err(HomeError::Older(package)) } else { Ok(()) }
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
        self.trustee_secrets().join("key.bin")
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
        self.trustee().join("publication")
    }

    /// Returns the folder of this trustee's signed openings.
    pub fn openings(&self) -> PathBuf {
        self.trustee().join("openings")
    }

    /// Returns the path of the transcript's events that were seen.
    pub fn transcript(&self) -> PathBuf {
        self.state().join("transcript.bin")
    }

    /// Returns the folder of what a trustee keeps secret.
    pub fn trustee_secrets(&self) -> PathBuf {
        self.secret().join("trustee")
    }

    /// Returns the folder of a trustee's secrets of all ceremonies.
    pub fn ceremonies(&self) -> PathBuf {
        self.trustee_secrets().join("ceremonies")
    }

    /// Returns the folder of a trustee's secrets of one ceremony.
    pub fn ceremony_secrets(&self, ceremony: Digest) -> PathBuf {
        self.ceremonies().join(ceremony.to_string())
    }

    /// Returns the folder of what a trustee said in one ceremony.
    pub fn ceremony(&self, ceremony: Digest) -> PathBuf {
        self.trustee().join("ceremonies").join(ceremony.to_string())
    }

    /// Returns the folder of the records of what a trustee signed, one journal per step.
    pub fn records(&self) -> PathBuf {
        self.trustee_secrets().join("records")
    }

    /// Returns the folder of the labels that a trustee opened together with others.
    pub fn labels(&self) -> PathBuf {
        self.trustee().join("labels")
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
    fn the_home_of_a_trustee_of_version_0_1_is_refused_with_the_version_that_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        std::fs::write(home.config(), "").unwrap();
        make_folder(&home.trustee_secrets(), Access::Secret).unwrap();
        Home::open(folder.path()).unwrap();
        std::fs::write(home.trustee_secrets().join("package.bin"), b"pieces").unwrap();
        let refused = Home::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("version 0.1 reads it"), "{refused}");
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
