//! Every rule of the book, for a sole trustee and for one of several, each seen to bite.

use base::{clock::Millis, identity::Signed, ids::BallotId};
use protocol::{
    round::{FailureReason, Opening},
    transcript::EventBody,
    wire::Receipt,
};

use super::*;
use crate::testing::{Board, Federation, board::RECEIVED_AT, number, round};

/// A round that waits for its trustees: the first answers here.
struct Story {
    board: Board,
    is_sole: bool,
}

/// What a story is told with.
struct Told<'a> {
    keys: Option<Digest>,
    roster: Option<&'a Roster>,
    own: Option<OwnBallot>,
    answered: Vec<RoundId>,
    alarm: Option<&'a str>,
    participant: u32,
}

impl Story {
    fn of(is_sole: bool, edit: impl FnOnce(String) -> String) -> Self {
        let federation = match is_sole {
            true => Federation::with_config(edit),
            false => Federation::with_config(|text| {
                let text = text.replace("insecure_toy_parameters = true", "");
                edit(text) + "[trustees]\ncount = 3\nthreshold = 1\n"
            }),
        };
        Self { board: Board::keyed(federation), is_sole }
    }

    /// Announces, closes over these ballots and asks, as the federation's form has it.
    fn ask(&mut self, id: u8, ballots: &[(u32, Digest)]) {
        self.board.announce(round(id));
        self.board.close(round(id), ballots);
        self.board.push(EventBody::NoiseBallot { round: round(id), digest: Digest::of(b"noise") });
        if self.is_sole {
            let tally = self.board.pretended_tally(Some(round(id)));
            self.board.push(EventBody::Tallied(tally));
        } else {
            self.board.push(EventBody::Summed { round: round(id), step: Step::Label, sum: SUM });
        }
    }

    fn honest(&self) -> Told<'_> {
        Told {
            keys: self.board.replay().ceremony().keys().map(|keys| keys.digest()),
            roster: Some(&self.board.federation.roster),
            own: Some(OwnBallot { digest: ballot(1), receipt: None }),
            answered: Vec::new(),
            alarm: None,
            participant: 1,
        }
    }

    /// Asks the rule book.
    fn told(&self, told: &Told<'_>, id: u8) -> Result<(), Refusal> {
        let replay = self.board.replay();
        let grounds = Grounds {
            replay: &replay,
            participant: number(told.participant),
            keys: told.keys,
            roster: told.roster,
            own: told.own.as_ref(),
            answered: &told.answered,
            alarm: told.alarm,
        };
        let subject = (Some(round(id)), Step::Label);
        match self.is_sole {
            true => grounds.permit(subject, None).map(drop),
            false => grounds.permit_sum(subject, SUM, None),
        }
    }
}

const SUM: Digest = Digest::from_bytes([8; 32]);

fn ballot(id: u32) -> Digest {
    Digest::of(&id.to_le_bytes())
}

fn all() -> Vec<(u32, Digest)> {
    (1..=5).map(|id| (id, ballot(id))).collect()
}

fn both() -> impl Iterator<Item = Story> {
    [true, false].into_iter().map(|is_sole| Story::of(is_sole, |text| text))
}

#[test]
fn a_round_as_approved_is_answered() {
    for mut story in both() {
        story.ask(1, &all());
        assert_eq!(story.told(&story.honest(), 1), Ok(()));
    }
}

#[test]
fn nothing_is_answered_in_another_state_of_the_federation_or_of_the_round() {
    for mut story in both() {
        story.ask(1, &all());
        assert!(matches!(story.told(&story.honest(), 2), Err(Refusal::NotRecorded(_))), "never announced");
        let open = story.board.events.len();
        let (charged, reason) = (!story.is_sole, FailureReason::OpeningTimedOut);
        story.board.push(EventBody::Failed { round: round(1), reason, charged });
        assert_eq!(story.told(&story.honest(), 1), Err(Refusal::Ended));
        story.board.roll_back(open);
        story.board.push(EventBody::Closed);
        assert_eq!(story.told(&story.honest(), 1), Err(Refusal::NotKeyed(FederationState::Closed)));
    }
}

#[test]
fn the_known_answer_is_answered_before_the_federation_is_keyed_and_not_in_its_name_later() {
    for story in both() {
        let replay = story.board.replay();
        let keys = replay.ceremony().keys().map(|keys| keys.digest());
        let grounds = |replay| Grounds {
            replay,
            participant: number(1),
            keys,
            roster: None,
            own: None,
            answered: &[],
            alarm: None,
        };
        let known = (None, Step::Label);
        let over = Refusal::CeremonyOver(FederationState::Keyed);
        assert_eq!(grounds(&replay).permit_sum(known, SUM, None), Err(over.clone()));
        assert_eq!(grounds(&replay).permit(known, None), Err(over));
        let mut before = story.board;
        before.roll_back(before.events.len() - 1);
        let replay = before.replay();
        assert_eq!(grounds(&replay).permit_sum(known, SUM, None), Ok(()));
    }
}

#[test]
fn who_is_no_trustee_or_knows_other_keys_answers_nothing() {
    for mut story in both() {
        story.ask(1, &all());
        let stranger = Told { participant: 4, ..story.honest() };
        assert_eq!(story.told(&stranger, 1), Err(Refusal::NotTrustee(number(4))));
        for keys in [None, Some(Digest::of(b"others"))] {
            let other = Told { keys, ..story.honest() };
            assert!(matches!(story.told(&other, 1), Err(Refusal::OtherKeys { .. })));
        }
    }
}

#[test]
fn a_roster_that_was_never_approved_here_is_refused() {
    for mut story in both() {
        story.ask(1, &all());
        let announced = story.board.federation.roster.digest();
        let mut other = story.board.federation.roster.clone();
        other.members.pop();
        for roster in [None, Some(&other)] {
            let told = Told { roster, ..story.honest() };
            assert_eq!(story.told(&told, 1), Err(Refusal::NotApproved(announced)));
        }
    }
}

#[test]
fn an_announcement_that_does_not_follow_from_what_was_approved_here_is_refused() {
    // The replay refuses one that does not follow from the chain; here the chain's policy is another than the approved.
    for mut story in both() {
        story.ask(1, &all());
        let replay = story.board.replay();
        let mut record = replay.round(round(1)).unwrap().clone();
        record.announcement.quorum = 1;
        let told = story.honest();
        let grounds = Grounds {
            replay: &replay,
            participant: number(1),
            keys: told.keys,
            roster: told.roster,
            own: None,
            answered: &[],
            alarm: None,
        };
        let refused = grounds.check_terms(&record).unwrap_err().to_string();
        assert!(refused.contains("quorum = 1"), "{refused}");
    }
}

fn receipt(story: &Story, received_at: Millis) -> ReceiptView {
    let words = Receipt {
        round: round(1),
        participant: number(1),
        ballot: BallotId::from_bytes([3; 16]),
        digest: ballot(1),
        received_at,
    };
    ReceiptView::new(words, &story.board.federation.coordinator)
}

#[test]
fn a_ballot_with_a_receipt_that_is_not_counted_stops_the_round_and_one_without_does_not() {
    for is_sole in [true, false] {
        let mut story = Story::of(is_sole, |text| text.replace("[instances]", "quorum = 4\n[instances]"));
        story.ask(1, &all()[1..]);
        let with = |receipt| Some(OwnBallot { digest: ballot(1), receipt });
        let told = |receipt| Told { own: with(receipt), ..story.honest() };
        let dropped = story.told(&told(Some(receipt(&story, RECEIVED_AT))), 1);
        assert_eq!(dropped, Err(Refusal::OwnBallotDropped(ballot(1))));
        // At the very end of the window it came too late to count.
        assert_eq!(story.told(&told(Some(receipt(&story, Millis(20)))), 1), Ok(()));
        assert_eq!(story.told(&told(None), 1), Ok(()));
        assert_eq!(story.told(&Told { own: None, ..story.honest() }, 1), Ok(()));
    }
}

#[test]
fn a_ballot_in_our_name_that_we_did_not_cast_stops_the_round() {
    for mut story in both() {
        let mut ballots = all();
        ballots[0].1 = Digest::of(b"forged");
        story.ask(1, &ballots);
        let forged = Err(Refusal::OwnBallotForged(Digest::of(b"forged")));
        assert_eq!(story.told(&story.honest(), 1), forged);
        assert_eq!(story.told(&Told { own: None, ..story.honest() }, 1), forged);
    }
}

#[test]
fn without_noise_the_keys_answer_one_round() {
    let silent = |text: String| {
        let text = text.replace("coordinator_sigma = 8", "coordinator_sigma = 0");
        text.replace("sigma = 16", "mode = \"insecure_no_noise\"\nsigma = 0")
    };
    for is_sole in [true, false] {
        let mut story = Story::of(is_sole, silent);
        story.ask(1, &all());
        let told = |answered| Told { answered, ..story.honest() };
        assert_eq!(story.told(&told(vec![round(1)]), 1), Ok(()), "the same round again");
        assert_eq!(story.told(&told(vec![round(2)]), 1), Err(Refusal::KeysUsed(round(2))));
        let mut noisy = Story::of(is_sole, |text| text);
        noisy.ask(1, &all());
        assert_eq!(noisy.told(&Told { answered: vec![round(2)], ..noisy.honest() }, 1), Ok(()));
    }
}

#[test]
fn an_alarm_stops_everything() {
    for mut story in both() {
        story.ask(1, &all());
        let told = Told { alarm: Some("other labels were released"), ..story.honest() };
        let refused = story.told(&told, 1).unwrap_err();
        assert!(
            matches!(&refused, Refusal::Alarm(what) if what == "other labels were released"),
            "{refused}"
        );
    }
}

/// What a sole trustee stored about a tally of these ciphertexts.
fn stored(story: &Story, tally: Digest, ciphertexts: Digest) -> StoredOpening {
    let (round, step) = (Some(round(1)), Step::Label);
    let federation = story.board.federation.founding.digest();
    let opening =
        Opening { federation, round, step, tally, ciphertexts, trustee: number(1), labels: vec![1; 4] };
    let opening: Signed<Opening> = story.board.federation.identity(1).sign(&opening);
    StoredOpening { round, step, tally, ciphertexts, opening }
}

#[test]
fn a_sole_trustee_repeats_its_answer_word_for_word_and_gives_no_other() {
    let mut story = Story::of(true, |text| text);
    story.ask(1, &all());
    let replay = story.board.replay();
    let told = story.honest();
    let grounds = Grounds {
        replay: &replay,
        participant: number(1),
        keys: told.keys,
        roster: told.roster,
        own: told.own.as_ref(),
        answered: &[],
        alarm: None,
    };
    let subject = (Some(round(1)), Step::Label);
    let question = replay.question(Some(round(1)), Step::Label).unwrap();
    assert_eq!(grounds.permit(subject, None), Ok(Permit::Open(question)));
    let same = stored(&story, question.tally, question.ciphertexts);
    assert_eq!(grounds.permit(subject, Some(same.clone())), Ok(Permit::Repeat(Box::new(same))));
    let (other, tally) = (Digest::of(b"others"), Digest::of(b"a second tally"));
    for before in [stored(&story, question.tally, other), stored(&story, tally, question.ciphertexts)] {
        assert!(matches!(grounds.permit(subject, Some(before)), Err(Refusal::AnsweredOther { .. })));
    }
}

#[test]
fn one_of_several_signs_one_sum_of_a_step() {
    let mut story = Story::of(false, |text| text);
    story.ask(1, &all());
    let replay = story.board.replay();
    let told = story.honest();
    let grounds = Grounds {
        replay: &replay,
        participant: number(1),
        keys: told.keys,
        roster: told.roster,
        own: told.own.as_ref(),
        answered: &[round(1)],
        alarm: None,
    };
    let subject = (Some(round(1)), Step::Label);
    assert_eq!(grounds.permit_sum(subject, SUM, Some(SUM)), Ok(()));
    let answered = Digest::of(b"another sum");
    let refused = Err(Refusal::AnsweredOther { answered, asked: SUM });
    assert_eq!(grounds.permit_sum(subject, SUM, Some(answered)), refused);
}
