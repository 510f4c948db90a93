//! `participant approve`: shows event 0 and roster in words, asks, pins both hashes and tells the coordinator.

use std::path::Path;

use serde_json::json;
use shared::{clock::Clock, federation::Approval};

use super::{
    Failure,
    arguments::ApproveArguments,
    block_on,
    output::{Output, confirm},
};
use crate::{
    agent::AgentError,
    approval::{Membership, Pin, Review, approved_roster, in_words, review},
    client::{Client, ClientError, Patience},
    clock::SystemClock,
    config::Config,
    home::Home,
    identity::{self, Token},
};

pub(super) fn run(root: &Path, arguments: &ApproveArguments, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let membership = Membership::load(&home)?.ok_or(AgentError::NotEnrolled)?;
    let identity = identity::load(&home)?;
    let client = Client::new(config.coordinator_url(&home.config())?, Token::load(&home)?, Patience::PERSON)?;
    let (federation, roster) = block_on(async {
        let federation = client.federation().await?;
        Ok::<_, ClientError>((federation, client.roster().await?))
    })??;
    let before = match Pin::load(&home, membership.federation())? {
        Some(pin) => approved_roster(&home, pin.federation, pin.roster)?,
        None => None,
    };
    let keys = (identity.public(), identity.sealing_key());
    let review = review(&membership, keys, federation, roster, before.as_ref())?;
    if !arguments.yes {
        let words = in_words(&review, output.has_color());
        confirm(&words, "approve this federation and roster?", output)?;
    }
    // Our own pin comes first: whatever the coordinator answers, this is what was agreed to.
    let pin = Pin::store(&home, &review.roster, SystemClock.now())?;
    let approval = identity.sign(&Approval {
        federation: pin.federation,
        roster: pin.roster,
        participant: membership.participant,
    });
    block_on(client.approve(membership.participant, &approval))??;
    show(&review, &pin, arguments.yes, output)
}

fn show(review: &Review, pin: &Pin, was_silent: bool, output: &Output) -> Result<(), Failure> {
    let approved = format!("approved roster {} of federation {}", pin.roster, pin.federation);
    // Whoever passed --yes still gets to see what was approved.
    let words = match was_silent {
        true => format!("{}\n\n{approved}", in_words(review, output.has_color())),
        false => approved,
    };
    let preview = review.preview.as_ref();
    let facts = json!({
        "federation": pin.federation,
        "roster": pin.roster,
        "approved_at": pin.approved_at,
        "participants": review.roster.enrolled(),
        "teachers": review.roster.teachers(),
        "quorum": preview.ok().map(|p| p.quorum),
        "colluding": preview.ok().map(|p| p.colluding),
        "share_size": preview.ok().map(|p| p.share_size.to_f64()),
        "no_round_possible": preview.err(),
        "epsilon_per_label": review.epsilon.as_ref().ok(),
        "insecure": review.insecure,
    });
    output.show(&words, &facts)
}
