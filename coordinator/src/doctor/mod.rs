//! The doctor: every check of a coordinator's machine and data folder that needs no running service.

mod files;
mod records;

use std::path::Path;

use base::clock::Clock;
use fhe::Transform;
use runtime::doctor::{Diagnosis, Finding};

use crate::{
    config::{FileSettings, Settings},
    home::{Home, HomeError},
    storage::{DATABASE, Storage},
    tls::Facts,
};

/// Makes every check and returns whether a service runs on the folder.
pub async fn examine(home: &Path, clock: &dyn Clock, diagnosis: &mut Diagnosis) -> bool {
    if !home.join(DATABASE).exists() {
        let found = format!("{} holds no coordinator", home.display());
        diagnosis.extend([Finding::fail(
            "home",
            found,
            "name it with --home, or start `coordinator serve` once",
        )]);
        return false;
    }
    diagnosis.extend([files::permissions(home)]);
    let (lock, runs) = lock(home);
    diagnosis.extend([lock]);
    let settings = settings(home, diagnosis);
    diagnosis.extend(settings.as_ref().and_then(|settings| certificate(settings, clock)));
    if let (Some(settings), false) = (&settings, runs) {
        diagnosis.extend([address(settings)]);
    }
    let mut transform = Transform::default();
    let mut needed = records::LEAST_ROOM;
    match Storage::inspect(home).await {
        Ok(storage) => records::examine(home, &storage, clock, diagnosis, &mut transform, &mut needed).await,
        Err(error) => diagnosis.extend([Finding::fail("database", error.to_string(), records::RESTORE)]),
    }
    diagnosis.extend([files::disk(home, needed), Finding::arithmetic(transform)]);
    runs
}

fn lock(home: &Path) -> (Finding, bool) {
    match Home::open(home) {
        Ok(_) => (Finding::ok("lock", "free: no service runs on this folder"), false),
        Err(HomeError::Locked(_)) => (Finding::ok("lock", "held: a service runs on this folder"), true),
        Err(error) => {
            (Finding::fail("lock", error.to_string(), "run the doctor as the service's own user"), false)
        }
    }
}

fn settings(home: &Path, diagnosis: &mut Diagnosis) -> Option<Settings> {
    let path = home.join("coordinator.toml");
    let file = FileSettings::load(&path).and_then(|file| file.settle(home));
    match file {
        Ok(settings) => {
            diagnosis.extend([Finding::ok("settings", format!("{} and defaults", path.display()))]);
            Some(settings)
        }
        Err(error) => {
            let remedy = "`coordinator config check` shows every error";
            diagnosis.extend([Finding::fail("settings", error.to_string(), remedy)]);
            None
        }
    }
}

/// Days before its end at which a certificate deserves a look.
const SOON: i64 = 30;

fn certificate(settings: &Settings, clock: &dyn Clock) -> Option<Finding> {
    const CHECK: &str = "certificate";
    const RENEW: &str =
        "`coordinator tls renew`, or the issuer's own tool; then systemctl reload psephos-coordinator";
    let pair = settings.tls.as_ref()?;
    let facts = match pair.load().and_then(|_| Facts::load(&pair.certificate)) {
        Ok(facts) => facts,
        Err(error) => return Some(Finding::fail(CHECK, error.to_string(), RENEW)),
    };
    let (days, now) = (facts.days_left(clock.now()), clock.now());
    let found = format!("for {}, {days} days left, {}", facts.names.join(", "), facts.fingerprint);
    Some(match days {
        _ if now < facts.from => {
            Finding::fail(CHECK, format!("{found}, holds from {}", facts.from), "set the clock, or wait")
        }
        ..0 => Finding::fail(CHECK, found, RENEW),
        0..SOON => Finding::warn(CHECK, found, RENEW),
        _ => Finding::ok(CHECK, found),
    })
}

/// Returns whether the service could listen.
fn address(settings: &Settings) -> Finding {
    match std::net::TcpListener::bind(settings.listen) {
        Ok(_) => Finding::ok("address", format!("{} is free", settings.listen)),
        Err(error) => Finding::fail(
            "address",
            format!("{}: {error}", settings.listen),
            "stop what listens there, or set another listen in coordinator.toml",
        ),
    }
}

#[cfg(test)]
mod tests;
