//! Archives that are whole, damaged, hostile, old and too new.

use std::{io::Cursor, os::unix::fs::PermissionsExt as _, path::Path};

use base::ids::Digest;

use super::*;
use crate::{
    home::{Home, operator_token_path},
    storage::Storage,
};
use base::clock::Clock as _;
use runtime::SystemClock;

async fn home() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let home = Home::open(folder.path())?;
    home.identity()?;
    home.operator_token()?;
    let storage = Storage::open(folder.path()).await?;
    storage.blobs().put(b"an artefact".to_vec()).await?;
    std::fs::write(folder.path().join("coordinator.toml"), "threads = 2\n")?;
    std::fs::write(folder.path().join("lock"), "")?;
    Ok(folder)
}

/// Backs a folder up and restores it after `spoil` changed the archive's bytes.
async fn round_trip(
    spoil: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> anyhow::Result<Result<tempfile::TempDir, String>> {
    let (from, place) = (home().await?, tempfile::tempdir()?);
    let archive = place.path().join("backup.tar");
    back_up(from.path(), &archive, SystemClock.now()).await?;
    assert_eq!(std::fs::metadata(&archive)?.permissions().mode() & 0o777, 0o600);
    std::fs::write(&archive, spoil(std::fs::read(&archive)?))?;
    let to = place.path().join("new");
    let outcome = restore(&archive, &to).await;
    assert_eq!(outcome.is_ok(), to.exists(), "all or nothing");
    assert!(!place.path().join("new.partial").exists(), "nothing half restored stays behind");
    Ok(outcome.map(|_| place).map_err(|e| e.to_string()))
}

fn rewrite(bytes: &[u8], change: impl Fn(&mut Manifest)) -> Vec<u8> {
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    let mut builder = tar::Builder::new(Vec::new());
    for entry in archive.entries().into_iter().flatten() {
        let mut entry = entry.unwrap_or_else(|e| panic!("{e}"));
        let (mut header, path) = (entry.header().clone(), entry.path().unwrap_or_default().into_owned());
        let mut content = Vec::new();
        std::io::copy(&mut entry, &mut content).unwrap_or_default();
        if path == Path::new("manifest.json") {
            let mut manifest = serde_json::from_slice(&content).unwrap_or_else(|e| panic!("{e}"));
            change(&mut manifest);
            content = serde_json::to_vec(&manifest).unwrap_or_default();
        }
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_slice()).unwrap_or_default();
    }
    builder.into_inner().unwrap_or_default()
}

#[tokio::test]
async fn what_is_restored_is_what_was_backed_up_and_secrets_stay_secret() -> anyhow::Result<()> {
    let place = round_trip(|bytes| bytes).await?.map_err(anyhow::Error::msg)?;
    let new = place.path().join("new");
    let mode = |path: &Path| std::fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777);
    assert_eq!(mode(&operator_token_path(&new))?, 0o600);
    assert_eq!(mode(&new.join("secret"))?, 0o700);
    assert_eq!(std::fs::read_to_string(new.join("coordinator.toml"))?, "threads = 2\n");
    let storage = Storage::open(&new).await?;
    assert_eq!(storage.blobs().get(Digest::of(b"an artefact")).await?, b"an artefact");
    let again = restore(&place.path().join("backup.tar"), &new).await;
    assert!(matches!(again, Err(BackupError::NotEmpty(_))));
    Ok(())
}

#[tokio::test]
async fn a_flipped_bit_a_cut_a_stranger_and_a_path_are_refused() -> anyhow::Result<()> {
    let refused = |outcome: Result<tempfile::TempDir, String>| outcome.err().unwrap_or_default();
    let flip = |mut bytes: Vec<u8>| {
        let needle = b"an artefact";
        let place = bytes.windows(needle.len()).rposition(|window| window == needle).unwrap_or_default();
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1;
        }
        bytes
    };
    assert!(refused(round_trip(flip).await?).contains("has digest"));
    let cut = |bytes: Vec<u8>| bytes.get(..bytes.len() / 2).unwrap_or_default().to_vec();
    assert!(!refused(round_trip(cut).await?).is_empty());
    let outside = |bytes: Vec<u8>| {
        rewrite(&bytes, |manifest| {
            for file in &mut manifest.files {
                file.path = format!("../{}", file.path);
            }
        })
    };
    assert!(refused(round_trip(outside).await?).contains("which no backup holds"));
    let fewer = |bytes: Vec<u8>| rewrite(&bytes, |manifest| drop(manifest.files.pop()));
    assert!(refused(round_trip(fewer).await?).contains("more than its manifest"));
    let longer = |bytes: Vec<u8>| rewrite(&bytes, |manifest| manifest.events = 7);
    assert!(refused(round_trip(longer).await?).contains("the manifest says"));
    Ok(())
}

#[tokio::test]
async fn a_backup_of_the_first_version_is_refused_in_one_sentence() -> anyhow::Result<()> {
    let first = |bytes: Vec<u8>| rewrite(&bytes, |manifest| manifest.form = 1);
    let refused = round_trip(first).await?.err().unwrap_or_default();
    assert!(refused.ends_with("was written by Psephos 0.1, and only that version restores it"), "{refused}");
    let later = |bytes: Vec<u8>| rewrite(&bytes, |manifest| manifest.form = 3);
    let refused = round_trip(later).await?.err().unwrap_or_default();
    assert!(refused.contains("its form is 3, this program reads 2"), "{refused}");
    Ok(())
}

#[test]
fn only_names_that_a_backup_writes_are_expected() {
    let entry = |path: &str| manifest::Entry { path: path.to_owned(), bytes: 0, sha256: Digest::of(b"x") };
    let blob = format!("blobs/{}/{}", &Digest::of(b"x").to_string()[..2], Digest::of(b"x"));
    for path in ["coordinator.sqlite", "secret/identity", "tls/server.pem", &blob] {
        assert!(entry(path).is_expected(), "{path}");
    }
    let other = blob.replacen("blobs/", "blobs/../", 1);
    for path in ["/etc/passwd", "secret/../x", "secret/.ssh", "secret/", "tls/a/b", "lock", "..", &other] {
        assert!(!entry(path).is_expected(), "{path}");
    }
}
