//! Messages on other terms, of other places, damaged, or different for each who hears them.

use base::Step;
use base::ids::Digest;

use super::{COUNTS, honest, lied, refused, right, sharing_exchanges, small};
use crate::assignment::Assignment;
use crate::plan::MAX_MESSAGE_BYTES;
use crate::session::message::{Body, Message, Said};
use crate::session::{End, Record};
use crate::sharing::Sharing;
use crate::tests::board::{Board, Task, World, task};
use crate::tests::lies::{Moment, Tamper};

#[test]
fn first_messages_that_differ_in_any_field_end_the_attempt_before_anything_is_derived() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let task = small(&world);
    let liar = sharing.trustee(2).unwrap();
    for field in 0..13 {
        let (ran, told) = lied(&world, &task, &[liar], |_| {
            Tamper::new(move |moment| match moment {
                Moment::Said(said) => {
                    let Body::First(terms) = &mut said.body else { return false };
                    let other = terms.variations().swap_remove(field);
                    **terms = other;
                    true
                }
                _ => false,
            })
        });
        assert_eq!(told, 1, "field {field}");
        refused(sharing, &[liar], &ran, |end| *end == End::Terms(liar));
        let derived = ran.sent.iter().filter(|(_, bytes)| {
            let said = Message::from_bytes(bytes).unwrap().signed.unverified().unwrap();
            !matches!(said.body, Body::First(_) | Body::Stop(_))
        });
        assert_eq!(derived.count(), 0, "field {field}: something was derived from other terms");
    }
}

#[test]
fn messages_of_another_session_attempt_batch_exchange_or_sender_are_not_taken() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let task = small(&world);
    let liar = sharing.trustee(1).unwrap();
    type Change = fn(&mut Said);
    let changes: [Change; 7] = [
        |said| said.session = Digest::of(b"another"),
        |said| said.attempt += 1,
        |said| said.batch += 1,
        |said| said.exchange += 1,
        |said| said.exchange -= 1,
        |said| said.sender = Sharing::ThreeOne.trustee(2).unwrap(),
        |said| said.seen = Digest::of(b"another"),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (ran, told) = lied(&world, &task, &[liar], |_| {
            Tamper::new(move |moment| match moment {
                Moment::Said(said) if said.exchange == 3 => {
                    change(said);
                    true
                }
                _ => false,
            })
        });
        assert_eq!(told, 1, "change {number}");
        for trustee in honest(sharing, &[liar]) {
            assert!(!ran.labels.contains_key(&trustee), "change {number}");
            let fits = |end: &&End| match (number, end) {
                // of those that are not taken the liar's own trustee stumbles, and stops
                (_, End::Stopped { .. }) => true,
                (4, End::Twice { trustee, .. }) | (6, End::Fork { trustee, .. }) => *trustee == liar,
                _ => false,
            };
            assert!(ran.ended.get(&trustee).iter().all(fits), "change {number}: {:?}", ran.ended);
        }
    }
}

#[test]
fn damaged_truncated_and_oversized_messages_change_nothing() {
    let world = World::new(Sharing::ThreeOne, 3);
    let task = small(&world);
    let mut damaged = 0;
    let ran = Board::begin(&world, &task, &[]).run(&mut |_, _, bytes| {
        let mut copies: Vec<Vec<u8>> = (0..8)
            .map(|part| {
                let mut copy = bytes.to_vec();
                let place = copy.len() * part / 8;
                copy[place] ^= 1 << (damaged % 8);
                damaged += 1;
                copy
            })
            .collect();
        copies.extend([bytes[..bytes.len() / 2].to_vec(), Vec::new(), [bytes, &[0]].concat()]);
        copies.push(vec![7; MAX_MESSAGE_BYTES + 1]);
        copies.push(bytes.to_vec());
        copies.push(bytes.to_vec());
        copies
    });
    assert!(damaged > 100 && ran.refused.len() > damaged);
    assert_eq!(ran.labels.len(), 3, "{:?}", ran.ended);
    assert!(ran.labels.values().all(|labels| *labels == right()));
}

/// Somebody signs two messages for one place; one of the others gets the second.
#[test]
fn a_forked_board_opens_nothing() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let last = sharing_exchanges(&world, &task) + 1;
        let liar = sharing.group(0).members().next().unwrap();
        for exchange in 1..last {
            let mut told = 0;
            let mut victim = None;
            let ran = Board::begin(&world, &task, &[]).run(&mut |from, to, bytes| {
                let mut message = Message::from_bytes(bytes).unwrap();
                let mut said = message.signed.unverified().unwrap();
                let assignment = Assignment::new(sharing, sharing.group(0));
                let corrects = assignment.of(liar).unwrap().corrects;
                // a victim that cannot compare digest and ciphertext
                let blind = !sharing.set(corrects).contains(to) && *victim.get_or_insert(to) == to;
                if from == liar
                    && said.exchange == exchange
                    && blind
                    && let Body::Correction { digest, .. } = &mut said.body
                {
                    *digest = Digest::of(b"another");
                    message.signed = world.identities[liar.index()].sign(&said);
                    told += 1;
                }
                if sharing.set(corrects).contains(to) && victim == Some(to) {
                    victim = None;
                }
                vec![message.to_bytes()]
            });
            if sharing == Sharing::FourOne && told == 0 {
                // all three present trustees hold the piece: nobody is blind
                continue;
            }
            assert!(told >= 1, "{sharing}, exchange {exchange}");
            let honest = honest(sharing, &[liar]);
            assert!(
                honest.iter().all(|trustee| !ran.labels.contains_key(trustee)),
                "{sharing}, exchange {exchange}"
            );
            assert!(honest.iter().any(|trustee| matches!(ran.ended.get(trustee), Some(End::Fork { .. }))));
        }
    }
}

#[test]
fn a_trustee_on_another_sum_is_refused() {
    let sharing = Sharing::FourOne;
    let world = World::new(sharing, 3);
    let task_one = small(&world);
    let mut other = COUNTS;
    other[0] += 1;
    let task_two = Task { plan: task_one.plan.clone(), ..task(&world, 3, &other, None, Step::Label) };
    let mut board = Board::of(sharing.group(0).members());
    for (place, trustee) in sharing.group(0).members().enumerate() {
        let record = Record::new(task_one.facts.round, Step::Label, []);
        board.join(&world, trustee, if place == 0 { &task_two } else { &task_one }, record, &[]);
    }
    let ran = board.honest();
    assert!(ran.labels.is_empty());
    assert_eq!(ran.ended.len(), 3);
    assert!(ran.ended.values().all(|end| matches!(end, End::Terms(_) | End::Stopped { .. })));
}
