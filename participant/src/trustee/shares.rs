//! Opening with shares: check, recompute bit for bit while the shares form, sign, log, store, and only then post.

mod error;
mod job;

use std::{sync::Arc, time::Instant};

use base::{
    Step,
    ids::{ParticipantId, RoundId},
};
use protocol::{
    federation::KeyCertificate,
    round::OpeningQuestion,
    transcript::{Replay, TallyKeys},
    wire::PostOpening,
};

pub use error::SharesError;
pub(super) use job::{Means, SharesJob};

use super::{
    Trustee,
    agreement::Seat,
    artefacts::{
        Cached, Wanted, ballots_of, download, download_digits, forget, keys_of, known_answer_of, record_of,
        test_of,
    },
    ceremony::acknowledge::own_complaint,
    check::{CheckError, Grounds, OwnBallot, Verdict},
    log::{Openings, StoredOpening},
};
use crate::{
    agent::Agent, approval::approved_roster, config::TallyCheck, home::Home, teacher::journal::Journal,
};
use client::Question;
use runtime::files::{FileError, digest_of};

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
    roster: Option<protocol::federation::Roster>,
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
        let before = openings.of_question(question)?;
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
            Question::Round(round, step) => grounds.check_round(round, step, self.before),
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
        Some(round) => trusted_digits(agent, replay, (round, asked.step)).await?,
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
    let stored = agent.pool.run(move || job.answer(&identity, clock.now())).await??;
    forget(&agent.home, &wanted)?;
    Ok(stored)
}

/// Lists what the sum of a question is made of.
fn inputs_of(replay: &Replay, round: Option<RoundId>) -> Result<Vec<Wanted>, SharesError> {
    let Some(round) = round else { return Ok(known_answer_of(replay).into_iter().collect()) };
    let record = replay.round(round);
    let record = record.ok_or_else(|| CheckError::NotRecorded(format!("round {round}")))?;
    Ok(ballots_of(record)?.into_iter().chain(test_of(record)).collect())
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
    let keys = Arc::new(agent.pool.run(load).await??);
    trustee.keys.put(digest, &keys, Instant::now());
    Ok(keys)
}

/// Fetches the squashed digits that the coordinator made, for a trustee that is told to trust them.
async fn trusted_digits(
    agent: &Agent,
    replay: &Replay,
    (round, step): (RoundId, Step),
) -> Result<Means, SharesError> {
    let missing = || CheckError::NotRecorded(format!("the tally of round {round}"));
    let record = replay.round(round).ok_or_else(missing)?;
    let squashed = record.tally(step).and_then(|recorded| recorded.tally.squashed);
    let layout = record.outcomes(step).ok_or_else(missing)?;
    let wanted = record_of(squashed.ok_or_else(missing)?, layout);
    download(&agent.client(), &agent.home, &[wanted]).await?;
    let view = agent.client().round(round).await?;
    let digits =
        view.state.tally(step).and_then(|tally| tally.squashed_digits).ok_or(SharesError::NoDigits)?;
    download_digits(&agent.client(), &agent.home, (round, step), digits, layout).await?;
    Ok(Means::Trust { digits: agent.home.blob(digits) })
}

#[cfg(test)]
mod tests;
