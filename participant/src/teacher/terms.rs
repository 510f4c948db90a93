//! The terms of a round: they must be exactly those that follow from what this institution approved.

use base::{
    identity::{IdentityError, Signed},
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::{
    federation::{Founding, KeyCertificate, Roster},
    round::{Announcement, AnnouncementError},
};

use crate::approval::dealer;

/// Why this institution does not accept a round's terms.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TermsError {
    /// No roster is approved.
    #[error("this institution has not approved any roster: run `participant approve`")]
    NothingApproved,
    /// The round is held under another roster than the approved one.
    #[error(
        "the round is held under roster {announced}, approved is {approved}: run `participant approve` to see it"
    )]
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
    /// The approved roster has not as many trustees as event 0 asks for.
    #[error("the approved roster does not name as many trustees as the federation has seats for")]
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
    #[error(
        "the key certificate changed from {pinned} to {found}: keys are made once; ask the operator what happened"
    )]
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

/// What an institution approved: event 0 and one roster.
#[derive(Debug, Clone, Copy)]
pub struct Approved<'a> {
    /// Event 0.
    pub founding: &'a Founding,
    /// The roster.
    pub roster: &'a Roster,
}

impl Approved<'_> {
    /// Checks that the keys are those of the approved trustee or dealer, and that they did not change since first seen.
    pub fn check_keys(
        &self,
        signed: Option<&Signed<KeyCertificate>>,
        pinned: Option<Digest>,
    ) -> Result<KeyCertificate, TermsError> {
        let trustee = dealer(self.founding, self.roster).ok_or(TermsError::NoTrustee)?;
        let certificate = signed.ok_or(TermsError::NoKeys)?.verify(&trustee.identity)?;
        let same = [
            ("federation", certificate.federation == self.founding.digest()),
            ("set of parameters", certificate.parameters == self.founding.config.parameter_set()),
            ("trustee", certificate.trustee == trustee.id),
            ("sharing", certificate.sharing.is_none() == self.founding.config.trustees.is_sole()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Federation, number, round};

    fn approved(federation: &Federation) -> Approved<'_> {
        Approved { founding: &federation.founding, roster: &federation.roster }
    }

    #[test]
    fn keys_of_the_approved_trustee_are_accepted_and_never_change() -> Result<(), TermsError> {
        let federation = Federation::new();
        let (terms, signed) = (approved(&federation), federation.signed_certificate());
        let certificate = terms.check_keys(Some(&signed), None)?;
        terms.check_keys(Some(&signed), Some(certificate.digest()))?;
        let pinned = Digest::of(b"keys seen first");
        let changed = terms.check_keys(Some(&signed), Some(pinned));
        assert_eq!(changed, Err(TermsError::KeysChanged { pinned, found: certificate.digest() }));
        assert_eq!(terms.check_keys(None, None), Err(TermsError::NoKeys));
        Ok(())
    }

    #[test]
    fn keys_of_anyone_else_or_for_anything_else_are_refused() {
        let federation = Federation::new();
        let terms = approved(&federation);
        let by_another = federation.identity(2).sign(&federation.certificate());
        assert!(matches!(terms.check_keys(Some(&by_another), None), Err(TermsError::Signature(_))));
        let sign = |certificate| federation.identity(1).sign(&certificate);
        let elsewhere = sign(KeyCertificate { federation: Digest::of(b"x"), ..federation.certificate() });
        assert_eq!(terms.check_keys(Some(&elsewhere), None), Err(TermsError::Certificate("federation")));
        let in_another_name = sign(KeyCertificate { trustee: number(2), ..federation.certificate() });
        assert_eq!(terms.check_keys(Some(&in_another_name), None), Err(TermsError::Certificate("trustee")));
    }

    #[test]
    fn only_the_numbers_that_follow_from_the_approval_are_voted_under() {
        let federation = Federation::new();
        let (terms, keys) = (approved(&federation), federation.certificate());
        let honest = federation.announce(round(1));
        assert_eq!(terms.check_round(round(1), &honest, &keys, number(2)), Ok(()));
        type Bend = fn(&mut Announcement);
        let bends: [(&str, Bend); 6] = [
            ("share_size", |a| a.share_size.0 /= 2),
            ("scale", |a| a.scale *= 2),
            ("bound", |a| a.bound += 1),
            ("quorum", |a| a.quorum -= 1),
            ("colluding", |a| a.colluding -= 1),
            ("keys", |a| a.keys = Digest::of(b"others")),
        ];
        for (field, bend) in bends {
            let mut bent = honest.clone();
            bend(&mut bent);
            let refused = terms.check_round(round(1), &bent, &keys, number(2));
            let named = matches!(&refused, Err(TermsError::Announcement(AnnouncementError::Differs { field: f, .. })) if *f == field);
            assert!(named, "{field}: {refused:?}");
        }
    }

    #[test]
    fn a_roster_that_was_not_approved_or_another_round_is_refused() {
        let federation = Federation::new();
        let keys = federation.certificate();
        let announcement = federation.announce(round(1));
        let other = terms_after_a_member_left(&federation);
        let terms = Approved { founding: &federation.founding, roster: &other };
        let refused = terms.check_round(round(1), &announcement, &keys, number(2));
        assert!(matches!(refused, Err(TermsError::OtherRoster { .. })), "{refused:?}");
        let refused = approved(&federation).check_round(round(2), &announcement, &keys, number(2));
        assert_eq!(refused, Err(TermsError::OtherRound(round(1))));
        let stranger = approved(&federation).check_round(round(1), &announcement, &keys, number(9));
        assert_eq!(stranger, Err(TermsError::NotOnRoster(number(9))));
    }

    fn terms_after_a_member_left(federation: &Federation) -> Roster {
        let mut roster = federation.roster.clone();
        roster.members.pop();
        roster
    }
}
