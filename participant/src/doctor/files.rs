//! Permissions and room on the disk.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use runtime::doctor::Finding;

use crate::home::Home;
use runtime::files::refuse_exposed;

/// What helps against damaged files of the home.
pub(super) const RESTORE: &str = "restore the home from its backup";
/// What helps against a full disk.
const ROOM: &str = "make room on the volume of the home; HOME/cache may be deleted";
/// Room for keys, ballots and the transcript of many rounds.
const NEEDED: u64 = 256 << 20;

/// Checks that nobody else can read what is secret.
pub(super) fn permissions(home: &Home) -> Finding {
    const CHECK: &str = "permissions";
    let secret = home.secret();
    match look(&secret) {
        Ok(()) => Finding::ok(CHECK, "secrets are their owner's alone"),
        Err(found) => Finding::fail(CHECK, found, format!("chmod -R go= {}", secret.display())),
    }
}

fn look(folder: &Path) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let metadata = fs::metadata(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        refuse_exposed(&path, metadata.permissions().mode()).map_err(|e| e.to_string())?;
        if metadata.is_dir() {
            look(&path)?;
        }
    }
    Ok(())
}

/// Checks that there is room.
pub(super) fn disk(home: &Home) -> Finding {
    match rustix::fs::statvfs(home.root()) {
        Ok(stat) => room(stat.f_bavail.saturating_mul(stat.f_frsize)),
        Err(error) => Finding::fail("disk", format!("{}: {error}", home.root().display()), ROOM),
    }
}

/// Judges so many free bytes.
pub(super) fn room(free: u64) -> Finding {
    let found = format!("{} MiB free, {} MiB are enough", free >> 20, NEEDED >> 20);
    if free < NEEDED / 8 {
        Finding::fail("disk", found, ROOM)
    } else if free < NEEDED {
        Finding::warn("disk", found, ROOM)
    } else {
        Finding::ok("disk", found)
    }
}
