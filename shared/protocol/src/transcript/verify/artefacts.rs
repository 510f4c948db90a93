//! Roster, keys, ceremony, announcements and ledger: what the replay has judged, and the artefacts that go with it.

use super::{Finding, Miss, Verifier};
use crate::{
    federation::{FederationKeys, FederationState, KeyCertificate, known_answer_labels},
    transcript::{Check, Outcome, Recorded, SessionRecord, check_digest, fetch, label},
};
use fhe::{EncryptionKey, EvaluationKeys};

impl Verifier<'_> {
    pub(super) fn roster(&self) -> Finding {
        let roster = self.replay.roster();
        let now = roster.digest();
        let agree =
            roster.members.iter().filter(|member| self.replay.approved(member.id) == Some(now)).count();
        let (enrolled, trustees) = (roster.enrolled(), roster.trustees().count());
        Ok(format!(
            "{enrolled} participants, {trustees} of them trustees; {agree} approved the roster as it stands"
        ))
    }

    pub(super) fn keys(&self) -> Finding {
        match self.replay.ceremony().keys() {
            None => Err(Miss::NotChecked("no keys are published yet".to_owned())),
            Some(FederationKeys::Sole(certificate)) => self.sole_keys(certificate),
            Some(FederationKeys::Shared(keys)) => {
                self.replay.shared_public_key(self.blobs)?;
                let digest = keys.certificate.digest();
                Ok(format!("certificate {}, the public key is the sum of its shares", digest.short()))
            }
        }
    }

    fn sole_keys(&self, certificate: &KeyCertificate) -> Finding {
        let height = self.replay.ceremony().published().map_or(0, |(height, _)| height);
        let unusable = |e: &dyn std::fmt::Display| Miss::Fault(Check::Keys.fault(height, e));
        let get = |what, digest| fetch(self.blobs, Check::Keys, what, digest);
        let (config, set) = (&self.replay.founding().config, certificate.parameters);
        EncryptionKey::from_bytes(&get("public key", certificate.public_key)?, set)
            .map_err(|e| unusable(&e))?;
        let keyswitching = get("keyswitching key", certificate.keyswitching_key)?;
        let bootstrapping = get("bootstrapping key", certificate.bootstrapping_key)?;
        EvaluationKeys::from_parts(&keyswitching, &bootstrapping, config.scheme())
            .map_err(|e| unusable(&e))?;
        Ok(format!("parameters {}, certificate {}", set.name(), certificate.digest().short()))
    }

    pub(super) fn ceremony(&self) -> Finding {
        let ceremony = self.replay.ceremony();
        for ended in ceremony.ended() {
            check_digest(self.blobs, Check::Ceremony, "messages of a dead ceremony", ended.board)?;
        }
        let (Some(keys), Some(recorded)) = (ceremony.keys(), ceremony.tally()) else {
            return Err(Miss::NotChecked("the federation is not keyed yet".to_owned()));
        };
        match keys.sole() {
            Some(certificate) => self.sole_known_answer(certificate, recorded),
            None => self.shared_known_answer(recorded),
        }
    }

    fn sole_known_answer(&self, certificate: &KeyCertificate, recorded: Recorded) -> Finding {
        let (ceremony, config) = (self.replay.ceremony(), &self.replay.founding().config);
        let get = |what, digest| fetch(self.blobs, Check::Ceremony, what, digest);
        if let Some(ballot) = ceremony.known_answer() {
            get("ballot of the known answer", ballot)?;
        }
        get("label ciphertexts of the known answer", recorded.tally.outcome.digest())?;
        let expected = known_answer_labels(config.classes.len());
        let opened = ceremony.openings().first().map(|opening| &opening.labels);
        if self.replay.state() != FederationState::Assembling && opened != Some(&expected) {
            let what = "the known answer opened to other labels";
            return Err(Check::Ceremony.fault(recorded.height, what).into());
        }
        Ok(format!("one trustee, {}, made the keys and holds them alone", certificate.trustee))
    }

    /// Recomputes the known answer from the certificate, and reads in the session's record what came out.
    fn shared_known_answer(&self, recorded: Recorded) -> Finding {
        let fault = |what: String| Miss::Fault(Check::Ceremony.fault(recorded.height, what));
        let (task, known) = self.replay.known_answer_task(self.blobs)?;
        if recorded.tally.sum != task.sum {
            return Err(fault("another sum was tallied than the known answer of this key".to_owned()));
        }
        let bytes = fetch(
            self.blobs,
            Check::Ceremony,
            "record of the known answer's session",
            recorded.tally.outcome.digest(),
        )?;
        let record = SessionRecord::from_bytes(&bytes).map_err(fault)?;
        let attempt = recorded.tally.outcome.attempt().unwrap_or_default();
        let labels = task.labels(attempt, &record).map_err(fault)?;
        let expected: Vec<u16> = known.verdicts.iter().map(|(_, verdict)| label(*verdict)).collect();
        if labels != expected {
            return Err(fault("the known answer came out otherwise".to_owned()));
        }
        let policy = self.replay.founding().config.trustees;
        let dead = match self.replay.ceremony().ended().len() {
            0 => String::new(),
            ended => format!(", after {ended} dead ceremonies"),
        };
        Ok(format!(
            "{} trustees made the key without a dealer{dead}; any {} of them could open everything together, {} learn nothing",
            policy.count,
            policy.threshold + 1,
            policy.threshold
        ))
    }

    pub(super) fn announcements(&self) -> Finding {
        for round in self.replay.rounds() {
            check_digest(self.blobs, Check::Announcements, "instances", round.announcement.instances)?;
        }
        Ok(format!("{} rounds", self.replay.rounds().count()))
    }

    pub(super) fn ledger(&self) -> Finding {
        let (mut released, mut charged, mut returned) = (0, 0, 0);
        for round in self.replay.rounds() {
            match &round.outcome {
                Some(Outcome::Released { .. }) => released += 1,
                Some(Outcome::Failed { charged: true } | Outcome::Cancelled { charged: true }) => {
                    charged += 1
                }
                Some(Outcome::Failed { .. } | Outcome::Cancelled { .. }) => returned += 1,
                None => {}
            }
        }
        Ok(format!(
            "{released} releases state their cost, {charged} rounds charged without one, {returned} free"
        ))
    }
}
