//! Silence, restarts, resets, attempts, batches in flight: nothing is opened twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Step;

use super::attacks::small;
use super::board::{Board, Ran, Task, World, facts, run, task};
use super::correctness::{histograms, in_the_clear};
use super::lies::{Moment, Tamper};
use crate::plan::{Plan, Verdict};
use crate::session::message::{Body, Message};
use crate::session::{BeginError, End, Entry, Output, Record, RecordError, Session, verify};
use crate::sharing::{Group, Sharing, Trustee};

pub(super) fn body(bytes: &[u8]) -> (u32, Body) {
    let said = Message::from_bytes(bytes).unwrap().signed.unverified().unwrap();
    (said.exchange, said.body)
}

fn exchanges(ran: &Ran) -> u32 {
    assert!(ran.ended.is_empty());
    ran.sent.iter().map(|(_, bytes)| body(bytes).0).max().unwrap()
}

#[test]
fn silence_at_any_step_names_the_silent_one_and_after_the_agreement_stops_nothing() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 4);
        let task = small(&world);
        let whole = run(&world, &task, &[]);
        let (last, silent) = (exchanges(&whole), sharing.group(0).members().nth(1).unwrap());
        for exchange in 0..=last {
            let mut board = Board::begin(&world, &task, &[]);
            board.drain(&mut |from, _, bytes| {
                if from == silent && body(bytes).0 >= exchange { Vec::new() } else { vec![bytes.to_vec()] }
            });
            let opened = exchange + 1 >= last;
            for trustee in sharing.group(0).members().filter(|trustee| *trustee != silent) {
                let labels = board.ran.labels.get(&trustee);
                assert_eq!(
                    labels.is_some(),
                    opened,
                    "{sharing}: silent from exchange {exchange} of {last} on"
                );
                let session = board.sessions.get_mut(&trustee).unwrap();
                let outputs = session.end_turn();
                if opened {
                    assert_eq!(outputs, [], "{sharing}, {exchange}");
                    continue;
                }
                let [stored, Output::Send(_), ended] = outputs.as_slice() else { panic!("{outputs:?}") };
                assert_eq!(*stored, Output::Store(Entry::Ended { attempt: 0 }));
                assert_eq!(*ended, Output::Ended(End::Silent(Group::of([silent]))), "{sharing}, {exchange}");
            }
        }
    }
}

#[test]
fn with_four_trustees_attempts_go_round_until_the_liar_is_away() {
    let sharing = Sharing::FourOne;
    let world = World::new(sharing, 4);
    let mut task = small(&world);
    let liar = sharing.trustee(1).unwrap();
    let mut records: Vec<Record> = (0..4).map(|_| Record::new(task.facts.round, Step::Label, [])).collect();
    for attempt in 0..4 {
        task.facts.attempt = attempt;
        let tamper = Tamper::new(|moment| match moment {
            Moment::Summand(_, words) => {
                words[0] ^= 1;
                true
            }
            _ => false,
        });
        let present = sharing.group(attempt);
        let mut board = Board::of(present.members());
        for trustee in present.members() {
            board.join(&world, trustee, &task, records[trustee.index()].clone(), &[(liar, tamper.clone())]);
        }
        board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
        assert_eq!(board.ran.labels.len(), if present.contains(liar) { 0 } else { 3 }, "attempt {attempt}");
        assert_eq!(tamper.told() > 0, present.contains(liar));
        for (trustee, session) in board.sessions {
            records[trustee.index()] = session.into_record();
        }
    }
    // an attempt that is over is not begun again
    let asked =
        Session::begin(world.party(liar), &facts(0), task.plan, task.sum, records[liar.index()].clone());
    let refused = asked.map(|_| ()).unwrap_err();
    assert_eq!(refused, BeginError::Record(RecordError::Attempt { asked: 0, last: 2 }));
}

#[test]
fn a_restart_after_any_output_repeats_the_same_messages() {
    // every trustee of three, and one of the others
    let members = |sharing: Sharing| sharing.group(0).members().map(move |victim| (sharing, victim));
    let others =
        [Sharing::FourOne, Sharing::FiveTwo].into_iter().filter_map(|sharing| members(sharing).nth(1));
    for (sharing, victim) in members(Sharing::ThreeOne).chain(others) {
        let world = World::new(sharing, 4);
        let task = small(&world);
        let whole = run(&world, &task, &[]);
        let expected: BTreeSet<&Vec<u8>> =
            whole.sent.iter().filter(|(from, _)| *from == victim).map(|(_, bytes)| bytes).collect();
        let mut crashes = 0;
        for outputs in 0.. {
            let mut board = Board::of(sharing.group(0).members());
            board.crash = Some((victim, outputs));
            for trustee in sharing.group(0).members() {
                board.join(&world, trustee, &task, Record::new(task.facts.round, Step::Label, []), &[]);
            }
            board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
            if board.sessions.contains_key(&victim) {
                break;
            }
            crashes += 1;
            board.crash = None;
            board.ran.labels.remove(&victim);
            let journal = board.ran.journals.get(&victim).cloned().unwrap_or_default();
            let record = Record::new(task.facts.round, Step::Label, &journal);
            board.join(&world, victim, &task, record, &[]);
            // the driver fetches the whole board again, its own messages included
            for (_, bytes) in board.ran.sent.clone() {
                board.deliver(victim, bytes);
            }
            board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
            let ran = board.ran;
            assert_eq!(ran.labels.len(), whole.labels.len(), "{sharing}, after {outputs}: {:?}", ran.ended);
            assert!(ran.labels.iter().all(|(trustee, labels)| whole.labels[trustee] == *labels));
            let said = ran.sent.iter().filter(|(from, _)| *from == victim);
            assert!(
                said.into_iter().all(|(_, bytes)| expected.contains(bytes)),
                "{sharing}, after {outputs}"
            );
        }
        assert!(crashes > 20, "{crashes} crashes");
    }
}

/// The messages of an attempt, and of the same with another last fold by one trustee.
pub(super) fn two_pasts(world: &World, task: &Task, liar: Trustee) -> (Ran, Ran) {
    let one = run(world, task, &[]);
    let last = one.sent.iter().filter(|(_, bytes)| matches!(body(bytes).1, Body::Correction { .. }));
    let last = last.map(|(_, bytes)| body(bytes).0).max().unwrap();
    let tamper = Tamper::new(move |moment| match moment {
        Moment::Summand(place, words) if place.exchange == last => {
            words[1] ^= 1;
            true
        }
        _ => false,
    });
    let other = run(world, task, &[(liar, tamper.clone())]);
    assert_eq!(tamper.told(), 1);
    (one, other)
}

/// All openings of the check that a trustee signed, in one past and, after it was reset, in another.
pub(super) fn openings(
    world: &World,
    task: &Task,
    victim: Trustee,
    journal: &[Entry],
    other: &Ran,
) -> Vec<Vec<u8>> {
    let record = Record::new(task.facts.round, Step::Label, journal);
    let mut board = Board::of([victim].into_iter());
    board.join(world, victim, task, record, &[]);
    for (from, bytes) in &other.sent {
        if *from != victim {
            board.deliver(victim, bytes.clone());
        }
    }
    let sent = board.ran.sent.into_iter().map(|(_, bytes)| bytes);
    sent.filter(|bytes| matches!(body(bytes).1, Body::Check(_))).collect()
}

#[test]
fn a_trustee_that_is_reset_never_opens_a_second_time() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 4);
        let task = small(&world);
        let members: Vec<Trustee> = sharing.group(0).members().collect();
        let liar = members[0];
        let (one, other) = two_pasts(&world, &task, liar);
        for victim in &members[1..] {
            let whole = &one.journals[victim];
            let opened = one
                .sent
                .iter()
                .filter(|(from, bytes)| from == victim && matches!(body(bytes).1, Body::Check(_)));
            let first: Vec<&Vec<u8>> = opened.map(|(_, bytes)| bytes).collect();
            assert_eq!(first.len(), 1);
            for cut in 0..=whole.len() {
                // of the messages before the crash the opening is one only if it had been entered
                let entered = |entry: &Entry| matches!(entry, Entry::Said { exchange, .. } if *exchange == body(first[0]).0);
                let before = usize::from(whole[..cut].iter().any(entered));
                let after = openings(&world, &task, *victim, &whole[..cut], &other).len();
                assert!(before + after <= 1, "{sharing}: {victim} opened twice, reset after {cut} entries");
            }
            // the negative control: a trustee that forgets opens two polynomials
            let forgetful = openings(&world, &task, *victim, &[], &other);
            assert!(forgetful.len() == 1 && forgetful[0] != *first[0]);
        }
    }
}

/// A round of several batches, of which two are in flight.
pub(super) fn batches(world: &World) -> (Task, Vec<(u32, Verdict)>) {
    let counts = histograms(7, 2, 200, 30);
    let mut task = task(world, 2, &counts, None, Step::Label);
    task.plan = Arc::new(Plan::within(world.sharing, task.plan.question().clone(), 1).unwrap());
    assert!(task.plan.batches() >= 4);
    (task, (0..).zip(counts.chunks(2).map(|counts| in_the_clear(counts, None))).collect())
}

#[test]
fn batches_in_flight_do_not_disturb_one_another() {
    let world = World::new(Sharing::ThreeOne, 4);
    let (task, expected) = batches(&world);
    // the board hands messages on in an order of its own
    let mut held: Vec<(Trustee, Vec<u8>)> = Vec::new();
    let mut board = Board::begin(&world, &task, &[]);
    for turn in 0..400 {
        board.drain(&mut |_, to, bytes| {
            held.push((to, bytes.to_vec()));
            Vec::new()
        });
        if held.is_empty() {
            break;
        }
        let (to, bytes) = held.swap_remove(turn * 7 % held.len());
        board.deliver(to, bytes);
    }
    while let Some((to, bytes)) = held.pop() {
        board.deliver(to, bytes);
        board.drain(&mut |_, to, bytes| {
            held.push((to, bytes.to_vec()));
            Vec::new()
        });
    }
    assert_eq!(board.ran.labels.len(), 3, "{:?}", board.ran.ended);
    for labels in board.ran.labels.values_mut() {
        labels.sort_by_key(|(instance, _)| *instance);
        assert_eq!(*labels, expected);
    }
    let messages: Vec<Vec<u8>> = board.ran.sent.iter().map(|(_, bytes)| bytes.clone()).collect();
    let shown = |messages: &[Vec<u8>]| -> Result<Vec<(u32, Verdict)>, _> {
        let of =
            |batch| verify(&task.plan, (&task.facts, task.sum.digest(), batch), &world.trustees, messages);
        (0..task.plan.batches() as u32).map(of).collect::<Result<Vec<_>, _>>().map(|all| all.concat())
    };
    assert_eq!(shown(&messages), Ok(expected));
    // without one trustee's statements nothing is shown
    let one = Sharing::ThreeOne.trustee(1).unwrap();
    let partial: Vec<Vec<u8>> =
        board.ran.sent.iter().filter(|(from, _)| *from != one).map(|(_, bytes)| bytes.clone()).collect();
    assert!(shown(&partial).is_err());
}
