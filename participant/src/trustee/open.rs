//! Opening by the sole trustee: check, download, decrypt, sign, log, store, and only then post.

use std::sync::Arc;

use base::{Step, clock::Millis, identity::Identity, ids::ParticipantId};
use fhe::{FrameError, KeyError, LabelCiphertexts, Layout, LayoutError, OpenError, SecretKeys};
use protocol::{
    federation::{Founding, known_answer_labels},
    round::{Opening, OpeningQuestion},
    transcript::{Check, RecomputeError, Replay, fetch},
    wire::PostOpening,
};

use super::{
    Trustee,
    artefacts::{Cached, Wanted, forget},
    grounds::Gathered,
    keys::own_certificate,
    log::{LogLine, Openings, StoredOpening},
    rules::{Permit, Refusal},
    vault::{Vault, VaultError},
};
use crate::{agent::Agent, home::Home};
use client::{ClientError, Question, TransferError};
use runtime::{PoolError, files::FileError};

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningFailure {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The label ciphertexts cannot be fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// What is asked for may not be opened.
    #[error("refused to open: {0}")]
    Refused(#[from] Refusal),
    /// There is no key.
    #[error("this trustee holds no key: it was never made here, or was destroyed")]
    NoKey,
    /// The key cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key cannot be unpacked.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The label ciphertexts are not those that the chain names.
    #[error("refused to open: {0}")]
    Artefact(#[from] RecomputeError),
    /// The label ciphertexts cannot be read.
    #[error("the label ciphertexts: {0}")]
    Frame(#[from] FrameError),
    /// The layout is not possible.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The label ciphertexts do not decrypt to labels.
    #[error("the label ciphertexts do not decrypt to labels: {0}")]
    Open(#[from] OpenError),
    /// The known answer opened to something else.
    #[error(
        "the known answer does not open to the agreed labels: the keys at the coordinator are not these, nothing is posted"
    )]
    KnownAnswer,
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl OpeningFailure {
    /// Returns whether this trustee refuses, so that others have to know why.
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::Transfer(_) | Self::Pool(_))
    }
}

/// Answers one question: opens it, or posts again what it answered before.
pub async fn open(
    agent: &Agent,
    trustee: &Trustee,
    replay: &Replay,
    question: Question,
) -> Result<(), OpeningFailure> {
    let vault = trustee.vault.clone().ok_or(OpeningFailure::NoKey)?;
    let participant = agent.membership.participant;
    let stored = match permit(agent, replay, question)? {
        Permit::Repeat(stored) => *stored,
        Permit::Open(asked) => {
            let wanted = ciphertexts_of(&agent.membership.founding, &asked)?;
            agent.fetch(&[wanted]).await?;
            let counted = question.round().and_then(|round| replay.round(round));
            let counted = counted.and_then(|record| record.ballots.as_ref()).into_iter().flatten();
            let job = OpeningJob {
                home: agent.home.clone(),
                vault,
                founding: agent.membership.founding.clone(),
                trustee: participant,
                asked,
                counted: counted.map(|ballot| ballot.participant).collect(),
            };
            let (identity, clock) = (Arc::clone(&agent.identity), Arc::clone(&agent.clock));
            let stored = agent.pool.run(move || job.answer(&identity, clock.now())).await??;
            forget(&agent.home, &[wanted])?;
            stored
        }
    };
    let opening = PostOpening { opening: stored.opening };
    agent.client().post_opening(question, participant, &opening).await?;
    tracing::info!(%question, ciphertexts = %stored.ciphertexts.short(), "posted an opening");
    Ok(())
}

/// Asks the rule book.
fn permit(agent: &Agent, replay: &Replay, question: Question) -> Result<Permit, OpeningFailure> {
    let (home, round) = (&agent.home, question.round());
    let keys = own_certificate(home, &agent.identity.public(), agent.membership.federation())?;
    let keys = keys.map(|certificate| certificate.digest());
    let gathered = Gathered::of(home, replay, agent.membership.participant, round, keys)?;
    let before = Openings::of(home).of_question(question)?;
    Ok(gathered.grounds(replay).permit((round, question.step()), before)?)
}

/// Names the label ciphertexts of a question, and the only length they can have.
fn ciphertexts_of(founding: &Founding, asked: &OpeningQuestion) -> Result<Wanted, LayoutError> {
    let limit = LabelCiphertexts::frame_bytes(layout(founding, asked)?) as u64;
    Ok(Wanted { digest: asked.ciphertexts, limit })
}

/// Returns the layout of what was tallied: labels, or the bits of a test.
fn layout(founding: &Founding, asked: &OpeningQuestion) -> Result<Layout, LayoutError> {
    let labels = Layout::new(founding.config.classes.len(), asked.instances)?;
    Ok(if asked.step == Step::Test { labels.test() } else { labels })
}

/// Everything one answer needs; runs on the compute pool.
pub(super) struct OpeningJob {
    pub(super) home: Home,
    pub(super) vault: Arc<Vault>,
    pub(super) founding: Founding,
    pub(super) trustee: ParticipantId,
    pub(super) asked: OpeningQuestion,
    pub(super) counted: Vec<ParticipantId>,
}

impl OpeningJob {
    /// Decrypts what was permitted, signs, logs and stores.
    pub(super) fn answer(self, identity: &Identity, now: Millis) -> Result<StoredOpening, OpeningFailure> {
        let labels = self.decrypt()?;
        let OpeningQuestion { federation, round, step, tally, ciphertexts, instances, .. } = self.asked;
        let trustee = self.trustee;
        let opening = Opening { federation, round, step, tally, ciphertexts, trustee, labels };
        let opening = identity.sign(&opening);
        let stored = StoredOpening { round, step, tally, ciphertexts, opening };
        let line = LogLine {
            at: now,
            round,
            step,
            of: ciphertexts,
            attempt: None,
            // At most as many as a layout has instances, which fits 32 bits.
            labels: instances as u32,
            counted: self.counted,
        };
        Openings::of(&self.home).store(&stored, &line)?;
        Ok(stored)
    }

    /// Decrypts exactly one label per instance: class + 1, or 0 for an abstention; of a test 1 where it passes, or 0.
    fn decrypt(&self) -> Result<Vec<u16>, OpeningFailure> {
        let (cached, digest) = (Cached::of(&self.home), self.asked.ciphertexts);
        let bytes = fetch(&cached, Check::Tally, "label ciphertexts", digest)?;
        let set = self.founding.config.parameter_set();
        let ciphertexts = LabelCiphertexts::from_bytes(&bytes, set, layout(&self.founding, &self.asked)?)?;
        let keys: SecretKeys = self.vault.unlock()?;
        // A class index is below 100, so adding one cannot overflow.
        let labels: Vec<u16> =
            keys.open(&ciphertexts)?.into_iter().map(|class| class.map_or(0, |class| class + 1)).collect();
        let is_known_answer = self.asked.round.is_none();
        if is_known_answer && labels != known_answer_labels(self.founding.config.classes.len()) {
            return Err(OpeningFailure::KnownAnswer);
        }
        Ok(labels)
    }
}
