//! Joining: the steps by which an institution enters a federation, for the command line and for a fleet alike.

mod approve;
mod enrol;
mod error;

pub use approve::{agree, agree_trustees, look};
pub use enrol::enrol;
pub use error::JoinError;

use crate::{
    config::Config,
    home::Home,
    identity::{self, PublicFacts},
};
use runtime::files::{Access, make_folder, write_atomic};

const HEADER: &str =
    "# A participant of a Psephos federation; configs/participant.toml explains every key.\n\n";

/// Makes a new home with folders, fresh secrets and config; the caller has seen that it is not in use.
///
/// Only a simulation hands in the key of the shards, so that a seed decides them; otherwise it is random too.
pub fn make_home(
    home: &Home,
    config: &Config,
    shard_key: Option<&[u8; 32]>,
) -> Result<PublicFacts, JoinError> {
    config.check(&home.config())?;
    make_folder(home.root(), Access::Public)?;
    home.make_folders()?;
    let facts = identity::create(home, &config.name)?;
    if let Some(key) = shard_key {
        write_atomic(&home.secret().join("shard.key"), key, Access::Secret)?;
    }
    let text = config.to_toml().map_err(|e| JoinError::Config(e.to_string()))?;
    // The config comes last: a folder without it is no home yet.
    write_atomic(&home.config(), format!("{HEADER}{text}").as_bytes(), Access::Public)?;
    Ok(facts)
}
