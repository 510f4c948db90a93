//! How an attempt ends while something that all agreed on is being opened: not before it is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Step;
use base::ids::Digest;

use super::attacks::small;
use super::board::{Board, Ran, Task, World, run};
use super::interruptions::batches;
use super::lies::{Moment, Tamper};
use crate::plan::{Plan, Verdict};
use crate::session::message::{Body, Message, STOP, Said};
use crate::session::{End, Record};
use crate::sharing::{Group, Sharing, Trustee};

fn said(bytes: &[u8]) -> Said {
    Message::from_bytes(bytes).unwrap().signed.unverified().unwrap()
}

fn signed(world: &World, liar: Trustee, said: &Said) -> Vec<u8> {
    Message { signed: world.identities[liar.index()].sign(said), sealed: Vec::new() }.to_bytes()
}

fn honest(sharing: Sharing, liar: Trustee) -> impl Iterator<Item = Trustee> {
    sharing.group(0).members().filter(move |trustee| *trustee != liar)
}

/// Lets a liar say Stop to all others as soon as somebody says something of a kind, and nothing after that.
fn stopped(world: &World, task: &Task, liar: Trustee, at: fn(&Body) -> bool) -> Ran {
    let mut stop = None;
    let mut silent = false;
    let ran = Board::begin(world, task, &[]).run(&mut |from, _, bytes| {
        let heard = said(bytes);
        if from == liar && stop.is_none() {
            let body = Body::Stop(Group::of([]));
            stop = Some(signed(world, liar, &Said { exchange: STOP, body, ..heard }));
        }
        silent |= at(&heard.body);
        match (&stop, silent) {
            (Some(stop), true) if from == liar => vec![stop.clone()],
            // the others' words come after the liar's
            (Some(stop), true) => vec![stop.clone(), bytes.to_vec()],
            _ => vec![bytes.to_vec()],
        }
    });
    assert!(silent, "the lie was not told");
    ran
}

/// A liar has seen that all agree, says Stop and opens nothing: the labels come all the same.
#[test]
fn a_stop_after_the_agreement_stops_no_labels() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let expected = run(&world, &task, &[]).labels;
        for liar in sharing.group(0).members() {
            let ran = stopped(&world, &task, liar, |body| matches!(body, Body::Check(_)));
            for trustee in honest(sharing, liar) {
                assert_eq!(ran.labels.get(&trustee), expected.get(&trustee), "{sharing}: {:?}", ran.ended);
                assert!(!ran.ended.contains_key(&trustee) && ran.finished.contains(&trustee));
            }
            // the control: before all have agreed it ends the attempt, and nothing was opened
            let ran = stopped(&world, &task, liar, |body| matches!(body, Body::Agreement(_)));
            for trustee in honest(sharing, liar) {
                assert!(matches!(ran.ended.get(&trustee), Some(End::Stopped { by, .. }) if *by == liar));
                assert!(!ran.labels.contains_key(&trustee));
            }
        }
    }
}

/// A task of two batches: both are in flight.
fn two_batches(world: &World) -> Task {
    let (mut task, _) = batches(world);
    let mut question = task.plan.question().clone();
    question.instances.truncate(128);
    task.plan = Arc::new(Plan::within(world.sharing, question, 1).unwrap());
    assert_eq!(task.plan.batches(), 2);
    task
}

/// What a liar does in the second batch, and how the attempt ends by it.
type Lie = (&'static str, fn() -> Tamper, fn(&End) -> bool);

fn in_words(change: fn(&mut Said) -> bool) -> Tamper {
    Tamper::new(move |moment| match moment {
        Moment::Said(said) if said.batch == 1 => change(said),
        _ => false,
    })
}

const LIES: [Lie; 4] = [
    (
        "a wrong bit",
        || {
            Tamper::new(|moment| match moment {
                Moment::Summand(place, words) if (place.batch, place.exchange) == (1, 2) => {
                    words[0] ^= 1;
                    true
                }
                _ => false,
            })
        },
        |end| *end == End::Check(1),
    ),
    (
        "another label piece",
        || {
            in_words(|said| match &mut said.body {
                Body::Agreement(stated) => {
                    stated[0].labels = Digest::of(b"another");
                    true
                }
                _ => false,
            })
        },
        |end| matches!(end, End::Dispute { batch: 1, .. }),
    ),
    (
        "another past",
        || {
            in_words(|said| {
                let here = matches!(said.body, Body::Agreement(_));
                if here {
                    said.seen = Digest::of(b"another");
                }
                here
            })
        },
        |end| matches!(end, End::Fork { batch: 1, .. }),
    ),
    (
        "a statement too few",
        || {
            in_words(|said| match &mut said.body {
                Body::Agreement(stated) => stated.pop().is_some(),
                _ => false,
            })
        },
        |end| matches!(end, End::Form { batch: 1, .. }),
    ),
];

/// The first batch is agreed on and its openings are on their way when the second fails, and a machine restarts between the
/// two: its labels come first, then the attempt ends, and nothing of another batch is opened.
#[test]
fn a_batch_that_fails_lets_another_be_opened_first() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 4);
        let task = two_batches(&world);
        let whole = run(&world, &task, &[]);
        let liar = sharing.group(0).members().next().unwrap();
        for (what, lie, fits) in LIES {
            let tamper = lie();
            let mut board = Board::begin(&world, &task, &[(liar, tamper.clone())]);
            let (mut held, mut delivered) = (Vec::new(), BTreeMap::<Trustee, Vec<Vec<u8>>>::new());
            board.drain(&mut |from, to, bytes| {
                let heard = said(bytes);
                if heard.batch == 0 && matches!(heard.body, Body::Check(_) | Body::Labels(_)) {
                    held.push((from, to, bytes.to_vec()));
                    return Vec::new();
                }
                delivered.entry(to).or_default().push(bytes.to_vec());
                vec![bytes.to_vec()]
            });
            assert!(tamper.told() > 0, "{what}: the lie was not told");
            let ended = &board.ran.ended;
            assert!(honest(sharing, liar).all(|trustee| !ended.contains_key(&trustee)), "{what}: {ended:?}");
            assert!(board.ran.labels.is_empty(), "{what}");
            restart(&world, &task, &mut board, honest(sharing, liar).next().unwrap(), &delivered);
            // what is held back of the liar never comes
            for (_, to, bytes) in held.into_iter().filter(|(from, ..)| *from != liar) {
                board.deliver(to, bytes);
            }
            board.drain(&mut |from, _, bytes| if from == liar { Vec::new() } else { vec![bytes.to_vec()] });
            let first = |labels: &Vec<(u32, Verdict)>| {
                labels.iter().copied().filter(|(instance, _)| *instance < 64).collect::<Vec<_>>()
            };
            for trustee in honest(sharing, liar) {
                let labels = board.ran.labels.get(&trustee);
                assert_eq!(
                    labels,
                    Some(&first(&whole.labels[&trustee])),
                    "{sharing}, {what}, trustee {trustee}"
                );
                let end = &board.ran.ended[&trustee];
                assert!(fits(end) || matches!(end, End::Stopped { .. }), "{sharing}, {what}: {end}");
            }
            assert!(
                honest(sharing, liar).any(|trustee| fits(&board.ran.ended[&trustee])),
                "{sharing}, {what}"
            );
            next_attempt(&world, &task, board, &whole);
        }
    }
}

/// A machine crashes, reads its journal and is handed again what it was handed before.
fn restart(
    world: &World,
    task: &Task,
    board: &mut Board,
    victim: Trustee,
    delivered: &BTreeMap<Trustee, Vec<Vec<u8>>>,
) {
    let before = board.ran.sent.len();
    board.sessions.remove(&victim);
    let record = Record::new(task.facts.round, Step::Label, &board.ran.journals[&victim]);
    board.join(world, victim, task, record, &[]);
    for bytes in &delivered[&victim] {
        board.deliver(victim, bytes.clone());
    }
    let (old, new) = board.ran.sent.split_at(before);
    assert!(!new.is_empty() && new.iter().all(|sent| old.contains(sent)), "it says what it said");
}

/// The records that an attempt left allow the next one, on the same sum, and it makes the same labels.
fn next_attempt(world: &World, task: &Task, board: Board, whole: &Ran) {
    let task = Task { facts: super::board::facts(1), ..task.clone() };
    let present = world.sharing.group(1);
    let mut next = Board::of(present.members());
    let mut records: BTreeMap<Trustee, Record> =
        board.sessions.into_iter().map(|(trustee, session)| (trustee, session.into_record())).collect();
    for trustee in present.members() {
        let fresh = Record::new(task.facts.round, Step::Label, []);
        next.join(world, trustee, &task, records.remove(&trustee).unwrap_or(fresh), &[]);
    }
    let ran = next.honest();
    let expected = whole.labels.values().next();
    assert!(ran.labels.values().all(|labels| Some(labels) == expected));
    assert_eq!(ran.finished.len(), present.size());
}

/// Two batches are in flight. In the first all have agreed; in the second, which goes slower, a liar signs nonsense when it has
/// seen the openings of the others: it does not have the labels alone. (At first the attempt ended at once.)
#[test]
fn nonsense_in_one_batch_does_not_stop_the_labels_of_another() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 4);
        let (task, expected) = batches(&world);
        let liar = sharing.group(0).members().next().unwrap();
        let (mut told, mut slow): (usize, Option<Said>) = (0, None);
        let mut board = Board::begin(&world, &task, &[]);
        board.drain(&mut |from, _, bytes| {
            let heard = said(bytes);
            if heard.batch == 1 && heard.exchange > 1 {
                slow = slow.take().or_else(|| (from == liar).then(|| heard.clone()));
                return Vec::new();
            }
            match (&heard.body, &slow) {
                (Body::Check(_), Some(slow)) if heard.batch == 0 => {
                    told += 1;
                    let nonsense = Said { seen: Digest::of(b"another"), ..slow.clone() };
                    vec![signed(&world, liar, &nonsense), bytes.to_vec()]
                }
                _ => vec![bytes.to_vec()],
            }
        });
        assert!(told > 0);
        for trustee in honest(sharing, liar) {
            let labels = board.ran.labels.get(&trustee).map_or(0, Vec::len);
            assert!(labels >= 64, "{sharing}, trustee {trustee}: {:?}", board.ran.ended);
            assert!(board.ran.labels[&trustee].iter().all(|label| expected.contains(label)));
            assert!(matches!(board.ran.ended[&trustee], End::Fork { batch: 1, .. } | End::Stopped { .. }));
        }
    }
}
