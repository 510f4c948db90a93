//! Signed nonsense: a corrupt trustee may sign any bytes. Nothing panics, and nobody honest opens anything for it.

use std::collections::BTreeMap;

use base::Step;
use base::identity::{Identity, Statement};

use super::attacks::small;
use super::board::{Board, World, run};
use super::ceremonies;
use crate::ceremony::message::{Letter, Spoken};
use crate::draw::Stream;
use crate::session::message::{Body, Message, Said};
use crate::session::{Record, Refusal, Session, is_whole, readers, without_ciphertext};
use crate::sharing::{Sharing, Trustee};

/// Lays bytes out as a signed statement does, with a right signature.
fn sign(world: &World, signer: Trustee, domain: &str, body: &[u8]) -> Vec<u8> {
    signed_by(&world.identities[signer.index()], domain, body)
}

fn signed_by(signer: &Identity, domain: &str, body: &[u8]) -> Vec<u8> {
    let signature = signer.sign_bytes(domain, body);
    [&(body.len() as u32).to_le_bytes(), body, signature.as_bytes()].concat()
}

/// Changes, cuts or lengthens bytes in one to three places.
fn damage(bytes: &[u8], random: &mut Stream) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.next_word() % 3 {
        let (word, place) = (random.next_word(), random.next_word() as usize % bytes.len().max(1));
        match word % 6 {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, (word >> 8) as u8),
            2 => bytes[place..].iter_mut().take(4).for_each(|byte| *byte = 255),
            3 => bytes[place..].iter_mut().take(4).for_each(|byte| *byte = 0),
            _ => bytes[place..].iter_mut().take(1).for_each(|byte| *byte = (word >> 8) as u8),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

/// What comes of a damaged message that is signed, after so many honest ones.
fn nonsense(sharing: Sharing, tries: usize, outcomes: &mut BTreeMap<&'static str, usize>) {
    let world = World::new(sharing, 7);
    let task = small(&world);
    let honest = run(&world, &task, &[]);
    let [liar, victim] = [0, 1].map(|place| sharing.group(0).members().nth(place).unwrap());
    let mut random = Stream::new(&[11; 32]);
    for number in 0..tries {
        let record = Record::new(task.facts.round, Step::Label, []);
        let begun =
            Session::begin(world.party(victim), &task.facts, task.plan.clone(), task.sum.clone(), record);
        let (mut session, _) = begun.unwrap();
        let heard = number % honest.sent.len();
        for (from, bytes) in honest.sent.iter().take(heard).filter(|(from, _)| *from != victim) {
            assert!(session.handle(bytes).is_ok(), "{from}");
        }
        let next = honest.sent[heard..].iter().find(|(from, _)| *from == liar);
        let Some((_, bytes)) = next else { continue };
        let message = Message::from_bytes(bytes).unwrap();
        let said = base::ids::canonical(&message.signed.unverified().unwrap());
        let mut bytes = sign(&world, liar, Said::DOMAIN, &damage(&said, &mut random));
        bytes.extend(base::ids::canonical(&message.sealed));
        let outcome = match session.handle(&bytes) {
            Ok(_) => "taken",
            Err(Refusal::Unsigned(_)) => "unsigned",
            Err(Refusal::Malformed(_)) => "malformed",
            Err(_) => "refused",
        };
        *outcomes.entry(outcome).or_default() += 1;
        // whatever came of it, the others' messages are taken or refused as well
        for (_, bytes) in honest.sent[heard..].iter().filter(|(from, _)| *from != victim) {
            let _ = session.handle(bytes);
        }
        session.end_turn();
    }
}

/// Who carries messages can refuse one whose ciphertext is not the one it states, and then nobody waits for it in vain.
#[test]
fn a_message_is_whole_with_the_ciphertext_that_it_states_and_with_no_other() {
    let world = World::new(Sharing::ThreeOne, 2);
    let task = small(&world);
    let (mut with, mut without) = (0, 0);
    Board::begin(&world, &task, &[]).run(&mut |_, _, bytes| {
        assert!(is_whole(bytes), "as it is sent");
        let stripped = without_ciphertext(bytes).unwrap();
        if stripped == bytes {
            without += 1;
            let junk = [&bytes[..bytes.len() - 4], &[1, 0, 0, 0, 7]].concat();
            assert!(!is_whole(&junk), "a byte beside a message that states none");
        } else {
            with += 1;
            let mut changed = bytes.to_vec();
            *changed.last_mut().unwrap() ^= 1;
            assert!(!is_whole(&stripped) && !is_whole(&changed), "none, and another one");
        }
        vec![bytes.to_vec()]
    });
    assert!(with > 0 && without > 0, "{with} with a ciphertext, {without} without");
}

#[test]
fn signed_nonsense_in_a_session_ends_it_or_is_refused() {
    for (sharing, tries) in Sharing::ALL.into_iter().zip([240, 120, 90]) {
        let mut outcomes = BTreeMap::new();
        nonsense(sharing, tries, &mut outcomes);
        let kinds = ["taken", "malformed", "refused"].map(|kind| outcomes.get(kind).copied().unwrap_or(0));
        assert!(kinds.iter().all(|count| *count > tries / 30), "{sharing}: {outcomes:?}");
    }
}

#[test]
fn signed_nonsense_in_a_ceremony_kills_it_or_is_refused() {
    for (sharing, tries) in Sharing::ALL.into_iter().zip([60, 25, 12]) {
        let liar = sharing.trustee(1).unwrap();
        let identity = ceremonies::identities(sharing)[0].clone();
        let mut random = Stream::new(&[12; 32]);
        // nobody has a key and nobody calls it dead: somebody waits; one of the two; never both
        let mut ends = [0, 0, 0];
        for _ in 0..tries {
            let mut told = false;
            let (keyed, dead) = ceremonies::through(sharing, |from, _, bytes| {
                if from != liar || told || !random.next_word().is_multiple_of(6) {
                    return vec![bytes.to_vec()];
                }
                told = true;
                let letter = Letter::from_bytes(bytes).unwrap();
                let spoken = base::ids::canonical(&letter.signed.unverified().unwrap());
                let mut bytes = signed_by(&identity, Spoken::DOMAIN, &damage(&spoken, &mut random));
                bytes.extend(base::ids::canonical(&letter.shares));
                vec![bytes]
            });
            ends[usize::from(keyed > 0) + usize::from(dead > 0)] += usize::from(told);
        }
        assert!(ends[0] > 0 && ends[1] > tries / 10, "{sharing}: {ends:?}");
        assert_eq!(ends[2], 0, "{sharing}: some trustees have a key of a ceremony that others call dead");
    }
}

#[test]
fn ciphertexts_are_needed_by_their_readers_alone() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 7);
        let task = small(&world);
        let mut bare = 0;
        let ran = Board::begin(&world, &task, &[]).run(&mut |from, to, bytes| {
            if readers(sharing, 0, from).contains(to) {
                return vec![bytes.to_vec()];
            }
            bare += 1;
            vec![without_ciphertext(bytes).unwrap()]
        });
        assert_eq!(ran.labels.len(), usize::from(sharing.quorum()), "{sharing}: {:?}", ran.ended);
        assert!(bare > 0 || sharing == Sharing::FourOne);
        let ran =
            Board::begin(&world, &task, &[]).run(&mut |_, _, bytes| vec![without_ciphertext(bytes).unwrap()]);
        assert!(ran.labels.is_empty() && ran.ended.is_empty());
        assert!(ran.refused.iter().all(|(_, refusal)| matches!(refusal, Refusal::Ciphertext { .. })));
        assert!(ran.sent.iter().all(|(_, bytes)| {
            let body = Message::from_bytes(bytes).unwrap().signed.unverified().unwrap().body;
            matches!(body, Body::First(_) | Body::Correction { .. })
        }));
    }
}
