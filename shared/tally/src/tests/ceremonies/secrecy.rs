//! What a ceremony sends and stores says nothing of its secrets.

use base::ids::Digest;

use super::stage::stage;
use crate::ceremony::SecretName;
use crate::ceremony::message::{Letter, Speech};
use crate::sharing::Sharing;
use crate::tests::ceremony_lies;

/// Contributions, roots and box keys are in nothing that is sent or journalled.
#[test]
fn no_secret_leaves_a_ceremony() {
    let sharing = Sharing::FourOne;
    let stage = stage(sharing);
    let mut left: Vec<u8> = stage.sent.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    for entry in stage.disks.values().flat_map(|disk| &disk.journal) {
        left.extend(base::ids::canonical(entry));
        left.extend(format!("{entry:?}").into_bytes());
    }
    let contains = |wanted: &[u8]| left.windows(wanted.len()).any(|window| window == wanted);
    let mut looked_for = 0;
    for (trustee, disk) in &stage.disks {
        let roots = &disk.secrets[&SecretName::Roots];
        let secrets = roots.chunks(33).map(|entry| entry[1..].to_vec());
        for secret in secrets.chain([100, 200].map(|purpose| vec![trustee.number() + purpose; 32])) {
            assert!(!contains(&secret), "trustee {trustee}");
            looked_for += 1;
        }
    }
    assert_eq!(looked_for, 4 * (3 + 2));
    // the control: names of pieces are public, and found
    let certificate = &stage.keyed.values().next().unwrap().certificate;
    assert!(certificate.names().iter().all(|name| contains(name.as_bytes())));
    // contributions themselves: what a dead ceremony shows is found
    ceremony_lies::set(|sender, spoken| {
        if let (1, Speech::Pieces(named)) = (sender.number(), &mut spoken.body) {
            named[0].name = Digest::of(b"another");
            return true;
        }
        false
    });
    let dead = super::stage::stage(sharing);
    assert_eq!(ceremony_lies::end(), 1);
    let shown: Vec<[u8; 32]> = dead
        .sent
        .iter()
        .filter_map(|(_, bytes)| match Letter::from_bytes(bytes)?.signed.unverified().ok()?.body {
            Speech::Shown(shown) => Some(shown),
            _ => None,
        })
        .flatten()
        .map(|(_, contribution)| contribution)
        .collect();
    assert_eq!(shown.len(), 4 * 3);
    // the same contributions, drawn from the same secrets, are in nothing that the living ceremony sent
    assert!(shown.iter().all(|contribution| !contains(contribution)));
}
