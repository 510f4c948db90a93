//! The permit: everything a sole trustee checks before it opens anything; pure, so that each refusal is tested.

use std::collections::BTreeSet;

use base::{
    Step,
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::{
    federation::{Founding, KNOWN_ANSWER_INSTANCES, Roster},
    round::{Announcement, AnnouncementError},
    wire::OpeningTask,
};

use super::log::StoredOpening;
use crate::approval::sole_trustee;
use client::Question;

/// Says why the trustee does not open what it is asked to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It never approved the roster.
    #[error(
        "the round is held under a roster that this institution never approved: run `participant approve`"
    )]
    NotApproved,
    /// The roster does not name it as the trustee.
    #[error("participant {0} is not the trustee of the approved roster")]
    NotTrustee(ParticipantId),
    /// The question has no announcement, or another round's.
    #[error("the task for {question} comes with the announcement of {found}")]
    OtherQuestion {
        /// What was asked for.
        question: String,
        /// What came.
        found: String,
    },
    /// A number differs from what the approved policy gives.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    /// The number of labels is not that of the announcement.
    #[error("the task has {found} instances, expected exactly {expected}")]
    Instances {
        /// Instances in the task.
        found: u32,
        /// Instances expected.
        expected: u32,
    },
    /// The round has no such step, or the task is for another one.
    #[error("the task is for the step `{found}`, asked is `{expected}`, which must be a step of the round")]
    Step {
        /// Step of the task.
        found: Step,
        /// Step asked for.
        expected: Step,
    },
    /// Somebody counted is not on the roster.
    #[error("participant {0} is counted but is not on the approved roster")]
    NotAMember(ParticipantId),
    /// Somebody is counted twice.
    #[error("participant {0} is counted twice")]
    CountedTwice(ParticipantId),
    /// Too few ballots.
    #[error("{counted} ballots are counted, below the quorum of {quorum}")]
    BelowQuorum {
        /// Ballots counted.
        counted: u32,
        /// Ballots needed.
        quorum: u32,
    },
    /// Something is counted in a known answer.
    #[error("the known answer counts ballots, but it must count none")]
    KnownAnswerCounts,
    /// The label ciphertexts are not the ones of the task.
    #[error("the label ciphertexts have digest {found}, the task says {expected}")]
    Digest {
        /// Digest of the bytes.
        found: Digest,
        /// Digest in the task.
        expected: Digest,
    },
    /// The task is not what the transcript tells.
    #[error("the task for {question} names another {what} than the transcript")]
    OtherTranscript {
        /// What was asked for.
        question: String,
        /// What differs.
        what: &'static str,
    },
    /// The question was answered for other ciphertexts.
    #[error("{question} was opened already, for other label ciphertexts ({opened}): each is opened once")]
    OpenedOther {
        /// The question.
        question: String,
        /// Digest of what was opened.
        opened: Digest,
    },
    /// Without noise the keys serve one round.
    #[error(
        "this federation has no noise, so its keys serve one round only, and round {0} was opened already"
    )]
    KeysUsed(RoundId),
}

/// Is what the trustee knows by itself.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'a> {
    /// Event 0, pinned at enrolment.
    pub founding: &'a Founding,
    /// The approved roster under which the round is held.
    pub roster: &'a Roster,
    /// Digest of the key certificate that it signed itself.
    pub keys: Digest,
    /// Its number.
    pub trustee: ParticipantId,
    /// Rounds of which it opened anything.
    pub opened: &'a [RoundId],
}

/// Is what the trustee does about a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// It opens the label ciphertexts.
    Open,
    /// It posts again what it posted before.
    Repeat(Box<StoredOpening>),
}

impl Knowledge<'_> {
    /// Checks a task and the downloaded label ciphertexts' digest against what this institution approved.
    pub fn permit(
        &self,
        question: Question,
        task: &OpeningTask,
        downloaded: Digest,
        before: Option<StoredOpening>,
    ) -> Result<Permit, Refusal> {
        match sole_trustee(self.roster) {
            Some(member) if member.id == self.trustee => {}
            _ => return Err(Refusal::NotTrustee(self.trustee)),
        }
        match question {
            Question::KnownAnswer => check_known_answer(task)?,
            Question::Round(round, step) => self.check_round(round, step, task)?,
        }
        if downloaded != task.ciphertexts {
            return Err(Refusal::Digest { found: downloaded, expected: task.ciphertexts });
        }
        match before {
            None => Ok(Permit::Open),
            Some(stored)
                if (stored.ciphertexts, stored.tally, stored.step)
                    == (downloaded, task.tally, question.step()) =>
            {
                Ok(Permit::Repeat(Box::new(stored)))
            }
            Some(stored) => {
                Err(Refusal::OpenedOther { question: question.to_string(), opened: stored.ciphertexts })
            }
        }
    }

    fn check_round(&self, round: RoundId, step: Step, task: &OpeningTask) -> Result<(), Refusal> {
        let other = |found: String| Refusal::OtherQuestion { question: format!("round {round}"), found };
        let announcement = task.announcement.as_ref().ok_or_else(|| other("nothing".to_owned()))?;
        if announcement.round != round {
            return Err(other(format!("round {}", announcement.round)));
        }
        announcement.check(self.founding, self.roster, self.keys)?;
        check_step(announcement, step, task)?;
        self.check_counted(announcement, &task.counted)?;
        let other_round = self.opened.iter().find(|opened| **opened != round);
        match other_round.filter(|_| self.founding.config.throw_away_keys()) {
            Some(opened) => Err(Refusal::KeysUsed(*opened)),
            None => Ok(()),
        }
    }

    fn check_counted(&self, announcement: &Announcement, counted: &[ParticipantId]) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        for participant in counted {
            self.roster.member(*participant).ok_or(Refusal::NotAMember(*participant))?;
            if !seen.insert(*participant) {
                return Err(Refusal::CountedTwice(*participant));
            }
        }
        // At most as many as the roster has members, whose number fits 32 bits.
        let (counted, quorum) = (seen.len() as u32, announcement.quorum);
        if counted < quorum {
            return Err(Refusal::BelowQuorum { counted, quorum });
        }
        Ok(())
    }
}

/// A test and a plain round are opened for every instance; after a test, for those that the transcript says passed.
fn check_step(announcement: &Announcement, step: Step, task: &OpeningTask) -> Result<(), Refusal> {
    if task.step != step || !announcement.steps().contains(&step) {
        return Err(Refusal::Step { found: task.step, expected: step });
    }
    let (found, all) = (task.instance_count, announcement.instance_count);
    match (step, announcement.test) {
        (Step::Label, Some(_)) if (1..=all).contains(&found) => Ok(()),
        _ => check_instances(found, all),
    }
}

fn check_known_answer(task: &OpeningTask) -> Result<(), Refusal> {
    if let Some(announcement) = &task.announcement {
        let found = format!("round {}", announcement.round);
        return Err(Refusal::OtherQuestion { question: "the known answer".to_owned(), found });
    }
    if !task.counted.is_empty() {
        return Err(Refusal::KnownAnswerCounts);
    }
    check_instances(task.instance_count, KNOWN_ANSWER_INSTANCES)
}

fn check_instances(found: u32, expected: u32) -> Result<(), Refusal> {
    if found != expected {
        return Err(Refusal::Instances { found, expected });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
