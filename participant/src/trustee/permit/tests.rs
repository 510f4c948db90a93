//! What the sole trustee is asked, and what it answers.

use base::Step;
use protocol::round::{Opening, OpeningContent};

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
            tally: TALLY,
            step: Step::Label,
            ciphertexts: Digest::of(b"labels"),
            instance_count: 4,
            counted: (1..=5).map(number).collect(),
        }
    }

    fn known_answer() -> OpeningTask {
        let (ciphertexts, instance_count) = (Digest::of(b"labels"), KNOWN_ANSWER_INSTANCES);
        OpeningTask {
            announcement: None,
            tally: TALLY,
            step: Step::Label,
            ciphertexts,
            instance_count,
            counted: Vec::new(),
        }
    }

    fn stored(&self, id: u8, ciphertexts: Digest) -> StoredOpening {
        let (round, step, trustee) = (Some(round(id)), Step::Label, number(1));
        let (federation, content) =
            (self.federation.founding.digest(), OpeningContent::Labels(vec![1, 2, 3, 0]));
        let tally = TALLY;
        let opening = Opening { federation, round, step, tally, ciphertexts, trustee, content };
        let opening = self.federation.identity(1).sign(&opening);
        StoredOpening { round, step, tally, ciphertexts, opening }
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

/// Stands for the event that recorded the tally.
const TALLY: Digest = Digest::from_bytes([7; 32]);

const FIRST: Question = Question::Round(RoundId::from_bytes([1; 16]), Step::Label);

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
fn the_same_ciphertexts_under_a_second_tally_are_refused() {
    let story = Story::new();
    let task = story.task(1);
    let before = StoredOpening { tally: Digest::of(b"first tally"), ..story.stored(1, task.ciphertexts) };
    let refused = story.ask_again(FIRST, &task, Some(before));
    assert!(matches!(refused, Err(Refusal::OpenedOther { .. })), "{refused:?}");
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
    let second = story.ask(Question::Round(round(2), Step::Label), &story.task(2));
    assert_eq!(second, Err(Refusal::KeysUsed(round(1))));

    let mut noisy = Story::new();
    noisy.opened.push(round(1));
    assert_eq!(noisy.ask(Question::Round(round(2), Step::Label), &noisy.task(2)), Ok(Permit::Open));
}
