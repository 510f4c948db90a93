//! Where the two programs lie: beside whatever runs this.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Paths of the two programs under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// The program `coordinator`.
    pub coordinator: PathBuf,
    /// The program `participant`.
    pub participant: PathBuf,
}

impl Programs {
    /// Finds both beside this executable, or one folder up where a test lies in `deps`.
    pub fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("the path of this program is not known")?;
        let folder = own.parent().context("this program lies in no folder")?;
        let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        Self::in_folder(folder)
    }

    /// Finds both in a folder, and says how to build them if one is missing.
    pub fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let programs =
            Self { coordinator: folder.join("coordinator"), participant: folder.join("participant") };
        for path in [&programs.coordinator, &programs.participant] {
            if !path.is_file() {
                bail!("{} is missing: run `cargo build --workspace --bins` first", path.display());
            }
        }
        Ok(programs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_command_that_builds_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("coordinator"), "")?;
        let missing = Programs::in_folder(folder.path()).map_err(|e| e.to_string());
        let path = folder.path().join("participant");
        let expected = format!("{} is missing: run `cargo build --workspace --bins` first", path.display());
        assert_eq!(missing, Err(expected));
        std::fs::write(path, "")?;
        Programs::in_folder(folder.path())?;
        Ok(())
    }
}
