//! The messages of the REST API, `/api/v1`: what coordinator, participants and operator send each other.

use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    federation::{Enrolment, FederationConfig, FederationState, Founding, KeyCertificate, Roster},
    identity::{Identity, PublicIdentity, Signed, Statement},
    ids::{BallotId, Digest, ParticipantId, RoundId},
    privacy::{Epsilon, RoundCost},
    round::{Announcement, FailureReason, Opening, RoundState},
    transcript::Event,
};

/// `POST /federation`: founds the federation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The operator's config.
    pub config: FederationConfig,
}

/// `GET /federation`: what the federation is and where it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FederationView {
    /// Hash of event 0.
    pub hash: Digest,
    /// Event 0.
    pub founding: Founding,
    /// Where it stands.
    pub state: FederationState,
    /// Settings that weaken security, by name; empty when all is well.
    pub insecure: Vec<String>,
    /// The trustee's signed key certificate, once published.
    pub keys: Option<Signed<KeyCertificate>>,
}

/// `POST /invites`: invites one institution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewInvite {
    /// Name of the participant, unique in the federation.
    pub name: String,
    /// Whether it becomes the trustee.
    #[serde(default)]
    pub trustee: bool,
}

/// Is the answer to [`NewInvite`]; the secret is shown once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invite {
    /// Name of the participant.
    pub name: String,
    /// The secret that enrols it, once.
    pub invite: String,
}

/// `POST /enrolments`: enrols with an invite; the same invite and keys again give a fresh token.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The invite's secret.
    pub invite: String,
    /// Proof that the sender holds the keys it names.
    pub enrolment: Signed<Enrolment>,
}

/// Is the answer to [`Enrol`].
#[derive(Clone, Serialize, Deserialize)]
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

/// `GET /roster`: the roster as it stands, and who approved it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RosterView {
    /// Hash of the roster.
    pub hash: Digest,
    /// The roster.
    pub roster: Roster,
    /// What the API knows beyond the roster, one entry per member in its order.
    pub standing: Vec<Standing>,
    /// Participants that were revoked.
    pub revoked: Vec<Revoked>,
}

/// Is what the coordinator knows of a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// Is a participant that left the roster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Revoked {
    /// Its number.
    pub participant: ParticipantId,
    /// Its name.
    pub name: String,
    /// When it was revoked.
    pub at: Millis,
}

/// `POST /roster/{participant}/revoke`: removes a participant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Why, in words; it enters the transcript.
    pub reason: String,
}

/// `POST /heartbeat`: tells an agent what waits for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Work {
    /// Where the federation stands.
    pub federation: FederationState,
    /// Hash of the roster as it stands.
    pub roster: Digest,
    /// Coordinator's time, for clock checks.
    pub now: Millis,
    /// Whether the keys wait to be made by this trustee.
    pub make_keys: bool,
    /// Whether the known answer waits to be opened by this trustee.
    pub open_known_answer: bool,
    /// Rounds in which this participant has not voted yet.
    pub vote: Vec<RoundId>,
    /// Rounds whose label ciphertexts wait for this trustee.
    pub open: Vec<RoundId>,
}

/// `PUT /keys`: publishes the key certificate after its three blobs were uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishKeys {
    /// The trustee's signed certificate.
    pub certificate: Signed<KeyCertificate>,
}

/// Is a tally that waits for its opening: everything the trustee checks before it opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpeningTask {
    /// The announcement; `None` for the known answer.
    pub announcement: Option<Announcement>,
    /// Digest of the label ciphertexts.
    pub ciphertexts: Digest,
    /// Number of instances.
    pub instance_count: u32,
    /// Participants whose ballots are counted.
    pub counted: Vec<ParticipantId>,
}

/// `PUT /rounds/{round}/openings/{trustee}` and `PUT /known-answer`: posts an opening.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostOpening {
    /// The signed opening.
    pub opening: Signed<Opening>,
}

/// Is the coordinator's signed word that it holds a ballot.
#[derive(
    Debug, Clone, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize, Serialize, Deserialize,
)]
pub struct Receipt {
    /// The round.
    pub round: RoundId,
    /// Who cast the ballot.
    pub participant: ParticipantId,
    /// Id that the participant chose for it.
    pub ballot: BallotId,
    /// Digest of all its bytes.
    pub digest: Digest,
    /// When it arrived.
    pub received_at: Millis,
}

impl Statement for Receipt {
    const DOMAIN: &'static str = "receipt";
}

/// `PUT /rounds/{round}/ballots/{ballot}`: the answer to a ballot; the same ballot again gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// The receipt in words.
    pub receipt: Receipt,
    /// The receipt, signed by the coordinator.
    pub signed: Signed<Receipt>,
}

impl ReceiptView {
    /// Signs a receipt.
    pub fn new(receipt: Receipt, coordinator: &Identity) -> Self {
        Self { signed: coordinator.sign(&receipt), receipt }
    }

    /// Tells whether the coordinator signed exactly this receipt.
    pub fn is_signed_by(&self, coordinator: &PublicIdentity) -> bool {
        self.signed.verify(coordinator).is_ok_and(|signed| signed == self.receipt)
    }
}

/// Is what became of one participant in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attendance {
    /// Its ballot is in.
    Cast,
    /// Its ballot is in and counted.
    Counted,
    /// Its ballot came after the window closed.
    Late,
    /// What it sent was refused.
    Refused,
    /// Nothing came, so far.
    Absent,
}

/// Is one line of a round's list of participants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Voter {
    /// Number.
    pub participant: ParticipantId,
    /// Name.
    pub name: String,
    /// What became of it.
    pub attendance: Attendance,
    /// Why it was refused or late, in words.
    pub reason: Option<String>,
}

/// Is how far a computation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Labels done.
    pub done: u32,
    /// Labels in all.
    pub total: u32,
}

/// `GET /rounds/{round}`: everything public about a round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoundView {
    /// The round's id.
    pub round: RoundId,
    /// What it fixed before anyone voted.
    pub announcement: Announcement,
    /// Where it stands.
    pub state: RoundState,
    /// Every member of the round's roster and what became of it.
    pub voters: Vec<Voter>,
    /// How far the tally is, while it runs.
    pub progress: Option<Progress>,
    /// Bytes of one ballot on the wire with header and signature.
    pub ballot_bytes: u64,
    /// The privacy cost of its labels.
    pub cost: RoundCost,
    /// The cost as ε, per unit and view.
    pub epsilon: Epsilon,
    /// The gap in votes from which a label equals the plain argmax but for the documented chance.
    pub resolution_votes: u64,
    /// Settings that weaken security, by name.
    pub insecure: Vec<String>,
    /// Number of labels that name a class, once released.
    pub labelled: Option<u32>,
    /// Number of abstentions, once released.
    pub abstained: Option<u32>,
}

/// Most bytes of one part of an upload; every part but the last has so many.
pub const UPLOAD_CHUNK: usize = 8 << 20;

/// Names the digest of a blob in the head of the answer that carries it.
pub const DIGEST_HEADER: &str = "x-psephos-digest";

/// `GET /blobs/{digest}/upload` and `PUT /blobs/{digest}/upload/{offset}`: how far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadView {
    /// Bytes that are there; the next part begins at this offset.
    pub received: u64,
    /// Whether the blob is stored whole and has its digest, so that nothing is to be sent.
    pub complete: bool,
}

/// `GET /rounds`: one line per round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoundSummary {
    /// The round's id.
    pub round: RoundId,
    /// Name of its state.
    pub phase: String,
    /// Number of instances.
    pub instances: u32,
    /// Ballots that came.
    pub ballots: u32,
    /// Ballots needed.
    pub quorum: u32,
    /// When it was announced.
    pub opens_at: Millis,
    /// When its window closes.
    pub closes_at: Millis,
    /// Why it failed, if it did.
    pub failure: Option<FailureReason>,
}

/// `GET /rounds/{round}/labels`: the release.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Labels {
    /// The round.
    pub round: RoundId,
    /// Digest of the instances they belong to.
    pub instances: Digest,
    /// Class names in the order of their indices.
    pub classes: Vec<String>,
    /// One entry per instance: a class index from 0, or null for an abstention.
    pub labels: Vec<Option<u16>>,
    /// What they cost, as ε per unit and view.
    pub epsilon: Epsilon,
}

/// `GET /transcript?from=HEIGHT`: events in order, at most a page of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TranscriptPage {
    /// Signed events from the height asked for.
    pub events: Vec<Signed<Event>>,
    /// Number of events in the whole chain.
    pub length: u64,
}

/// `GET /healthz`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Health {
    /// Always "ok" when the database answers.
    pub status: String,
    /// Version of the coordinator.
    pub version: String,
}
