//! Roster, keys, ceremony, announcements and ledger: what the replay has judged, and the artefacts that go with it.

use super::{Finding, Miss, Verifier};
use crate::{
    federation::{FederationState, KNOWN_ANSWER_INSTANCES, known_answer_labels},
    round::{OpeningContent, every_subset_opens},
    transcript::{Check, Outcome, check_digest, fetch},
};
use base::ids::Digest;
use fhe::{EncryptionKey, EvaluationKeys, Layout, SquashedRecord, SquashingKey};

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
        let Some(certificate) = self.replay.ceremony().certificate() else {
            return Err(Miss::NotChecked("no keys are published yet".to_owned()));
        };
        let height = self.replay.ceremony().published_at().unwrap_or_default();
        let unusable = |e: &dyn std::fmt::Display| Miss::Fault(Check::Keys.fault(height, e));
        let get = |what, digest| fetch(self.blobs, Check::Keys, what, digest);
        let (config, set) = (&self.replay.founding().config, certificate.parameters);
        EncryptionKey::from_bytes(&get("public key", certificate.public_key)?, set)
            .map_err(|e| unusable(&e))?;
        let keyswitching = get("keyswitching key", certificate.keyswitching_key)?;
        let bootstrapping = get("bootstrapping key", certificate.bootstrapping_key)?;
        EvaluationKeys::from_parts(&keyswitching, &bootstrapping, config.scheme())
            .map_err(|e| unusable(&e))?;
        let mut found = format!("parameters {}, certificate {}", set.name(), certificate.digest().short());
        if let Some(sharing) = &certificate.sharing {
            let squashing = get("squashing key", sharing.squashing_key)?;
            SquashingKey::check_frame(&squashing, set).map_err(|e| unusable(&e))?;
            found.push_str(", with the squashing key");
        }
        Ok(found)
    }

    pub(super) fn ceremony(&self) -> Finding {
        let (ceremony, config) = (self.replay.ceremony(), &self.replay.founding().config);
        if let Some(complaint) = ceremony.complaint() {
            let what = format!(
                "trustee {} complains about the dealer {}: {}",
                complaint.participant, complaint.about, complaint.reason
            );
            return Err(Check::Ceremony.fault(0, what).into());
        }
        let (Some(certificate), Some(recorded)) = (ceremony.certificate(), ceremony.tally()) else {
            return Err(Miss::NotChecked("the federation is not keyed yet".to_owned()));
        };
        let fault = |what: String| Miss::Fault(Check::Ceremony.fault(recorded.height, what));
        let get = |what, digest: Digest| fetch(self.blobs, Check::Ceremony, what, digest);
        if let Some(ballot) = ceremony.known_answer() {
            get("ballot of the known answer", ballot)?;
        }
        get("label ciphertexts of the known answer", recorded.tally.ciphertexts)?;
        let expected = known_answer_labels(config.classes.len());
        let Some(squashed) = recorded.tally.squashed else {
            let opened = ceremony.openings().first().map(|opening| &opening.content);
            if self.replay.state() != FederationState::Assembling
                && opened != Some(&OpeningContent::Labels(expected))
            {
                return Err(fault("the known answer opened to other labels".to_owned()));
            }
            return Ok(format!("one trustee, {}, made the keys and holds them alone", certificate.trustee));
        };
        let record = get("record of the known answer's squashed digits", squashed)?;
        if self.replay.state() == FederationState::Assembling {
            return Err(Miss::NotChecked("the known answer is not opened by every trustee yet".to_owned()));
        }
        let layout = Layout::new(config.classes.len(), KNOWN_ANSWER_INSTANCES as usize)
            .map_err(|e| fault(e.to_string()))?;
        let record = SquashedRecord::from_bytes(&record, layout).map_err(|e| fault(e.to_string()))?;
        let (policy, trustees) = (config.trustees, self.replay.trustees());
        let proven = every_subset_opens(
            policy,
            &trustees,
            config.classes.len(),
            &record,
            ceremony.openings(),
            &expected,
        );
        match proven.map_err(|e| fault(e.to_string()))? {
            true => Ok(format!(
                "{} trustees, any {} of whom open; dealt by participant {}, who is trusted at set-up",
                policy.count,
                policy.threshold + 1,
                certificate.trustee
            )),
            false => Err(fault("a subset of the trustees does not open the known answer".to_owned())),
        }
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
