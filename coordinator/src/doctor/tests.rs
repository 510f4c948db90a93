//! Each thing broken on purpose, and the one check that turns red.

use std::os::unix::fs::PermissionsExt as _;

use base::clock::Millis;
use runtime::doctor::Severity;

use super::*;
use crate::tls;
use runtime::SystemClock;

async fn folder() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let home = Home::open(folder.path())?;
    home.identity()?;
    home.operator_token()?;
    Storage::open(folder.path()).await?;
    std::fs::write(folder.path().join("coordinator.toml"), "listen = \"127.0.0.1:0\"\n")?;
    Ok(folder)
}

/// Returns the names of the checks that are not well.
async fn trouble(home: &Path, clock: &dyn Clock) -> Vec<(&'static str, Severity)> {
    let mut diagnosis = Diagnosis::default();
    examine(home, clock, &mut diagnosis).await;
    let checks = diagnosis.checks.into_iter().filter(|finding| finding.verdict != Severity::Ok);
    checks.map(|finding| (finding.check, finding.verdict)).collect()
}

#[tokio::test]
async fn a_healthy_folder_has_no_trouble_and_none_at_all_has_one() -> anyhow::Result<()> {
    let folder = folder().await?;
    assert_eq!(trouble(folder.path(), &SystemClock).await, []);
    let empty = tempfile::tempdir()?;
    assert_eq!(trouble(empty.path(), &SystemClock).await, [("home", Severity::Fail)]);
    Ok(())
}

#[tokio::test]
async fn exposed_secrets_wrong_settings_and_a_taken_address_are_seen() -> anyhow::Result<()> {
    let folder = folder().await?;
    let home = folder.path();
    let token = crate::home::operator_token_path(home);
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644))?;
    assert_eq!(trouble(home, &SystemClock).await, [("permissions", Severity::Fail)]);
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600))?;

    std::fs::write(home.join("coordinator.toml"), "threads = 0")?;
    assert_eq!(trouble(home, &SystemClock).await, [("settings", Severity::Fail)]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    std::fs::write(home.join("coordinator.toml"), format!("listen = \"{}\"", taken.local_addr()?))?;
    assert_eq!(trouble(home, &SystemClock).await, [("address", Severity::Fail)]);
    // Where a service holds the folder, its own address is taken by right.
    let _running = Home::open(home)?;
    assert_eq!(trouble(home, &SystemClock).await, []);
    Ok(())
}

#[tokio::test]
async fn certificates_that_end_or_do_not_match_are_seen() -> anyhow::Result<()> {
    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Millis {
            Millis(self.0)
        }
    }
    let (folder, now) = (folder().await?, SystemClock.now().0);
    let home = folder.path();
    tls::make(home, &["coord.example.org".to_owned()], Millis(now))?;
    let day = 24 * 3600 * 1000;
    let cases =
        [(now, None), (now + 380 * day, Some(Severity::Warn)), (now + 400 * day, Some(Severity::Fail))];
    for (at, expected) in cases {
        let expected: Vec<_> = expected.map(|verdict| ("certificate", verdict)).into_iter().collect();
        assert_eq!(trouble(home, &At(at)).await, expected, "at {at}");
    }
    assert_eq!(trouble(home, &At(now - 9 * day)).await, [("certificate", Severity::Fail)]);
    let other = tempfile::tempdir()?;
    Home::prepare(other.path())?;
    tls::make(other.path(), &["coord.example.org".to_owned()], Millis(now))?;
    std::fs::copy(other.path().join("secret/tls.key"), home.join("secret/tls.key"))?;
    assert_eq!(trouble(home, &SystemClock).await, [("certificate", Severity::Fail)]);
    Ok(())
}

#[tokio::test]
async fn a_damaged_database_and_a_full_disk_are_seen() -> anyhow::Result<()> {
    let (source, folder) = (folder().await?, tempfile::tempdir()?);
    let home = folder.path();
    drop(Home::open(home)?);
    // A copy without a journal beside it, which would heal the pages.
    Storage::inspect(source.path()).await?.copy_to(&home.join(DATABASE)).await?;
    assert_eq!(files::disk(home, u64::MAX).verdict, Severity::Fail);
    assert_eq!(files::disk(home, 1).verdict, Severity::Ok);
    // The middle of the file: pages of tables, not the header.
    let path = home.join(DATABASE);
    let mut bytes = std::fs::read(&path)?;
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).take(9000).for_each(|byte| *byte = 0xA5);
    std::fs::write(&path, bytes)?;
    let found = trouble(home, &SystemClock).await;
    assert!(found.contains(&("database", Severity::Fail)), "{found:?}");
    Ok(())
}
