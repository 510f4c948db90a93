//! Ceremonies: boxes, complaints, and what is believed of a certificate.

use super::*;

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
