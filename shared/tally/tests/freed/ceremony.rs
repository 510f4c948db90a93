//! A ceremony of all trustees in one thread, over the public API.

use std::collections::VecDeque;
use std::sync::Arc;

use base::identity::{Identity, PublicIdentity};
use base::ids::Digest;
use tally::ceremony::{Ceremony, Entry, Keyed, Output, SecretBytes, Secrets, Setup};
use tally::sharing::{Sharing, Trustee};

/// What a ceremony left.
pub(crate) struct Stage {
    pub(crate) keyed: Vec<Keyed>,
    /// V₁.
    pub(crate) first: Digest,
}

pub(crate) fn federation() -> Digest {
    Digest::of(b"federation")
}

pub(crate) fn ceremony() -> Digest {
    Digest::of(b"ceremony")
}

pub(crate) fn identity(trustee: Trustee) -> Arc<Identity> {
    Arc::new(Identity::from_secret_bytes(&[trustee.number(); 64]).unwrap())
}

pub(crate) fn trustees(sharing: Sharing) -> Vec<PublicIdentity> {
    sharing.everyone().members().map(|trustee| identity(trustee).public()).collect()
}

/// The box key of a trustee.
pub(crate) fn box_key(trustee: Trustee) -> [u8; 32] {
    *Digest::of(&[1, trustee.number()]).as_bytes()
}

/// What a trustee draws its contributions from.
pub(crate) fn contributions(trustee: Trustee) -> [u8; 32] {
    *Digest::of(&[2, trustee.number()]).as_bytes()
}

/// Runs a ceremony. Ceremonies lie in a vector that grows and shrinks, as a driver might keep them.
pub(crate) fn run(sharing: Sharing) -> Stage {
    let mut ceremonies: Vec<(Trustee, Ceremony)> = Vec::new();
    let mut queue = VecDeque::new();
    for trustee in sharing.everyone().members() {
        let secret = |bytes: [u8; 32]| Some(SecretBytes::new(bytes.to_vec()));
        let secrets = Secrets {
            box_key: secret(box_key(trustee)),
            contributions: secret(contributions(trustee)),
            roots: None,
        };
        let setup = Setup {
            federation: federation(),
            ceremony: ceremony(),
            sharing,
            trustees: trustees(sharing),
            trustee,
        };
        let (ceremony, outputs) =
            Ceremony::begin(setup, identity(trustee), secrets, []).unwrap_or_else(|_| unreachable!());
        ceremonies.push((trustee, ceremony));
        queue.extend(outputs.into_iter().map(|output| (trustee, output)));
    }
    let (mut keyed, mut first) = (Vec::new(), None);
    let mut letters: Vec<(Trustee, Vec<u8>)> = Vec::new();
    while let Some((from, output)) = queue.pop_front() {
        match output {
            Output::Send(bytes) => {
                let others = ceremonies.iter().map(|(to, _)| *to).filter(|to| *to != from);
                letters.extend(others.map(|to| (to, bytes.clone())));
            }
            Output::Keyed(key) => keyed.push((from, *key)),
            Output::Store(Entry::First(digest)) => first = Some(digest),
            _ => {}
        }
        // what comes too early stays for the next time
        letters.retain(|(to, bytes)| {
            let (_, ceremony) = ceremonies.iter_mut().find(|(trustee, _)| trustee == to).unwrap();
            let Ok(outputs) = ceremony.handle(bytes) else { return true };
            queue.extend(outputs.into_iter().map(|output| (*to, output)));
            false
        });
    }
    keyed.sort_by_key(|(trustee, _)| *trustee);
    Stage { keyed: keyed.into_iter().map(|(_, key)| key).collect(), first: first.unwrap() }
}
