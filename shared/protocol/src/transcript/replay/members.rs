//! Enrolment, approval and revocation.

use super::{At, Check, Fault, Replay};
use crate::federation::{Approval, Member, check_name};
use base::{
    identity::Signed,
    ids::{Digest, ParticipantId},
};

impl Replay {
    pub(super) fn enrol(&mut self, at: At, member: Member) -> Result<(), Fault> {
        let refuse = |what: &str| at.refuse(Check::Roster, format!("participant {}: {what}", member.id));
        if member.id.get() != self.enrolled.saturating_add(1) {
            return Err(refuse("its number is not the next one"));
        }
        if check_name(&member.name).is_err() {
            return Err(refuse("its name cannot be shown to people"));
        }
        if self.members.values().any(|other| other.identity == member.identity) {
            return Err(refuse("its identity is enrolled already"));
        }
        let seats = usize::from(self.founding.config.trustees.count);
        let taken = self.members.values().filter(|other| other.trustee).count();
        if member.trustee && taken >= seats {
            return Err(refuse("all trustee seats are taken"));
        }
        self.enrolled = member.id.get();
        self.members.insert(member.id, member);
        Ok(())
    }

    pub(super) fn approve(&mut self, at: At, signed: &Signed<Approval>) -> Result<(), Fault> {
        let refuse = |what: String| at.refuse(Check::Roster, what);
        let claimed = signed.unverified().map_err(|e| refuse(e.to_string()))?;
        let member = self.members.get(&claimed.participant);
        let member =
            member.ok_or_else(|| refuse(format!("participant {} is not enrolled", claimed.participant)))?;
        let approval = signed.verify(&member.identity).map_err(|e| refuse(e.to_string()))?;
        let expected = (self.federation, self.roster().digest());
        if (approval.federation, approval.roster) != expected {
            return Err(refuse(format!("participant {} approves another roster", approval.participant)));
        }
        self.approvals.insert(approval.participant, approval.roster);
        Ok(())
    }

    pub(super) fn revoke(&mut self, at: At, participant: ParticipantId) -> Result<(), Fault> {
        match self.members.get(&participant) {
            None => Err(at.refuse(Check::Roster, format!("participant {participant} is not enrolled"))),
            Some(member) if member.trustee => Err(at.refuse(
                Check::Roster,
                format!("participant {participant} is a trustee, and trustees are fixed"),
            )),
            Some(_) => {
                self.members.remove(&participant);
                Ok(())
            }
        }
    }

    /// Returns the roster that a participant approved last.
    pub fn approved(&self, participant: ParticipantId) -> Option<Digest> {
        self.approvals.get(&participant).copied()
    }
}
