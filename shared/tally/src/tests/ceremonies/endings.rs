//! How ceremonies end: certificate or "dead", never both; restarts and silence on the way.

use super::stage::{Stage, stage};
use crate::ceremony::message::{Letter, Speech};
use crate::ceremony::{CeremonyError, SecretBytes};
use crate::sharing::{Group, Sharing};

#[test]
fn a_certificate_after_dead_and_dead_after_a_certificate_are_refused() {
    let sharing = Sharing::ThreeOne;
    let mut done = stage(sharing);
    for ceremony in done.ceremonies.values_mut() {
        assert!(matches!(ceremony.give_up(), Err(CeremonyError::Certified)));
    }
    // one trustee gives up before the last message of the others has come: nobody gets a key
    let mut stage = Stage::new(sharing);
    stage.begin();
    let one = sharing.trustee(1).unwrap();
    stage.run(|_, to, bytes| {
        let certifies = Letter::from_bytes(bytes)
            .is_some_and(|letter| matches!(letter.signed.unverified().unwrap().body, Speech::Pieces(_)));
        if certifies && to == one { Vec::new() } else { vec![bytes.to_vec()] }
    });
    let outputs =
        stage.ceremonies.get_mut(&one).unwrap().give_up().map_err(|error| error.to_string()).unwrap();
    stage.take(one, outputs);
    stage.honest();
    assert!(stage.keyed.is_empty());
    // the two others had signed the certificate and show nothing, whatever the first asks
    assert_eq!(stage.dead.keys().copied().collect::<Vec<_>>(), [one]);
    assert!(stage.named.is_empty());
    let shown = stage.sent.iter().filter(|(_, bytes)| {
        let letter = Letter::from_bytes(bytes).unwrap();
        matches!(letter.signed.unverified().unwrap().body, Speech::Shown(_))
    });
    assert_eq!(shown.count(), 0);
    assert_eq!(
        stage.ceremonies[&one].waits_for(),
        Group::of([2, 3].map(|number| sharing.trustee(number).unwrap()))
    );
}

#[test]
fn a_restart_after_any_output_repeats_the_same_messages() {
    let sharing = Sharing::ThreeOne;
    let whole = stage(sharing);
    let victim = sharing.trustee(2).unwrap();
    let expected: Vec<&Vec<u8>> =
        whole.sent.iter().filter(|(from, _)| *from == victim).map(|(_, bytes)| bytes).collect();
    let mut crashes = 0;
    for outputs in 1..40 {
        let mut stage = Stage::new(sharing);
        stage.crash = Some((victim, outputs));
        stage.begin();
        stage.honest();
        if !stage.crashed {
            break;
        }
        crashes += 1;
        let mut secrets = stage.disks[&victim].secrets();
        if stage.disks[&victim].journal.is_empty() {
            // nothing was said, so what is missing may be drawn
            secrets.box_key = Some(SecretBytes::new(vec![victim.number() + 100; 32]));
            secrets.contributions = Some(SecretBytes::new(vec![victim.number() + 200; 32]));
        }
        stage.start(victim, secrets);
        // the driver fetches the whole board again, its own messages included
        for (_, bytes) in stage.sent.clone() {
            stage.deliver(victim, bytes);
        }
        stage.honest();
        assert_eq!(stage.keyed.len(), 3, "after {outputs} outputs: {:?} {:?}", stage.dead, stage.refused);
        let certificates = stage.keyed.values().map(|keyed| keyed.certificate.digest());
        assert!(certificates.into_iter().all(|digest| digest == whole.keyed[&victim].certificate.digest()));
        for (_, bytes) in stage.sent.iter().filter(|(from, _)| *from == victim) {
            assert!(expected.contains(&bytes), "after {outputs} outputs: another message");
        }
    }
    assert!(crashes >= 12, "{crashes} crashes");
}

#[test]
fn silence_at_every_place_leaves_no_key_and_names_who_is_waited_for() {
    let sharing = Sharing::FourOne;
    for place in 0..4 {
        let mut stage = Stage::new(sharing);
        stage.begin();
        let silent = sharing.trustee(3).unwrap();
        stage.run(|from, _, bytes| {
            let letter = Letter::from_bytes(bytes).unwrap();
            let said = letter.signed.unverified().unwrap().body.place();
            if from == silent && said >= place { Vec::new() } else { vec![bytes.to_vec()] }
        });
        for trustee in [1, 2, 4].map(|number| sharing.trustee(number).unwrap()) {
            assert_eq!(stage.ceremonies[&trustee].waits_for(), Group::of([silent]), "place {place}");
            assert!(!stage.keyed.contains_key(&trustee));
        }
    }
}
