//! The terms of a round: they must be exactly those that follow from what this institution approved.

use shared::{
    federation::{Founding, KeyCertificate, Roster},
    identity::{IdentityError, Signed},
    ids::{Digest, ParticipantId, RoundId},
    round::{Announcement, AnnouncementError},
};

use crate::approval::sole_trustee;

/// Says why this institution does not accept a round's terms.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TermsError {
    /// No roster is approved.
    #[error("this institution has not approved any roster: run `participant approve`")]
    NothingApproved,
    /// The round is held under another roster than the approved one.
    #[error("the round is held under roster {announced}, approved is {approved}: run `participant approve` to see it")]
    OtherRoster {
        /// Roster of the announcement.
        announced: Digest,
        /// Roster approved last.
        approved: Digest,
    },
    /// The announcement is for another round.
    #[error("the coordinator answered with the announcement of round {0}")]
    OtherRound(RoundId),
    /// This institution is not a member.
    #[error("participant {0} is not on the approved roster")]
    NotOnRoster(ParticipantId),
    /// The approved roster has no trustee, or several.
    #[error("the approved roster does not name exactly one trustee")]
    NoTrustee,
    /// No keys are published.
    #[error("the federation has no keys yet")]
    NoKeys,
    /// The key certificate is not the trustee's.
    #[error("the key certificate: {0}")]
    Signature(#[from] IdentityError),
    /// The key certificate is for something else.
    #[error("the key certificate names another {0} than what was approved")]
    Certificate(&'static str),
    /// The keys changed.
    #[error("the key certificate changed from {pinned} to {found}: keys are made once; ask the operator what happened")]
    KeysChanged {
        /// Digest of the certificate seen first.
        pinned: Digest,
        /// Digest of the certificate seen now.
        found: Digest,
    },
    /// A number differs from what the approved policy gives.
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
}

/// Is what an institution approved: event 0 and one roster.
#[derive(Debug, Clone, Copy)]
pub struct Approved<'a> {
    /// Event 0.
    pub founding: &'a Founding,
    /// The roster.
    pub roster: &'a Roster,
}

impl Approved<'_> {
    /// Checks that the keys are those of the approved trustee, and that they did not change since first seen.
    pub fn check_keys(
        &self,
        signed: Option<&Signed<KeyCertificate>>,
        pinned: Option<Digest>,
    ) -> Result<KeyCertificate, TermsError> {
        let trustee = sole_trustee(self.roster).ok_or(TermsError::NoTrustee)?;
        let certificate = signed.ok_or(TermsError::NoKeys)?.verify(&trustee.identity)?;
        let same = [
            ("federation", certificate.federation == self.founding.digest()),
            ("set of parameters", certificate.parameters == self.founding.config.parameter_set()),
            ("trustee", certificate.trustee == trustee.id),
        ];
        if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(TermsError::Certificate(what));
        }
        let found = certificate.digest();
        match pinned {
            Some(pinned) if pinned != found => Err(TermsError::KeysChanged { pinned, found }),
            _ => Ok(certificate),
        }
    }

    /// Checks that a round's announcement is the one that follows from event 0, this roster and these keys.
    ///
    /// Scale, D and share size are computed here; none of them is taken from the coordinator.
    pub fn check_round(
        &self,
        round: RoundId,
        announcement: &Announcement,
        keys: &KeyCertificate,
        voter: ParticipantId,
    ) -> Result<(), TermsError> {
        if announcement.round != round {
            return Err(TermsError::OtherRound(announcement.round));
        }
        let (announced, approved) = (announcement.roster, self.roster.digest());
        if announced != approved {
            return Err(TermsError::OtherRoster { announced, approved });
        }
        self.roster.member(voter).ok_or(TermsError::NotOnRoster(voter))?;
        Ok(announcement.check(self.founding, self.roster, keys.digest())?)
    }
}
