//! `doctor`: what is wrong with this coordinator, and what helps.

use std::path::Path;

use base::clock::Clock as _;
use runtime::doctor::{Diagnosis, Finding, Health};

use super::{Address, Failure, output::Output};
use crate::doctor;
use runtime::SystemClock;

/// Clocks that differ by more deserve a look.
const SKEW_MS: u64 = 5_000;

pub(super) async fn run(home: &Path, address: &Address<'_>, output: Output) -> Result<(), Failure> {
    let mut diagnosis = Diagnosis::default();
    let runs = doctor::examine(home, &SystemClock, &mut diagnosis).await;
    if runs {
        diagnosis.extend(service(home, address).await);
    }
    output.fact(&diagnosis, || diagnosis.in_words())?;
    match diagnosis.health() {
        Health::Well => Ok(()),
        Health::Ill => Err(Failure::Job("the doctor found what does not work".to_owned())),
        Health::Alone => Err(Failure::Connection("only the running service cannot be reached".to_owned())),
    }
}

/// Asks the service itself: does it answer here, in which version, and by which clock?
async fn service(home: &Path, address: &Address<'_>) -> Vec<Finding> {
    const REMEDY: &str = "give --url (and --authority) as the service listens; its log says the address";
    let answer = async {
        let client = address.reach(home, None).map_err(|e| e.to_string())?;
        client.health().await.map_err(|e| e.to_string())
    };
    let health = match answer.await {
        Ok(health) => health,
        Err(error) => {
            return vec![Finding::unreachable("service", error, REMEDY)];
        }
    };
    let ours = env!("CARGO_PKG_VERSION");
    let version = if health.version == ours {
        Finding::ok("version", format!("{ours}, and so is the service"))
    } else {
        let found = format!("this program is {ours}, the service is {}", health.version);
        Finding::warn(
            "version",
            found,
            "restart the service after an upgrade: systemctl restart psephos-coordinator",
        )
    };
    let skew = health.now.0.abs_diff(SystemClock.now().0);
    let clock = match skew {
        0..=SKEW_MS => Finding::ok("service clock", format!("{skew} ms from this clock")),
        _ => Finding::warn(
            "service clock",
            format!("{skew} ms from this clock"),
            "let both machines follow NTP",
        ),
    };
    vec![Finding::ok("service", format!("{} answers", address.url)), version, clock]
}
