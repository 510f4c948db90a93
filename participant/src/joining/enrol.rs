//! Enrolment: proves the identity, stores the token, and pins event 0.

use base::ids::Digest;
use protocol::{federation::Enrolment, wire::Enrol};

use super::JoinError;
use crate::identity::store_token;
use crate::{approval::Membership, home::Home, identity};
use client::{Client, Token};

/// Enrols a home with an invite; the same invite again gives a fresh token.
pub async fn enrol(
    home: &Home,
    client: &Client,
    invite: &str,
    teachers: u32,
) -> Result<Membership, JoinError> {
    let identity = identity::load(home)?;
    let enrolment = identity.sign(&Enrolment {
        invite: Digest::of(invite.as_bytes()),
        identity: identity.public(),
        sealing: identity.sealing_key(),
        teachers,
    });
    let enrolled = client.enrol(&Enrol { invite: invite.to_owned(), enrolment }).await?;
    let membership = Membership {
        participant: enrolled.participant,
        name: enrolled.name,
        trustee: enrolled.trustee,
        teachers,
        founding: enrolled.founding,
    };
    refuse_other_federation(home, &membership)?;
    store_token(home, &Token::new(enrolled.token))?;
    membership.store(home)?;
    Ok(membership)
}

/// Event 0 is pinned at the first enrolment: this home never moves to another federation.
fn refuse_other_federation(home: &Home, membership: &Membership) -> Result<(), JoinError> {
    let (found, pinned) = (membership.federation(), Membership::load(home)?.map(|m| m.federation()));
    match pinned.filter(|pinned| *pinned != found) {
        Some(pinned) => Err(JoinError::OtherFederation { found, pinned }),
        None => Ok(()),
    }
}
