//! Opening: download, check, decrypt, sign, log, store, and only then post.

use std::sync::Arc;

use base::{Step, clock::Millis, identity::Identity, ids::Digest};
use fhe::{FrameError, KeyError, LabelCiphertexts, Layout, LayoutError, OpenError, SecretKeys};
use protocol::{
    federation::{Founding, KeyCertificate, Roster, known_answer_labels},
    round::{Opening, OpeningContent},
    transcript::Replay,
    wire::{OpeningTask, PostOpening},
};

use super::{
    Trustee,
    keys::own_certificate,
    log::{LogLine, Openings, StoredOpening},
    permit::{Knowledge, Permit, Refusal},
    vault::{Vault, VaultError},
};
use crate::{
    agent::Agent,
    approval::{Pin, approved_roster},
};
use client::{ClientError, Question};
use runtime::{PoolError, files::FileError};

/// Says why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningFailure {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
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

/// Answers one question: opens it, or posts again what it answered before.
pub async fn open(
    agent: &Agent,
    trustee: &Trustee,
    replay: &Replay,
    question: Question,
) -> Result<(), OpeningFailure> {
    let vault = trustee.vault.clone().ok_or(OpeningFailure::NoKey)?;
    let client = agent.client();
    let task = client.opening_task(question).await?;
    check_recorded(replay, question, &task)?;
    let layout = layout(&agent.membership.founding, &task)?;
    let bytes = client.label_ciphertexts(question, LabelCiphertexts::frame_bytes(layout)).await?;
    let job = OpeningJob {
        question,
        vault,
        roster: roster_of(agent, &task)?,
        certificate: own_certificate(&agent.home, &agent.identity.public(), agent.membership.federation())?
            .ok_or(OpeningFailure::NoKey)?,
        founding: agent.membership.founding.clone(),
        openings: Openings::of(&agent.home),
        task,
        bytes,
    };
    let (identity, clock) = (Arc::clone(&agent.identity), Arc::clone(&agent.clock));
    let stored = agent.pool.run(move || job.answer(&identity, clock.now())).await??;
    let opening = PostOpening { opening: stored.opening };
    client.post_opening(question, agent.membership.participant, &opening).await?;
    tracing::info!(%question, ciphertexts = %stored.ciphertexts.short(), "posted an opening");
    Ok(())
}

/// Checks that what is asked for is what the transcript tells.
pub(super) fn check_recorded(replay: &Replay, question: Question, task: &OpeningTask) -> Result<(), Refusal> {
    let differs = |what| Refusal::OtherTranscript { question: question.to_string(), what };
    let recorded = replay.question(question.round(), question.step()).ok_or_else(|| differs("tally"))?;
    let round = question.round().and_then(|round| replay.round(round));
    let counted = round.and_then(|round| round.ballots.as_deref()).unwrap_or_default();
    let same = [
        ("step", task.step == recorded.step),
        ("tally", task.tally == recorded.tally),
        ("digest of label ciphertexts", task.ciphertexts == recorded.ciphertexts),
        ("number of instances", task.instance_count as usize == recorded.instances),
        ("announcement", task.announcement.as_ref() == round.map(|round| &round.announcement)),
        ("list of counted ballots", task.counted.iter().eq(counted.iter().map(|ballot| &ballot.participant))),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(differs(what)),
        None => Ok(()),
    }
}

/// Returns the layout of what a task is about: labels, or the bits of a test.
fn layout(founding: &Founding, task: &OpeningTask) -> Result<Layout, LayoutError> {
    let labels = Layout::new(founding.config.classes.len(), task.instance_count as usize)?;
    Ok(match task.step {
        Step::Label => labels,
        Step::Test => labels.test(),
    })
}

/// Returns the roster under which a round is held, if it was ever approved; the newest one for the known answer.
fn roster_of(agent: &Agent, task: &OpeningTask) -> Result<Roster, OpeningFailure> {
    let federation = agent.membership.federation();
    let hash = match &task.announcement {
        Some(announcement) => Some(announcement.roster),
        None => Pin::load(&agent.home, federation)?.map(|pin| pin.roster),
    };
    let roster = match hash {
        Some(hash) => approved_roster(&agent.home, federation, hash)?,
        None => None,
    };
    Ok(roster.ok_or(Refusal::NotApproved)?)
}

/// Holds everything one answer needs; runs on the compute pool.
pub(super) struct OpeningJob {
    pub(super) question: Question,
    pub(super) vault: Arc<Vault>,
    pub(super) founding: Founding,
    pub(super) roster: Roster,
    pub(super) certificate: KeyCertificate,
    pub(super) openings: Openings,
    pub(super) task: OpeningTask,
    pub(super) bytes: Vec<u8>,
}

impl OpeningJob {
    /// Checks, decrypts, signs, logs and stores; or returns what was stored before.
    pub(super) fn answer(self, identity: &Identity, now: Millis) -> Result<StoredOpening, OpeningFailure> {
        let before = self.openings.of_question(self.question)?;
        let opened = self.openings.rounds()?;
        let knowledge = Knowledge {
            founding: &self.founding,
            roster: &self.roster,
            keys: self.certificate.digest(),
            trustee: self.certificate.trustee,
            opened: &opened,
        };
        let ciphertexts = Digest::of(&self.bytes);
        if let Permit::Repeat(stored) = knowledge.permit(self.question, &self.task, ciphertexts, before)? {
            return Ok(*stored);
        }
        let labels = self.decrypt()?;
        let (round, step) = (self.question.round(), self.question.step());
        let (federation, trustee) = (self.founding.digest(), self.certificate.trustee);
        let (count, tally) = (self.task.instance_count, self.task.tally);
        let content = OpeningContent::Labels(labels);
        let opening = Opening { federation, round, step, tally, ciphertexts, trustee, content };
        let opening = identity.sign(&opening);
        let stored = StoredOpening { round, step, tally, ciphertexts, opening };
        let line = LogLine { at: now, round, step, ciphertexts, labels: count, counted: self.task.counted };
        self.openings.store(&stored, &line)?;
        Ok(stored)
    }

    /// Decrypts exactly one label per instance: class + 1, or 0 for an abstention; of a test 1 where it passes, or 0.
    fn decrypt(&self) -> Result<Vec<u16>, OpeningFailure> {
        let classes = self.founding.config.classes.len();
        let layout = layout(&self.founding, &self.task)?;
        let keys: SecretKeys = self.vault.unlock()?;
        let ciphertexts =
            LabelCiphertexts::from_bytes(&self.bytes, self.founding.config.parameter_set(), layout)?;
        // A class index is below 100, so adding one cannot overflow.
        let labels: Vec<u16> =
            keys.open(&ciphertexts)?.into_iter().map(|class| class.map_or(0, |class| class + 1)).collect();
        let is_known_answer = self.question == Question::KnownAnswer;
        if is_known_answer && labels != known_answer_labels(classes) {
            return Err(OpeningFailure::KnownAnswer);
        }
        Ok(labels)
    }
}
