//! The secrets of an institution on disk: its identity, the key of its shards and its token.

use base::identity::{Identity, IdentityError, PublicIdentity, SealingKey};
use client::Token;
use learning::ShardKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::home::Home;
use runtime::files::{Access, FileError, read_secret, write_atomic, write_json};

/// Why a secret cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The identity cannot be used.
    #[error("secret/identity: {0}")]
    Identity(#[from] IdentityError),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
    /// A secret is missing.
    #[error("{name} is missing: {remedy}")]
    Missing {
        /// Path below the home.
        name: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

/// Reads the token from a home; `None` before enrolment.
pub fn load_token(home: &Home) -> Result<Option<Token>, SecretError> {
    let path = home.secret().join("token");
    let Some(bytes) = read_secret(&path)? else { return Ok(None) };
    let text = std::str::from_utf8(&bytes).map_err(|e| FileError::damaged(&path, &e))?;
    Ok(Some(Token::new(text.trim().to_owned())))
}

/// Writes the token to a home, mode 0600.
pub fn store_token(home: &Home, token: &Token) -> Result<(), SecretError> {
    Ok(write_atomic(&home.secret().join("token"), token.expose().as_bytes(), Access::Secret)?)
}

/// What others may know of an identity, as in `public/identity.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicFacts {
    /// Name of the participant, as in its config.
    pub name: String,
    /// Key that verifies its signatures.
    pub identity: PublicIdentity,
    /// Key to which messages for it are sealed.
    pub sealing: SealingKey,
}

/// Makes a fresh identity and a fresh shard key in a home.
pub fn create(home: &Home, name: &str) -> Result<PublicFacts, SecretError> {
    let identity = Identity::generate()?;
    let mut shard_key = Zeroizing::new([0_u8; 32]);
    getrandom::fill(shard_key.as_mut_slice()).map_err(|e| SecretError::Randomness(e.to_string()))?;
    write_atomic(&home.secret().join("identity"), &identity.to_secret_bytes(), Access::Secret)?;
    write_atomic(&home.secret().join("shard.key"), shard_key.as_slice(), Access::Secret)?;
    let (public, sealing) = (identity.public(), identity.sealing_key());
    let facts = PublicFacts { name: name.to_owned(), identity: public, sealing };
    write_json(&home.public().join("identity.json"), &facts)?;
    Ok(facts)
}

/// Reads the identity of a home.
pub fn load(home: &Home) -> Result<Identity, SecretError> {
    const MISSING: SecretError =
        SecretError::Missing { name: "secret/identity", remedy: "restore it from its backup" };
    let bytes = read_secret(&home.secret().join("identity"))?.ok_or(MISSING)?;
    Ok(Identity::from_secret_bytes(&bytes)?)
}

/// Reads the key that assigns persons to shards.
pub fn load_shard_key(home: &Home) -> Result<ShardKey, SecretError> {
    const MISSING: SecretError = SecretError::Missing {
        name: "secret/shard.key",
        remedy: "restore it from its backup: with another key every person moves to another teacher",
    };
    let path = home.secret().join("shard.key");
    let bytes = read_secret(&path)?.ok_or(MISSING)?;
    let mut key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| {
        FileError::damaged(&path, &format_args!("it holds {} bytes, expected 32", bytes.len()))
    })?;
    let shard_key = ShardKey::new(key);
    key.zeroize();
    Ok(shard_key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn secrets_have_mode_0600_in_a_folder_of_0700_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let facts = create(&home, "st-mary").unwrap();
        store_token(&home, &Token::new("abc".to_owned())).unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.secret()), 0o700);
        for entry in std::fs::read_dir(home.secret()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        assert_eq!(load(&home).unwrap().public(), facts.identity);
        let token = load_token(&home).unwrap().unwrap();
        assert_eq!((token.expose(), format!("{token:?}").as_str()), ("abc", "Token(secret)"));
        load_shard_key(&home).unwrap();
    }

    #[test]
    fn a_missing_or_short_secret_is_named_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        assert!(load(&home).unwrap_err().to_string().contains("restore it from its backup"));
        write_atomic(&home.secret().join("shard.key"), &[1; 31], Access::Secret).unwrap();
        assert!(load_shard_key(&home).unwrap_err().to_string().contains("31 bytes, expected 32"));
    }
}
