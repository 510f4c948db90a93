//! The artefacts that a transcript refers to, and who may have them.

use super::{Replay, RoundRecord, TallyOutcome};
use crate::federation::FederationKeys;
use base::{
    Step,
    ids::{Digest, RoundId},
};

/// Who may have an artefact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody in the federation.
    Public,
    /// Trustees alone: whoever had a ballot could cast a copy of it.
    Trustees,
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
        let ended = self.ceremony().ended().iter();
        artefacts.extend(ended.map(|ended| public(ended.board, "messages of a dead ceremony")));
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
        let Some(keys) = self.ceremony().keys() else { return Vec::new() };
        match keys {
            FederationKeys::Sole(certificate) => vec![
                public(certificate.public_key, "public key"),
                public(certificate.keyswitching_key, "keyswitching key"),
                public(certificate.bootstrapping_key, "bootstrapping key"),
            ],
            FederationKeys::Shared(keys) => {
                let shares = keys.certificate.shares().iter();
                shares.map(|share| public(*share, "share of the public key")).collect()
            }
        }
    }

    fn tally_artefacts(&self, round: Option<RoundId>, step: Step) -> Vec<Artefact> {
        let Some(recorded) = self.tally(round, step) else { return Vec::new() };
        let what = match (recorded.tally.outcome, step) {
            (TallyOutcome::Ciphertexts(_), Step::Test) => "ciphertexts of the test",
            (TallyOutcome::Ciphertexts(_), Step::Label) => "label ciphertexts",
            (TallyOutcome::Session { .. }, _) => "record of a session",
        };
        vec![public(recorded.tally.outcome.digest(), what)]
    }
}

fn ballots(round: &RoundRecord) -> impl Iterator<Item = Artefact> {
    let ballots = round.ballots.iter().flatten().map(|ballot| (ballot.digest, "ballot"));
    let noise = round.noise_ballot.map(|digest| (digest, "noise ballot of the coordinator"));
    ballots.chain(noise).map(|(digest, what)| Artefact { digest, what, access: Access::Trustees })
}
