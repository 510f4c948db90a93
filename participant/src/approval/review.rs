//! The review before an approval: what must hold, and what a person has to see.

use base::{
    clock::Millis,
    identity::{PublicIdentity, SealingKey},
    ids::{Digest, ParticipantId, RoundId},
};
use privacy::Epsilon;
use protocol::{
    federation::{Founding, Roster},
    round::{Announcement, RoundRequest},
    wire::{FederationView, RosterView},
};

use super::Membership;

/// Why a roster cannot even be offered for approval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// The coordinator now shows another event 0.
    #[error(
        "the coordinator shows federation {found}, but this institution enrolled in {pinned}: nothing is approved; \
         ask the operator what happened"
    )]
    FoundingChanged {
        /// Hash of what the coordinator shows.
        found: Digest,
        /// Hash pinned at enrolment.
        pinned: Digest,
    },
    /// A stated hash is not that of the content.
    #[error(
        "the coordinator states hash {stated} for the {what}, but its content has {computed}: nothing is approved"
    )]
    Hash {
        /// Which content.
        what: &'static str,
        /// Hash stated.
        stated: Digest,
        /// Hash computed here.
        computed: Digest,
    },
    /// The institution is not on the roster.
    #[error("participant {0} is not on the roster: it was revoked, or enrolled elsewhere")]
    NotOnRoster(ParticipantId),
    /// The roster says something else about this institution than it enrolled with.
    #[error(
        "the roster shows another {field} for participant {participant} than it enrolled with: nothing is approved"
    )]
    OwnEntry {
        /// This participant.
        participant: ParticipantId,
        /// What differs.
        field: &'static str,
    },
    /// A trustee is another than in the roster approved before.
    #[error("a trustee changed since the last approval, but trustees are fixed: nothing is approved")]
    TrusteeChanged,
    /// More trustees than event 0 has seats for.
    #[error("the roster names {found} trustees, but event 0 has seats for {seats}: nothing is approved")]
    Trustees {
        /// Trustees on the roster.
        found: usize,
        /// Seats in event 0.
        seats: usize,
    },
}

/// ε for one label at the federation's δ, or why none can be stated.
pub type EpsilonPerLabel = Result<Epsilon, String>;

/// What a person approves: event 0 and roster, checked, with what follows from them.
#[derive(Debug, Clone)]
pub struct Review {
    /// Event 0.
    pub founding: Founding,
    /// The roster.
    pub roster: Roster,
    /// The announcement that a round of one instance would have; or why no round is possible.
    pub preview: Result<Announcement, String>,
    /// What one label costs.
    pub epsilon: EpsilonPerLabel,
    /// Settings of the federation that weaken security, by name.
    pub insecure: Vec<&'static str>,
}

/// Checks what the coordinator shows against what this institution knows, and prepares it for a person.
pub fn review(
    membership: &Membership,
    keys: (PublicIdentity, SealingKey),
    federation: FederationView,
    roster: RosterView,
    approved_before: Option<&Roster>,
) -> Result<Review, ApprovalError> {
    let (pinned, found) = (membership.federation(), federation.founding.digest());
    if found != pinned {
        return Err(ApprovalError::FoundingChanged { found, pinned });
    }
    check_hash("federation", federation.hash, found)?;
    check_hash("roster", roster.hash, roster.roster.digest())?;
    check_hash("roster's federation", roster.roster.federation, pinned)?;
    let (founding, roster) = (federation.founding, roster.roster);
    check_own_entry(membership, keys, &roster)?;
    check_trustees(&founding, &roster, approved_before)?;
    let preview = preview(&founding, &roster);
    let epsilon = preview
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|preview| preview.epsilon(&founding, &roster).map_err(|e| e.to_string()));
    let insecure = founding.config.insecure_settings();
    Ok(Review { founding, roster, preview, epsilon, insecure })
}

fn check_hash(what: &'static str, stated: Digest, computed: Digest) -> Result<(), ApprovalError> {
    if stated != computed {
        return Err(ApprovalError::Hash { what, stated, computed });
    }
    Ok(())
}

fn check_own_entry(
    membership: &Membership,
    (identity, sealing): (PublicIdentity, SealingKey),
    roster: &Roster,
) -> Result<(), ApprovalError> {
    let participant = membership.participant;
    let own = roster.member(participant).ok_or(ApprovalError::NotOnRoster(participant))?;
    let same = [
        ("identity", own.identity == identity),
        ("sealing key", own.sealing == sealing),
        ("number of teachers", own.teachers == membership.teachers),
        ("trusteeship", own.trustee == membership.trustee),
        ("name", own.name == membership.name),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(ApprovalError::OwnEntry { participant, field }),
        None => Ok(()),
    }
}

/// Seats may fill up between two approvals; whoever sat there stays.
fn check_trustees(
    founding: &Founding,
    roster: &Roster,
    before: Option<&Roster>,
) -> Result<(), ApprovalError> {
    let (found, seats) = (roster.trustees().count(), usize::from(founding.config.trustees.count));
    if found > seats {
        return Err(ApprovalError::Trustees { found, seats });
    }
    let mut known = before.into_iter().flat_map(Roster::trustees);
    match known.find(|trustee| roster.member(trustee.id) != Some(*trustee)) {
        Some(_) => Err(ApprovalError::TrusteeChanged),
        None => Ok(()),
    }
}

/// Derives what a round of one instance would fix, for showing quorum, collusion and shares.
fn preview(founding: &Founding, roster: &Roster) -> Result<Announcement, String> {
    let nothing = Digest::from_bytes([0; 32]);
    let request = RoundRequest {
        round: RoundId::from_bytes([0; 16]),
        instances: nothing,
        instance_count: 1,
        keys: nothing,
        opens_at: Millis(0),
        closes_at: Millis(1),
    };
    Announcement::derive(founding, roster, &request).map_err(|e| e.to_string())
}
