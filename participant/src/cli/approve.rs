//! `participant approve`: shows event 0 and roster in words, asks, pins both hashes and tells the coordinator.

use std::path::Path;

use base::clock::Clock;
use serde_json::json;

use super::{
    Failure,
    arguments::ApproveArguments,
    block_on,
    output::{Output, confirm},
};
use crate::identity::load_token;
use crate::{
    agent::AgentError,
    approval::{Membership, Pin, Review, in_words},
    config::Config,
    home::Home,
    identity,
    joining::{agree, look},
};
use client::{Client, Patience};
use runtime::SystemClock;

pub(super) fn run(root: &Path, arguments: &ApproveArguments, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let membership = Membership::load(&home)?.ok_or(AgentError::NotEnrolled)?;
    let identity = identity::load(&home)?;
    let client = Client::new(config.endpoint(&home.config())?, load_token(&home)?, Patience::PERSON)?;
    let review = block_on(look(&home, &client, &membership, &identity))??;
    if !arguments.yes {
        let words = in_words(&review, output.has_color());
        confirm(&words, "approve this federation and roster?", output)?;
    }
    let now = SystemClock.now();
    let pin = block_on(agree(&home, &client, &membership, &identity, &review, now))??;
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
