//! `participant enroll`: proves the identity, stores the token, and pins event 0.

use std::path::Path;

use serde_json::json;
use zeroize::Zeroizing;

use super::{Failure, arguments::EnrollArguments, block_on, output::Output};
use crate::{approval::Membership, config::Config, home::Home, joining::enrol};
use client::{Client, Patience};

pub(super) fn run(root: &Path, arguments: &EnrollArguments, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let invite = invite(arguments)?;
    let client = Client::new(config.endpoint(&home.config())?, None, Patience::PERSON)?;
    let membership = block_on(enrol(&home, &client, &invite, config.teachers.count))??;
    show(&membership, output)
}

/// Reads the invite from option, variable or file.
fn invite(arguments: &EnrollArguments) -> Result<Zeroizing<String>, Failure> {
    let text = match (&arguments.invite, &arguments.invite_file) {
        (Some(invite), _) => Zeroizing::new(invite.clone()),
        (None, Some(path)) => Zeroizing::new(
            std::fs::read_to_string(path)
                .map_err(|e| Failure::arguments(format_args!("--invite-file {}: {e}", path.display())))?,
        ),
        (None, None) => {
            return Err(Failure::arguments("give the invite with --invite-file, PSEPHOS_INVITE or --invite"));
        }
    };
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Failure::arguments("the invite is empty"));
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

pub(super) fn show(membership: &Membership, output: &Output) -> Result<(), Failure> {
    let config = &membership.founding.config;
    let federation = membership.federation();
    let role = if membership.trustee { ", and as its trustee" } else { "" };
    let words = format!(
        "enrolled as participant {} ({}) with {} teachers in {}{role}\nfederation  {federation}\nnext        \
         participant approve",
        membership.participant, membership.name, membership.teachers, config.name,
    );
    let facts = json!({
        "participant": membership.participant,
        "name": membership.name,
        "teachers": membership.teachers,
        "trustee": membership.trustee,
        "federation": federation,
        "federation_name": config.name,
        "insecure": config.insecure_settings(),
    });
    output.show(&words, &facts)
}
