//! Opening with shares: check, recompute bit for bit while the shares form, sign, log, store, and only then post.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use shared::{
    clock::Millis,
    federation::KeyCertificate,
    fhe::{FrameError, LayoutError, Resolution, RunningSum, Squashed, SquashedRecord},
    identity::Identity,
    ids::{ParticipantId, RoundId},
    round::{AnnouncementError, Opening, OpeningContent, OpeningError, OpeningQuestion, Step},
    threshold::{Opener, OpenerError, Package, PackageError, Question as FloodQuestion, Shares},
    transcript::{
        Check, Fault, RecomputeError, Recorded, Replay, TallyKeys, fetch, known_answer_resolution,
        sum_of_known_answer, sum_of_round,
    },
    wire::PostOpening,
};

use super::{
    Trustee,
    agreement::{AgreementError, Seat},
    artefacts::{
        Cached, Wanted, ballots_of, download, download_digits, forget, keys_of, known_answer_of, record_of,
    },
    ceremony::acknowledge::own_complaint,
    check::{CheckError, Grounds, OwnBallot, Verdict},
    log::{LogLine, Openings, StoredOpening},
};
use crate::{
    agent::{Agent, BridgeError, Pulse},
    approval::approved_roster,
    client::{ClientError, Question, TransferError},
    config::TallyCheck,
    cpu::{process_cpu, thread_cpu},
    files::{FileError, digest_of},
    home::Home,
    teacher::journal::Journal,
};

/// Says why no shares were posted.
#[derive(Debug, thiserror::Error)]
pub enum SharesError {
    /// The coordinator gave no answer or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An artefact cannot be fetched.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// This institution takes no part.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
    /// What is asked for may not be opened.
    #[error("refused to open: {0}")]
    Refused(#[from] CheckError),
    /// What is to be opened is not the tally of the counted ballots.
    #[error("refused to open: {0}")]
    Record(Fault),
    /// This machine and the coordinator's compute different bits.
    #[error(
        "refused to open: {0}; if all machines are trusted, this one cannot reproduce the coordinator's bits: a \
         federation with transform = \"integer\" in its config gives the same bits on every machine"
    )]
    OtherBits(Fault),
    /// This tally was recomputed and refused before.
    #[error("{0}")]
    Again(String),
    /// An artefact is missing here.
    #[error("cannot check what is to be opened: {0}")]
    Incomplete(RecomputeError),
    /// The agent stops.
    #[error("the agent stopped before the recomputation was finished; nothing was opened")]
    Stopped,
    /// There are no pieces.
    #[error(
        "secret/trustee/package.bin is missing: this trustee's pieces never came, were destroyed or got lost; restore \
         them from their backup"
    )]
    NoPackage,
    /// The pieces are not those of the published keys.
    #[error("secret/trustee/package.bin: {0}")]
    Package(#[from] PackageError),
    /// The round's numbers do not fit.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// The round's numbers do not fit a layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The record of squashed digits cannot be read.
    #[error("refused to open: the record of squashed digits: {0}")]
    Frame(#[from] FrameError),
    /// A squashed digit is not the recorded one.
    #[error("refused to open: squashed digit {0} that the coordinator serves is not the recorded one")]
    Digit(usize),
    /// The coordinator serves no squashed digits.
    #[error("the coordinator names no squashed digits for this round: set check = \"recompute\"")]
    NoDigits,
    /// Digits and round do not fit.
    #[error(transparent)]
    Opener(#[from] OpenerError),
    /// The opening made here would not be accepted.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The computation failed by a bug.
    #[error(transparent)]
    Bridge(#[from] BridgeError),
}

impl SharesError {
    /// Tells whether this trustee refuses, rather than waits for something.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Agreement(_)
                | Self::Refused(_)
                | Self::Record(_)
                | Self::OtherBits(_)
                | Self::Again(_)
                | Self::NoPackage
                | Self::Package(_)
                | Self::Frame(_)
                | Self::Digit(_)
        )
    }

    /// Tells whether the same tally would be refused again after the same work.
    const fn is_lasting(&self) -> bool {
        matches!(self, Self::Record(_) | Self::OtherBits(_))
    }
}

impl From<RecomputeError> for SharesError {
    fn from(error: RecomputeError) -> Self {
        match error {
            RecomputeError::Fault(fault) if fault.check == Check::Tally => Self::OtherBits(fault),
            RecomputeError::Fault(fault) => Self::Record(fault),
            RecomputeError::Withheld { .. } => Self::Incomplete(error),
            RecomputeError::Cancelled => Self::Stopped,
        }
    }
}

/// Answers one question with this trustee's shares, or posts again what it answered before.
pub async fn open_shares(
    agent: &Agent,
    trustee: &mut Trustee,
    replay: &Arc<Replay>,
    question: Question,
) -> Result<(), SharesError> {
    let stored = match consider(agent, trustee, replay, question)? {
        Verdict::Repeat(stored) => *stored,
        Verdict::Recompute(asked) => {
            let outcome = answer(agent, trustee, replay, asked).await;
            agent.pulse.end();
            trustee.keys.touch(Instant::now());
            if let Err(error) = &outcome
                && error.is_lasting()
            {
                trustee.remember_refusal(asked.tally, &error.to_string());
            }
            outcome?
        }
    };
    let opening = PostOpening { opening: stored.opening };
    agent.client().post_opening(question, agent.membership.participant, &opening).await?;
    tracing::info!(%question, squashed = %stored.ciphertexts.short(), "posted this trustee's shares");
    Ok(())
}

/// Checks a question against everything this institution knows by itself.
fn consider(
    agent: &Agent,
    trustee: &Trustee,
    replay: &Replay,
    question: Question,
) -> Result<Verdict, SharesError> {
    let keys = (agent.identity.public(), agent.identity.sealing_key());
    Seat::find(replay, agent.membership.participant, keys)?.check_approved(&agent.home)?;
    let grounds = Gathered::of(&agent.home, replay, agent.membership.participant, question)?;
    let verdict = grounds.verdict(replay, question)?;
    if let Verdict::Recompute(asked) = &verdict {
        trustee.check_not_refused(asked.tally)?;
    }
    Ok(verdict)
}

/// Is what the home tells about a question.
pub(super) struct Gathered {
    participant: ParticipantId,
    roster: Option<shared::federation::Roster>,
    own: Option<OwnBallot>,
    opened: Vec<RoundId>,
    before: Option<StoredOpening>,
    complaint: Option<String>,
}

impl Gathered {
    /// Reads approvals, journal and openings of a home.
    pub(super) fn of(
        home: &Home,
        replay: &Replay,
        participant: ParticipantId,
        question: Question,
    ) -> Result<Self, FileError> {
        let openings = Openings::of(home);
        let record = question.round().and_then(|round| replay.round(round));
        let roster = match record {
            Some(record) => approved_roster(home, replay.federation(), record.announcement.roster)?,
            None => None,
        };
        let own = match question.round() {
            Some(round) => own_ballot(home, round)?,
            None => None,
        };
        let complaint = match replay.ceremony().certificate() {
            Some(certificate) => own_complaint(home, certificate.digest())?.map(|stored| stored.reason),
            None => None,
        };
        let before = openings.of_question(question, Step::Label)?;
        Ok(Self { participant, roster, own, opened: openings.rounds()?, before, complaint })
    }

    /// Checks the question on these grounds.
    pub(super) fn verdict(self, replay: &Replay, question: Question) -> Result<Verdict, CheckError> {
        if let Some(reason) = self.complaint {
            return Err(CheckError::Complained(reason));
        }
        let grounds = Grounds {
            replay,
            participant: self.participant,
            roster: self.roster.as_ref(),
            own: self.own.as_ref(),
            opened: &self.opened,
        };
        match question {
            Question::KnownAnswer => grounds.check_known_answer(self.before),
            Question::Round(round) => grounds.check_round(round, self.before),
        }
    }
}

/// Returns this institution's own ballot in a round, from its journal.
pub(super) fn own_ballot(home: &Home, round: RoundId) -> Result<Option<OwnBallot>, FileError> {
    let stored = digest_of(&home.round(round).join("ballot.bin"))?;
    Ok(OwnBallot::of(Journal::of(home).record(round)?.as_ref(), stored))
}

/// Fetches what the check needs, runs it on the compute pool, and forgets the ballots.
async fn answer(
    agent: &Agent,
    trustee: &mut Trustee,
    replay: &Arc<Replay>,
    asked: OpeningQuestion,
) -> Result<StoredOpening, SharesError> {
    let certificate = replay.ceremony().certificate();
    let certificate = certificate.ok_or_else(|| CheckError::NotRecorded("the key certificate".to_owned()))?;
    let package = trustee.package.clone().ok_or(SharesError::NoPackage)?;
    let commitments = certificate.sharing.as_ref().map(|sharing| sharing.commitments.as_slice());
    package.check(commitments.unwrap_or_default())?;
    let wanted = inputs_of(replay, asked.round)?;
    download(&agent.client(), &agent.home, &wanted).await?;
    let is_trusting = agent.config.trustee.check == TallyCheck::InsecureTrustTally;
    let means = match asked.round.filter(|_| is_trusting) {
        Some(round) => trusted_digits(agent, replay, round).await?,
        None => Means::Recompute(load_keys(agent, trustee, certificate).await?),
    };
    let job = SharesJob {
        replay: Arc::clone(replay),
        asked,
        trustee: agent.membership.participant,
        package,
        means,
        home: agent.home.clone(),
        pulse: Arc::clone(&agent.pulse),
        stopping: Arc::clone(&agent.stopping),
    };
    let (identity, clock) = (Arc::clone(&agent.identity), Arc::clone(&agent.clock));
    let stored = agent.bridge.run(move || job.answer(&identity, clock.now())).await??;
    forget(&agent.home, &wanted)?;
    Ok(stored)
}

/// Lists what the sum of a question is made of.
fn inputs_of(replay: &Replay, round: Option<RoundId>) -> Result<Vec<Wanted>, SharesError> {
    let Some(round) = round else { return Ok(known_answer_of(replay).into_iter().collect()) };
    let record = replay.round(round);
    let record = record.ok_or_else(|| CheckError::NotRecorded(format!("round {round}")))?;
    Ok(ballots_of(record, &record.announcement.layout()?))
}

/// Returns the keys of recomputation: from memory, else from the cache, else from the coordinator.
async fn load_keys(
    agent: &Agent,
    trustee: &mut Trustee,
    certificate: &KeyCertificate,
) -> Result<Arc<TallyKeys>, SharesError> {
    let digest = certificate.digest();
    if let Some(keys) = trustee.keys.take_up(digest, Instant::now()) {
        return Ok(keys);
    }
    download(&agent.client(), &agent.home, &keys_of(certificate)).await?;
    tracing::info!(
        "loading the keys of the recomputation: about a gigabyte until they are idle for a minute"
    );
    let (certificate, cached) = (certificate.clone(), Cached::of(&agent.home));
    let config = agent.membership.founding.config.clone();
    let load = move || TallyKeys::load(&certificate, &config, &cached);
    let keys = Arc::new(agent.bridge.run(load).await??);
    trustee.keys.put(digest, &keys, Instant::now());
    Ok(keys)
}

/// Fetches the squashed digits that the coordinator made, for a trustee that is told to trust them.
async fn trusted_digits(agent: &Agent, replay: &Replay, round: RoundId) -> Result<Means, SharesError> {
    let missing = || CheckError::NotRecorded(format!("the tally of round {round}"));
    let record = replay.round(round).ok_or_else(missing)?;
    let squashed = replay.tally(Some(round)).and_then(|recorded| recorded.tally.squashed);
    let layout = record.announcement.layout()?;
    let wanted = record_of(squashed.ok_or_else(missing)?, layout);
    download(&agent.client(), &agent.home, &[wanted]).await?;
    let view = agent.client().round(round).await?;
    let digits = view.state.tally().and_then(|tally| tally.squashed_digits).ok_or(SharesError::NoDigits)?;
    download_digits(&agent.client(), &agent.home, round, digits, layout).await?;
    Ok(Means::Trust { digits: agent.home.blob(digits) })
}

/// Is where the squashed digits come from.
#[derive(Debug)]
pub(super) enum Means {
    /// They are computed again here, bit for bit.
    Recompute(Arc<TallyKeys>),
    /// They come from the coordinator, and only their digests are checked.
    Trust {
        /// File of the digits, one after another.
        digits: PathBuf,
    },
}

/// Holds everything one answer needs; runs on the compute pool. Nothing leaves it before every check passed.
pub(super) struct SharesJob {
    pub(super) replay: Arc<Replay>,
    pub(super) asked: OpeningQuestion,
    pub(super) trustee: ParticipantId,
    pub(super) package: Arc<Package>,
    pub(super) means: Means,
    pub(super) home: Home,
    pub(super) pulse: Arc<Pulse>,
    pub(super) stopping: Arc<AtomicBool>,
}

/// Is what is opened: the recorded tally, its sum, and what the circuit resolves.
struct Subject {
    recorded: Recorded,
    resolution: Resolution,
    sum: RunningSum,
}

impl SharesJob {
    /// Checks the sum, recomputes, opens, signs, logs and stores.
    pub(super) fn answer(self, identity: &Identity, now: Millis) -> Result<StoredOpening, SharesError> {
        let subject = self.subject()?;
        let shares = match &self.means {
            Means::Recompute(keys) => self.recompute(keys, &subject)?,
            Means::Trust { digits } => self.trust(digits, &subject)?,
        };
        let OpeningQuestion { federation, round, step, tally, ciphertexts, instances, .. } = self.asked;
        let content = OpeningContent::Shares(shares);
        let opening = Opening { federation, round, step, tally, ciphertexts, trustee: self.trustee, content };
        self.asked.check(&opening, self.trustee, self.replay.rows_of(self.trustee))?;
        let opening = identity.sign(&opening);
        let stored = StoredOpening { round, step, tally, ciphertexts, opening };
        let counted = round.and_then(|round| self.replay.round(round)).and_then(|r| r.ballots.as_deref());
        let counted = counted.unwrap_or_default().iter().map(|ballot| ballot.participant).collect();
        // At most as many as a layout has instances, which fits 32 bits.
        let line = LogLine { at: now, round, step, ciphertexts, labels: instances as u32, counted };
        Openings::of(&self.home).store(&stored, &line)?;
        Ok(stored)
    }

    /// Adds the ballots up again, each checked as at the coordinator's door, and holds the sum to the record.
    fn subject(&self) -> Result<Subject, SharesError> {
        let (replay, cached) = (&self.replay, Cached::of(&self.home));
        let missing = || CheckError::NotRecorded("the tally".to_owned());
        let recorded = replay.tally(self.asked.round).ok_or_else(missing)?;
        let (resolution, sum) = match self.asked.round {
            None => {
                let resolution = known_answer_resolution(&replay.founding().config)?;
                (resolution, sum_of_known_answer(replay, &cached)?)
            }
            Some(round) => {
                let record = replay.round(round).ok_or_else(missing)?;
                let resolution = record.announcement.resolution(replay.founding(), &record.roster)?;
                (resolution, sum_of_round(record, &cached)?)
            }
        };
        Ok(Subject { recorded, resolution, sum })
    }

    fn opener(&self, subject: &Subject) -> Opener<'_> {
        let OpeningQuestion { federation, round, step, tally, .. } = self.asked;
        let question = FloodQuestion { federation, round, step, tally };
        Opener::new(&self.package, question, subject.resolution.layout())
    }

    /// Computes argmax and squash again; the shares form on the way and are worth nothing if a bit differs.
    fn recompute(&self, keys: &TallyKeys, subject: &Subject) -> Result<Shares, SharesError> {
        let labels = subject.resolution.layout().instances();
        let steps = keys.steps(labels);
        self.pulse.begin(self.asked.round, labels as u32);
        let (started, mut opening) = (process_cpu(), Duration::ZERO);
        let (mut opener, mut failed) = (self.opener(subject), None);
        keys.recompute(
            subject.recorded,
            &subject.resolution,
            &subject.sum,
            &self.stopping,
            |done| self.pulse.reached((done * labels / steps.max(1)) as u32),
            |digit| {
                let before = thread_cpu();
                failed = failed.or(opener.push(digit).err());
                opening += thread_cpu().saturating_sub(before);
            },
        )?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let recomputation = process_cpu().saturating_sub(started).saturating_sub(opening);
        tracing::info!(
            question =
                self.asked.round.map_or("the known answer".to_owned(), |round| format!("round {round}")),
            labels,
            recomputation_cpu_s = recomputation.as_secs_f64(),
            opening_cpu_s = opening.as_secs_f64(),
            opening_ms_per_label = opening.as_secs_f64() * 1e3 / labels.max(1) as f64,
            "recomputed the tally bit for bit and formed this trustee's shares"
        );
        Ok(opener.finish()?)
    }

    /// Opens the digits that the coordinator serves, each checked against the record alone.
    fn trust(&self, digits: &PathBuf, subject: &Subject) -> Result<Shares, SharesError> {
        tracing::warn!("insecure_trust_tally: opening without having computed the tally again");
        let missing = || CheckError::NotRecorded("the record of squashed digits".to_owned());
        let squashed = subject.recorded.tally.squashed.ok_or_else(missing)?;
        let what = "record of squashed digits";
        let bytes = fetch(&Cached::of(&self.home), Check::Tally, what, squashed)?;
        let record = SquashedRecord::from_bytes(&bytes, subject.resolution.layout())?;
        let mut file = BufReader::new(File::open(digits).map_err(FileError::io("open", digits))?);
        let mut opener = self.opener(subject);
        let started = thread_cpu();
        for (place, expected) in record.digits().iter().enumerate() {
            if self.stopping.load(Ordering::Relaxed) {
                return Err(SharesError::Stopped);
            }
            let mut bytes = vec![0; Squashed::BYTES];
            file.read_exact(&mut bytes).map_err(FileError::io("read", digits))?;
            let digit = Squashed::from_bytes(&bytes).filter(|digit| digit.record() == *expected);
            opener.push(&digit.ok_or(SharesError::Digit(place))?)?;
        }
        let opening_cpu_s = thread_cpu().saturating_sub(started).as_secs_f64();
        tracing::info!(digits = record.digits().len(), opening_cpu_s, "formed this trustee's shares");
        Ok(opener.finish()?)
    }
}

#[cfg(test)]
mod tests;
