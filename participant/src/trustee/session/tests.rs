//! Trustees that tally a small round over a board in memory, through crashes, lies and other labels on the chain.

use std::{collections::BTreeMap, time::Duration};

use base::{
    Step,
    ids::{Digest, RoundId},
};
use protocol::{
    round::Corroboration,
    transcript::{EventBody, RecomputeError, SessionRecord, TallyOutcome, TallyRecord, sum_digest},
    wire::BoardId,
};
use tally::sharing::Sharing;
use tokio::task::JoinSet;

use super::*;
use crate::{
    testing::{Trustees, number, round},
    trustee::rules::Refusal,
};

const BOARD: BoardId = BoardId::Round(RoundId::from_bytes([1; 16]), Step::Label);

/// Lets the round of this id be voted in and asks for its labels.
fn ask(story: &mut Trustees, id: u8) {
    story.board.closed(round(id));
    story.board.ask(round(id), Step::Label);
    story.settle();
}

/// The labels that a trustee has kept.
fn kept(story: &Trustees, id: u32, board: BoardId) -> Option<Computed> {
    let replay = story.board.replay();
    let BoardId::Round(round, step) = board else { return None };
    let task = replay.task(round, step).unwrap().unwrap();
    let computed = Computed::of(&story.homes[id as usize - 1], &task).unwrap();
    Some(computed).filter(|computed| !computed.labels.is_empty())
}

/// Lets these trustees tally until each has all labels; one of them crashes after each of its messages.
async fn run(story: &Trustees, ids: &[u32], crashing: Option<u32>, (board, attempt): (BoardId, u32)) {
    let mut others = JoinSet::new();
    for id in ids.iter().copied().filter(|id| Some(*id) != crashing) {
        let (subject, tallier) = (story.prepare(id, board).await.unwrap(), story.tallier(id));
        let line = story.line(id, usize::MAX);
        others.spawn(async move { tally(&line, &tallier, &subject, attempt).await });
    }
    if let Some(id) = crashing {
        let has_labels = async || {
            while kept(story, id, board).is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let mut crashes = 0;
        for posts in 0..40 {
            let (subject, tallier) = (story.prepare(id, board).await.unwrap(), story.tallier(id));
            let line = story.line(id, posts);
            tokio::select! {
                ran = tally(&line, &tallier, &subject, attempt) => unreachable!("a trustee gave up: {ran:?}"),
                () = line.breaks() => crashes += 1,
                () = has_labels() => break,
            }
        }
        // First message, layers, check, agreement, openings.
        assert!(crashes > 6, "{crashes} crashes");
        let (subject, tallier) = (story.prepare(id, board).await.unwrap(), story.tallier(id));
        let line = story.line(id, usize::MAX);
        others.spawn(async move { tally(&line, &tallier, &subject, attempt).await });
    }
    let all = ids.len();
    let done = || ids.iter().filter(|id| kept(story, **id, board).is_some()).count();
    for _ in 0..600 {
        if done() == all {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Some(ended) = others.try_join_next() {
            unreachable!("a trustee gave up: {ended:?}");
        }
    }
    unreachable!("{} of {all} trustees have labels", done());
}

/// Puts what the board says of the labels on the chain, in the place of an honest coordinator.
fn release(story: &mut Trustees, id: u8, attempt: u32) -> Vec<u16> {
    let replay = story.board.replay();
    let task = replay.task(round(id), Step::Label).unwrap().unwrap();
    let board = BoardId::Round(round(id), Step::Label);
    let record = SessionRecord(story.messages.all(board));
    let labels = task.labels(attempt, &record).unwrap();
    let outcome = TallyOutcome::Session { attempt, record: Digest::of(&record.to_bytes()) };
    let tally = TallyRecord { round: Some(round(id)), step: Step::Label, sum: task.sum, outcome };
    story.board.push(EventBody::Tallied(tally));
    labels
}

/// Releases these labels, whatever they are.
fn publish(story: &mut Trustees, id: u8, labels: Vec<u16>) {
    let replay = story.board.replay();
    let cost = replay.round(round(id)).unwrap().cost_of_release(replay.founding()).unwrap();
    let cost = Digest::of(&serde_json::to_vec(&cost).unwrap());
    let corroboration = Corroboration::Agreed;
    story.board.push(EventBody::Released { round: round(id), labels, cost, corroboration });
}

/// Noise is small beside eighty votes to twenty, but it is there: the labels are those of everybody's record.
#[tokio::test]
async fn a_round_is_tallied_although_each_trustee_crashes_after_each_of_its_messages() {
    let mut story = Trustees::keyed(Sharing::ThreeOne, "").await;
    for crashing in 1..=3 {
        let id = crashing as u8;
        ask(&mut story, id);
        let board = BoardId::Round(round(id), Step::Label);
        run(&story, &[1, 2, 3], Some(crashing), (board, 0)).await;
        let labels = release(&mut story, id, 0);
        assert_eq!(labels, [2, 2, 2, 2], "four of five voted for class 1");
        let expected: BTreeMap<u32, u16> = (0..).zip(labels.clone()).collect();
        for trustee in 1..=3 {
            assert_eq!(kept(&story, trustee, board).unwrap().labels, expected);
        }
        publish(&mut story, id, labels);
    }
}

#[tokio::test]
async fn at_four_trustees_the_next_group_goes_on_where_one_was_silent() {
    let mut story = Trustees::keyed(Sharing::FourOne, "").await;
    ask(&mut story, 1);
    // Attempt 0 is that of trustees 1, 2 and 3; the third stays away.
    let mut silent = JoinSet::new();
    for id in [1, 2, 4] {
        let (subject, tallier) = (story.prepare(id, BOARD).await.unwrap(), story.tallier(id));
        let line = story.line(id, usize::MAX);
        silent.spawn(async move { tally(&line, &tallier, &subject, 0).await });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!([1, 2, 4].iter().all(|id| kept(&story, *id, BOARD).is_none()));
    // Attempt 1 is that of 1, 2 and 4, all of whom are here.
    story.messages.next_attempt(BOARD);
    for _ in 0..600 {
        if [1, 2, 4].iter().all(|id| kept(&story, *id, BOARD).is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(release(&mut story, 1, 1), [2, 2, 2, 2]);
    assert!(kept(&story, 3, BOARD).is_none());
    // Whoever comes back to an attempt that is over says nothing in it.
    let book = Book::open(&story.homes[0], round(1), Step::Label).unwrap();
    assert_eq!((book.record().attempt(), book.record().sum().is_some()), (Some(1), true));
    silent.abort_all();
    let posted = story.messages.all(BOARD).len();
    let old = story.prepare(1, BOARD).await.unwrap();
    let (line, tallier) = (story.line(1, usize::MAX), story.tallier(1));
    drop(tokio::time::timeout(Duration::from_millis(200), tally(&line, &tallier, &old, 0)).await);
    assert_eq!(story.messages.all(BOARD).len(), posted);
}

#[tokio::test]
async fn the_known_answer_is_tallied_and_judged() {
    let mut story = Trustees::approved(Sharing::ThreeOne, "");
    story.make_key().await;
    let (keys, shares) = story.certified().unwrap();
    story.board.share_keys(keys, shares);
    story.settle();
    let replay = story.board.replay();
    let (task, known) = replay.known_answer_task(&story.board).unwrap();
    let mut all = JoinSet::new();
    for id in 1..=3 {
        let subject = story.prepare(id, BoardId::KnownAnswer).await.unwrap();
        let (line, tallier) = (story.line(id, usize::MAX), story.tallier(id));
        all.spawn(async move { tally(&line, &tallier, &subject, 0).await });
    }
    let of = |id: usize| Computed::of(&story.homes[id], &task).unwrap();
    while (0..3).any(|id| of(id).labels.len() < known.verdicts.len()) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    all.shutdown().await;
    assert!((0..3).all(|id| !of(id).is_wrong));
    // A wrong one is seen, and said again if the federation is keyed all the same.
    let mut wrong = of(0);
    *wrong.labels.get_mut(&0).unwrap() += 1;
    assert!(!wrong.judge(&story.homes[0], &task, &known.verdicts).unwrap());
    story.board.pretend_keyed();
    let replay = story.board.replay();
    assert!(wrong.verdict(&replay).unwrap().unwrap_err().contains("known answer came out wrong"));
    assert_eq!(of(1).verdict(&replay), Some(Ok(())));
}

#[tokio::test]
async fn a_coordinator_that_names_another_sum_gets_no_session() {
    let mut story = Trustees::keyed(Sharing::ThreeOne, "").await;
    let ballots = story.board.closed(round(1));
    // The victim's ballot counts twice: whoever believed the digest would open twice its votes.
    let mut sum = story.board.honest_sum(round(1), Step::Label);
    let honest = sum_digest(&sum, false).unwrap();
    let (replay, (id, digest)) = (story.board.replay(), ballots[1]);
    let record = replay.round(round(1)).unwrap();
    let door = protocol::ballot::Door { announcement: &record.announcement, roster: &record.roster };
    let victim = door.admit(&story.board.blobs[&digest], number(id)).unwrap();
    sum.add(victim.bodies.of(Step::Label).unwrap()).unwrap();
    let length = story.board.events.len();
    let other = sum_digest(&sum, false).unwrap();
    story.board.push(EventBody::Summed { round: round(1), step: Step::Label, sum: other });
    story.settle();
    let refused = story.prepare(1, BOARD).await.map(drop).unwrap_err();
    assert!(matches!(&refused, SessionError::Sum(RecomputeError::Fault(_))), "{refused}");
    assert!(refused.is_refusal() && refused.is_lasting());
    assert!(refused.to_string().contains("add up to"), "{refused}");

    // The control: the honest sum is taken.
    story.board.roll_back(length);
    story.board.push(EventBody::Summed { round: round(1), step: Step::Label, sum: honest });
    story.prepare(1, BOARD).await.unwrap();
    // And who signed that one signs no other, whatever the chain says by now.
    let (subject, tallier) = (story.prepare(1, BOARD).await.unwrap(), story.tallier(1));
    let line = story.line(1, 0);
    drop(tokio::time::timeout(Duration::from_millis(200), tally(&line, &tallier, &subject, 0)).await);
    story.board.roll_back(length);
    story.board.push(EventBody::Summed { round: round(1), step: Step::Label, sum: other });
    let refused = story.prepare(1, BOARD).await.map(drop).unwrap_err();
    let expected = Refusal::AnsweredOther { answered: honest, asked: other };
    assert!(matches!(&refused, SessionError::Refused(refusal) if *refusal == expected), "{refused}");
}

#[tokio::test]
async fn a_ballot_that_was_changed_in_the_cache_is_noticed() {
    let mut story = Trustees::keyed(Sharing::ThreeOne, "").await;
    ask(&mut story, 1);
    let replay = story.board.replay();
    let ballot = replay.round(round(1)).unwrap().ballots.as_ref().unwrap()[2].digest;
    let path = story.homes[0].blob(ballot);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(story.prepare(1, BOARD).await, Err(SessionError::Sum(RecomputeError::Fault(_)))));
    story.prepare(2, BOARD).await.unwrap();
}

#[tokio::test]
async fn labels_on_the_chain_that_differ_from_those_computed_are_seen_by_every_trustee() {
    let mut story = Trustees::keyed(Sharing::ThreeOne, "").await;
    ask(&mut story, 1);
    run(&story, &[1, 2, 3], None, (BOARD, 0)).await;
    let computed = kept(&story, 1, BOARD).unwrap();
    let labels = release(&mut story, 1, 0);
    assert_eq!(computed.verdict(&story.board.replay()), None, "nothing is released yet");
    let length = story.board.events.len();
    let mut others = labels.clone();
    others[2] = 1;
    publish(&mut story, 1, others);
    let verdict = computed.verdict(&story.board.replay()).unwrap().unwrap_err();
    assert!(verdict.contains("says 1 of instance 2, this trustee computed 2"), "{verdict}");
    story.board.roll_back(length);
    publish(&mut story, 1, labels);
    assert_eq!(computed.verdict(&story.board.replay()), Some(Ok(())), "the control");
}

#[tokio::test]
async fn after_an_alarm_no_session_begins_until_a_person_has_looked() {
    let mut story = Trustees::keyed(Sharing::ThreeOne, "").await;
    ask(&mut story, 1);
    let alarms = Alarms::of(&story.homes[0]);
    alarms.raise((Some(round(9)), Step::Label), "other labels", base::clock::Millis(3)).unwrap();
    let refused = story.prepare(1, BOARD).await.map(drop).unwrap_err();
    assert!(matches!(&refused, SessionError::Refused(Refusal::Alarm(_))), "{refused}");
    assert!(!refused.is_lasting() && refused.to_string().contains("participant trustee resume"));
    alarms.resume(base::clock::Millis(4)).unwrap();
    story.prepare(1, BOARD).await.unwrap();
}

#[tokio::test]
async fn a_restored_home_signs_nothing_for_a_round_that_is_older_than_it_and_something_for_a_newer_one() {
    let mut story = Trustees::keyed(Sharing::ThreeOne, "").await;
    ask(&mut story, 1);
    let events = story.board.events.len() as u64;
    let (home, ceremony) = (&story.homes[0], Digest::of(b"ceremony"));
    restored::Restored { ceremony, nonce: [7; 32], events }.store(home).unwrap();
    // What the home remembers itself may be older than the backup.
    let mut book = Book::open(home, round(1), Step::Label).unwrap();
    book.append(Entry::Ended { attempt: 0 }).unwrap();
    for attempt in 0..2 {
        let subject = story.prepare(1, BOARD).await.unwrap();
        let (line, tallier) = (story.line(1, usize::MAX), story.tallier(1));
        let refused = tally(&line, &tallier, &subject, attempt).await.unwrap_err();
        assert!(
            matches!(refused, SessionError::Begin(BeginError::Record(RecordError::Restored))),
            "{refused}"
        );
    }
    assert!(story.messages.all(BOARD).is_empty());
    ask(&mut story, 2);
    let board = BoardId::Round(round(2), Step::Label);
    run(&story, &[1, 2, 3], None, (board, 0)).await;
}

#[tokio::test]
async fn two_steps_are_tallied_one_after_the_other() {
    let more = "[threshold]\nvotes = 50\ntest = { sigma = 20, coordinator_sigma = 8 }\n";
    let mut story = Trustees::keyed(Sharing::ThreeOne, more).await;
    story.board.closed(round(1));
    story.board.ask(round(1), Step::Test);
    story.settle();
    let test = BoardId::Round(round(1), Step::Test);
    run(&story, &[1, 2, 3], None, (test, 0)).await;
    let replay = story.board.replay();
    let task = replay.task(round(1), Step::Test).unwrap().unwrap();
    let record = SessionRecord(story.messages.all(test));
    assert_eq!(task.labels(0, &record).unwrap(), [1, 1, 1, 1]);
    let outcome = TallyOutcome::Session { attempt: 0, record: Digest::of(b"record") };
    let tally = TallyRecord { round: Some(round(1)), step: Step::Test, sum: task.sum, outcome };
    story.board.push(EventBody::Tallied(tally));
    // The coordinator says that two of four passed: whoever computed four of four notices.
    let corroboration = Corroboration::Agreed;
    story.board.push(EventBody::Tested { round: round(1), passed: vec![0, 2], corroboration });
    let computed = kept(&story, 2, test).unwrap();
    assert!(computed.verdict(&story.board.replay()).unwrap().unwrap_err().contains("says 0 of instance 1"));
    story.board.ask(round(1), Step::Label);
    run(&story, &[1, 2, 3], None, (BOARD, 0)).await;
    assert_eq!(kept(&story, 3, BOARD).unwrap().labels, BTreeMap::from([(0, 2), (2, 2)]));
}
