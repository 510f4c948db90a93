//! The federation, its invites, its roster and its keys.

use serde::{Deserialize, Serialize};

use crate::federation::{Enrolment, FederationConfig, FederationState, Founding, KeyCertificate, Roster};
use base::{
    clock::Millis,
    identity::{Signed, SignedStatement},
    ids::{Digest, ParticipantId},
};

/// `POST /federation`: founds the federation.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The operator's config.
    pub config: FederationConfig,
}

/// `GET /federation`: what the federation is and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FederationView {
    /// Hash of event 0.
    pub hash: Digest,
    /// Event 0.
    pub founding: Founding,
    /// Where it stands.
    pub state: FederationState,
    /// Settings that weaken security, by name; empty when all is well.
    pub insecure: Vec<String>,
    /// Digest of the certificate of the keys, once published.
    pub keys: Option<Digest>,
    /// How far the trustees are; `None` with one trustee.
    pub ceremony: Option<CeremonyView>,
}

/// Progress of several trustees in making a key together.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CeremonyView {
    /// Hash of the list of trustees, once all seats are taken.
    pub trustees: Option<Digest>,
    /// The ceremony that is held, once all have agreed and until there are keys.
    pub ceremony: Option<Digest>,
    /// What each trustee did, in the order of their numbers.
    pub steps: Vec<TrusteeSteps>,
    /// The ceremonies that ended without a key.
    pub ended: Vec<DeadCeremony>,
    /// What is waited for, in words; `None` once the federation is keyed.
    pub waits_for: Option<String>,
}

/// A ceremony that ended without a key.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeadCeremony {
    /// Its name.
    pub ceremony: Digest,
    /// Who lied, by what everybody showed.
    pub named: Vec<ParticipantId>,
}

/// Steps of one trustee in the ceremony.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrusteeSteps {
    /// The trustee.
    pub participant: ParticipantId,
    /// Its name.
    pub name: String,
    /// Whether a person there approved the trustees.
    pub approved: bool,
    /// How many of the four messages of the ceremony it has sent: box key, contributions, pieces, certificate.
    pub said: u32,
}

/// `POST /invites`: invites one institution.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvite {
    /// Name of the participant, unique in the federation.
    pub name: String,
    /// Whether it becomes the trustee.
    #[serde(default)]
    pub trustee: bool,
}

/// Answer to [`NewInvite`]; the secret is shown once.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Invite {
    /// Name of the participant.
    pub name: String,
    /// The secret that enrols it, once.
    pub invite: String,
}

/// `POST /enrolments`: enrols with an invite; the same invite and keys again give a fresh token.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The invite's secret.
    pub invite: String,
    /// Proof that the sender holds the keys it names.
    #[schema(value_type = SignedStatement)]
    pub enrolment: Signed<Enrolment>,
}

/// Answer to [`Enrol`].
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Enrolled {
    /// Number of the participant.
    pub participant: ParticipantId,
    /// Name that the operator gave it.
    pub name: String,
    /// Whether it is the trustee.
    pub trustee: bool,
    /// Bearer token for every later request; the coordinator keeps only its hash.
    pub token: String,
    /// Event 0.
    pub founding: Founding,
}

/// `GET /roster?limit=&after=`: the roster as it stands, page by page, and who approved it; the hash is of the whole.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RosterView {
    /// Hash of the roster.
    pub hash: Digest,
    /// The roster.
    pub roster: Roster,
    /// What the API knows beyond the roster, one entry per member in its order.
    pub standing: Vec<Standing>,
    /// Participants that were revoked.
    pub revoked: Vec<Revoked>,
    /// What to ask for as `after` to get the members that follow; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ParticipantId>,
}

/// Pages of a roster that do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the roster changed while its pages were fetched: ask again")]
pub struct RosterChanged;

impl RosterView {
    /// Appends the page that follows; both must be of the same roster.
    pub fn append(&mut self, page: Self) -> Result<(), RosterChanged> {
        let goes_on = page.next.is_none_or(|next| self.next.is_some_and(|before| before < next));
        if page.hash != self.hash || !goes_on {
            return Err(RosterChanged);
        }
        self.roster.members.extend(page.roster.members);
        self.standing.extend(page.standing);
        self.revoked.extend(page.revoked);
        self.next = page.next;
        Ok(())
    }
}

/// The coordinator's view of a member.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Standing {
    /// The member.
    pub participant: ParticipantId,
    /// Hash of the roster that it approved last.
    pub approved: Option<Digest>,
    /// When its agent was last heard.
    pub last_seen: Option<Millis>,
    /// Whether its agent was heard within the heartbeat window.
    pub online: bool,
}

/// A participant that left the roster.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Revoked {
    /// Its number.
    pub participant: ParticipantId,
    /// Its name.
    pub name: String,
    /// When it was revoked.
    pub at: Millis,
}

/// `POST /roster/{participant}/revoke`: removes a participant.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Why, in words; it enters the transcript.
    pub reason: String,
}

/// `PUT /keys`: publishes the key certificate after its three blobs were uploaded.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishKeys {
    /// The trustee's signed certificate.
    #[schema(value_type = SignedStatement)]
    pub certificate: Signed<KeyCertificate>,
}
