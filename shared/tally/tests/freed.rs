//! Secrets in memory as it is freed: what is not wiped by then lies there until somebody overwrites it.
//!
//! The secrets are recomputed here from the bytes that a ceremony begins with, after docs/TALLY.md alone; that they are right
//! is shown by what they open, make and fit. Stacks and registers are not searched.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "freed/allocator.rs"]
mod allocator;
#[path = "freed/ceremony.rs"]
mod ceremony;
#[path = "freed/secrets.rs"]
mod secrets;
#[path = "freed/session.rs"]
mod session;

use allocator::found;
use secrets::Secret;
use tally::sharing::Sharing;

/// Searches what a run frees, and asserts that the same search finds what is freed as it stands.
fn nothing_is_found(sharing: Sharing, what: &str, secrets: &[Secret], run: impl FnOnce()) {
    let names = found(secrets, run);
    assert!(names.is_empty(), "{sharing}, {what}: {} of {}: {names:?}", names.len(), secrets.len());
    for secret in [&secrets[0], &secrets[secrets.len() - 1]] {
        let control =
            found(secrets, || drop(std::hint::black_box([&[7; 5], secret.bytes.as_slice()].concat())));
        assert!(control.iter().eq([&secret.name]), "the control: {control:?}");
    }
}

#[test]
fn a_ceremony_frees_no_secret() {
    for sharing in Sharing::ALL {
        let stage = ceremony::run(sharing);
        assert_eq!(stage.keyed.len(), usize::from(sharing.trustees()));
        let key = secrets::Key::new(sharing, stage.first);
        key.belongs_to(&stage.keyed[0]);
        nothing_is_found(sharing, "a ceremony", &key.secrets(), || drop(ceremony::run(sharing)));
    }
}

/// All agree on what will be opened, and nobody opens: of a batch that ends like this nothing was ever published.
#[test]
fn a_session_that_stops_before_it_opens_frees_no_secret() {
    for sharing in Sharing::ALL {
        let stage = ceremony::run(sharing);
        let key = secrets::Key::new(sharing, stage.first);
        let task = session::Task::new(sharing, &stage.keyed[0].public_key);
        let whole = session::run(&task, &stage.keyed, None);
        assert_eq!(whole.labels.len(), usize::from(sharing.quorum()));
        let agreement = whole.agreement();
        let mut secrets = key.secrets();
        secrets.extend(task.phases(&key));
        secrets.extend(whole.draws(&key));
        secrets.extend(whole.opened(&key));
        nothing_is_found(sharing, "a session that stops", &secrets, || {
            let stopped = session::run(&task, &stage.keyed, Some(agreement));
            assert!(stopped.labels.is_empty() && stopped.sent.len() < whole.sent.len());
        });
    }
}

/// What was opened is no secret any more; everything else is.
#[test]
fn a_session_that_opens_its_labels_frees_no_other_secret() {
    for sharing in Sharing::ALL {
        let stage = ceremony::run(sharing);
        let key = secrets::Key::new(sharing, stage.first);
        let task = session::Task::new(sharing, &stage.keyed[0].public_key);
        let whole = session::run(&task, &stage.keyed, None);
        let mut secrets = key.secrets();
        secrets.extend(task.phases(&key));
        secrets.extend(whole.draws(&key));
        nothing_is_found(sharing, "a session", &secrets, || drop(session::run(&task, &stage.keyed, None)));
    }
}
