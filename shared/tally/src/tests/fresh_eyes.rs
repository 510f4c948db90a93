//! Attacks by somebody who saw the engine for the first time.

use base::Step;
use base::ids::Digest;
use borsh::BorshDeserialize as _;

use super::attacks::small;
use super::board::{Board, World, facts, run, task};
use super::ceremonies::{self, lie};
use super::interruptions::{batches, body};
use crate::ceremony::message::Speech;
use crate::draw::Stream;
use crate::grid::Grid;
use crate::phase::product::product_64;
use crate::plan::{Plan, Question, Verdict};
use crate::session::message::{Body, Message, Said};
use crate::session::{End, Output, Record, RecordError, Refusal, Session, Testimony, VerifyError, verify};
use crate::sharing::{Group, Sharing, Trustee};
use crate::sum::{DEGREE, Layout, Sum};

/// A liar sends the same right box twice. Its receiver takes none of two and complains; its complaint must not be held against it.
#[test]
fn a_box_that_is_sent_twice_does_not_get_its_receiver_named() {
    for sharing in Sharing::ALL {
        let (stage, told) = lie(sharing, |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                let again = boxes[0].clone();
                boxes.push(again);
                true
            }
            _ => false,
        });
        assert_eq!(told, 1);
        assert!(stage.keyed.is_empty());
        for (trustee, named) in stage.named.iter().filter(|(trustee, _)| trustee.number() > 1) {
            assert_eq!(*named, Group::of(sharing.trustee(1)), "{sharing}: trustee {trustee} names {named}");
        }
    }
}

fn signed(world: &World, liar: Trustee, said: &Said) -> Vec<u8> {
    Message { signed: world.identities[liar.index()].sign(said), sealed: Vec::new() }.to_bytes()
}

fn said(bytes: &[u8]) -> Said {
    Message::from_bytes(bytes).unwrap().signed.unverified().unwrap()
}

/// After the agreement nobody can stop the labels: neither with another first message nor with one that no exchange has.
#[test]
fn after_the_agreement_no_other_first_message_stops_the_labels() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let liar = sharing.group(0).members().next().unwrap();
        for batch in [0, 1] {
            let mut told = 0;
            let mut first = None;
            let mut board = Board::begin(&world, &task, &[]);
            board.drain(&mut |from, _, bytes| {
                let mut arriving = vec![bytes.to_vec()];
                if from == liar && body(bytes).0 == 0 {
                    first = Some(said(bytes));
                }
                // the liar has seen the others' labels, or at least their openings, and keeps its own to itself
                if let (Body::Check(_), Some(first)) = (body(bytes).1, &first) {
                    let mut other = first.clone();
                    other.batch = batch;
                    other.seen = Digest::of(b"another");
                    arriving.insert(0, signed(&world, liar, &other));
                    told += 1;
                }
                arriving
            });
            assert!(told > 0);
            for trustee in sharing.group(0).members().filter(|trustee| *trustee != liar) {
                let ended = board.ran.ended.get(&trustee);
                assert!(
                    board.ran.labels.contains_key(&trustee),
                    "{sharing}: {trustee} has no labels: {ended:?}"
                );
                assert!(ended.is_none());
            }
        }
    }
}

/// What is finished does not end as an attempt "without all labels".
#[test]
fn nothing_ends_what_is_finished() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let task = small(&world);
    let liar = sharing.trustee(1).unwrap();
    let mut board = Board::begin(&world, &task, &[]);
    board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
    assert_eq!(board.ran.finished.len(), 3);
    let first = board.ran.sent.iter().find(|(from, _)| *from == liar).map(|(_, bytes)| said(bytes)).unwrap();
    for batch in [0, 1] {
        let late = Said { seen: Digest::of(b"another"), batch, ..first.clone() };
        for trustee in [2, 3].map(|number| sharing.trustee(number).unwrap()) {
            let session = board.sessions.get_mut(&trustee).unwrap();
            let outputs = session.handle(&signed(&world, liar, &late)).unwrap_or_default();
            assert!(!outputs.iter().any(|output| matches!(output, Output::Ended(_))), "{outputs:?}");
        }
    }
}

/// Labels are shown only for the plan, the sum and the chain on which they were computed.
#[test]
fn labels_of_another_plan_are_not_shown() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let task = task(&world, 3, &[3, 5, 4, 2, 2, 1, 0, 0, 9, 9, 0, 0], None, Step::Label);
    let mut question = task.plan.question().clone();
    question.instances = vec![0, 1];
    let computed = super::board::Task { plan: Plan::new(sharing, question.clone()).unwrap().into(), ..task };
    let ran = run(&world, &computed, &[]);
    let messages: Vec<Vec<u8>> = ran.sent.iter().map(|(_, bytes)| bytes.clone()).collect();
    let shown =
        |plan: &Plan| verify(plan, (&computed.facts, computed.sum.digest(), 0), &world.trustees, &messages);
    assert_eq!(shown(&computed.plan), Ok(vec![(0, Verdict::Class(1)), (1, Verdict::Class(0))]));
    // the same messages, passed off as the labels of two other instances
    question.instances = vec![2, 3];
    let other = Plan::new(sharing, question).unwrap();
    let one = sharing.trustee(1).unwrap();
    assert_eq!(shown(&other), Err(VerifyError::NoTerms(one)));
    let sum =
        verify(&computed.plan, (&computed.facts, Digest::of(b"another"), 0), &world.trustees, &messages);
    assert_eq!(sum, Err(VerifyError::NoTerms(one)));
}

/// A liar that signs a second agreement afterwards hides nothing, and gets nobody else suspected.
#[test]
fn a_second_agreement_hides_no_labels() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let ran = run(&world, &task, &[]);
        let liar = sharing.group(0).members().next().unwrap();
        let mut messages: Vec<Vec<u8>> = ran.sent.iter().map(|(_, bytes)| bytes.clone()).collect();
        let agreement = ran
            .sent
            .iter()
            .find(|(from, bytes)| *from == liar && matches!(body(bytes).1, Body::Agreement(_)))
            .map(|(_, bytes)| said(bytes))
            .unwrap();
        let expected = ran.labels[&liar].clone();
        let shown = |messages: &[Vec<u8>]| {
            verify(&task.plan, (&task.facts, task.sum.digest(), 0), &world.trustees, messages)
        };
        assert_eq!(shown(&messages), Ok(expected.clone()));
        let mut other = agreement.clone();
        let Body::Agreement(stated) = &mut other.body else { unreachable!() };
        stated[0].labels = Digest::of(b"another");
        messages.push(signed(&world, liar, &other));
        assert_eq!(shown(&messages), Ok(expected.clone()), "{sharing}: another statement");
        other = Said { seen: Digest::of(b"another"), ..agreement.clone() };
        messages.push(signed(&world, liar, &other));
        assert_eq!(shown(&messages), Ok(expected), "{sharing}: another past");
    }
}

/// The record binds the sum; with another threshold in every attempt the same sum would give away a count.
#[test]
fn later_attempts_ask_the_same_question() {
    let sharing = Sharing::ThreeOne;
    let world = World::new(sharing, 3);
    let one = task(&world, 2, &[9, 4], Some(8), Step::Label);
    let mut records: Vec<Record> = (0..3).map(|_| Record::new(one.facts.round, Step::Label, [])).collect();
    let mut told = Vec::new();
    for (attempt, threshold) in [8, 9, 10].into_iter().enumerate() {
        let question = Question { threshold: Some(threshold), ..one.plan.question().clone() };
        let plan = std::sync::Arc::new(Plan::new(sharing, question).unwrap());
        let mut board = Board::of(sharing.group(0).members());
        let asked = super::board::Task { plan, sum: one.sum.clone(), facts: facts(attempt as u32) };
        for trustee in sharing.everyone().members() {
            let record = records[trustee.index()].clone();
            let begun = Session::begin(
                world.party(trustee),
                &asked.facts,
                asked.plan.clone(),
                asked.sum.clone(),
                record.clone(),
            );
            if begun.is_err() {
                continue;
            }
            board.join(&world, trustee, &asked, record, &[]);
        }
        board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
        told.extend(board.ran.labels.values().next().cloned());
        for (trustee, session) in board.sessions {
            records[trustee.index()] = session.into_record();
        }
    }
    assert_eq!(told.len(), 1, "three thresholds against one sum: {told:?}");
}

type Testified = (Trustee, base::identity::Signed<Testimony>);

fn testimony(world: &World, by: Trustee, about: Trustee, first: Option<Vec<u8>>) -> Testified {
    let testimony = Testimony { round: facts(0).round, step: Step::Label, nonce: [5; 32], about, first };
    (by, world.identities[by.index()].sign(&testimony))
}

/// A liar makes a restored home believe neither another sum nor an attempt after which there is none: it is named instead.
/// (At first a bare word of attempt 4294967295, or of a sum that nobody saw, was enough to silence it for good.)
#[test]
fn one_false_testimony_does_not_silence_a_restored_home() {
    let sharing = Sharing::FourOne;
    let world = World::new(sharing, 4);
    let mut task = small(&world);
    let [me, one, two, liar] = [1, 2, 3, 4].map(|number| sharing.trustee(number).unwrap());
    task.facts.attempt = u32::MAX;
    let ran = run(&world, &task, &[]);
    let first = |of: Trustee| ran.sent.iter().find(|(from, _)| *from == of).map(|(_, bytes)| bytes.clone());
    let by_another = {
        let mut said = said(&first(two).unwrap());
        said.sender = me;
        signed(&world, liar, &said)
    };
    let layer = ran.sent.iter().filter(|(from, _)| *from == two).nth(1).unwrap().1.clone();
    for evidence in [first(two).unwrap(), by_another, layer, vec![0; 99]] {
        let mut record = Record::new(task.facts.round, Step::Label, []);
        record.restore([5; 32]);
        let all = [
            testimony(&world, one, me, None),
            testimony(&world, two, me, None),
            testimony(&world, liar, me, Some(evidence)),
        ];
        let admitted = record.admit((sharing, me, &world.trustees[0]), &world.trustees, &all);
        assert_eq!(admitted, Err(RecordError::Testimony(liar)));
    }
}

/// A restored home promises nothing about older rounds, whatever the others saw.
#[test]
fn a_restored_home_does_not_renounce() {
    let sharing = Sharing::FourOne;
    let world = World::new(sharing, 4);
    let me = sharing.trustee(1).unwrap();
    let mut record = Record::new(facts(0).round, Step::Label, []);
    record.restore([5; 32]);
    let others = sharing.everyone().members().filter(|other| *other != me);
    let all: Vec<_> = others.map(|other| testimony(&world, other, me, None)).collect();
    record.admit((sharing, me, &world.trustees[0]), &world.trustees, &all).unwrap();
    assert!(record.renounce().is_err());
}

/// Fixed-point counts: the noise of many ballots must not carry a difference of D votes over the end of the range.
#[test]
fn fixed_point_differences_do_not_wrap_by_noise() {
    let (sharing, ballots) = (Sharing::FiveTwo, 1000);
    let world = World::new(sharing, 6);
    let bound = (1 << 19) - 1;
    let Ok(grid) = Grid::fixed(sharing, ballots, |_| bound) else { return };
    let (classes, instances) = (2, 1024_u32);
    let layout = Layout::new(classes, instances).unwrap();
    // ballots that add up to (D, 0) in every instance, each rounded as a ballot is: masks to 32 bits, slots to 24
    let mut random = Stream::new(&[1; 32]);
    let (mut exact, mut words) = (vec![0_u64; DEGREE], vec![0_u32; 2 * DEGREE]);
    for _ in 0..ballots {
        for (exact, word) in exact.iter_mut().zip(&mut words) {
            let mask = random.next_word();
            *exact = exact.wrapping_add(mask);
            *word = word.wrapping_add((mask.wrapping_add(1 << 31) >> 32) as u32);
        }
    }
    let mut phase = vec![0_u64; DEGREE];
    for piece in sharing.all_pieces() {
        let key = world.keyrings.iter().find_map(|keyring| keyring.key_piece(piece)).unwrap().wide();
        phase
            .iter_mut()
            .zip(product_64(&exact, &key).iter())
            .for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
    }
    for slot in 0..DEGREE {
        let votes = if slot % 2 == 0 { bound } else { 0 };
        let mut rest = phase[DEGREE - 1 - slot].wrapping_add(votes.wrapping_mul(grid.scale()));
        for ballot in 1..=ballots {
            let body = if ballot == ballots { rest } else { random.next_word() };
            rest = rest.wrapping_sub(body);
            let rounded = (body.wrapping_add(1 << 39) >> 40 << 8) as u32;
            words[DEGREE + slot] = words[DEGREE + slot].wrapping_add(rounded);
        }
    }
    let question =
        Question { step: Step::Label, layout, instances: (0..instances).collect(), grid, threshold: None };
    let task = super::board::Task {
        plan: Plan::new(sharing, question).unwrap().into(),
        sum: Sum::new(layout, words).unwrap().into(),
        facts: facts(0),
    };
    let ran = run(&world, &task, &[]);
    let labels = ran.labels.values().next().unwrap();
    let wrong = labels.iter().filter(|(_, verdict)| *verdict != Verdict::Class(0)).count();
    assert_eq!(
        wrong, 0,
        "of {instances} instances with {bound} votes against none, {wrong} have the other class"
    );
}

/// The known answer is known for fixed-point counts as well: without bias no tie may decide it.
#[test]
fn the_known_answer_of_fixed_point_counts_comes_out() {
    let sharing = Sharing::ThreeOne;
    let stage = ceremonies::stage(sharing);
    let keyed = stage.keyed.values().next().unwrap();
    let grid = Grid::fixed(sharing, 1, |_| 8).unwrap();
    let known =
        crate::known_answer::KnownAnswer::new(&keyed.certificate.digest(), &keyed.public_key, 10, &grid)
            .unwrap();
    let layout = known.sum.layout();
    let instances = (0..layout.instances()).collect();
    let question = Question { step: Step::Label, layout, instances, grid, threshold: None };
    let keyrings = stage.keyed.values().map(|keyed| keyed.keyring.clone()).collect();
    let world = World::from_keyrings(sharing, keyrings, ceremonies::identities(sharing));
    let plan = Plan::new(sharing, question).unwrap().into();
    let ran = run(&world, &super::board::Task { plan, sum: known.sum.clone().into(), facts: facts(0) }, &[]);
    let wrong =
        ran.labels.values().next().unwrap().iter().zip(&known.verdicts).filter(|(one, other)| one != other);
    assert_eq!(wrong.count(), 0, "of {}", known.verdicts.len());
}

/// A batch or an exchange that never comes is not something to be kept and handed in later.
#[test]
fn what_never_comes_is_not_early() {
    let world = World::new(Sharing::ThreeOne, 4);
    let (task, _) = batches(&world);
    let liar = Sharing::ThreeOne.trustee(1).unwrap();
    let mut board = Board::begin(&world, &task, &[]);
    let honest = Sharing::ThreeOne.trustee(2).unwrap();
    let mut tried = 0;
    board.drain(&mut |_, _, bytes| vec![bytes.to_vec()]);
    let last = board.ran.sent.iter().map(|(_, bytes)| body(bytes).0).max().unwrap();
    assert_eq!(last, task.plan.exchanges(0), "the control");
    let mut board = Board::begin(&world, &task, &[]);
    board.drain(&mut |_, _, bytes| if body(bytes).0 == 0 { vec![bytes.to_vec()] } else { Vec::new() });
    let first = said(&board.ran.sent[0].1);
    for (batch, exchange) in
        [(task.plan.batches() as u32, 1), (u32::MAX, u32::MAX), (0, u32::MAX), (0, last + 1), (1, 1000)]
    {
        let body = Body::Agreement(Vec::new());
        let never = Said { batch, exchange, sender: liar, body, ..first.clone() };
        let answer = board.sessions.get_mut(&honest).unwrap().handle(&signed(&world, liar, &never));
        assert!(!matches!(answer, Err(Refusal::Early { .. })), "batch {batch}, exchange {exchange}");
        tried += 1;
    }
    assert_eq!(tried, 5);
}

/// A constant has no bits beyond its own.
#[test]
fn a_constant_has_no_bits_beyond_its_own() {
    use crate::circuit::{adder::constant, builder::Bit};
    assert!(constant(5, usize::BITS as usize)[32..].iter().all(|bit| *bit == Bit::Zero));
}

/// Chooses at random, repeatably.
struct Dice(Stream);

impl Dice {
    fn new(seed: u64) -> Self {
        let mut key = [0x5a; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(Stream::new(&key))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.next_word() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// Changes something of what a liar says.
fn mutate(dice: &mut Dice, said: &mut Said, past: &[Said]) {
    use crate::session::message::{Opened, Stated};
    let digest = |dice: &mut Dice| Digest::of(&dice.0.next_word().to_le_bytes());
    let any_piece = |dice: &mut Dice| crate::sharing::Piece::try_from_slice(&[dice.below(12) as u8]).unwrap();
    match dice.below(9) {
        0 => said.seen = digest(dice),
        1 => said.exchange = dice.below(14) as u32,
        2 => said.batch = dice.below(5) as u32,
        3 => said.attempt = said.attempt.wrapping_add(1),
        4 => said.body = past[dice.below(past.len())].body.clone(),
        5 => *said = past[dice.below(past.len())].clone(),
        6 => said.seen = past[dice.below(past.len())].seen,
        _ => match &mut said.body {
            Body::First(terms) => {
                let mut all = terms.variations();
                let which = dice.below(all.len());
                **terms = all.swap_remove(which);
            }
            Body::Correction { digest: of, bytes } => {
                if dice.one_in(2) {
                    *of = digest(dice);
                } else {
                    *bytes = dice.0.next_word() as u32;
                }
            }
            Body::Agreement(stated) => match dice.below(5) {
                0 => stated.clear(),
                1 => stated.reverse(),
                2 => {
                    stated.push(Stated { piece: any_piece(dice), check: digest(dice), labels: digest(dice) })
                }
                3 => stated[0].check = digest(dice),
                _ => stated[0].labels = digest(dice),
            },
            Body::Check(opened) | Body::Labels(opened) => match dice.below(6) {
                0 => opened.clear(),
                1 => opened.reverse(),
                2 => opened.push(Opened {
                    piece: any_piece(dice),
                    salt: [1; 32],
                    bytes: vec![0; dice.below(60)],
                }),
                3 => opened[0].bytes.truncate(dice.below(48)),
                4 => opened[0].bytes[0] ^= 1,
                _ => opened[0].salt[0] ^= 1,
            },
            Body::Stop(names) => *names = Sharing::FiveTwo.everyone(),
        },
    }
}

/// A coalition that says anything to anybody, a board that delays, repeats, drops and reorders, honest machines that crash.
fn chaos(seed: u64) -> (bool, usize) {
    let mut dice = Dice::new(seed);
    let sharing = Sharing::ALL[dice.below(3)];
    let world = World::new(sharing, 3);
    let all = super::attacks::coalitions(sharing);
    let coalition = all[dice.below(all.len())].clone();
    let (mut task, expected) = if dice.one_in(2) {
        let task = small(&world);
        let expected = run(&world, &task, &[]).labels.into_values().next().unwrap();
        (task, expected)
    } else {
        batches(&world)
    };
    task.facts.attempt = 4 * dice.below(3) as u32;
    let rate = [1000, 60, 12, 4][dice.below(4)];
    let drops = [100_000, 400][dice.below(2)];
    let mut crashes = dice.below(3);
    let members: Vec<Trustee> = sharing.group(0).members().collect();
    let mut board = Board::of(members.iter().copied());
    for trustee in &members {
        board.join(&world, *trustee, &task, Record::new(task.facts.round, Step::Label, []), &[]);
    }
    let mut held: Vec<(Trustee, Trustee, Vec<u8>)> = Vec::new();
    let mut past: Vec<Said> = Vec::new();
    let mut shown: Vec<(Trustee, Vec<u8>)> = Vec::new();
    let mut lies = 0;
    for _ in 0..60_000 {
        board.drain(&mut |from, to, bytes| {
            held.push((from, to, bytes.to_vec()));
            Vec::new()
        });
        if held.is_empty() {
            break;
        }
        let place = if dice.one_in(3) { dice.below(held.len()) } else { 0 };
        let (from, to, bytes) = held.remove(place);
        if coalition.contains(&from) {
            past.push(said(&bytes));
            if dice.one_in(rate) {
                let mut message = Message::from_bytes(&bytes).unwrap();
                let mut other = message.signed.unverified().unwrap();
                mutate(&mut dice, &mut other, &past);
                // whoever of the coalition signs
                other.sender = if dice.one_in(9) { coalition[0] } else { from };
                message.signed = world.identities[other.sender.index()].sign(&other);
                if dice.one_in(5) {
                    message.sealed = vec![dice.below(256) as u8; dice.below(200)];
                }
                lies += 1;
                board.deliver(to, message.to_bytes());
                if dice.one_in(2) {
                    held.push((from, to, bytes));
                }
                continue;
            }
        }
        if dice.one_in(drops) {
            continue;
        }
        if dice.one_in(10) {
            held.push((from, to, bytes.clone()));
        }
        shown.push((to, bytes.clone()));
        board.deliver(to, bytes);
        if crashes > 0 && dice.one_in(60) {
            crashes -= 1;
            let victim = members[dice.below(members.len())];
            if coalition.contains(&victim) || board.ran.ended.contains_key(&victim) {
                continue;
            }
            board.sessions.remove(&victim);
            board.ran.labels.remove(&victim);
            let record = Record::new(task.facts.round, Step::Label, &board.ran.journals[&victim]);
            board.join(&world, victim, &task, record, &[]);
            let again = shown.iter().filter(|(to, _)| *to == victim);
            held.extend(again.map(|(_, bytes)| (said(bytes).sender, victim, bytes.clone())));
            // and the coalition's words once more, perhaps others
            held.rotate_right(dice.below(3));
        }
    }
    let honest = members.iter().filter(|trustee| !coalition.contains(trustee));
    let mut labelled = false;
    for trustee in honest {
        if let Some(labels) = board.ran.labels.get(trustee) {
            labelled = true;
            let mut labels = labels.clone();
            labels.sort_by_key(|(instance, _)| *instance);
            labels.dedup();
            assert!(labels.iter().all(|label| expected.contains(label)), "seed {seed}: wrong labels");
        }
        let named = match board.ran.ended.get(trustee) {
            Some(End::Twice { trustee, .. } | End::Form { trustee, .. } | End::Unopened { trustee, .. }) => {
                Some(*trustee)
            }
            Some(End::Terms(other)) => Some(*other),
            Some(End::Dispute { holders, .. }) => {
                coalition.iter().copied().find(|liar| holders.contains(*liar))
            }
            _ => None,
        };
        if let Some(End::Dispute { .. }) = board.ran.ended.get(trustee) {
            assert!(named.is_some(), "seed {seed}: a dispute without a liar");
        }
        assert!(
            named.is_none_or(|named| coalition.contains(&named)),
            "seed {seed}: {trustee} names {named:?}"
        );
        let liars = board.ran.liars.iter().filter(|(by, _)| by == trustee);
        assert!(liars.into_iter().all(|(_, liar)| coalition.contains(liar)), "seed {seed}: {trustee}");
        let mut places = std::collections::BTreeMap::new();
        for (_, bytes) in board.ran.sent.iter().filter(|(from, _)| from == trustee) {
            let said = said(bytes);
            let before = places.insert((said.batch, said.exchange), bytes);
            assert!(before.is_none_or(|before| before == bytes), "seed {seed}: {trustee} said two things");
        }
    }
    (labelled, lies)
}

#[test]
fn no_chaos_makes_wrong_labels_second_words_or_a_false_name() {
    let (mut labelled, mut lies) = (0, 0);
    let seeds = std::env::var("CHAOS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(30);
    for seed in 0..seeds {
        let (one, told) = chaos(seed);
        labelled += usize::from(one);
        lies += told;
    }
    assert!(labelled > seeds as usize / 10 && lies > seeds as usize);
}

/// Changes something of what a liar says in a ceremony.
fn mutate_spoken(
    dice: &mut Dice,
    spoken: &mut crate::ceremony::message::Spoken,
    past: &[crate::ceremony::message::Spoken],
    sharing: Sharing,
) {
    use crate::ceremony::Reason;
    let digest = |dice: &mut Dice| Digest::of(&dice.0.next_word().to_le_bytes());
    let any_trustee =
        |dice: &mut Dice| sharing.trustee(1 + dice.below(usize::from(sharing.trustees())) as u8).unwrap();
    let any_piece = |dice: &mut Dice| {
        crate::sharing::Piece::try_from_slice(&[dice.below(sharing.pieces() + 1) as u8]).unwrap()
    };
    match dice.below(8) {
        0 => spoken.seen = digest(dice),
        1 => spoken.body = past[dice.below(past.len())].body.clone(),
        2 => *spoken = past[dice.below(past.len())].clone(),
        3 => {
            let reasons = [
                Reason::GivenUp,
                Reason::Box { sender: any_trustee(dice), piece: any_piece(dice) },
                Reason::Piece(any_piece(dice)),
                Reason::Followed(any_trustee(dice)),
            ];
            spoken.body = Speech::Dead(reasons[dice.below(4)]);
        }
        _ => match &mut spoken.body {
            Speech::Key(key) => match dice.below(3) {
                0 => *key = [0; 32],
                1 => *key = [9; 32],
                _ => key[31] ^= 128,
            },
            Speech::Boxes(boxes) => {
                let which = dice.below(boxes.len());
                let other = dice.below(boxes.len());
                match dice.below(9) {
                    0 => boxes.push(boxes[which].clone()),
                    1 => drop(boxes.remove(which)),
                    2 => boxes.reverse(),
                    3 => boxes[which].sealed = boxes[other].sealed.clone(),
                    4 => boxes[which].sealed[31] ^= 128,
                    5 => {
                        let place = dice.below(boxes[which].sealed.len());
                        boxes[which].sealed[place] ^= 1;
                    }
                    6 => boxes[which].receiver = any_trustee(dice),
                    7 => boxes[which].piece = any_piece(dice),
                    _ => boxes[which].sealed.truncate(dice.below(60)),
                }
            }
            Speech::Pieces(named) => match dice.below(5) {
                0 => named.reverse(),
                1 => drop(named.pop()),
                2 => named[0].piece = any_piece(dice),
                3 => named[0].name = digest(dice),
                _ => {
                    let last = named.len() - 1;
                    named[last].share = digest(dice);
                }
            },
            Speech::Certified(_) => spoken.body = Speech::Dead(Reason::GivenUp),
            Speech::Dead(_) => spoken.body = Speech::Dead(Reason::GivenUp),
            Speech::Shown(shown) => match dice.below(4) {
                0 => shown.clear(),
                1 => shown[0].1[0] ^= 1,
                2 => shown.reverse(),
                _ => shown.push((any_piece(dice), [3; 32])),
            },
        },
    }
}

fn chaos_of_keys(seed: u64) -> (bool, bool, usize) {
    use crate::ceremony::message::{Letter, Spoken};
    let mut dice = Dice::new(seed ^ 0x0123_4567_0000_0000);
    let sharing = Sharing::ALL[dice.below(3)];
    let identities = ceremonies::identities(sharing);
    let mut coalition: Vec<Trustee> = Vec::new();
    while coalition.len() < usize::from(sharing.corrupt()) {
        let liar = sharing.trustee(1 + dice.below(usize::from(sharing.trustees())) as u8).unwrap();
        if !coalition.contains(&liar) {
            coalition.push(liar);
        }
    }
    let rate = [100, 8, 3][dice.below(3)];
    let mut crashes = dice.below(4);
    let read = |bytes: &[u8]| -> Spoken { Letter::from_bytes(bytes).unwrap().signed.unverified().unwrap() };
    let mut stage = ceremonies::Stage::new(sharing);
    stage.begin();
    let mut held: Vec<(Trustee, Trustee, Vec<u8>)> = Vec::new();
    let mut past: Vec<Spoken> = Vec::new();
    let mut shown: Vec<(Trustee, Trustee, Vec<u8>)> = Vec::new();
    let (mut lies, mut once) = (0, std::collections::BTreeMap::<Vec<u8>, Vec<u8>>::new());
    for _ in 0..5000 {
        stage.run(|from, to, bytes| {
            held.push((from, to, bytes.to_vec()));
            Vec::new()
        });
        if held.is_empty() {
            break;
        }
        let place = if dice.one_in(3) { dice.below(held.len()) } else { 0 };
        let (from, to, bytes) = held.remove(place);
        if coalition.contains(&from) {
            past.push(read(&bytes));
            // the same lie to all, or one for each
            let lie = once.get(&bytes).cloned();
            if let Some(lie) = lie.filter(|_| !dice.one_in(12)) {
                shown.push((from, to, lie.clone()));
                stage.deliver(to, lie);
                continue;
            }
            if dice.one_in(rate) {
                let mut letter = Letter::from_bytes(&bytes).unwrap();
                let mut spoken = read(&bytes);
                mutate_spoken(&mut dice, &mut spoken, &past, sharing);
                spoken.sender = from;
                letter.signed = identities[from.index()].sign(&spoken);
                if dice.one_in(10) {
                    letter.shares.push(vec![1; dice.below(50)]);
                }
                lies += 1;
                once.insert(bytes.clone(), letter.to_bytes());
                shown.push((from, to, letter.to_bytes()));
                stage.deliver(to, letter.to_bytes());
                if dice.one_in(3) {
                    held.push((from, to, bytes));
                }
                continue;
            }
        }
        if dice.one_in(10) {
            held.push((from, to, bytes.clone()));
        }
        shown.push((from, to, bytes.clone()));
        stage.deliver(to, bytes);
        if crashes > 0 && dice.one_in(15) {
            crashes -= 1;
            let victim = sharing.trustee(1 + dice.below(usize::from(sharing.trustees())) as u8).unwrap();
            if coalition.contains(&victim) {
                continue;
            }
            stage.ceremonies.remove(&victim);
            let secrets = stage.disks[&victim].secrets();
            stage.start(victim, secrets);
            for (from, to, bytes) in shown.clone().into_iter().filter(|(_, to, _)| *to == victim) {
                held.push((from, to, bytes));
            }
            // its own, and a silent give-up now and then
            for (from, bytes) in stage.sent.clone().into_iter().filter(|(from, _)| *from == victim) {
                held.push((from, victim, bytes));
            }
        }
        if dice.one_in(300) {
            let one = sharing.trustee(1 + dice.below(usize::from(sharing.trustees())) as u8).unwrap();
            let outputs = stage.ceremonies.get_mut(&one).unwrap().give_up().unwrap_or_default();
            stage.take(one, outputs);
        }
    }
    let honest: Vec<Trustee> =
        sharing.everyone().members().filter(|trustee| !coalition.contains(trustee)).collect();
    let mut named_any = false;
    for trustee in &honest {
        let mut places = std::collections::BTreeMap::new();
        for (_, bytes) in stage.sent.iter().filter(|(from, _)| from == trustee) {
            let letter = Letter::from_bytes(bytes).unwrap();
            let place = read(bytes).body.place();
            let before = places.insert(place, letter.signed.clone());
            assert!(
                before.is_none_or(|before| before == letter.signed),
                "seed {seed}: {trustee} said two things"
            );
        }
        assert!(
            !(places.contains_key(&3) && (places.contains_key(&4) || places.contains_key(&5))),
            "seed {seed}"
        );
        if let Some(named) = stage.named.get(trustee) {
            named_any |= named.size() > 0;
            assert!(
                named.members().all(|named| coalition.contains(&named)),
                "seed {seed}: {sharing}, {coalition:?}: {trustee} names {named}: {:?}",
                stage.dead
            );
        }
        if let Some(keyed) = stage.keyed.get(trustee) {
            assert!(
                honest.iter().all(|other| !stage.dead.contains_key(other)),
                "seed {seed}: a key that is dead"
            );
            let others = honest.iter().filter_map(|other| stage.keyed.get(other));
            assert!(others.into_iter().all(|other| other.certificate == keyed.certificate));
        }
    }
    (stage.keyed.keys().any(|trustee| honest.contains(trustee)), named_any, lies)
}

#[test]
fn no_chaos_makes_two_keys_second_words_or_a_false_name_in_a_ceremony() {
    let (mut keyed, mut named, mut lies) = (0, 0, 0);
    let seeds = std::env::var("CHAOS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        let (one, other, told) = chaos_of_keys(seed);
        keyed += u64::from(one);
        named += u64::from(other);
        lies += told as u64;
    }
    assert!(keyed > 0 && named > 0 && lies > seeds);
}

/// A liar shows one receiver a box that does not open, and all others a right one. The receiver's complaint is about what it
/// saw; the others must not hold it against the box that they saw.
#[test]
fn a_complaint_about_another_board_does_not_get_its_author_named() {
    use crate::ceremony::message::Letter;
    for sharing in Sharing::ALL {
        let identity = ceremonies::identities(sharing)[0].clone();
        let [liar, victim] = [1, 2].map(|number| sharing.trustee(number).unwrap());
        let mut stage = ceremonies::Stage::new(sharing);
        stage.begin();
        let mut told = 0;
        stage.run(|from, to, bytes| {
            let mut letter = Letter::from_bytes(bytes).unwrap();
            let mut spoken = letter.signed.unverified().unwrap();
            if let (Speech::Boxes(boxes), true) = (&mut spoken.body, from == liar && to == victim) {
                boxes.iter_mut().for_each(|boxed| boxed.sealed[40] ^= 1);
                letter.signed = identity.sign(&spoken);
                told += 1;
            }
            vec![letter.to_bytes()]
        });
        assert_eq!(told, 1);
        assert!(stage.keyed.is_empty());
        let honest = || stage.named.iter().filter(|(trustee, _)| **trustee != liar);
        assert_eq!(honest().count() + 1, usize::from(sharing.trustees()), "{sharing}: {:?}", stage.dead);
        for (trustee, named) in honest() {
            assert!(named.members().all(|named| named == liar), "{sharing}: trustee {trustee} names {named}");
        }
    }
}

/// Whatever crashes where: when the key exists only the roots are left. With the box key the board would give them back after
/// the federation was closed and they were destroyed.
#[test]
fn no_box_key_survives_a_crash() {
    let sharing = Sharing::ThreeOne;
    let victim = sharing.trustee(2).unwrap();
    let mut crashes = 0;
    for outputs in 2..40 {
        let mut stage = ceremonies::Stage::new(sharing);
        stage.crash = Some((victim, outputs));
        stage.begin();
        stage.honest();
        if !stage.crashed {
            break;
        }
        crashes += 1;
        let secrets = stage.disks[&victim].secrets();
        stage.start(victim, secrets);
        for (_, bytes) in stage.sent.clone() {
            stage.deliver(victim, bytes);
        }
        stage.honest();
        assert_eq!(stage.keyed.len(), 3);
        let left: Vec<_> = stage.disks[&victim].secrets.keys().collect();
        assert_eq!(left, [&crate::ceremony::SecretName::Roots], "after {outputs} outputs");
    }
    assert!(crashes >= 10);
}

/// Three leaders of one group nearly tie, and a cheat's fractions let each lose to one other: undecided in one level. In two
/// levels the group must not count as zero votes, or a class with one vote is the label.
#[test]
fn leaders_without_a_winner_do_not_make_a_loser_the_label() {
    use crate::circuit::{Circuit, argmax, levels, tests as circuits};
    let sharing = Sharing::ThreeOne;
    let grid = Grid::whole(sharing, 3, |_| 100).unwrap();
    let (classes, width) = (20, grid.width() as usize);
    let unit = 1_i64 << grid.fraction_bits();
    // 50, 50.375 and 50.75 votes in one group, one vote in another
    let leaders = [50 * unit, 50 * unit + 3 * unit / 8, 50 * unit + 6 * unit / 8];
    let count = |class: usize| leaders.get(class).copied().unwrap_or(if class == 9 { unit } else { 0 });
    let value = |source: crate::circuit::Source, piece: usize, _: usize| {
        let of = |class: u16| count(usize::from(class)) as u32;
        let value = match (source, piece) {
            (_, 1..) => 0,
            (crate::circuit::Source::Count(class), _) => of(class),
            (crate::circuit::Source::Difference(one, other), _) => {
                of(one).wrapping_sub(of(other)).wrapping_add(grid.bias())
            }
        };
        value & grid.modulus_mask()
    };
    let label = |circuit: &Circuit| circuits::run(circuit, sharing.pieces(), value)[0];
    assert_eq!(label(&argmax::argmax((sharing.pieces(), width), classes)), 0, "the control: one level");
    assert_eq!(label(&levels::argmax((sharing.pieces(), &grid), classes, None)), 0);
}

/// A certificate that strangers signed is a certificate; agents must not take its key for that of their trustees.
#[test]
fn a_certificate_of_strangers_is_no_key_of_these_trustees() {
    let sharing = Sharing::ThreeOne;
    let stage = ceremonies::stage(sharing);
    let keyed = stage.keyed.values().next().unwrap();
    let others = World::new(sharing, 3).trustees;
    let setup = ceremonies::setup(sharing, sharing.trustee(1).unwrap());
    let strangers = Err(crate::ceremony::CertificateError::Strangers);
    let believed = |federation, trustees: &[_]| {
        keyed.certificate.public_key((federation, trustees), &keyed.signatures, &keyed.shares)
    };
    assert!(believed(&setup.federation, &setup.trustees).is_ok(), "the control");
    assert_eq!(believed(&setup.federation, &others), strangers);
    assert_eq!(believed(&setup.federation, &setup.trustees[..2]), strangers);
    assert_eq!(believed(&Digest::of(b"another"), &setup.trustees), strangers);
}

/// A board and a liar set one honest trustee against another: one has signed the certificate, the other that the ceremony is
/// dead. Neither refuses what it owes, so neither is waited for.
#[test]
fn who_signed_the_certificate_is_not_waited_for_to_sign_dead() {
    use crate::ceremony::message::{Letter, Reason};
    let sharing = Sharing::ThreeOne;
    let [liar, one, two] = [1, 2, 3].map(|number| sharing.trustee(number).unwrap());
    let identity = ceremonies::identities(sharing)[0].clone();
    let mut stage = ceremonies::Stage::new(sharing);
    stage.begin();
    stage.run(|from, to, bytes| {
        let mut letter = Letter::from_bytes(bytes).unwrap();
        let mut spoken = letter.signed.unverified().unwrap();
        if let (Speech::Pieces(_), true) = (&spoken.body, from == liar && to == two) {
            spoken.body = Speech::Dead(Reason::GivenUp);
            letter.signed = identity.sign(&spoken);
            letter.shares.clear();
        }
        if let (Speech::Certified(_), true) = (&spoken.body, from == liar) {
            return Vec::new();
        }
        vec![letter.to_bytes()]
    });
    assert_eq!(
        stage.dead.keys().copied().collect::<Vec<_>>(),
        [two],
        "the control: one of them is set against the other"
    );
    for trustee in [one, two] {
        let waited = stage.ceremonies[&trustee].waits_for();
        assert!(!waited.contains(one) && !waited.contains(two), "{trustee} waits for {waited}");
    }
}
