//! One answer on the compute pool: the sum again, the tally again, and only then shares, signed and stored.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base::{Step, clock::Millis, identity::Identity, ids::ParticipantId};
use fhe::{Layout, Squashed, SquashedRecord};
use protocol::{
    round::{Opening, OpeningContent, OpeningQuestion},
    transcript::{
        Check, Recorded, Replay, TallyInput, TallyKeys, TallySink, check_test, fetch, sum_of_known_answer,
        sum_of_round,
    },
};
use threshold::{Opener, OpenerError, Package, Question as FloodQuestion, Shares};

use super::SharesError;
use crate::{
    agent::Pulse,
    home::Home,
    trustee::{
        artefacts::Cached,
        check::CheckError,
        log::{LogLine, Openings, StoredOpening},
    },
};
use runtime::{files::FileError, process_cpu, thread_cpu};

/// Is where the squashed digits come from.
#[derive(Debug)]
pub(in crate::trustee) enum Means {
    /// They are computed again here, bit for bit.
    Recompute(Arc<TallyKeys>),
    /// They come from the coordinator, and only their digests are checked.
    Trust {
        /// File of the digits, one after another.
        digits: PathBuf,
    },
}

/// Holds everything one answer needs; runs on the compute pool. Nothing leaves it before every check passed.
pub(in crate::trustee) struct SharesJob {
    pub(in crate::trustee) replay: Arc<Replay>,
    pub(in crate::trustee) asked: OpeningQuestion,
    pub(in crate::trustee) trustee: ParticipantId,
    pub(in crate::trustee) package: Arc<Package>,
    pub(in crate::trustee) means: Means,
    pub(in crate::trustee) home: Home,
    pub(in crate::trustee) pulse: Arc<Pulse>,
    pub(in crate::trustee) stopping: Arc<AtomicBool>,
}

/// Is what is opened: the recorded tally, and what it began with.
struct Subject {
    recorded: Recorded,
    input: TallyInput,
}

impl Subject {
    /// Returns the layout of what is opened.
    fn outcomes(&self) -> Result<Layout, CheckError> {
        self.input.outcomes().map_err(|error| CheckError::NotRecorded(error.to_string()))
    }
}

impl SharesJob {
    /// Checks the sum, recomputes, opens, signs, logs and stores.
    pub(in crate::trustee) fn answer(
        self,
        identity: &Identity,
        now: Millis,
    ) -> Result<StoredOpening, SharesError> {
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

    /// Adds the ballots up again, each checked as at the coordinator's door, and holds the sum to the record; the
    /// labels of a two-step round are those of the instances that its test let pass.
    fn subject(&self) -> Result<Subject, SharesError> {
        let (replay, cached) = (&self.replay, Cached::of(&self.home));
        let missing = || CheckError::NotRecorded("the tally".to_owned());
        let recorded = replay.tally(self.asked.round, self.asked.step).ok_or_else(missing)?;
        let input = match self.asked.round {
            None => sum_of_known_answer(replay, &cached)?,
            Some(round) => {
                let record = replay.round(round).ok_or_else(missing)?;
                if self.asked.step == Step::Label {
                    check_test(replay, record, &cached)?;
                }
                sum_of_round(record, replay.founding(), self.asked.step, &cached)?
            }
        };
        Ok(Subject { recorded, input })
    }

    fn opener(&self, layout: Layout) -> Opener<'_> {
        let OpeningQuestion { federation, round, step, tally, .. } = self.asked;
        let question = FloodQuestion { federation, round, step, tally };
        Opener::new(&self.package, question, layout)
    }

    /// Computes argmax and squash again; the shares form on the way and are worth nothing if a bit differs.
    fn recompute(&self, keys: &TallyKeys, subject: &Subject) -> Result<Shares, SharesError> {
        let (layout, labels) = (subject.outcomes()?, subject.input.instances.len());
        let steps = keys.steps(labels);
        self.pulse.begin(self.asked.round, labels as u32);
        let started = process_cpu();
        let mut forming = Forming {
            opener: self.opener(layout),
            failed: None,
            opening: Duration::ZERO,
            pulse: &self.pulse,
            labels,
            steps,
        };
        keys.recompute(subject.recorded, &subject.input, &self.stopping, &mut forming)?;
        let Forming { opener, failed, opening, .. } = forming;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let recomputation = process_cpu().saturating_sub(started).saturating_sub(opening);
        tracing::info!(
            question =
                self.asked.round.map_or("the known answer".to_owned(), |round| format!("round {round}")),
            step = %self.asked.step,
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
        let (what, layout) = ("record of squashed digits", subject.outcomes()?);
        let bytes = fetch(&Cached::of(&self.home), Check::Tally, what, squashed)?;
        let record = SquashedRecord::from_bytes(&bytes, layout)?;
        let mut file = BufReader::new(File::open(digits).map_err(FileError::io("open", digits))?);
        let mut opener = self.opener(layout);
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

/// Forms this trustee's shares while the tally is computed again.
struct Forming<'a> {
    opener: Opener<'a>,
    failed: Option<OpenerError>,
    opening: Duration,
    pulse: &'a Pulse,
    labels: usize,
    steps: usize,
}

impl TallySink for Forming<'_> {
    fn squashed(&mut self, digit: &Squashed) {
        let before = thread_cpu();
        if let Err(error) = self.opener.push(digit) {
            self.failed.get_or_insert(error);
        }
        self.opening += thread_cpu().saturating_sub(before);
    }

    fn progress(&mut self, done: usize) {
        self.pulse.reached((done * self.labels / self.steps.max(1)) as u32);
    }
}
