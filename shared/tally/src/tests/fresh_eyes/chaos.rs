//! Sessions in which a coalition says anything to anybody, the board does as it likes, and honest machines crash.

use super::*;

/// Changes something of what a liar says.
pub(super) fn mutate(dice: &mut Dice, said: &mut Said, past: &[Said]) {
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
    let all = crate::tests::attacks::coalitions(sharing);
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
#[expect(clippy::print_stdout, reason = "the long form, scripts/tally-long.sh, says what happened")]
fn no_chaos_makes_wrong_labels_second_words_or_a_false_name() {
    let (mut labelled, mut lies) = (0, 0);
    let seeds = seeds(30);
    for seed in 0..seeds {
        let (one, told) = chaos(seed);
        labelled += usize::from(one);
        lies += told;
    }
    println!("{seeds} attempts: {labelled} with labels, {lies} lies");
    assert!(labelled > seeds as usize / 10 && lies > seeds as usize);
}
