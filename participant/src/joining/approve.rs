//! Approval in two steps: look at what is shown, then agree to exactly that.

use base::{clock::Millis, identity::Identity};
use protocol::federation::Approval;

use super::JoinError;
use crate::{
    approval::{Membership, Pin, Review, approved_roster, review},
    home::Home,
    trustee::agreement::{Seat, TrusteePin},
};
use client::Client;

/// Fetches event 0 and roster and checks them against what this institution knows.
pub async fn look(
    home: &Home,
    client: &Client,
    membership: &Membership,
    identity: &Identity,
) -> Result<Review, JoinError> {
    let (federation, roster) = (client.federation().await?, client.roster().await?);
    let before = match Pin::load(home, membership.federation())? {
        Some(pin) => approved_roster(home, pin.federation, pin.roster)?,
        None => None,
    };
    let keys = (identity.public(), identity.sealing_key());
    Ok(review(membership, keys, federation, roster, before.as_ref())?)
}

/// Pins what was looked at and tells the coordinator.
pub async fn agree(
    home: &Home,
    client: &Client,
    membership: &Membership,
    identity: &Identity,
    review: &Review,
    now: Millis,
) -> Result<Pin, JoinError> {
    // Our own pin comes first: whatever the coordinator answers, this is what was agreed to.
    let pin = Pin::store(home, &review.roster, now)?;
    let approval = identity.sign(&Approval {
        federation: pin.federation,
        roster: pin.roster,
        participant: membership.participant,
    });
    client.approve(membership.participant, &approval).await?;
    Ok(pin)
}

/// Pins the other trustees, and tells the coordinator.
pub async fn agree_trustees(
    home: &Home,
    client: &Client,
    membership: &Membership,
    identity: &Identity,
    seat: &Seat,
    now: Millis,
) -> Result<TrusteePin, JoinError> {
    // Our own pin comes first here too.
    let pin = TrusteePin::store(home, seat, now)?;
    let approval = identity.sign(&pin.statement(membership.participant));
    client.approve_trustees(membership.participant, &approval).await?;
    Ok(pin)
}
