//! The keys: made by the sole trustee, or by several without a dealer, and proven by a known answer.

use std::collections::BTreeSet;

use super::{At, Check, Fault, Recorded, Replay, TallyOutcome, TallyRecord};
use crate::{
    federation::{FederationKeys, FederationState, KeyCertificate, Member, SharedKeys, TrusteeApproval},
    round::Opening,
};
use base::{
    identity::{Signed, Statement},
    ids::{Digest, ParticipantId},
};

/// The transcript's record of the keys.
#[derive(Debug, Clone, Default)]
pub struct CeremonyRecord {
    approved: BTreeSet<ParticipantId>,
    ended: Vec<EndedCeremony>,
    keys: Option<FederationKeys>,
    published: Option<(u64, Digest)>,
    known_answer: Option<Digest>,
    tally: Option<Recorded>,
    openings: Vec<Opening>,
}

/// A ceremony that ended without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedCeremony {
    /// Its name.
    pub ceremony: Digest,
    /// Digest of its messages.
    pub board: Digest,
    /// Who lied.
    pub named: Vec<ParticipantId>,
}

impl CeremonyRecord {
    /// Returns the trustees that agreed to the ceremony.
    pub const fn approved(&self) -> &BTreeSet<ParticipantId> {
        &self.approved
    }

    /// Returns the ceremonies that ended without a key.
    pub fn ended(&self) -> &[EndedCeremony] {
        &self.ended
    }

    /// Returns the keys.
    pub const fn keys(&self) -> Option<&FederationKeys> {
        self.keys.as_ref()
    }

    /// Returns the height of the event that published the keys, and its digest.
    pub const fn published(&self) -> Option<(u64, Digest)> {
        self.published
    }

    /// Returns the digest of the ballot body of the sole trustee's known answer.
    pub const fn known_answer(&self) -> Option<Digest> {
        self.known_answer
    }

    /// Returns the known answer's tally.
    pub const fn tally(&self) -> Option<Recorded> {
        self.tally
    }

    /// Returns the sole trustee's opening of the known answer.
    pub fn openings(&self) -> &[Opening] {
        &self.openings
    }
}

impl Replay {
    /// Returns the name of the ceremony that is held, once every trustee agreed and until there are keys; nothing with a
    /// sole trustee.
    pub fn current_ceremony(&self) -> Option<Digest> {
        let policy = self.founding.config.trustees;
        let is_agreed = self.ceremony.approved.len() == usize::from(policy.count);
        let is_due = !policy.is_sole() && is_agreed && self.state == FederationState::Assembling;
        // Its number is that of the ceremonies before it, of which there are few.
        let number = u32::try_from(self.ceremony.ended.len()).unwrap_or(u32::MAX);
        (is_due && self.ceremony.keys.is_none()).then(|| self.trustees().ceremony(number))
    }

    /// Verifies a statement of a trustee and returns it.
    fn of_trustee<T: Statement>(
        &self,
        at: At,
        signed: &Signed<T>,
        signer: impl Fn(&T) -> ParticipantId,
    ) -> Result<(T, &Member), Fault> {
        let refuse = |what: String| at.refuse(Check::Ceremony, what);
        let claimed = signer(&signed.unverified().map_err(|e| refuse(e.to_string()))?);
        let trustee = self.members.get(&claimed).filter(|member| member.trustee);
        let trustee = trustee.ok_or_else(|| refuse(format!("participant {claimed} is not a trustee")))?;
        let statement = signed.verify(&trustee.identity).map_err(|e| refuse(e.to_string()))?;
        Ok((statement, trustee))
    }

    pub(super) fn approve_trustees(&mut self, at: At, signed: &Signed<TrusteeApproval>) -> Result<(), Fault> {
        let (approval, _) = self.of_trustee(at, signed, |approval| approval.participant)?;
        let refuse =
            |what: &str| at.refuse(Check::Ceremony, format!("trustee {}: {what}", approval.participant));
        let trustees = self.trustees();
        if trustees.members.len() != usize::from(self.founding.config.trustees.count) {
            return Err(refuse("it approves before all trustee seats are taken"));
        }
        if (approval.federation, approval.trustees) != (self.federation, trustees.digest()) {
            return Err(refuse("it approves other trustees"));
        }
        self.ceremony.approved.insert(approval.participant);
        Ok(())
    }

    fn publish(&mut self, at: At, keys: FederationKeys) {
        self.ceremony.keys = Some(keys);
        self.ceremony.published = Some((at.height, at.digest));
    }

    pub(super) fn publish_keys(&mut self, at: At, signed: &Signed<KeyCertificate>) -> Result<(), Fault> {
        let (certificate, trustee) = self.of_trustee(at, signed, |certificate| certificate.trustee)?;
        let refuse = |what: &str| at.refuse(Check::Keys, what);
        let config = &self.founding.config;
        if self.ceremony.keys.is_some() {
            return Err(refuse("keys were published before"));
        }
        if (certificate.federation, certificate.parameters) != (self.federation, config.parameter_set()) {
            return Err(refuse("the certificate names another federation or other parameters"));
        }
        if !config.trustees.is_sole() || self.trustees().sole() != Some(trustee.id) {
            return Err(refuse("one trustee alone made the keys of several"));
        }
        self.publish(at, FederationKeys::Sole(certificate));
        Ok(())
    }

    /// Returns the ceremony that runs; an event about any other is refused.
    fn running_ceremony(&self, at: At, ceremony: Digest) -> Result<(), Fault> {
        if self.current_ceremony() != Some(ceremony) {
            let what = "it is about a ceremony that is not held: another one, or over, or not agreed on yet";
            return Err(at.refuse(Check::Ceremony, what));
        }
        Ok(())
    }

    pub(super) fn end_ceremony(
        &mut self,
        at: At,
        ceremony: Digest,
        board: Digest,
        named: Vec<ParticipantId>,
    ) -> Result<(), Fault> {
        self.running_ceremony(at, ceremony)?;
        let is_trustee = |id: &ParticipantId| self.members.get(id).is_some_and(|member| member.trustee);
        if !named.iter().all(is_trustee) {
            return Err(at.refuse(Check::Ceremony, "somebody is named as a liar who is not a trustee"));
        }
        self.ceremony.ended.push(EndedCeremony { ceremony, board, named });
        Ok(())
    }

    pub(super) fn share_keys(&mut self, at: At, keys: Box<SharedKeys>) -> Result<(), Fault> {
        self.running_ceremony(at, *keys.certificate.ceremony())?;
        let identities = self.trustees().identities();
        let refuse = |what: String| at.refuse(Check::Keys, what);
        let sharing = self.founding.config.trustees.sharing().map_err(|e| refuse(e.to_string()))?;
        if Some(keys.certificate.sharing()) != sharing {
            return Err(refuse("the key is shared otherwise than event 0 says".to_owned()));
        }
        let checked = keys.certificate.check((&self.federation, &identities), &keys.signatures);
        checked.map_err(|e| refuse(e.to_string()))?;
        self.publish(at, FederationKeys::Shared(keys));
        Ok(())
    }

    fn check_unproven(&self, at: At) -> Result<(), Fault> {
        if self.state != FederationState::Assembling {
            return Err(at.refuse(Check::Ceremony, "the federation is keyed already"));
        }
        Ok(())
    }

    pub(super) fn ask_known_answer(&mut self, at: At, ballot: Digest) -> Result<(), Fault> {
        let refuse = |what: &str| at.refuse(Check::Ceremony, what);
        self.check_unproven(at)?;
        if self.ceremony.keys.as_ref().and_then(FederationKeys::sole).is_none() {
            return Err(refuse("a known answer is asked for before the sole trustee published keys"));
        }
        if self.ceremony.known_answer.is_some() {
            return Err(refuse("there is a second known answer"));
        }
        self.ceremony.known_answer = Some(ballot);
        Ok(())
    }

    pub(super) fn record_known_tally(&mut self, at: At, tally: TallyRecord) -> Result<(), Fault> {
        let refuse = |what: &str| at.refuse(Check::Ceremony, what);
        self.check_unproven(at)?;
        match (tally.outcome, &self.ceremony.keys) {
            (TallyOutcome::Ciphertexts(_), Some(FederationKeys::Sole(_)))
                if self.ceremony.known_answer.is_some() => {}
            (TallyOutcome::Session { .. }, Some(FederationKeys::Shared(_))) => {}
            _ => return Err(refuse("the known answer is tallied before it is fixed, or otherwise")),
        }
        if self.ceremony.tally.is_some() {
            return Err(refuse("the known answer is tallied a second time"));
        }
        self.ceremony.tally = Some(Recorded { tally, event: at.digest, height: at.height });
        Ok(())
    }

    pub(super) fn open_known_answer(&mut self, at: At, signed: &Signed<Opening>) -> Result<(), Fault> {
        self.check_unproven(at)?;
        let opening = self.check_opening(at, signed, &self.ceremony.openings)?;
        self.ceremony.openings.push(opening);
        Ok(())
    }

    pub(super) fn become_keyed(&mut self, at: At) -> Result<(), Fault> {
        self.check_unproven(at)?;
        let is_proven = match &self.ceremony.keys {
            Some(FederationKeys::Sole(_)) => !self.ceremony.openings.is_empty(),
            Some(FederationKeys::Shared(_)) => self.ceremony.tally.is_some(),
            None => false,
        };
        if !is_proven {
            return Err(at.refuse(Check::Ceremony, "keyed before the known answer came out"));
        }
        self.state = self.state.keyed().map_err(|e| at.refuse(Check::Ceremony, e))?;
        Ok(())
    }
}
