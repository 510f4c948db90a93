//! Permissions and room on the disk.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use runtime::doctor::Finding;

/// Returns whether others could read what is secret.
pub(super) fn permissions(home: &Path) -> Finding {
    const CHECK: &str = "permissions";
    let secret = home.join("secret");
    let remedy = format!("chmod -R go= {}", secret.display());
    let read = || -> std::io::Result<Vec<String>> {
        let mut exposed = Vec::new();
        let mut look = |path: &Path| -> std::io::Result<()> {
            let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                exposed.push(format!("{} has mode {mode:o}", path.display()));
            }
            Ok(())
        };
        look(&secret)?;
        for entry in std::fs::read_dir(&secret)? {
            look(&entry?.path())?;
        }
        Ok(exposed)
    };
    match read() {
        Ok(exposed) if exposed.is_empty() => Finding::ok(CHECK, "secrets are their owner's alone"),
        Ok(exposed) => Finding::fail(CHECK, exposed.join(", "), remedy),
        Err(error) => Finding::fail(
            CHECK,
            format!("{}: {error}", secret.display()),
            "run the doctor as the service's own user, or restore the folder from a backup",
        ),
    }
}

/// Compares what is free with what a round of a thousand instances needs.
pub(super) fn disk(home: &Path, needed: u64) -> Finding {
    const CHECK: &str = "disk";
    const REMEDY: &str = "make room on the volume of the data folder, or move the folder to a larger one";
    let free = match rustix::fs::statvfs(home) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => return Finding::fail(CHECK, format!("{}: {error}", home.display()), REMEDY),
    };
    let mega = |bytes: u64| bytes >> 20;
    let found = format!("{} MiB free, a round of 1000 instances needs {} MiB", mega(free), mega(needed));
    if free < needed {
        Finding::fail(CHECK, found, REMEDY)
    } else if free < needed.saturating_mul(10) {
        Finding::warn(CHECK, found, REMEDY)
    } else {
        Finding::ok(CHECK, found)
    }
}
