//! Stories of a trustee among several, whose coordinator cheats.

use std::{fs, sync::atomic::AtomicBool};

use base::{
    clock::Millis,
    ids::{BallotId, Digest},
};
use protocol::{
    federation::FederationState,
    round::{Corroboration, Judgement, judge},
    transcript::{Check, EventBody},
    wire::{Receipt, ReceiptView},
};
use threshold::Package;

use super::*;
use crate::{
    approval::Membership,
    teacher::journal::{Record, Stage},
    testing::{
        Board, Dealt, Federation,
        board::RECEIVED_AT,
        dealt::{identity_of, seat_of},
        number, round,
    },
    transcript::{Chain, FollowError},
    trustee::{ceremony::acknowledge::Reception, check::CheckError, package},
};
use runtime::files::{Access, make_folder, write_json};

/// Holds the board of a federation with real toy keys and the home of one of its trustees.
struct Story {
    dealt: Dealt,
    id: u32,
    home: Home,
    _folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        Self::of(Dealt::keyed(), 2)
    }

    fn of(dealt: Dealt, id: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        dealt.settle(id, &home);
        Self { dealt, id, home, _folder: folder }
    }

    fn board(&mut self) -> &mut Board {
        &mut self.dealt.board
    }

    fn membership(&self) -> Membership {
        self.dealt.board.federation.membership(self.id)
    }

    /// Casts this trustee's own ballot, journal and receipt included.
    fn own_ballot(&self, digest: Digest) {
        let coordinator = &self.dealt.board.federation.coordinator;
        let (ballot, participant) = (BallotId::from_bytes([4; 16]), number(self.id));
        let receipt = Receipt { round: round(1), participant, ballot, digest, received_at: RECEIVED_AT };
        let stage =
            Stage::Cast { ballot, digest, at: RECEIVED_AT, receipt: ReceiptView::new(receipt, coordinator) };
        let record = Record {
            round: round(1),
            announcement: Digest::of(b"announcement"),
            instances: Digest::of(b"instances"),
            instance_count: 4,
            seen_at: RECEIVED_AT,
            closes_at: RECEIVED_AT,
            cost: None,
            stage,
        };
        make_folder(&self.home.round(round(1)), Access::Public).unwrap();
        write_json(&self.home.round(round(1)).join("record.json"), &record).unwrap();
    }

    /// Counts everybody in round 1, this trustee by the ballot that it knows as its own.
    fn closed(&mut self) -> Vec<(u32, Digest)> {
        let ballots = self.dealt.closed(round(1));
        self.own_ballot(ballots[self.id as usize - 1].1);
        ballots
    }

    /// Follows the transcript as the agent does, and answers as it does, but for the network.
    async fn open(&self) -> Result<StoredOpening, Refusal> {
        self.open_with(Means::Recompute(Arc::clone(&self.dealt.keys))).await
    }

    async fn open_with(&self, means: Means) -> Result<StoredOpening, Refusal> {
        self.open_step(Step::Label, means).await
    }

    async fn open_step(&self, step: Step, means: Means) -> Result<StoredOpening, Refusal> {
        let mut chain = Chain::load(&self.home, &self.membership())?;
        let replay = chain.follow(&self.dealt.board).await?;
        self.dealt.board.fill_cache(&self.home);
        let question = Question::Round(round(1), step);
        let gathered = Gathered::of(&self.home, &replay, number(self.id), question).unwrap();
        let asked = match gathered.verdict(&replay, question).map_err(SharesError::from)? {
            Verdict::Repeat(stored) => return Ok(*stored),
            Verdict::Recompute(asked) => asked,
        };
        let job = SharesJob {
            replay,
            asked,
            trustee: number(self.id),
            package: Arc::new(self.package()),
            means,
            home: self.home.clone(),
            pulse: Arc::default(),
            stopping: Arc::default(),
        };
        Ok(job.answer(&identity_of(&self.dealt.board.federation, self.id), Millis(77))?)
    }

    /// Receives this trustee's pieces from what was dealt, or finds them in its home.
    fn package(&self) -> Package {
        let seat = seat_of(&self.dealt.board, self.id);
        let certificate = self.dealt.certificate.clone();
        let sealed = certificate.sharing.as_ref().unwrap().packages[self.id as usize - 1];
        let reception = Reception { home: self.home.clone(), seat, certificate };
        let identity = identity_of(&self.dealt.board.federation, self.id);
        let package = reception.open(&identity, &self.dealt.board.blobs[&sealed]).unwrap();
        package::store(&self.home, &package).unwrap();
        package
    }

    fn log(&self) -> usize {
        fs::read_to_string(self.home.openings_log()).unwrap_or_default().lines().count()
    }

    /// Opens, which must be refused, and checks that nothing was opened at all.
    async fn refused(&self) -> Refusal {
        let refused = self.open().await.expect_err("the coordinator cheats");
        assert_eq!(self.log(), 0, "nothing is opened: {refused}");
        assert_eq!(Openings::of(&self.home).rounds().unwrap(), []);
        refused
    }
}

/// Is why a story's trustee opened nothing.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Transcript(#[from] FollowError),
    #[error(transparent)]
    Shares(#[from] SharesError),
}

impl Refusal {
    /// Returns the check that failed about the recomputation.
    fn check(&self) -> Option<Check> {
        match self {
            Self::Shares(SharesError::Record(fault) | SharesError::OtherBits(fault))
            | Self::Transcript(FollowError::Rule(fault)) => Some(fault.check),
            _ => None,
        }
    }
}

#[tokio::test]
async fn three_honest_trustees_open_what_everybody_voted_for() {
    let mut first = Story::new();
    let ballots = first.closed();
    let sum = first.dealt.honest_sum(round(1));
    let computed = first.dealt.tally(round(1), &sum);
    let mut openings = Vec::new();
    for id in 1..=3 {
        let story = Story::of(first.dealt, id);
        story.own_ballot(ballots[id as usize - 1].1);
        let stored = story.open().await.unwrap();
        let identity = story.dealt.board.federation.identity(id).public();
        openings.push(stored.opening.verify(&identity).unwrap());
        first = story;
    }
    let replay = first.dealt.board.replay();
    let policy = replay.founding().config.trustees;
    let record = computed.squashed.unwrap();
    // Four voted for class 1 with twenty votes each, one for class 2, without noise.
    for (came, corroboration) in [(2, Corroboration::Uncorroborated), (3, Corroboration::Corroborated)] {
        let judgement = judge(policy, &replay.trustees(), 3, &record, &openings[..came]).unwrap();
        let Judgement::Labels { labels, corroboration: found, .. } = judgement else {
            panic!("honest trustees agree")
        };
        assert_eq!((labels, found), (vec![2; 4], corroboration));
    }
}

#[tokio::test]
async fn a_retry_gives_the_same_bytes_even_after_a_crash_between_storing_and_posting() {
    let mut story = Story::new();
    story.closed();
    let sum = story.dealt.honest_sum(round(1));
    story.dealt.tally(round(1), &sum);
    let first = story.open().await.unwrap();
    // Nothing was posted; the agent starts again and knows only its home.
    let again = story.open().await.unwrap();
    assert_eq!(serde_json::to_vec(&first).unwrap(), serde_json::to_vec(&again).unwrap());
    assert_eq!(story.log(), 1, "a retry opens nothing");
}

#[tokio::test]
async fn a_single_participants_ballot_presented_as_the_aggregate_stays_closed() {
    let mut story = Story::new();
    let ballots = story.closed();
    let victim = story.dealt.sum_of(round(1), &[ballots[3].1]);
    story.dealt.tally(round(1), &victim);
    let refused = story.refused().await;
    assert_eq!(refused.check(), Some(Check::Sum), "{refused}");
}

#[tokio::test]
async fn a_tally_that_dropped_a_counted_ballot_stays_closed() {
    let mut story = Story::new();
    let ballots: Vec<Digest> = story.closed().iter().map(|(_, digest)| *digest).collect();
    let without_one = story.dealt.sum_of(round(1), &ballots[..4]);
    story.dealt.tally(round(1), &without_one);
    let refused = story.refused().await;
    assert_eq!(refused.check(), Some(Check::Sum), "{refused}");
}

#[tokio::test]
async fn a_list_that_dropped_this_institutions_own_ballot_stays_closed() {
    let mut story = Story::new();
    story.board().announce(round(1));
    let mut ballots = story.dealt.cast_all(round(1));
    let (_, own) = ballots.remove(1);
    story.own_ballot(own);
    story.board().close(round(1), &ballots);
    story.dealt.fix_noise(round(1));
    let sum = story.dealt.honest_sum(round(1));
    story.dealt.tally(round(1), &sum);
    let refused = story.refused().await;
    let is_own = matches!(&refused, Refusal::Shares(SharesError::Refused(CheckError::OwnBallotDropped(d))) if *d == own);
    assert!(is_own, "{refused}");
}

#[tokio::test]
async fn a_ballot_in_this_institutions_name_that_it_did_not_cast_stays_closed() {
    let mut story = Story::new();
    story.closed();
    story.own_ballot(Digest::of(b"the ballot that was really cast"));
    let sum = story.dealt.honest_sum(round(1));
    story.dealt.tally(round(1), &sum);
    let refused = story.refused().await;
    assert!(
        matches!(refused, Refusal::Shares(SharesError::Refused(CheckError::OwnBallotForged(_)))),
        "{refused}"
    );
}

#[tokio::test]
async fn a_scaled_ballot_in_the_place_of_a_label_stays_closed() {
    let mut story = Story::new();
    let ballots = story.closed();
    // One slot of one ballot, brought to where a label's digit stands.
    let victim = story.dealt.sum_of(round(1), &[ballots[3].1]);
    let words: Vec<u64> =
        victim.slot_ciphertext(1).unwrap().iter().map(|word| word.wrapping_mul(8)).collect();
    story.dealt.tally_with_label(round(1), &words);
    let refused = story.refused().await;
    assert_eq!(refused.check(), Some(Check::Tally), "{refused}");
    assert!(refused.to_string().contains("transform = \"integer\""), "{refused}");
}

#[tokio::test]
async fn a_row_of_the_bootstrapping_key_in_the_place_of_a_label_stays_closed() {
    let mut story = Story::new();
    story.closed();
    let key = &story.dealt.board.blobs[&story.dealt.certificate.bootstrapping_key];
    let row = &key[key.len() - 2049 * 8..];
    let words: Vec<u64> =
        row.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
    story.dealt.tally_with_label(round(1), &words);
    let refused = story.refused().await;
    assert_eq!(refused.check(), Some(Check::Tally), "{refused}");
}

#[tokio::test]
async fn ballots_of_another_announcement_stay_closed() {
    let mut story = Story::new();
    // The votes of round 2 are presented as those of round 1, to be opened under both announcements.
    story.board().announce(round(2));
    let ballots = story.dealt.cast_all(round(2));
    story.board().close(round(2), &ballots);
    story.board().announce(round(1));
    story.own_ballot(ballots[1].1);
    story.board().close(round(1), &ballots);
    story.dealt.fix_noise(round(1));
    let tally = story.dealt.board.pretended_tally(Some(round(1)));
    story.board().push(EventBody::Tallied(tally));
    let refused = story.refused().await;
    assert_eq!(refused.check(), Some(Check::Ballots), "{refused}");
    assert!(refused.to_string().contains("cast for round"), "{refused}");
}

#[tokio::test]
async fn a_second_tally_of_one_round_stays_closed() {
    let mut story = Story::new();
    story.closed();
    let sum = story.dealt.honest_sum(round(1));
    story.dealt.tally(round(1), &sum);
    let tallied = story.dealt.board.events.len();
    let first = story.open().await.unwrap();

    // On the same chain it breaks a rule.
    let second = story.dealt.board.pretended_tally(Some(round(1)));
    story.board().push(EventBody::Tallied(second));
    let refused = story.open().await.unwrap_err();
    assert_eq!(refused.check(), Some(Check::Tally), "{refused}");

    // In the place of the first it is a fork.
    story.board().roll_back(tallied - 1);
    story.board().push(EventBody::Tallied(second));
    let refused = story.open().await.unwrap_err();
    assert!(matches!(refused, Refusal::Transcript(FollowError::Fork { .. })), "{refused}");

    // And a trustee that lost its transcript still knows what it opened.
    fs::remove_file(story.home.transcript()).unwrap();
    let refused = story.open().await.unwrap_err();
    let opened = CheckError::OpenedOther { opened: first.ciphertexts };
    assert!(matches!(&refused, Refusal::Shares(SharesError::Refused(e)) if *e == opened), "{refused}");
    assert_eq!(story.log(), 1);
}

/// A two-step round whose test was opened by trustees 1 and 2, and let pass what the coordinator says.
async fn tested(story: &mut Story, passed: &[u32]) {
    let sealed = story.dealt.closed(round(1));
    story.own_ballot(sealed[story.id as usize - 1].1);
    story.dealt.tally_step(round(1), Step::Test);
    let keys = || Means::Recompute(Arc::clone(&story.dealt.keys));
    let own = story.open_step(Step::Test, keys()).await.unwrap().opening;
    // The first trustee does the same in a home of its own.
    let folder = tempfile::tempdir().unwrap();
    let (id, home) = (story.id, std::mem::replace(&mut story.home, Home::at(folder.path())));
    story.id = 1;
    story.dealt.settle(1, &story.home);
    story.own_ballot(sealed[0].1);
    let others = story.open_step(Step::Test, keys()).await.unwrap().opening;
    (story.id, story.home) = (id, home);
    story.board().push(EventBody::Opened(own));
    story.board().push(EventBody::Opened(others));
    let (passed, corroboration) = (passed.to_vec(), Corroboration::Uncorroborated);
    story.board().push(EventBody::Tested { round: round(1), passed, corroboration });
    story.dealt.tally_step(round(1), Step::Label);
}

#[tokio::test]
async fn labels_are_opened_for_what_passed_the_test_and_for_nothing_else() {
    let dealt = Dealt::keyed_of(Federation::of_three_trustees_and_two_steps());
    let mut story = Story::of(dealt, 2);
    let keys = Arc::clone(&story.dealt.keys);
    // Eighty of a hundred votes on every instance: all four pass.
    tested(&mut story, &[0, 1, 2, 3]).await;
    story.open_with(Means::Recompute(keys)).await.unwrap();
    assert_eq!(story.log(), 2, "the test and the labels");

    let dealt = Dealt::keyed_of(Federation::of_three_trustees_and_two_steps());
    let mut story = Story::of(dealt, 2);
    let keys = Arc::clone(&story.dealt.keys);
    tested(&mut story, &[0, 1, 3]).await;
    let refused = story.open_with(Means::Recompute(keys)).await.unwrap_err();
    assert_eq!(refused.check(), Some(Check::Openings), "{refused}");
    assert!(refused.to_string().contains("other instances"), "{refused}");
    assert_eq!(story.log(), 1, "the test alone");
}

#[tokio::test]
async fn a_rolled_back_transcript_opens_nothing() {
    let mut story = Story::new();
    story.closed();
    let sum = story.dealt.honest_sum(round(1));
    story.dealt.tally(round(1), &sum);
    story.board().push(EventBody::Closed);
    Chain::load(&story.home, &story.membership()).unwrap().follow(&story.dealt.board).await.unwrap();
    let length = story.dealt.board.events.len();
    story.board().roll_back(length - 1);
    let refused = story.refused().await;
    assert!(matches!(refused, Refusal::Transcript(FollowError::Rollback { .. })), "{refused}");
}

#[tokio::test]
async fn a_recomputation_stops_when_the_agent_does() {
    let mut story = Story::new();
    story.closed();
    let sum = story.dealt.honest_sum(round(1));
    story.dealt.tally(round(1), &sum);
    story.dealt.board.fill_cache(&story.home);
    let replay = Arc::new(story.dealt.board.replay());
    let job = SharesJob {
        asked: replay.question(Some(round(1)), Step::Label).unwrap(),
        replay,
        trustee: number(2),
        package: Arc::new(story.package()),
        means: Means::Recompute(Arc::clone(&story.dealt.keys)),
        home: story.home.clone(),
        pulse: Arc::default(),
        stopping: Arc::new(AtomicBool::new(true)),
    };
    let stopped = job.answer(&identity_of(&story.dealt.board.federation, 2), Millis(1)).unwrap_err();
    assert!(matches!(stopped, SharesError::Stopped), "{stopped}");
    assert_eq!(story.log(), 0);
}

#[tokio::test]
async fn a_trusting_trustee_opens_what_an_honest_one_refuses_but_never_unrecorded_digits() {
    let mut story = Story::new();
    let ballots = story.closed();
    let victim = story.dealt.sum_of(round(1), &[ballots[3].1]);
    let words: Vec<u64> =
        victim.slot_ciphertext(1).unwrap().iter().map(|word| word.wrapping_mul(8)).collect();
    let mut digits = story.dealt.tally_with_label(round(1), &words);
    let path = story.home.root().join("digits");
    digits[40] ^= 1;
    fs::write(&path, &digits).unwrap();
    let refused = story.open_with(Means::Trust { digits: path.clone() }).await.unwrap_err();
    assert!(matches!(refused, Refusal::Shares(SharesError::Digit(0))), "{refused}");
    assert_eq!(story.log(), 0);

    digits[40] ^= 1;
    fs::write(&path, &digits).unwrap();
    story.open_with(Means::Trust { digits: path }).await.unwrap();
    assert_eq!(story.log(), 1, "this is why the setting is called insecure");
}

#[tokio::test]
async fn the_rules_of_the_institution_come_before_any_computation() {
    let mut board = Board::keyed(Federation::of_three_trustees());
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path());
    home.make_folders().unwrap();
    let ask = |board: &Board, question| {
        Gathered::of(&home, &board.replay(), number(2), question).unwrap().verdict(&board.replay(), question)
    };
    let first = Question::Round(round(1), Step::Label);
    assert!(matches!(ask(&board, first), Err(CheckError::NotRecorded(_))));
    assert_eq!(ask(&board, Question::KnownAnswer), Err(CheckError::CeremonyOver), "no second known answer");
    board.announce(round(1));
    let ballots: Vec<(u32, Digest)> = [1, 3, 4, 5].map(|id| (id, Digest::of(&[id as u8]))).to_vec();
    board.close(round(1), &ballots);
    board.push(EventBody::NoiseBallot { round: round(1), digest: Digest::of(b"noise") });
    let tally = board.pretended_tally(Some(round(1)));
    board.push(EventBody::Tallied(tally));
    assert!(matches!(ask(&board, first), Err(CheckError::NotApproved(_))), "never approved here");
    crate::approval::Pin::store(&home, &board.federation.roster, RECEIVED_AT).unwrap();
    assert!(matches!(ask(&board, first), Ok(Verdict::Recompute(_))));

    board.push(EventBody::Cancelled { round: round(1), charged: false });
    assert_eq!(ask(&board, first), Err(CheckError::Ended));
    board.push(EventBody::Closed);
    assert_eq!(ask(&board, first), Err(CheckError::NotKeyed(FederationState::Closed)));
}
