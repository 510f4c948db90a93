//! The pieces of the shared key that this trustee holds, in one file of mode 0600.

use threshold::{Package, Sharing};

use super::vault::VaultError;
use crate::home::Home;
use runtime::files::{Access, FileError, destroy as destroy_file, make_folder, read_secret, write_atomic};

/// Reads the package of a home, dealt for this sharing; `None` if none was received.
pub fn load(home: &Home, sharing: Sharing) -> Result<Option<Package>, VaultError> {
    let Some(bytes) = read_secret(&home.package())? else { return Ok(None) };
    Ok(Some(Package::from_bytes(&bytes, sharing)?))
}

/// Keeps a package that was checked, before it is acknowledged.
pub fn store(home: &Home, package: &Package) -> Result<(), FileError> {
    let path = home.package();
    if let Some(folder) = path.parent() {
        make_folder(folder, Access::Secret)?;
    }
    write_atomic(&path, &package.to_bytes(), Access::Secret)
}

/// Overwrites and removes the package of a home; returns whether there was one.
pub fn destroy(home: &Home) -> Result<bool, FileError> {
    destroy_file(&home.package())
}
