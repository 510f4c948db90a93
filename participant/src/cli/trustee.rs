//! `participant trustee`: shows who shares the key, asks, pins it and tells the coordinator; and goes on after an alarm.

use std::path::Path;

use base::{clock::Clock, ids::ParticipantId};
use serde_json::json;

use super::{
    Failure,
    arguments::TrusteeCommand,
    backup, block_on,
    output::{Output, confirm},
};
use crate::identity::load_token;
use crate::{
    agent::AgentError,
    approval::Membership,
    config::Config,
    home::Home,
    identity,
    joining::agree_trustees,
    transcript::Chain,
    trustee::{agreement::Seat, alarm::Alarms},
};
use client::{Client, Patience};
use runtime::SystemClock;

pub(super) fn run(root: &Path, command: TrusteeCommand, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    match command {
        TrusteeCommand::Approve { yes } => approve(&home, yes, output),
        TrusteeCommand::Resume { yes } => resume(&home, yes, output),
        TrusteeCommand::Backup { file } => backup::write(&home, &file, output),
        TrusteeCommand::Restore { file, passphrase_file } => {
            backup::restore(&home, &file, passphrase_file.as_deref(), output)
        }
    }
}

fn approve(home: &Home, yes: bool, output: &Output) -> Result<(), Failure> {
    let config = Config::load(home)?;
    let membership = Membership::load(home)?.ok_or(AgentError::NotEnrolled)?;
    let identity = identity::load(home)?;
    let client = Client::new(config.endpoint(&home.config())?, load_token(home)?, Patience::PERSON)?;
    let mut chain = Chain::peek(home, &membership)?;
    let replay = block_on(chain.follow(&client))??;
    let seat = Seat::find(&replay, membership.participant, identity.public())?;
    let roster = replay.roster();
    let name = |id: ParticipantId| roster.member(id).map_or(id.to_string(), |member| member.name.clone());
    let words = seat.in_words(replay.founding(), name);
    if !yes {
        confirm(&words, "share the decryption key with these trustees?", output)?;
    }
    let now = SystemClock.now();
    let pin = block_on(agree_trustees(home, &client, &membership, &identity, &seat, now))??;
    let approved = format!("approved trustees {}", pin.trustees);
    let words = if yes { format!("{words}\n\n{approved}") } else { approved };
    let facts = json!({
        "federation": pin.federation,
        "trustees": pin.trustees,
        "members": seat.trustees.members.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        "count": seat.sharing.trustees(),
        "threshold": seat.sharing.corrupt(),
        "quorum": seat.sharing.quorum(),
        "approved_at": pin.approved_at,
    });
    output.show(&words, &facts)
}

fn resume(home: &Home, yes: bool, output: &Output) -> Result<(), Failure> {
    let alarms = Alarms::of(home);
    let pending: Vec<_> = alarms.all()?.into_iter().filter(|alarm| alarm.seen_at.is_none()).collect();
    if pending.is_empty() {
        return output.show("there is no alarm that nobody has looked at", &json!({ "seen": pending }));
    }
    let lines = pending.iter().map(|alarm| format!("ALARM        {}: {}", alarm.raised_at, alarm.what));
    let words = lines.collect::<Vec<_>>().join("\n");
    if !yes {
        confirm(&words, "has a person looked at this, and may this trustee answer again?", output)?;
    }
    let seen = alarms.resume(SystemClock.now())?;
    output.show("this trustee answers again", &json!({ "seen": seen }))
}
