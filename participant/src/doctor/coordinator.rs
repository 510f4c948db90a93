//! The way to the coordinator: TLS, version, clocks, token; and what it says of the federation.

use base::{clock::Clock, ids::Digest};
use protocol::wire::Health;
use runtime::doctor::{Diagnosis, Finding};

use crate::identity::load_token;
use crate::{config::Config, home::Home};
use client::{Client, ClientError, Patience};

/// Clocks that differ by more deserve a look; by this many milliseconds windows still mean the same to both.
const WARN_MS: u64 = 5_000;
/// By more, windows and daily limits mean different things.
const FAIL_MS: u64 = 60_000;

/// The coordinator's answers, as far as it was asked.
pub(super) struct Seen {
    pub(super) client: Client,
    pub(super) roster: Digest,
}

/// Checks the way there, step by step.
pub(super) async fn examine(
    home: &Home,
    config: &Config,
    clock: &dyn Clock,
    diagnosis: &mut Diagnosis,
) -> Option<Seen> {
    let client = match connect(home, config) {
        Ok(client) => client,
        Err(error) => {
            diagnosis.extend([Finding::fail("coordinator", error, super::files::RESTORE)]);
            return None;
        }
    };
    match client.health().await {
        Ok(health) => {
            let pinned = match config.coordinator_fingerprint {
                Some(pin) => format!("{} shows a certificate under {pin}", config.coordinator),
                None => format!("{} answers", config.coordinator),
            };
            diagnosis.extend([Finding::ok("coordinator", pinned), version(&health), skew(&health, clock)]);
        }
        Err(error) => {
            diagnosis.extend([unreachable(&error)]);
            return None;
        }
    }
    match ask(&client).await {
        Ok(roster) => {
            diagnosis.extend([Finding::ok("token", "accepted")]);
            Some(Seen { client, roster })
        }
        Err(error) => {
            let remedy = "if the institution was not revoked: participant enroll again for a fresh token";
            diagnosis.extend([Finding::fail("token", error.to_string(), remedy)]);
            None
        }
    }
}

fn connect(home: &Home, config: &Config) -> Result<Client, String> {
    let endpoint = config.endpoint(&home.config()).map_err(|e| e.to_string())?;
    let token = load_token(home).map_err(|e| e.to_string())?;
    let patience = Patience { attempts: 1, ..Patience::PERSON };
    Client::new(endpoint, token, patience).map_err(|e| e.to_string())
}

/// Returns the finding for a failed request: a certificate that is not accepted is more than a lost connection.
fn unreachable(error: &ClientError) -> Finding {
    const CHECK: &str = "coordinator";
    match error {
        ClientError::Certificate { .. } => {
            Finding::fail(CHECK, error.to_string(), "ask the operator by phone; never go on without")
        }
        _ => {
            let remedy =
                "check the address in participant.toml, this machine's network, and with the operator";
            Finding::unreachable(CHECK, error.to_string(), remedy)
        }
    }
}

fn version(health: &Health) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    if health.version == ours {
        return Finding::ok("version", format!("{ours}, as the coordinator"));
    }
    let found = format!("this program is {ours}, the coordinator is {}", health.version);
    Finding::warn("version", found, "install the version that the operator names")
}

/// Compares the two clocks.
pub(super) fn skew(health: &Health, clock: &dyn Clock) -> Finding {
    const REMEDY: &str = "let this machine follow NTP: timedatectl set-ntp true";
    let difference = health.now.0.abs_diff(clock.now().0);
    let found = format!("{difference} ms from the coordinator's");
    if difference <= WARN_MS {
        Finding::ok("clock", found)
    } else if difference <= FAIL_MS {
        Finding::warn("clock", found, REMEDY)
    } else {
        Finding::fail("clock", found, REMEDY)
    }
}

async fn ask(client: &Client) -> Result<Digest, ClientError> {
    Ok(client.roster().await?.hash)
}
