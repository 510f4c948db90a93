//! Lies in a ceremony, and who is named for them.

use base::ids::Digest;

use super::stage::{Lie, Stage, identities, lie};
use crate::ceremony::message::{Letter, Reason, Speech};
use crate::sharing::{Group, Sharing};

#[test]
fn every_lie_kills_the_ceremony_and_names_the_liar() {
    let lies: [(&str, Lie); 7] = [
        ("a box that does not open", |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                boxes[0].sealed[40] ^= 1;
                true
            }
            _ => false,
        }),
        ("a box for another piece", |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                let other = boxes.iter().position(|boxed| boxed.piece != boxes[0].piece).unwrap();
                boxes[0].sealed = boxes[other].sealed.clone();
                true
            }
            _ => false,
        }),
        ("another share", |spoken| match &mut spoken.body {
            Speech::Pieces(named) => {
                let place = named.len() - 1;
                named[place].share = Digest::of(b"another");
                true
            }
            _ => false,
        }),
        ("another name", |spoken| match &mut spoken.body {
            Speech::Pieces(named) => {
                named[0].name = Digest::of(b"another");
                true
            }
            _ => false,
        }),
        ("two boxes in one place", |spoken| match &mut spoken.body {
            Speech::Boxes(boxes) => {
                let mut second = boxes[0].clone();
                second.sealed[40] ^= 1;
                boxes.insert(1, second);
                true
            }
            _ => false,
        }),
        ("a false complaint", |spoken| match &mut spoken.body {
            Speech::Pieces(named) => {
                let piece = named[0].piece;
                spoken.body =
                    Speech::Dead(Reason::Box { sender: Sharing::FiveTwo.trustee(2).unwrap(), piece });
                true
            }
            _ => false,
        }),
        ("a weak box key", |spoken| match &mut spoken.body {
            Speech::Key(key) => {
                *key = [0; 32];
                true
            }
            _ => false,
        }),
    ];
    for sharing in Sharing::ALL {
        let liar = Group::of(sharing.trustee(1));
        for (what, change) in lies {
            let (stage, told) = lie(sharing, change);
            // another share of a piece for which the liar does not speak; with the bytes it would be refused at the door
            let kept = what == "another share" && !stage.refused.is_empty();
            assert_eq!(told, 1, "{sharing}, {what}: the lie was not told");
            assert!(stage.keyed.is_empty(), "{sharing}, {what}");
            if kept {
                continue;
            }
            let honest = stage.dead.keys().filter(|trustee| trustee.number() > 1).count();
            assert_eq!(honest, usize::from(sharing.trustees()) - 1, "{sharing}, {what}");
            for (trustee, named) in stage.named.iter().filter(|(trustee, _)| trustee.number() > 1) {
                assert_eq!(*named, liar, "{sharing}, {what}: trustee {trustee} names {named}");
            }
            assert!(stage.named.len() + 1 >= usize::from(sharing.trustees()), "{sharing}, {what}");
        }
    }
}

#[test]
fn a_forked_board_kills_the_ceremony() {
    // one trustee is shown other boxes of the liar than the rest: another V1
    let sharing = Sharing::ThreeOne;
    let mut stage = Stage::new(sharing);
    stage.begin();
    let (liar, victim) = (sharing.trustee(1).unwrap(), sharing.trustee(3).unwrap());
    let identity = identities(sharing)[0].clone();
    let mut told = 0;
    stage.run(|from, to, bytes| {
        let mut letter = Letter::from_bytes(bytes).unwrap();
        let mut spoken = letter.signed.unverified().unwrap();
        if from == liar
            && to == victim
            && let Speech::Boxes(boxes) = &mut spoken.body
        {
            // a box that is not the victim's
            let other = boxes.iter().position(|boxed| boxed.receiver != victim).unwrap();
            boxes[other].sealed[40] ^= 1;
            letter.signed = identity.sign(&spoken);
            told += 1;
        }
        vec![letter.to_bytes()]
    });
    assert_eq!(told, 1);
    assert!(stage.keyed.is_empty());
    assert!(stage.dead.values().any(|reason| matches!(reason, Reason::Fork(_))), "{:?}", stage.dead);
}
