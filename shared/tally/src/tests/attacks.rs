//! Lies of every coalition of t trustees. Every test asserts that its lie was told.

use base::Step;
use base::ids::Digest;

use super::board::{Board, Ran, Task, World, run, task};
use super::controls::{Controls, without};
use super::correctness::in_the_clear;
use super::lies::{Moment, Tamper};
use crate::check::challenge::{Challenges, tests::SMALL};
use crate::field::{Element, points::points};
use crate::plan::Verdict;
use crate::session::End;
use crate::session::message::Body;
use crate::sharing::{Group, Sharing, Trustee};

const COUNTS: [i64; 6] = [3, 5, 4, 2, 2, 1];

pub(super) fn small(world: &World) -> Task {
    task(world, 3, &COUNTS, None, Step::Label)
}

fn right() -> Vec<(u32, Verdict)> {
    (0..).zip(COUNTS.chunks(3).map(|counts| in_the_clear(counts, None))).collect()
}

/// All groups of t trustees that are present.
pub(super) fn coalitions(sharing: Sharing) -> Vec<Vec<Trustee>> {
    let present: Vec<Trustee> = sharing.group(0).members().collect();
    match sharing.corrupt() {
        1 => present.into_iter().map(|liar| vec![liar]).collect(),
        _ => {
            let pairs = present.iter().enumerate();
            pairs
                .flat_map(|(place, one)| present[place + 1..].iter().map(|other| vec![*one, *other]))
                .collect()
        }
    }
}

fn honest(ran_in: Sharing, coalition: &[Trustee]) -> Vec<Trustee> {
    ran_in.group(0).members().filter(|trustee| !coalition.contains(trustee)).collect()
}

/// Runs a lie of all members of a coalition, and returns how often it was told.
fn lied(world: &World, task: &Task, coalition: &[Trustee], make: impl Fn(usize) -> Tamper) -> (Ran, usize) {
    let lies: Vec<(Trustee, Tamper)> =
        coalition.iter().enumerate().map(|(place, liar)| (*liar, make(place))).collect();
    let ran = run(world, task, &lies);
    let told = lies.iter().map(|(_, tamper)| tamper.told()).sum();
    (ran, told)
}

/// No honest trustee has labels, and each that ended did so for a reason that fits.
fn refused(sharing: Sharing, coalition: &[Trustee], ran: &Ran, fits: impl Fn(&End) -> bool) {
    let honest = honest(sharing, coalition);
    assert!(
        honest.iter().all(|trustee| !ran.labels.contains_key(trustee)),
        "{sharing}: a lie of {coalition:?} passed"
    );
    let ends: Vec<&End> = honest.iter().filter_map(|trustee| ran.ended.get(trustee)).collect();
    let own = ends.iter().filter(|end| !matches!(end, End::Stopped { .. }));
    assert!(
        own.clone().count() > 0 && own.into_iter().all(|end| fits(end)),
        "{sharing}, {coalition:?}: {ends:?}"
    );
    assert_eq!(ends.len(), honest.len(), "{sharing}, {coalition:?}: an honest trustee still waits");
}

/// The number of exchanges in which summands are shared.
fn sharing_exchanges(world: &World, task: &Task) -> u32 {
    let ran = run(world, task, &[]);
    let corrections = ran.sent.iter().filter_map(|(_, bytes)| {
        let said = crate::session::message::Message::from_bytes(bytes)?.signed.unverified().ok()?;
        matches!(said.body, Body::Correction { .. }).then_some(said.exchange)
    });
    corrections.max().unwrap()
}

fn flip_in(exchange: u32, word: usize, bit: u32) -> Tamper {
    Tamper::new(move |moment| match moment {
        Moment::Summand(place, words) if place.exchange == exchange => {
            let word = word % words.len();
            words[word] ^= 1 << bit;
            true
        }
        _ => false,
    })
}

#[test]
fn a_wrong_bit_in_any_layer_or_fold_opens_nothing() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let depth = task.plan.depth() as u32;
        let last = sharing_exchanges(&world, &task);
        assert!(last > depth);
        for coalition in coalitions(sharing) {
            for exchange in 1..=last {
                let (ran, told) = lied(&world, &task, &coalition, |place| {
                    flip_in(exchange, 7 * exchange as usize + place, (exchange * 5 + place as u32) % 64)
                });
                assert_eq!(told, coalition.len(), "exchange {exchange}");
                refused(sharing, &coalition, &ran, |end| *end == End::Check(0));
            }
        }
    }
}

#[test]
fn without_the_check_a_wrong_bit_makes_another_label() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let depth = task.plan.depth() as u32;
        // the last layer decides who has won: the labels' own bits
        let (ran, told) = without(Controls { no_check: true, ..Controls::default() }, || {
            lied(&world, &task, &coalitions(sharing)[0], |place| {
                if place == 0 { flip_in(depth, 0, 0) } else { Tamper::new(|_| false) }
            })
        });
        assert_eq!(told, 1);
        assert_eq!(ran.labels.len(), usize::from(sharing.quorum()));
        assert!(ran.labels.values().all(|labels| *labels != right()), "{sharing}: the lie changed nothing");
    }
}

#[test]
fn other_inputs_are_a_dispute_of_their_holders() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for coalition in coalitions(sharing) {
            // all liars change the same piece, if they share it
            let (ran, told) = lied(&world, &task, &coalition, |_| {
                Tamper::new(|moment| match moment {
                    Moment::Counts(counts) => {
                        counts.last_mut().unwrap().1[1] ^= 1 << 4;
                        true
                    }
                    _ => false,
                })
            });
            assert_eq!(told, coalition.len());
            refused(sharing, &coalition, &ran, |end| matches!(end, End::Dispute { .. }));
        }
    }
}

#[test]
fn other_pieces_of_the_check_or_of_the_labels_are_a_dispute() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for coalition in coalitions(sharing) {
            for of_check in [true, false] {
                let (ran, told) = lied(&world, &task, &coalition, |_| {
                    Tamper::new(move |moment| match moment {
                        Moment::Ends(ends) if of_check => {
                            ends[0][2].0 ^= 1;
                            true
                        }
                        Moment::Outputs(words) if !of_check => {
                            words[1][0] ^= 1;
                            true
                        }
                        _ => false,
                    })
                });
                assert_eq!(told, coalition.len());
                refused(sharing, &coalition, &ran, |end| matches!(end, End::Dispute { batch: 0, .. }));
                let ends = ran.ended.values();
                let named = ends.into_iter().find_map(|end| match end {
                    End::Dispute { holders, .. } => Some(*holders),
                    _ => None,
                });
                let holders = named.unwrap();
                assert!(coalition.iter().any(|liar| holders.contains(*liar)), "{sharing}: {holders}");
            }
        }
    }
}

/// After the agreement a liar is seen and stops nothing.
#[test]
fn a_contradiction_at_the_opening_is_seen_and_the_labels_come() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for coalition in coalitions(sharing) {
            for of_check in [true, false] {
                let (ran, told) = lied(&world, &task, &coalition, |_| {
                    Tamper::new(move |moment| {
                        let Moment::Said(said) = moment else { return false };
                        match &mut said.body {
                            Body::Check(opened) if of_check => opened[0].bytes[5] ^= 1,
                            Body::Labels(opened) if !of_check => opened[0].bytes[0] ^= 1,
                            _ => return false,
                        }
                        true
                    })
                });
                assert!(told >= 1, "{sharing}, {coalition:?}");
                for trustee in honest(sharing, &coalition) {
                    assert_eq!(ran.labels.get(&trustee), Some(&right()), "{sharing}: {:?}", ran.ended);
                    let seen = ran.liars.iter().filter(|(by, _)| *by == trustee).map(|(_, liar)| *liar);
                    assert_eq!(Group::of(seen), Group::of(coalition.iter().copied()), "{sharing}");
                }
            }
        }
    }
}

#[test]
fn a_sealed_correction_that_does_not_open_names_its_sender() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        for liar in sharing.group(0).members() {
            for cut in [false, true] {
                let (ran, told) = lied(&world, &task, &[liar], |_| {
                    Tamper::new(move |moment| match moment {
                        Moment::Sealed(2, sealed) => {
                            if cut {
                                sealed.pop();
                            } else {
                                sealed[3] ^= 1;
                            }
                            true
                        }
                        _ => false,
                    })
                });
                assert_eq!(told, 1);
                refused(sharing, &[liar], &ran, |end| match end {
                    End::Form { trustee, .. } => cut && *trustee == liar,
                    End::Unopened { trustee, holders, .. } => {
                        !cut && *trustee == liar && holders.contains(liar)
                    }
                    _ => false,
                });
            }
        }
    }
}

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
            let said =
                crate::session::message::Message::from_bytes(bytes).unwrap().signed.unverified().unwrap();
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
    type Change = fn(&mut crate::session::message::Said);
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
        copies.push(vec![7; crate::plan::MAX_MESSAGE_BYTES + 1]);
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
                let mut message = crate::session::message::Message::from_bytes(bytes).unwrap();
                let mut said = message.signed.unverified().unwrap();
                let assignment = crate::assignment::Assignment::new(sharing, sharing.group(0));
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
        let record = crate::session::Record::new(task_one.facts.round, Step::Label, []);
        board.join(&world, trustee, if place == 0 { &task_two } else { &task_one }, record, &[]);
    }
    let ran = board.honest();
    assert!(ran.labels.is_empty());
    assert_eq!(ran.ended.len(), 3);
    assert!(ran.ended.values().all(|end| matches!(end, End::Terms(_) | End::Stopped { .. })));
}

/// With challenges from 256 elements a lie escapes as often as its polynomial has roots among them.
///
/// A wrong bit makes the combined claim wrong by δ = ρ_q·x^j·v_i. In the first fold its author may add the values of any
/// polynomial E of degree 126 with Σ v_i·E(i) = δ, and escapes where E is zero at the challenge: one of the 129 elements that
/// are no points. Later folds do not save it: an error at the one value that is not shared is zero at all other points only.
/// Before all this ρ_q is zero once in 256.
#[test]
fn lies_escape_a_small_field_as_often_as_computed() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let mut task = task(&world, 2, &[3, 5], None, Step::Label);
    const TRIES: u32 = 250;
    for roots in [0, 64, 126] {
        let mut escaped = 0_u32;
        SMALL.set(true);
        for attempt in 0..TRIES {
            task.facts.attempt = attempt;
            let tamper = escape(&task, roots);
            let ran = run(&world, &task, &[(sharing.trustee(1).unwrap(), tamper.clone())]);
            assert_eq!(tamper.told(), 2);
            escaped += u32::from(!ran.labels.is_empty());
        }
        SMALL.set(false);
        let rate = 1.0 / 256.0 + 255.0 / 256.0 * roots as f64 / 129.0;
        // 5.2 deviations and four lies more: of other seeds one choice in a million would fail; a rate that is off by 0.3
        // would be missed by one in 10^5
        let slack = 5.2 * (rate * (1.0 - rate) / f64::from(TRIES)).sqrt() + 4.0 / f64::from(TRIES);
        let found = f64::from(escaped) / f64::from(TRIES);
        assert!((found - rate).abs() <= slack, "{roots} roots: {found} escaped, {rate} computed");
    }
}

/// A wrong bit in the second layer, and in the first fold the polynomial that hides it from the most challenges.
fn escape(task: &Task, roots: usize) -> Tamper {
    let layers = task.plan.circuit().layers();
    let (before, depth) = (layers[0].products.len(), task.plan.depth() as u32);
    Tamper::new(move |moment| match moment {
        Moment::Summand(place, words) if place.exchange == 2 => {
            words[0] ^= 1 << 9;
            true
        }
        Moment::Summand(place, words) if place.exchange == depth + 1 => {
            let mut challenges = Challenges::new("bits", &place.seen);
            let within: Vec<Element> = (0..64).map(|_| challenges.unit()).collect();
            let groups: Vec<Element> = (0..=before / 64).map(|_| challenges.element()).collect();
            let error = groups[before / 64].times(Element(1 << 9)).times(within[before % 64]);
            let chosen = &points()[127..127 + roots];
            let shape =
                |at: usize| chosen.iter().fold(Element::ONE, |sum, root| sum.times(points()[at] + *root));
            let weighted = (0..64).fold(Element::ZERO, |sum, at| sum + within[at].times(shape(at)));
            let factor = error.times(weighted.inverse());
            for (at, words) in (0..127).filter(|at| *at != 63).zip(words.as_chunks_mut::<2>().0) {
                let [low, high] = factor.times(shape(at)).to_words();
                words[0] ^= low;
                words[1] ^= high;
            }
            true
        }
        _ => false,
    })
}
