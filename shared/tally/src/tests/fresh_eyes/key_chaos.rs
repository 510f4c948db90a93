//! Ceremonies in which liars and the board do anything.

use super::*;

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
            // a lie may be changed once more, so there need not be anything left to change
            Speech::Boxes(boxes) if !boxes.is_empty() => {
                let which = dice.below(boxes.len());
                let other = dice.below(boxes.len());
                match dice.below(9) {
                    0 => boxes.push(boxes[which].clone()),
                    1 => drop(boxes.remove(which)),
                    2 => boxes.reverse(),
                    3 => boxes[which].sealed = boxes[other].sealed.clone(),
                    4 => boxes[which].sealed.iter_mut().skip(31).take(1).for_each(|byte| *byte ^= 128),
                    5 => {
                        let place = dice.below(boxes[which].sealed.len());
                        boxes[which].sealed.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
                    }
                    6 => boxes[which].receiver = any_trustee(dice),
                    7 => boxes[which].piece = any_piece(dice),
                    _ => boxes[which].sealed.truncate(dice.below(60)),
                }
            }
            Speech::Pieces(named) if !named.is_empty() => match dice.below(5) {
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
            Speech::Dead(_) | Speech::Boxes(_) | Speech::Pieces(_) => {
                spoken.body = Speech::Dead(Reason::GivenUp)
            }
            Speech::Shown(shown) if !shown.is_empty() => match dice.below(4) {
                0 => shown.clear(),
                1 => shown[0].1[0] ^= 1,
                2 => shown.reverse(),
                _ => shown.push((any_piece(dice), [3; 32])),
            },
            Speech::Shown(shown) => shown.push((any_piece(dice), [3; 32])),
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
#[expect(clippy::print_stdout, reason = "the long form, scripts/tally-long.sh, says what happened")]
fn no_chaos_makes_two_keys_second_words_or_a_false_name_in_a_ceremony() {
    let (mut keyed, mut named, mut lies) = (0, 0, 0);
    let seeds = seeds(40);
    for seed in 0..seeds {
        let (one, other, told) = chaos_of_keys(seed);
        keyed += u64::from(one);
        named += u64::from(other);
        lies += told as u64;
    }
    println!("{seeds} ceremonies: {keyed} with a key, {named} in which somebody is named, {lies} lies");
    assert!(keyed > 0 && named > 0 && lies > seeds);
}
