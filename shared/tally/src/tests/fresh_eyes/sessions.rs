//! Sessions, records, grids and circuits.

use super::*;

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
    let computed =
        crate::tests::board::Task { plan: Plan::new(sharing, question.clone()).unwrap().into(), ..task };
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
        let asked = crate::tests::board::Task { plan, sum: one.sum.clone(), facts: facts(attempt as u32) };
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
    let task = crate::tests::board::Task {
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
    let ran =
        run(&world, &crate::tests::board::Task { plan, sum: known.sum.clone().into(), facts: facts(0) }, &[]);
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
