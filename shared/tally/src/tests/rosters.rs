//! One party in two places of the roster: it would hold the pieces of two trustees and count once among the t.

use base::Step;

use super::attacks::small;
use super::board::{World, run};
use super::ceremonies;
use crate::ceremony::{Ceremony, CeremonyError, CertificateError, SecretBytes, Secrets};
use crate::session::{BeginError, Record, Session, VerifyError, verify};
use crate::sharing::Sharing;

#[test]
fn one_party_in_two_places_begins_no_ceremony() {
    for sharing in Sharing::ALL {
        let me = sharing.trustee(1).unwrap();
        let begun = |twice: bool| {
            let mut setup = ceremonies::setup(sharing, me);
            if twice {
                setup.trustees[2] = setup.trustees[1];
            }
            let secret = || Some(SecretBytes::new(vec![1; 32]));
            let fresh = Secrets { box_key: secret(), contributions: secret(), roots: None };
            Ceremony::begin(setup, ceremonies::identities(sharing)[0].clone(), fresh, []).map(|_| ()).err()
        };
        assert_eq!(begun(false), None, "the control");
        assert_eq!(begun(true), Some(CeremonyError::Mismatch("list of trustees")));
    }
}

/// All signatures are right: the one party signed twice.
#[test]
fn a_certificate_with_one_party_in_two_places_is_not_believed() {
    let sharing = Sharing::ThreeOne;
    let mut keyed = ceremonies::stage(sharing).keyed.into_values().next().unwrap();
    let setup = ceremonies::setup(sharing, sharing.trustee(1).unwrap());
    let mut trustees = setup.trustees.clone();
    for twice in [false, true] {
        let identities = ceremonies::identities(sharing);
        let mut signers: Vec<_> = identities.iter().collect();
        if twice {
            signers[2] = signers[1];
            trustees[2] = trustees[1];
        }
        let certificate = keyed.certificate.clone().of(&trustees);
        keyed.signatures = signers.iter().map(|signer| signer.sign(&certificate)).collect();
        let believed =
            certificate.public_key((&setup.federation, &trustees), &keyed.signatures, &keyed.shares);
        assert_eq!(believed.err(), twice.then_some(CertificateError::Twice));
    }
}

#[test]
fn one_party_in_two_places_begins_no_session_and_shows_no_labels() {
    for sharing in Sharing::ALL {
        let world = World::new(sharing, 3);
        let task = small(&world);
        let messages: Vec<Vec<u8>> =
            run(&world, &task, &[]).sent.into_iter().map(|(_, bytes)| bytes).collect();
        let mut twice = world.trustees.clone();
        twice[2] = twice[1];
        let begun = |trustees: &[_]| {
            let mut party = world.party(sharing.trustee(1).unwrap());
            party.trustees = trustees.to_vec();
            let record = Record::new(task.facts.round, Step::Label, []);
            Session::begin(party, &task.facts, task.plan.clone(), task.sum.clone(), record).map(|_| ()).err()
        };
        let shown = |trustees: &[_]| {
            verify(&task.plan, (&task.facts, task.sum.digest(), 0), trustees, &messages).map(|_| ()).err()
        };
        assert_eq!((begun(&world.trustees), shown(&world.trustees)), (None, None), "the control");
        assert_eq!(begun(&twice), Some(BeginError::Mismatch("list of trustees")));
        assert_eq!(shown(&twice), Some(VerifyError::Trustees));
        assert_eq!(shown(&world.trustees[1..]), Some(VerifyError::Trustees));
    }
}
