//! Voting: from an announced round to a receipt, with the plaintext ballot in memory only and wiped at the end.

mod error;
mod prepare;
mod seal;

use base::{
    clock::Millis,
    ids::{BallotId, Digest, RoundId},
    problem::Code,
};
use protocol::{
    transcript::Replay,
    wire::{ReceiptView, RoundView},
};

use super::{
    journal::{Journal, JournalError, Record, Resume, Stage},
    limits::LimitError,
};
use crate::{agent::Agent, approval::Membership};
use client::ClientError;

pub use error::VoteError;
use seal::Sealed;

/// What became of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The coordinator signed for the ballot now.
    Cast(Box<ReceiptView>),
    /// It had signed for it before.
    AlreadyCast,
}

/// Votes in one round of the followed transcript, or posts the stored ballot again, or says why not.
pub async fn vote(agent: &Agent, replay: &Replay, round: RoundId) -> Result<Outcome, VoteError> {
    let journal = Journal::of(&agent.home);
    match journal.resume(round)? {
        Resume::Cast => return Ok(Outcome::AlreadyCast),
        Resume::Never { reason } => return Err(VoteError::Never(reason)),
        // The plaintext died with the process that sealed this ballot.
        Resume::Stored { ballot, bytes } => return post(agent, &journal, round, ballot, bytes).await,
        Resume::Fresh => {}
    }
    let recorded = replay.round(round).ok_or(VoteError::NotOnTranscript(round))?;
    let view = agent.client().round(round).await?;
    if view.announcement != recorded.announcement {
        return Err(VoteError::OtherAnnouncement(round));
    }
    let record = record(&journal, round, &view, agent.clock.now())?;
    let job = match prepare::prepare(agent, replay, &view, record.clone()).await {
        Ok(job) => job,
        Err(error) => {
            note(&journal, record, &error)?;
            return Err(error);
        }
    };
    tracing::info!(%round, instances = view.announcement.instance_count, "drawing noise, predicting and encrypting");
    let Sealed { ballot, bytes, plaintext } = agent.pool.run(move || job.seal()).await??;
    let outcome = post(agent, &journal, round, ballot, bytes).await;
    // The plaintext was never written anywhere; its memory is wiped here, whatever the coordinator answered.
    drop(plaintext);
    outcome
}

/// Returns the record of a round as it would be kept now, seen first when it was.
fn record(journal: &Journal, round: RoundId, view: &RoundView, now: Millis) -> Result<Record, JournalError> {
    let announcement = &view.announcement;
    Ok(Record {
        round,
        announcement: announcement.digest(),
        instances: announcement.instances,
        instance_count: announcement.instance_count,
        seen_at: journal.record(round)?.map_or(now, |before| before.seen_at),
        closes_at: announcement.closes_at,
        cost: None,
        stage: Stage::Waiting,
    })
}

/// Notes why a round was not voted in, so that `participant rounds` shows it.
fn note(journal: &Journal, mut record: Record, error: &VoteError) -> Result<(), JournalError> {
    if error.is_transient() {
        return Ok(());
    }
    if !matches!(error, VoteError::Limit(LimitError::NeedsPerson)) {
        record.stage = Stage::Declined { reason: error.to_string() };
    }
    journal.note(&record)
}

/// Posts a stored ballot and stores its receipt; a refusal that will not change ends the round here.
async fn post(
    agent: &Agent,
    journal: &Journal,
    round: RoundId,
    ballot: BallotId,
    bytes: Vec<u8>,
) -> Result<Outcome, VoteError> {
    let digest = Digest::of(&bytes);
    let receipt = match agent.client().put_ballot(round, ballot, bytes).await {
        Ok(receipt) => receipt,
        Err(error) => {
            if is_final(&error) {
                journal.lose(round, &error.to_string())?;
            }
            return Err(error.into());
        }
    };
    check_receipt(&receipt, &agent.membership, round, ballot, digest)?;
    journal.cast(round, receipt.clone())?;
    Ok(Outcome::Cast(Box::new(receipt)))
}

/// Accepts a receipt only for exactly the ballot that was sent, and only from the coordinator of event 0.
fn check_receipt(
    receipt: &ReceiptView,
    membership: &Membership,
    round: RoundId,
    ballot: BallotId,
    digest: Digest,
) -> Result<(), VoteError> {
    let words = &receipt.receipt;
    let expected = (round, membership.participant, ballot, digest);
    let matches = (words.round, words.participant, words.ballot, words.digest) == expected;
    if !matches || !receipt.is_signed_by(&membership.founding.coordinator) {
        return Err(VoteError::Receipt);
    }
    Ok(())
}

/// Returns whether the same ballot would be refused again for ever.
fn is_final(error: &ClientError) -> bool {
    matches!(
        error.code(),
        Some(
            Code::BallotLate
                | Code::BallotSecond
                | Code::BallotCopy
                | Code::BallotLength
                | Code::BallotFraming
                | Code::BallotParameters
                | Code::BallotSignature
                | Code::BallotParticipant
                | Code::BallotAnnouncement
                | Code::NotOnRoster
                | Code::Conflict
                | Code::WrongRoundState
        )
    )
}

#[cfg(test)]
mod tests {
    use protocol::wire::Receipt;

    use super::*;
    use crate::testing::{Federation, number, round};

    #[test]
    fn only_the_coordinators_word_about_exactly_this_ballot_is_a_receipt() {
        let federation = Federation::new();
        let membership = federation.membership(2);
        let (ballot, digest) = (BallotId::from_bytes([9; 16]), Digest::of(b"ballot"));
        let honest =
            Receipt { round: round(1), participant: number(2), ballot, digest, received_at: Millis(6) };
        let check = |view: &ReceiptView| check_receipt(view, &membership, round(1), ballot, digest).is_ok();
        assert!(check(&ReceiptView::new(honest.clone(), &federation.coordinator)));

        assert!(!check(&ReceiptView::new(honest.clone(), federation.identity(3))), "signed by another");
        let mut reworded = ReceiptView::new(honest.clone(), &federation.coordinator);
        reworded.receipt.received_at = Millis(7);
        assert!(!check(&reworded), "the words are not the signed ones");
        let others = [
            Receipt { round: round(2), ..honest.clone() },
            Receipt { participant: number(3), ..honest.clone() },
            Receipt { ballot: BallotId::from_bytes([8; 16]), ..honest.clone() },
            Receipt { digest: Digest::of(b"another ballot"), ..honest },
        ];
        for other in others {
            assert!(!check(&ReceiptView::new(other.clone(), &federation.coordinator)), "{other:?}");
        }
    }
}
