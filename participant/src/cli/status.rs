//! `participant status`: what this home is, has approved, and waits for; with the coordinator's view if it answers.

use std::path::Path;

use serde_json::json;
use shared::{federation::FederationState, ids::Digest};

use super::{Failure, block_on, output::Output};
use crate::{
    approval::{Membership, Pin},
    client::{Client, ClientError, Patience},
    config::Config,
    home::{Home, HomeError},
    identity::Token,
    teacher::{
        ensemble::Training,
        journal::{Journal, Stage},
    },
};

/// Is what the coordinator says.
struct Live {
    state: FederationState,
    roster: Digest,
}

pub(super) fn run(root: &Path, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let membership = Membership::load(&home)?;
    let pin = match &membership {
        Some(membership) => Pin::load(&home, membership.federation())?,
        None => None,
    };
    let training = Training::load(&home)?;
    let waiting = Journal::of(&home).records()?.into_iter().filter(|r| r.stage == Stage::Waiting).count();
    let is_running = matches!(home.lock(), Err(HomeError::Locked(_)));
    let live = live(&home, &config)?;
    let mut lines = vec![
        format!("name         {}", config.name),
        format!("coordinator  {}", coordinator(&config, &live)),
    ];
    lines.push(match &membership {
        Some(m) => format!(
            "enrolled     participant {} of {} ({}){}",
            m.participant,
            m.founding.config.name,
            m.federation(),
            if m.trustee { ", trustee" } else { "" }
        ),
        None => "enrolled     no: participant enroll".to_owned(),
    });
    lines.push(approval(pin.as_ref(), live.as_ref().ok()));
    lines.push(match &training {
        Some(t) => format!(
            "teachers     {} trained on {} records (unit: {})",
            t.teachers,
            t.records.iter().sum::<usize>(),
            t.privacy_unit
        ),
        None => "teachers     not trained: participant train".to_owned(),
    });
    lines.push(format!("agent        {}", if is_running { "runs" } else { "does not run: participant run" }));
    lines.push(format!("waiting      {waiting} rounds for a person's approval"));
    let insecure = insecure(&config, membership.as_ref());
    let facts = json!({
        "name": config.name,
        "coordinator": config.coordinator,
        "reachable": live.is_ok(),
        "error": live.as_ref().err().map(ToString::to_string),
        "federation": membership.as_ref().map(Membership::federation),
        "federation_state": live.as_ref().ok().map(|live| live.state),
        "participant": membership.as_ref().map(|m| m.participant),
        "trustee": membership.as_ref().is_some_and(|m| m.trustee),
        "approved_roster": pin.map(|pin| pin.roster),
        "current_roster": live.as_ref().ok().map(|live| live.roster),
        "training": training,
        "agent_running": is_running,
        "rounds_waiting": waiting,
        "insecure": insecure,
    });
    lines.extend(insecure.iter().map(|name| format!("INSECURE     {name}")));
    output.show(&lines.join("\n"), &facts)
}

/// Asks the coordinator; that it is away is a fact and not a failure.
fn live(home: &Home, config: &Config) -> Result<Result<Live, ClientError>, Failure> {
    let token = Token::load(home)?;
    let patience = Patience { attempts: 1, ..Patience::PERSON };
    let client = Client::new(config.coordinator_url(&home.config())?, token, patience)?;
    block_on(async {
        let state = client.federation().await?.state;
        Ok(Live { state, roster: client.roster().await?.hash })
    })
}

fn coordinator(config: &Config, live: &Result<Live, ClientError>) -> String {
    match live {
        Ok(live) => format!("{} answers, the federation is {:?}", config.coordinator, live.state),
        Err(error) => format!("{}: {error}", config.coordinator),
    }
}

fn approval(pin: Option<&Pin>, live: Option<&Live>) -> String {
    match (pin, live) {
        (None, _) => "approved     nothing: participant approve".to_owned(),
        (Some(pin), Some(live)) if pin.roster != live.roster => {
            format!(
                "approved     roster {}, but the roster is now {}: participant approve",
                pin.roster, live.roster
            )
        }
        (Some(pin), _) => format!("approved     roster {} at {}", pin.roster, pin.approved_at),
    }
}

fn insecure(config: &Config, membership: Option<&Membership>) -> Vec<&'static str> {
    let federation = membership.map(|m| m.founding.config.insecure_settings()).unwrap_or_default();
    federation.into_iter().chain(config.insecure_settings()).collect()
}
