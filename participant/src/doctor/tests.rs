//! What needs no coordinator: homes that are missing, exposed, full or wrongly configured, and clocks that differ.

use std::{fs, os::unix::fs::PermissionsExt as _};

use base::clock::Millis;
use protocol::wire::Health;
use runtime::doctor::Severity;

use super::*;
use crate::identity;
use runtime::{SystemClock, files::write_atomic};

fn home(root: &Path) -> Home {
    let home = Home::at(root);
    home.make_folders().unwrap();
    identity::create(&home, "st-mary").unwrap();
    let text = "name = \"st-mary\"\ncoordinator = \"http://127.0.0.1:1\"\n[data]\npath = \"data\"\n[teachers]\ncount = 2\n";
    write_atomic(&home.config(), text.as_bytes(), runtime::files::Access::Public).unwrap();
    home
}

async fn trouble(root: &Path) -> Vec<(&'static str, Severity)> {
    let mut diagnosis = Diagnosis::default();
    examine(root, &SystemClock, &mut diagnosis).await;
    let checks = diagnosis.checks.into_iter().filter(|finding| finding.verdict != Severity::Ok);
    checks.map(|finding| (finding.check, finding.verdict)).collect()
}

#[tokio::test]
async fn a_missing_home_a_wrong_config_and_an_exposed_secret_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(trouble(folder.path()).await, [("home", Severity::Fail)]);
    let home = home(folder.path());
    let lonely = [("coordinator", Severity::Fail), ("enrolment", Severity::Fail)];
    assert_eq!(trouble(folder.path()).await, lonely, "nobody listens there, and it is not enrolled");

    let identity = home.secret().join("identity");
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(trouble(folder.path()).await.first(), Some(&("permissions", Severity::Fail)));
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();

    fs::write(home.config(), "name = 1").unwrap();
    assert_eq!(trouble(folder.path()).await, [("config", Severity::Fail)]);
}

#[test]
fn little_room_and_clocks_that_differ_are_seen() {
    assert_eq!(files::room(1 << 30).verdict, Severity::Ok);
    assert_eq!(files::room(100 << 20).verdict, Severity::Warn);
    assert_eq!(files::room(1 << 20).verdict, Severity::Fail);

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Millis {
            Millis(self.0)
        }
    }
    let health = Health { status: "ok".to_owned(), version: "0".to_owned(), now: Millis(1_000_000) };
    let cases = [(1_004_000, Severity::Ok), (970_000, Severity::Warn), (1_070_000, Severity::Fail)];
    for (now, expected) in cases {
        assert_eq!(coordinator::skew(&health, &At(now)).verdict, expected, "{now}");
    }
}
