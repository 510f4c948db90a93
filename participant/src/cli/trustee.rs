//! `participant trustee approve`: shows who shares the key and who deals, asks, pins it and tells the coordinator.

use std::path::Path;

use base::{clock::Clock, ids::ParticipantId};
use serde_json::json;

use super::{
    Failure,
    arguments::TrusteeCommand,
    block_on,
    output::{Output, confirm},
};
use crate::identity::load_token;
use crate::{
    agent::AgentError, approval::Membership, config::Config, home::Home, identity, joining::agree_trustees,
    transcript::Chain, trustee::agreement::Seat,
};
use client::{Client, Patience};
use runtime::SystemClock;

pub(super) fn run(root: &Path, command: TrusteeCommand, output: &Output) -> Result<(), Failure> {
    let TrusteeCommand::Approve { yes } = command;
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let membership = Membership::load(&home)?.ok_or(AgentError::NotEnrolled)?;
    let identity = identity::load(&home)?;
    let client = Client::new(config.endpoint(&home.config())?, load_token(&home)?, Patience::PERSON)?;
    let mut chain = Chain::peek(&home, &membership)?;
    let replay = block_on(chain.follow(&client))??;
    let participant = membership.participant;
    let seat = Seat::find(&replay, participant, (identity.public(), identity.sealing_key()))?;
    let roster = replay.roster();
    let name = |id: ParticipantId| roster.member(id).map_or(id.to_string(), |member| member.name.clone());
    let words = seat.in_words(replay.founding(), name);
    if !yes {
        confirm(&words, "share the decryption key with these trustees, dealt by this dealer?", output)?;
    }
    let now = SystemClock.now();
    let pin = block_on(agree_trustees(&home, &client, &membership, &identity, &seat, now))??;
    let approved = format!("approved trustees {} with {} as the dealer", pin.trustees, name(seat.dealer));
    let words = if yes { format!("{words}\n\n{approved}") } else { approved };
    let facts = json!({
        "federation": pin.federation,
        "trustees": pin.trustees,
        "members": seat.trustees.members.iter().map(|(id, _, _)| *id).collect::<Vec<_>>(),
        "count": seat.sharing.count(),
        "threshold": seat.sharing.threshold(),
        "dealer": pin.dealer,
        "approved_at": pin.approved_at,
    });
    output.show(&words, &facts)
}
