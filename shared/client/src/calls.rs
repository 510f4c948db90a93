//! Every request that a participant makes, by the names of the API.

use base::{
    Step,
    identity::Signed,
    ids::{BallotId, Digest, ParticipantId, RoundId},
};
use borsh::BorshDeserialize as _;
use protocol::{
    federation::{Approval, TrusteeApproval},
    wire::{
        Beat, BoardId, BoardPage, Enrol, Enrolled, FederationView, Health, LONGEST_WAIT, PAGE_BYTES,
        PostOpening, PublishKeys, ReceiptView, RosterView, RoundView, TranscriptPage, Work,
    },
};
use reqwest::Method;

use super::{Call, Client, ClientError};

/// Most bytes of a page of the transcript: labels of long rounds, in hexadecimal digits within JSON.
const TRANSCRIPT_PAGE_LIMIT: usize = 256 << 20;
/// Room for the header of an NPY file.
const NPY_HEADER_LIMIT: usize = 64 << 10;

/// Label ciphertexts that wait for the sole trustee: those of a round's step, or of the known answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// The known answer that proves the keys.
    KnownAnswer,
    /// A step of a round.
    Round(RoundId, Step),
}

impl Question {
    /// Returns the round; `None` for the known answer.
    pub const fn round(self) -> Option<RoundId> {
        match self {
            Self::KnownAnswer => None,
            Self::Round(round, _) => Some(round),
        }
    }

    /// Returns the step; that of labels for the known answer.
    pub const fn step(self) -> Step {
        match self {
            Self::KnownAnswer => Step::Label,
            Self::Round(_, step) => step,
        }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KnownAnswer => f.write_str("the known answer"),
            Self::Round(round, Step::Label) => write!(f, "round {round}"),
            Self::Round(round, step) => write!(f, "the {step} of round {round}"),
        }
    }
}

impl Client {
    /// Enrols with an invite; the same invite and keys again give a fresh token.
    pub async fn enrol(&self, enrol: &Enrol) -> Result<Enrolled, ClientError> {
        self.json(Call::new("enrol", Method::POST, "api/v1/enrolments").open().json(enrol)?).await
    }

    /// Asks whether the coordinator answers, in which version and by which clock.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.json(Call::new("say how it is", Method::GET, "healthz").open()).await
    }

    /// Shows the federation.
    pub async fn federation(&self) -> Result<FederationView, ClientError> {
        self.json(Call::new("show the federation", Method::GET, "api/v1/federation")).await
    }

    /// Shows the whole roster, put together from its pages.
    pub async fn roster(&self) -> Result<RosterView, ClientError> {
        let mut whole: RosterView =
            self.json(Call::new("show the roster", Method::GET, "api/v1/roster")).await?;
        while let Some(after) = whole.next {
            let path = format!("api/v1/roster?after={after}");
            let page = self.json(Call::new("show the roster", Method::GET, path)).await?;
            whole.append(page).map_err(|e| ClientError::Malformed {
                action: "show the roster",
                status: 200,
                reason: e.to_string(),
            })?;
        }
        Ok(whole)
    }

    /// Posts an approval of event 0 and roster.
    pub async fn approve(&self, who: ParticipantId, approval: &Signed<Approval>) -> Result<(), ClientError> {
        let path = format!("api/v1/roster/{who}/approval");
        self.send(Call::new("take the approval", Method::PUT, path).json(approval)?).await.map(drop)
    }

    /// Reports that the agent is alive and what it is at, and asks what waits for it.
    pub async fn heartbeat(&self, beat: &Beat) -> Result<Work, ClientError> {
        self.json(Call::new("take the heartbeat", Method::POST, "api/v1/heartbeat").json(beat)?).await
    }

    /// Returns events of the transcript from a height on, at most a page of them.
    pub async fn transcript(&self, from: u64) -> Result<TranscriptPage, ClientError> {
        let call = Call::new("show the transcript", Method::GET, format!("api/v1/transcript?from={from}"));
        self.json(call.download(TRANSCRIPT_PAGE_LIMIT)).await
    }

    /// Posts a trustee's approval of the trustees.
    pub async fn approve_trustees(
        &self,
        who: ParticipantId,
        approval: &Signed<TrusteeApproval>,
    ) -> Result<(), ClientError> {
        let path = format!("api/v1/trustees/{who}/approval");
        self.send(Call::new("take the trustee's approval", Method::PUT, path).json(approval)?).await.map(drop)
    }

    /// Returns what came on a board after a place; waits so many seconds, at most [`LONGEST_WAIT`], for anything to come.
    pub async fn board(
        &self,
        board: BoardId,
        (attempt, after): (u32, u64),
        wait: u64,
    ) -> Result<BoardPage, ClientError> {
        let wait = wait.min(LONGEST_WAIT);
        let path = format!("api/v1/boards/{board}?attempt={attempt}&after={after}&wait={wait}");
        let action = "show a board";
        // A page of whole messages, the last of which may be the longest there is.
        let call = Call::new(action, Method::GET, path).download(PAGE_BYTES + tally::plan::MAX_MESSAGE_BYTES);
        let bytes = self.send(call).await?;
        BoardPage::try_from_slice(&bytes).map_err(|_| ClientError::Malformed {
            action,
            status: 200,
            reason: "it is not a page of a board".to_owned(),
        })
    }

    /// Leaves a message on a board; the same one again changes nothing.
    pub async fn post_message(
        &self,
        board: BoardId,
        attempt: u32,
        message: Vec<u8>,
    ) -> Result<(), ClientError> {
        let path = format!("api/v1/boards/{board}?attempt={attempt}");
        self.send(Call::new("take a message", Method::POST, path).bytes(message)).await.map(drop)
    }

    /// Publishes the key certificate after its blobs.
    pub async fn put_keys(&self, keys: &PublishKeys) -> Result<(), ClientError> {
        let mut call = Call::new("publish the keys", Method::PUT, "api/v1/keys").json(keys)?;
        // The coordinator reads and checks 30 MB of keys before it answers.
        call.timeout = super::LONG;
        self.send(call).await.map(drop)
    }

    /// Downloads an artefact that the transcript names, of at most `limit` bytes; the caller checks its digest.
    pub async fn artefact(&self, digest: Digest, limit: usize) -> Result<Vec<u8>, ClientError> {
        let call = Call::new("serve an artefact", Method::GET, format!("api/v1/blobs/{digest}"));
        self.send(call.download(limit)).await
    }

    /// Shows a round.
    pub async fn round(&self, round: RoundId) -> Result<RoundView, ClientError> {
        self.json(Call::new("show the round", Method::GET, format!("api/v1/rounds/{round}"))).await
    }

    /// Downloads a round's instances, `count` of `width` values; the caller checks digest and shape.
    pub async fn instances(&self, round: RoundId, count: u32, width: usize) -> Result<Vec<u8>, ClientError> {
        let call = Call::new("serve the instances", Method::GET, format!("api/v1/rounds/{round}/instances"));
        let values = (count as usize).saturating_mul(width).saturating_mul(4);
        self.send(call.download(values.saturating_add(NPY_HEADER_LIMIT))).await
    }

    /// Casts a ballot under an id that stays the same over retries.
    pub async fn put_ballot(
        &self,
        round: RoundId,
        ballot: BallotId,
        bytes: Vec<u8>,
    ) -> Result<ReceiptView, ClientError> {
        let path = format!("api/v1/rounds/{round}/ballots/{ballot}");
        self.json(Call::new("take the ballot", Method::PUT, path).bytes(bytes)).await
    }

    /// Posts an opening.
    pub async fn post_opening(
        &self,
        question: Question,
        trustee: ParticipantId,
        opening: &PostOpening,
    ) -> Result<(), ClientError> {
        let path = match question {
            Question::KnownAnswer => "api/v1/known-answer".to_owned(),
            Question::Round(round, step) => format!("api/v1/rounds/{round}/openings/{step}/{trustee}"),
        };
        self.send(Call::new("take the opening", Method::PUT, path).json(opening)?).await.map(drop)
    }
}
