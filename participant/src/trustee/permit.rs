//! The permit: everything a sole trustee checks before it opens anything; pure, so that each refusal is tested.

use std::collections::BTreeSet;

use shared::{
    federation::{Founding, KNOWN_ANSWER_INSTANCES, Roster},
    ids::{Digest, ParticipantId, RoundId},
    round::{Announcement, AnnouncementError, Step},
    wire::OpeningTask,
};

use super::log::StoredOpening;
use crate::{approval::sole_trustee, client::Question};

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
            Question::Round(round) => self.check_round(round, task)?,
        }
        if downloaded != task.ciphertexts {
            return Err(Refusal::Digest { found: downloaded, expected: task.ciphertexts });
        }
        match before {
            None => Ok(Permit::Open),
            Some(stored) if stored.ciphertexts == downloaded && stored.step == Step::Label => {
                Ok(Permit::Repeat(Box::new(stored)))
            }
            Some(stored) => {
                Err(Refusal::OpenedOther { question: question.to_string(), opened: stored.ciphertexts })
            }
        }
    }

    fn check_round(&self, round: RoundId, task: &OpeningTask) -> Result<(), Refusal> {
        let other = |found: String| Refusal::OtherQuestion { question: format!("round {round}"), found };
        let announcement = task.announcement.as_ref().ok_or_else(|| other("nothing".to_owned()))?;
        if announcement.round != round {
            return Err(other(format!("round {}", announcement.round)));
        }
        announcement.check(self.founding, self.roster, self.keys)?;
        check_instances(task.instance_count, announcement.instance_count)?;
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
mod tests {
    use shared::round::{Opening, Step};

    use super::*;
    use crate::testing::{Federation, number, round};

    /// Tells a story about one federation: what the trustee is asked, and what it answers.
    struct Story {
        federation: Federation,
        opened: Vec<RoundId>,
    }

    impl Story {
        fn new() -> Self {
            Self { federation: Federation::new(), opened: Vec::new() }
        }

        fn without_noise() -> Self {
            let federation = Federation::with_config(|text| {
                let text = text.replace("coordinator_sigma = 8", "coordinator_sigma = 0");
                text.replace("sigma = 16", "mode = \"insecure_no_noise\"\nsigma = 0")
            });
            Self { federation, opened: Vec::new() }
        }

        fn task(&self, id: u8) -> OpeningTask {
            OpeningTask {
                announcement: Some(self.federation.announce(round(id))),
                ciphertexts: Digest::of(b"labels"),
                instance_count: 4,
                counted: (1..=5).map(number).collect(),
            }
        }

        fn known_answer() -> OpeningTask {
            let (ciphertexts, instance_count) = (Digest::of(b"labels"), KNOWN_ANSWER_INSTANCES);
            OpeningTask { announcement: None, ciphertexts, instance_count, counted: Vec::new() }
        }

        fn stored(&self, id: u8, ciphertexts: Digest) -> StoredOpening {
            let (round, step, trustee) = (Some(round(id)), Step::Label, number(1));
            let (federation, labels) = (self.federation.founding.digest(), vec![1, 2, 3, 0]);
            let opening = Opening { federation, round, step, ciphertexts, trustee, labels };
            let opening = self.federation.identity(1).sign(&opening);
            StoredOpening { round, step, ciphertexts, opening }
        }

        fn ask(&self, question: Question, task: &OpeningTask) -> Result<Permit, Refusal> {
            self.ask_again(question, task, None)
        }

        fn ask_again(
            &self,
            question: Question,
            task: &OpeningTask,
            before: Option<StoredOpening>,
        ) -> Result<Permit, Refusal> {
            self.knowledge().permit(question, task, Digest::of(b"labels"), before)
        }

        fn knowledge(&self) -> Knowledge<'_> {
            Knowledge {
                founding: &self.federation.founding,
                roster: &self.federation.roster,
                keys: self.federation.certificate().digest(),
                trustee: number(1),
                opened: &self.opened,
            }
        }
    }

    const FIRST: Question = Question::Round(RoundId::from_bytes([1; 16]));

    #[test]
    fn a_round_as_approved_is_opened_once_and_repeated_word_for_word() {
        let story = Story::new();
        let task = story.task(1);
        assert_eq!(story.ask(FIRST, &task), Ok(Permit::Open));
        let stored = story.stored(1, task.ciphertexts);
        let repeated = story.ask_again(FIRST, &task, Some(stored.clone()));
        assert_eq!(repeated, Ok(Permit::Repeat(Box::new(stored))));
    }

    #[test]
    fn other_ciphertexts_for_an_opened_round_are_refused() {
        let story = Story::new();
        let opened = Digest::of(b"what was opened before");
        let refused = story.ask_again(FIRST, &story.task(1), Some(story.stored(1, opened)));
        assert_eq!(refused, Err(Refusal::OpenedOther { question: FIRST.to_string(), opened }));
    }

    #[test]
    fn ciphertexts_without_the_announced_digest_are_refused() {
        let story = Story::new();
        let task = OpeningTask { ciphertexts: Digest::of(b"others"), ..story.task(1) };
        assert!(matches!(story.ask(FIRST, &task), Err(Refusal::Digest { .. })));
    }

    #[test]
    fn below_the_quorum_or_with_strangers_or_doubles_nothing_is_opened() {
        let story = Story::new();
        let counting = |ids: &[u32]| {
            let counted = ids.iter().copied().map(number).collect();
            story.ask(FIRST, &OpeningTask { counted, ..story.task(1) })
        };
        assert_eq!(counting(&[1, 2, 3, 4]), Err(Refusal::BelowQuorum { counted: 4, quorum: 5 }));
        assert_eq!(counting(&[1, 2, 3, 4, 6]), Err(Refusal::NotAMember(number(6))));
        assert_eq!(counting(&[1, 2, 3, 4, 4]), Err(Refusal::CountedTwice(number(4))));
        assert_eq!(counting(&[5, 4, 3, 2, 1]), Ok(Permit::Open));
    }

    #[test]
    fn an_announcement_that_does_not_follow_from_the_approved_policy_is_refused() {
        let story = Story::new();
        let mut task = story.task(1);
        if let Some(announcement) = &mut task.announcement {
            announcement.quorum = 1;
        }
        task.counted = vec![number(2)];
        let refused = story.ask(FIRST, &task).map_err(|refusal| refusal.to_string());
        assert!(refused.is_err_and(|reason| reason.contains("quorum = 1")), "a lowered quorum");

        let other = Federation::new();
        let task = OpeningTask { announcement: Some(other.announce(round(1))), ..story.task(1) };
        assert!(matches!(story.ask(FIRST, &task), Err(Refusal::Announcement(_))), "another federation");
    }

    #[test]
    fn exactly_the_announced_instances_of_exactly_this_round_are_opened() {
        let story = Story::new();
        let more = OpeningTask { instance_count: 5, ..story.task(1) };
        assert_eq!(story.ask(FIRST, &more), Err(Refusal::Instances { found: 5, expected: 4 }));
        assert!(matches!(story.ask(FIRST, &story.task(2)), Err(Refusal::OtherQuestion { .. })));
        let nothing = OpeningTask { announcement: None, ..story.task(1) };
        assert!(matches!(story.ask(FIRST, &nothing), Err(Refusal::OtherQuestion { .. })));
    }

    #[test]
    fn a_round_cannot_be_opened_in_the_name_of_the_known_answer() {
        let story = Story::new();
        let known = Story::known_answer();
        assert_eq!(story.ask(Question::KnownAnswer, &known), Ok(Permit::Open));
        let with_round = OpeningTask { announcement: story.task(1).announcement, ..known.clone() };
        assert!(matches!(story.ask(Question::KnownAnswer, &with_round), Err(Refusal::OtherQuestion { .. })));
        let with_votes = OpeningTask { counted: vec![number(1)], ..known.clone() };
        assert_eq!(story.ask(Question::KnownAnswer, &with_votes), Err(Refusal::KnownAnswerCounts));
        let larger = OpeningTask { instance_count: 400, ..known };
        assert!(matches!(story.ask(Question::KnownAnswer, &larger), Err(Refusal::Instances { .. })));
    }

    #[test]
    fn who_is_not_the_approved_trustee_opens_nothing() {
        let story = Story::new();
        let knowledge = Knowledge { trustee: number(2), ..story.knowledge() };
        let refused = knowledge.permit(FIRST, &story.task(1), Digest::of(b"labels"), None);
        assert_eq!(refused, Err(Refusal::NotTrustee(number(2))));
    }

    #[test]
    fn without_noise_the_keys_open_one_round() {
        let mut story = Story::without_noise();
        assert_eq!(story.ask(FIRST, &story.task(1)), Ok(Permit::Open));
        story.opened.push(round(1));
        assert_eq!(story.ask(FIRST, &story.task(1)), Ok(Permit::Open), "the same round, asked again");
        let second = story.ask(Question::Round(round(2)), &story.task(2));
        assert_eq!(second, Err(Refusal::KeysUsed(round(1))));

        let mut noisy = Story::new();
        noisy.opened.push(round(1));
        assert_eq!(noisy.ask(Question::Round(round(2)), &noisy.task(2)), Ok(Permit::Open));
    }
}
