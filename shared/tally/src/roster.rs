//! The parties in the places of the trustees.

use std::collections::BTreeSet;

use base::identity::PublicIdentity;

use crate::sharing::Sharing;

/// Whether as many parties are listed as there are places, none of them in two: such a party would hold the pieces of both
/// and count once among the t.
pub(crate) fn fills(sharing: Sharing, trustees: &[PublicIdentity]) -> bool {
    let parties: BTreeSet<&PublicIdentity> = trustees.iter().collect();
    let places = usize::from(sharing.trustees());
    (trustees.len(), parties.len()) == (places, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::board::World;

    #[test]
    fn every_place_has_a_party_of_its_own() {
        for sharing in Sharing::ALL {
            let trustees = World::new(sharing, 3).trustees;
            assert!(fills(sharing, &trustees));
            assert!(!fills(sharing, &trustees[1..]));
            assert!(!fills(sharing, &[trustees.clone(), trustees[..1].to_vec()].concat()));
            let mut twice = trustees;
            twice[2] = twice[1];
            assert!(!fills(sharing, &twice));
        }
    }
}
