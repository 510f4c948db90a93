//! The coordinator's data folder: lock, identity and the operator's token.
//!
//! ```text
//! HOME/coordinator.sqlite   federation, rounds, ledger of ballots, transcript
//! HOME/blobs/               artefacts by digest
//! HOME/secret/identity      signing key, mode 0600
//! HOME/secret/operator.token  bearer token of the operator, mode 0600
//! HOME/tls/, HOME/secret/*.key  certificates and keys that `tls init` made
//! HOME/lock                 held while `serve` runs
//! ```

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base::identity::{Identity, IdentityError};

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another coordinator runs on this folder.
    #[error("{0} is in use by another coordinator: stop it, or choose another --home")]
    Locked(PathBuf),
    /// The identity is damaged or cannot be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// An opened data folder; dropping it releases the lock.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    _lock: File,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::File { path, source }
}

/// Returns the path of the operator's token in a data folder.
pub fn operator_token_path(folder: &Path) -> PathBuf {
    folder.join("secret").join("operator.token")
}

fn identity_path(folder: &Path) -> PathBuf {
    folder.join("secret").join("identity")
}

/// Draws a bearer token: 256 random bits as hex.
pub fn random_token() -> Result<String, IdentityError> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| IdentityError::Randomness(e.to_string()))?;
    Ok(hex::encode(bytes))
}

impl Home {
    /// Makes the folder and the one of its secrets, if they are not there.
    pub fn prepare(folder: &Path) -> Result<(), HomeError> {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        let secret = folder.join("secret");
        if !secret.exists() {
            DirBuilder::new().mode(0o700).create(&secret).map_err(at(&secret))?;
        }
        Ok(())
    }

    /// Opens the folder for one coordinator, and creates it if it is new.
    pub fn open(folder: &Path) -> Result<Self, HomeError> {
        Self::prepare(folder)?;
        let path = folder.join("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(HomeError::Locked(folder.to_owned())),
            Err(std::fs::TryLockError::Error(source)) => Err(HomeError::File { path, source }),
        }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the coordinator's identity without a lock; `None` if none was made.
    pub fn read_identity(folder: &Path) -> Result<Option<Identity>, HomeError> {
        let stored = read_secret(&identity_path(folder))?;
        Ok(stored.map(|bytes| Identity::from_secret_bytes(&bytes)).transpose()?)
    }

    /// Returns the coordinator's identity; the first call makes it.
    pub fn identity(&self) -> Result<Identity, HomeError> {
        if let Some(identity) = Self::read_identity(&self.folder)? {
            return Ok(identity);
        }
        let path = identity_path(&self.folder);
        let identity = Identity::generate()?;
        write_secret(&path, &identity.to_secret_bytes())?;
        Ok(identity)
    }

    /// Returns the operator's token; the first call draws it.
    pub fn operator_token(&self) -> Result<String, HomeError> {
        let path = operator_token_path(&self.folder);
        if let Some(bytes) = read_secret(&path)? {
            return Ok(String::from_utf8_lossy(&bytes).trim().to_owned());
        }
        let token = random_token()?;
        write_secret(&path, token.as_bytes())?;
        Ok(token)
    }
}

fn read_secret(path: &Path) -> Result<Option<Vec<u8>>, HomeError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(path)(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(at(path))?;
    Ok(Some(bytes))
}

/// Writes beside the final name and renames, so that a crash leaves no half-written secret.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let partial = path.with_extension("partial");
    let options = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).clone();
    let mut file = options.open(&partial).map_err(at(&partial))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&partial))?;
    std::fs::rename(&partial, path).map_err(at(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_only_the_owner_may_read_them() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let home = Home::open(folder.path())?;
        let (identity, token) = (home.identity()?.public(), home.operator_token()?);
        assert_eq!(home.identity()?.public(), identity);
        assert_eq!(home.operator_token()?, token);
        let mode = std::fs::metadata(operator_token_path(folder.path()))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }

    #[test]
    fn two_coordinators_never_share_a_folder() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let first = Home::open(folder.path())?;
        assert!(matches!(Home::open(folder.path()), Err(HomeError::Locked(_))));
        drop(first);
        Home::open(folder.path())?;
        Ok(())
    }
}
