//! Files that survive a crash: written beside their place, synced, then renamed; secrets with mode 0600.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base::ids::Digest;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// Which file could not be used, what was tried and why.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The content is not what this version writes.
    #[error("{path} is damaged: {reason}; restore it from a backup", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Others could read a secret.
    #[error(
        "{path} can be read or written by others (mode {mode:o}): run `chmod go= {path}`, and if others could \
         have read it, make a new home", path = path.display()
    )]
    Exposed {
        /// Which file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl FileError {
    /// Wraps an error of the operating system with what was tried and where.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Returns the error for a file whose content is not acceptable.
    pub fn damaged(path: &Path, reason: &impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, as far as the umask permits.
    Public,
    /// The owner alone: mode 0600.
    Secret,
}

impl Access {
    /// Returns the permission bits of such a file.
    pub const fn mode(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Secret => 0o600,
        }
    }
}

/// Writes a file so that after a crash either the old or the new content is there, whole.
pub fn write_atomic(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let temporary = temporary_of(path);
    // A leftover of a crash could have another mode: it is removed, never reused.
    remove_if_there(&temporary)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(access.mode())
        .open(&temporary)
        .map_err(FileError::io("create", &temporary))?;
    file.write_all(bytes).map_err(FileError::io("write", &temporary))?;
    file.sync_all().map_err(FileError::io("sync", &temporary))?;
    fs::rename(&temporary, path).map_err(FileError::io("rename to", path))?;
    sync_folder_of(path)
}

fn temporary_of(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Makes a rename or removal in a file's folder durable.
pub fn sync_folder_of(path: &Path) -> Result<(), FileError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::io("sync", folder))
}

/// Removes a file; one that is not there is fine.
pub fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Overwrites a secret file with zeros, syncs, and removes it; returns whether it was there.
///
/// On file systems that copy on write, and on flash, older copies of the blocks may remain.
pub fn destroy(path: &Path) -> Result<bool, FileError> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(FileError::io("open", path)(error)),
    };
    let length = file.metadata().map_err(FileError::io("read", path))?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file).map_err(FileError::io("overwrite", path))?;
    file.sync_all().map_err(FileError::io("sync", path))?;
    fs::remove_file(path).map_err(FileError::io("remove", path))?;
    sync_folder_of(path)?;
    Ok(true)
}

/// Returns whether a folder holds anything; one that is not there does not.
pub fn is_used(folder: &Path) -> Result<bool, FileError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io("read", folder)(error)),
    }
}

/// Reads a file, or `None` if it is not there.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("read", path)(error)),
    }
}

/// Digests a file in bounded memory; `None` if it is not there.
pub fn digest_of(path: &Path) -> Result<Option<Digest>, FileError> {
    match Digest::of_file(path) {
        Ok(digest) => Ok(Some(digest)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::io("read", path)(error)),
    }
}

/// Reads a secret file after checking that nobody else can; `None` if it is not there.
pub fn read_secret(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::io("open", path)(error)),
    };
    let metadata = file.metadata().map_err(FileError::io("read", path))?;
    refuse_exposed(path, metadata.permissions().mode())?;
    // Allocated once: growing would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.read_to_end(&mut bytes).map_err(FileError::io("read", path))?;
    Ok(Some(bytes))
}

/// Refuses a secret file or folder that others can reach.
pub fn refuse_exposed(path: &Path, mode: u32) -> Result<(), FileError> {
    let mode = mode & 0o777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Makes a folder and those above it; one for secrets gets mode 0700.
pub fn make_folder(path: &Path, access: Access) -> Result<(), FileError> {
    let mode = match access {
        Access::Public => 0o755,
        Access::Secret => 0o700,
    };
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(FileError::io("create", path))
}

/// Reads a JSON file; `None` if it is not there.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let Some(bytes) = read_if_there(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| FileError::damaged(path, &error))
}

/// Writes a value as a public JSON file, atomically.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| FileError::damaged(path, &error))?;
    bytes.push(b'\n');
    write_atomic(path, &bytes, Access::Public)
}

/// Appends one JSON line to a log and syncs it.
pub fn append_json_line<T: Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut line = serde_json::to_vec(value).map_err(|error| FileError::damaged(path, &error))?;
    line.push(b'\n');
    let mut file =
        OpenOptions::new().append(true).create(true).open(path).map_err(FileError::io("open", path))?;
    file.write_all(&line).map_err(FileError::io("append to", path))?;
    file.sync_all().map_err(FileError::io("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_secret_file_is_for_its_owner_alone_and_an_exposed_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "old, readable by all").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_atomic(&path, b"new", Access::Secret).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read_secret(&path).unwrap().unwrap().as_slice(), b"new");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read_secret(&path).unwrap_err().to_string();
        assert!(refused.contains("mode 640") && refused.contains("chmod go="), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn a_destroyed_file_is_gone_and_its_bytes_were_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other_name) = (folder.path().join("key.bin"), folder.path().join("hard-link"));
        write_atomic(&path, &[7; 5000], Access::Secret).unwrap();
        fs::hard_link(&path, &other_name).unwrap();
        assert!(destroy(&path).unwrap());
        assert_eq!(fs::read(&other_name).unwrap(), [0; 5000], "the same blocks, seen under another name");
        assert!(!destroy(&path).unwrap(), "a second time there is nothing to destroy");
    }

    #[test]
    fn damaged_json_is_named_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.json");
        assert_eq!(read_json::<u32>(&path).unwrap(), None);
        fs::write(&path, "{").unwrap();
        let refused = read_json::<u32>(&path).unwrap_err().to_string();
        assert!(refused.contains("record.json is damaged"), "{refused}");
    }
}
