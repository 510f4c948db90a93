//! The artefacts that a transcript refers to, and who may have them.

use super::{Replay, RoundRecord};
use base::{
    Step,
    ids::{Digest, RoundId},
};
use threshold::TrusteeIndex;

/// Who may have an artefact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody in the federation.
    Public,
    /// Trustees alone: whoever had a ballot could cast a copy of it.
    Trustees,
    /// The trustee it is sealed to.
    Sealed(TrusteeIndex),
}

/// An artefact that a transcript names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Artefact {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub what: &'static str,
    /// Who may have it.
    pub access: Access,
}

const fn public(digest: Digest, what: &'static str) -> Artefact {
    Artefact { digest, what, access: Access::Public }
}

impl Replay {
    /// Returns every artefact that the events refer to, in their order; ballots appear when their window is closed.
    pub fn artefacts(&self) -> Vec<Artefact> {
        let mut artefacts = self.key_artefacts();
        artefacts.extend(
            self.ceremony().known_answer().map(|digest| public(digest, "ballot of the known answer")),
        );
        artefacts.extend(self.tally_artefacts(None, Step::Label));
        for round in self.rounds() {
            artefacts.push(public(round.announcement.instances, "instances"));
            artefacts.extend(ballots(round));
            let id = Some(round.announcement.round);
            artefacts.extend(Step::ALL.into_iter().flat_map(|step| self.tally_artefacts(id, step)));
        }
        artefacts
    }

    fn key_artefacts(&self) -> Vec<Artefact> {
        let Some(certificate) = self.ceremony().certificate() else { return Vec::new() };
        let mut artefacts = vec![
            public(certificate.public_key, "public key"),
            public(certificate.keyswitching_key, "keyswitching key"),
            public(certificate.bootstrapping_key, "bootstrapping key"),
        ];
        if let Some(sharing) = &certificate.sharing {
            artefacts.push(public(sharing.squashing_key, "squashing key"));
            let packages = (1..).filter_map(TrusteeIndex::new).zip(&sharing.packages);
            artefacts.extend(packages.map(|(index, digest)| Artefact {
                digest: *digest,
                what: "sealed package",
                access: Access::Sealed(index),
            }));
        }
        artefacts
    }

    fn tally_artefacts(&self, round: Option<RoundId>, step: Step) -> Vec<Artefact> {
        let Some(recorded) = self.tally(round, step) else { return Vec::new() };
        let what = match step {
            Step::Test => "ciphertexts of the test",
            Step::Label => "label ciphertexts",
        };
        let mut artefacts = vec![public(recorded.tally.ciphertexts, what)];
        artefacts.extend(recorded.tally.squashed.map(|digest| public(digest, "record of squashed digits")));
        artefacts
    }
}

fn ballots(round: &RoundRecord) -> impl Iterator<Item = Artefact> {
    let ballots = round.ballots.iter().flatten().map(|ballot| (ballot.digest, "ballot"));
    let noise = round.noise_ballot.map(|digest| (digest, "noise ballot of the coordinator"));
    ballots.chain(noise).map(|(digest, what)| Artefact { digest, what, access: Access::Trustees })
}
