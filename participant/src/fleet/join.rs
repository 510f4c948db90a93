//! Enrolment and approval of a whole fleet, one member after the other, so that numbers follow the order.

use base::clock::Clock;
use protocol::wire::RosterView;

use super::{FleetError, Member, invites::Entry, progress::Progress};
use crate::identity::load_token;
use crate::{
    agent::{AgentError, Commons},
    approval::{Membership, Pin, Review},
    config::Config,
    identity,
    joining::{JoinError, agree, agree_trustees, enrol as enrol_home, look},
    transcript::Chain,
    trustee::agreement::{Seat, TrusteePin},
};
use client::Client;
use runtime::SystemClock;

/// Enrols everybody who is not; the same invite again would only give a fresh token.
pub(super) async fn enrol(
    members: &[Member],
    commons: &Commons,
    invites: &[Entry],
) -> Result<Membership, FleetError> {
    let progress = Progress::start("enrolled", members.len());
    let mut first = None;
    for (index, member) in members.iter().enumerate() {
        let membership = enrol_one(member, commons, invites, index).await?;
        first.get_or_insert(membership);
        progress.done_one();
    }
    progress.finish();
    first.ok_or(FleetError::Participants { found: 0 })
}

async fn enrol_one(
    member: &Member,
    commons: &Commons,
    invites: &[Entry],
    index: usize,
) -> Result<Membership, FleetError> {
    let fail = |e: JoinError| FleetError::member(&member.name, e);
    let has_token = load_token(&member.home).map_err(|e| fail(e.into()))?.is_some();
    if let Some(membership) = Membership::load(&member.home)?.filter(|_| has_token) {
        return Ok(membership);
    }
    let missing = || FleetError::NoInvite { name: member.name.clone(), given: invites.len() };
    let invite = invites.get(index).ok_or_else(missing)?;
    let config = Config::load(&member.home).map_err(|e| fail(e.into()))?;
    enrol_home(&member.home, &commons.client(None), &invite.secret, config.teachers.count).await.map_err(fail)
}

/// Approves the roster as it is now for every member; returns what was approved, if anybody had to.
pub(super) async fn approve(members: &[Member], commons: &Commons) -> Result<Option<Review>, FleetError> {
    let progress = Progress::start("approved", members.len());
    let (mut roster, mut approved) = (None, None);
    for member in members {
        let fail = |e: &dyn std::fmt::Display| FleetError::member(&member.name, e);
        let token = load_token(&member.home).map_err(|e| fail(&e))?;
        let client = commons.client(token);
        if roster.is_none() {
            roster = Some(client.roster().await.map_err(|e| fail(&e))?);
        }
        let Some(roster) = &roster else { continue };
        if let Some(review) = approve_one(member, &client, roster).await.map_err(|e| fail(&e))? {
            approved = Some(review);
        }
        progress.done_one();
    }
    progress.finish();
    approve_trustees(members, commons).await?;
    Ok(approved)
}

/// Approves unless this very roster is approved already, here and at the coordinator.
async fn approve_one(
    member: &Member,
    client: &Client,
    roster: &RosterView,
) -> Result<Option<Review>, JoinError> {
    let home = &member.home;
    let Some(membership) = Membership::load(home)? else { return Ok(None) };
    let standing = roster.standing.iter().find(|one| one.participant == membership.participant);
    let is_told = standing.is_some_and(|one| one.approved == Some(roster.hash));
    let pin = Pin::load(home, membership.federation())?;
    if is_told && pin.is_some_and(|pin| pin.roster == roster.hash) {
        return Ok(None);
    }
    let identity = identity::load(home)?;
    let review = look(home, client, &membership, &identity).await?;
    agree(home, client, &membership, &identity, &review, SystemClock.now()).await?;
    Ok(Some(review))
}

/// Approves, for the trustees among the members, each other, where there are several.
async fn approve_trustees(members: &[Member], commons: &Commons) -> Result<(), FleetError> {
    for member in members {
        let fail = |e: &dyn std::fmt::Display| FleetError::member(&member.name, e);
        let membership = Membership::load(&member.home)?.ok_or_else(|| fail(&AgentError::NotEnrolled))?;
        let is_due = membership.trustee
            && !membership.founding.config.trustees.is_sole()
            && TrusteePin::load(&member.home, membership.federation()).map_err(|e| fail(&e))?.is_none();
        if is_due {
            let token = load_token(&member.home).map_err(|e| fail(&e))?;
            seat_one(member, &commons.client(token), &membership).await.map_err(|e| fail(&e))?;
        }
    }
    Ok(())
}

async fn seat_one(member: &Member, client: &Client, membership: &Membership) -> Result<(), JoinError> {
    let home = &member.home;
    let identity = identity::load(home)?;
    let replay = Chain::peek(home, membership)?.follow(client).await?;
    let seat = Seat::find(&replay, membership.participant, identity.public())?;
    agree_trustees(home, client, membership, &identity, &seat, SystemClock.now()).await?;
    Ok(())
}
