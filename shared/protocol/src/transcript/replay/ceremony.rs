//! The ceremony: every trustee agrees, one deals, each checks its pieces, and a known answer proves the keys.

use std::collections::BTreeSet;

use super::{At, Check, Fault, Recorded, Replay, TallyRecord};
use crate::{
    federation::{
        Acknowledgement, Complaint, FederationState, KeyCertificate, KeySharing, Member, TrusteeApproval,
    },
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
    certificate: Option<(KeyCertificate, u64)>,
    acknowledged: BTreeSet<ParticipantId>,
    complaint: Option<Complaint>,
    known_answer: Option<Digest>,
    tally: Option<Recorded>,
    openings: Vec<Opening>,
}

impl CeremonyRecord {
    /// Returns the trustees that agreed to the ceremony.
    pub const fn approved(&self) -> &BTreeSet<ParticipantId> {
        &self.approved
    }

    /// Returns the certificate of the keys.
    pub fn certificate(&self) -> Option<&KeyCertificate> {
        self.certificate.as_ref().map(|(certificate, _)| certificate)
    }

    /// Returns the height of the event that published the keys.
    pub fn published_at(&self) -> Option<u64> {
        self.certificate.as_ref().map(|(_, height)| *height)
    }

    /// Returns the trustees that hold their pieces.
    pub const fn acknowledged(&self) -> &BTreeSet<ParticipantId> {
        &self.acknowledged
    }

    /// Returns the complaint that stopped the ceremony.
    pub const fn complaint(&self) -> Option<&Complaint> {
        self.complaint.as_ref()
    }

    /// Returns the digest of the known answer's ballot body.
    pub const fn known_answer(&self) -> Option<Digest> {
        self.known_answer
    }

    /// Returns the known answer's tally.
    pub const fn tally(&self) -> Option<Recorded> {
        self.tally
    }

    /// Returns the openings of the known answer.
    pub fn openings(&self) -> &[Opening] {
        &self.openings
    }
}

impl Replay {
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
        let expected = (self.federation, trustees.digest(), trustees.dealer());
        if (approval.federation, approval.trustees, Some(approval.dealer)) != expected {
            return Err(refuse("it approves other trustees or another dealer"));
        }
        self.ceremony.approved.insert(approval.participant);
        Ok(())
    }

    pub(super) fn publish_keys(&mut self, at: At, signed: &Signed<KeyCertificate>) -> Result<(), Fault> {
        let (certificate, dealer) = self.of_trustee(at, signed, |certificate| certificate.trustee)?;
        let refuse = |what: &str| at.refuse(Check::Keys, what);
        let config = &self.founding.config;
        if self.ceremony.certificate.is_some() {
            return Err(refuse("keys were published before"));
        }
        if (certificate.federation, certificate.parameters) != (self.federation, config.parameter_set()) {
            return Err(refuse("the certificate names another federation or other parameters"));
        }
        let trustees = self.trustees();
        if trustees.dealer() != Some(dealer.id) {
            return Err(refuse("the keys were not made by the dealer"));
        }
        match (&certificate.sharing, config.trustees.is_sole()) {
            (None, true) => {}
            (Some(sharing), false) => self.check_sharing(at, sharing)?,
            _ => return Err(refuse("the certificate does not share the key among the trustees of event 0")),
        }
        self.ceremony.certificate = Some((certificate, at.height));
        Ok(())
    }

    fn check_sharing(&self, at: At, sharing: &KeySharing) -> Result<(), Fault> {
        let policy = self.founding.config.trustees;
        let sets = policy.sharing().map_err(|e| at.refuse(Check::Ceremony, e))?.sets().len();
        let all = usize::from(policy.count);
        if self.ceremony.approved.len() != all {
            return Err(at.refuse(Check::Ceremony, "keys were dealt before every trustee agreed"));
        }
        if (sharing.commitments.len(), sharing.packages.len()) != (sets, all) {
            return Err(at.refuse(Check::Ceremony, "a commitment or a package is missing"));
        }
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, at: At, signed: &Signed<Acknowledgement>) -> Result<(), Fault> {
        let (statement, trustee) = self.of_trustee(at, signed, |statement| statement.participant)?;
        self.check_about_keys(at, statement.federation, statement.keys)?;
        let id = trustee.id;
        self.ceremony.acknowledged.insert(id);
        Ok(())
    }

    pub(super) fn complain(&mut self, at: At, signed: &Signed<Complaint>) -> Result<(), Fault> {
        let (complaint, _) = self.of_trustee(at, signed, |complaint| complaint.participant)?;
        self.check_about_keys(at, complaint.federation, complaint.keys)?;
        self.ceremony.complaint = Some(complaint);
        Ok(())
    }

    /// Checks that a statement is about the published keys and that the ceremony still runs.
    fn check_about_keys(&self, at: At, federation: Digest, keys: Digest) -> Result<(), Fault> {
        let refuse = |what: &str| at.refuse(Check::Ceremony, what);
        let published = self.ceremony.certificate().ok_or_else(|| refuse("no keys are published"))?;
        if (federation, keys) != (self.federation, published.digest()) {
            return Err(refuse("the statement is about other keys"));
        }
        if published.sharing.is_none() {
            return Err(refuse("the sole trustee has nobody to share with"));
        }
        self.check_running(at)
    }

    fn check_running(&self, at: At) -> Result<(), Fault> {
        if let Some(complaint) = &self.ceremony.complaint {
            let what = format!("trustee {} complained, which ended the ceremony", complaint.participant);
            return Err(at.refuse(Check::Ceremony, what));
        }
        if self.state != FederationState::Assembling {
            return Err(at.refuse(Check::Ceremony, "the federation is keyed already"));
        }
        Ok(())
    }

    pub(super) fn ask_known_answer(&mut self, at: At, ballot: Digest) -> Result<(), Fault> {
        let refuse = |what: &str| at.refuse(Check::Ceremony, what);
        self.check_running(at)?;
        let certificate = self.ceremony.certificate().ok_or_else(|| refuse("no keys are published"))?;
        let all = usize::from(self.founding.config.trustees.count);
        if certificate.sharing.is_some() && self.ceremony.acknowledged.len() != all {
            return Err(refuse("the known answer comes before every trustee holds its pieces"));
        }
        if self.ceremony.known_answer.is_some() {
            return Err(refuse("there is a second known answer"));
        }
        self.ceremony.known_answer = Some(ballot);
        Ok(())
    }

    pub(super) fn record_known_tally(&mut self, at: At, tally: TallyRecord) -> Result<(), Fault> {
        let refuse = |what: &str| at.refuse(Check::Ceremony, what);
        if self.ceremony.known_answer.is_none() {
            return Err(refuse("the known answer is tallied before it is fixed"));
        }
        if self.ceremony.tally.is_some() {
            return Err(refuse("the known answer is tallied a second time"));
        }
        if tally.squashed.is_none() != self.founding.config.trustees.is_sole() {
            return Err(refuse("squashed digits are recorded where none belong, or missing"));
        }
        self.ceremony.tally = Some(Recorded { tally, event: at.digest, height: at.height });
        Ok(())
    }

    pub(super) fn open_known_answer(&mut self, at: At, signed: &Signed<Opening>) -> Result<(), Fault> {
        self.check_running(at)?;
        let opening = self.check_opening(at, signed, &self.ceremony.openings)?;
        self.ceremony.openings.push(opening);
        Ok(())
    }

    pub(super) fn become_keyed(&mut self, at: At) -> Result<(), Fault> {
        self.check_running(at)?;
        if self.ceremony.openings.len() != usize::from(self.founding.config.trustees.count) {
            return Err(at.refuse(Check::Ceremony, "keyed before every trustee opened the known answer"));
        }
        self.state = self.state.keyed().map_err(|e| at.refuse(Check::Ceremony, e))?;
        Ok(())
    }
}
