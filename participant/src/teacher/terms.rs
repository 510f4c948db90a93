//! The terms of a round: they must be exactly those that follow from what this institution approved.

use base::ids::{Digest, ParticipantId, RoundId};
use protocol::{
    federation::{FederationKeys, Founding, Roster, Trustees},
    round::{Announcement, AnnouncementError},
    transcript::Replay,
};

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
    /// No keys are published.
    #[error("the federation has no keys yet")]
    NoKeys,
    /// Others made the keys than the trustees of the approved roster.
    #[error(
        "the keys were not made by the trustees of the approved roster: run `participant approve` to see it"
    )]
    OtherTrustees,
    /// The keys changed.
    #[error("the keys changed from {pinned} to {found}: keys are made once; ask the operator what happened")]
    KeysChanged {
        /// Digest of the keys seen first.
        pinned: Digest,
        /// Digest of the keys seen now.
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
    /// Checks that the keys on the transcript were made by the approved trustees, and that they did not change since first
    /// seen; returns their digest.
    pub fn check_keys(&self, replay: &Replay, pinned: Option<Digest>) -> Result<Digest, TermsError> {
        let keys = replay.ceremony().keys().ok_or(TermsError::NoKeys)?;
        let (approved, shown) = (Trustees::of(self.roster), replay.trustees());
        let is_theirs = match keys {
            FederationKeys::Sole(certificate) => approved.sole() == Some(certificate.trustee),
            // The replay has checked that all trustees on the chain signed the certificate.
            FederationKeys::Shared(_) => approved.sole().is_none(),
        };
        if approved != shown || !is_theirs {
            return Err(TermsError::OtherTrustees);
        }
        let found = keys.digest();
        match pinned {
            Some(pinned) if pinned != found => Err(TermsError::KeysChanged { pinned, found }),
            _ => Ok(found),
        }
    }

    /// Checks that a round's announcement is the one that follows from event 0, this roster and these keys.
    ///
    /// Scale, D and share size are computed here; none of them is taken from the coordinator.
    pub fn check_round(
        &self,
        round: RoundId,
        announcement: &Announcement,
        keys: Digest,
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
        Ok(announcement.check(self.founding, self.roster, keys)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Board, Federation, number, round};

    fn approved(federation: &Federation) -> Approved<'_> {
        Approved { founding: &federation.founding, roster: &federation.roster }
    }

    #[test]
    fn keys_of_the_approved_trustees_are_accepted_and_never_change() {
        let board = Board::keyed(Federation::new());
        let (terms, replay) = (approved(&board.federation), board.replay());
        let keys = terms.check_keys(&replay, None).unwrap();
        assert_eq!(terms.check_keys(&replay, Some(keys)), Ok(keys));
        let pinned = Digest::of(b"keys seen first");
        let changed = terms.check_keys(&replay, Some(pinned));
        assert_eq!(changed, Err(TermsError::KeysChanged { pinned, found: keys }));
        let early = Board::founded(Federation::new());
        assert_eq!(approved(&early.federation).check_keys(&early.replay(), None), Err(TermsError::NoKeys));
    }

    #[test]
    fn keys_of_other_trustees_than_the_approved_ones_are_refused() {
        let board = Board::keyed(Federation::new());
        let mut roster = board.federation.roster.clone();
        roster.members[0].trustee = false;
        roster.members[1].trustee = true;
        let terms = Approved { founding: &board.federation.founding, roster: &roster };
        assert_eq!(terms.check_keys(&board.replay(), None), Err(TermsError::OtherTrustees));
    }

    #[test]
    fn only_the_numbers_that_follow_from_the_approval_are_voted_under() {
        let federation = Federation::new();
        let (terms, keys) = (approved(&federation), federation.certificate().digest());
        let honest = federation.announce(round(1));
        assert_eq!(terms.check_round(round(1), &honest, keys, number(2)), Ok(()));
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
            let refused = terms.check_round(round(1), &bent, keys, number(2));
            let named = matches!(&refused, Err(TermsError::Announcement(AnnouncementError::Differs { field: f, .. })) if *f == field);
            assert!(named, "{field}: {refused:?}");
        }
    }

    #[test]
    fn a_roster_that_was_not_approved_or_another_round_is_refused() {
        let federation = Federation::new();
        let keys = federation.certificate().digest();
        let announcement = federation.announce(round(1));
        let other = terms_after_a_member_left(&federation);
        let terms = Approved { founding: &federation.founding, roster: &other };
        let refused = terms.check_round(round(1), &announcement, keys, number(2));
        assert!(matches!(refused, Err(TermsError::OtherRoster { .. })), "{refused:?}");
        let refused = approved(&federation).check_round(round(2), &announcement, keys, number(2));
        assert_eq!(refused, Err(TermsError::OtherRound(round(1))));
        let stranger = approved(&federation).check_round(round(1), &announcement, keys, number(9));
        assert_eq!(stranger, Err(TermsError::NotOnRoster(number(9))));
    }

    fn terms_after_a_member_left(federation: &Federation) -> Roster {
        let mut roster = federation.roster.clone();
        roster.members.pop();
        roster
    }
}
