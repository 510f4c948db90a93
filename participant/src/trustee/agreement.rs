//! The agreement: with which trustees this institution shares the key; a person's act.

use base::{
    clock::Millis,
    identity::PublicIdentity,
    ids::{Digest, ParticipantId},
};
use protocol::{
    federation::{Founding, TrusteeApproval, Trustees},
    transcript::Replay,
};
use serde::{Deserialize, Serialize};
use tally::sharing::{Sharing, SharingError, Trustee};

use crate::home::Home;
use runtime::files::{Access, FileError, make_folder, read_json, write_json};

/// Why this institution takes no part in the ceremony as it stands.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// It is no trustee.
    #[error("participant {0} is not a trustee of this federation: only trustees approve each other")]
    NotTrustee(ParticipantId),
    /// One trustee shares with nobody.
    #[error(
        "this federation has one trustee, which holds the whole key and shares it with nobody: there is nothing to \
         approve here; `participant approve` is enough"
    )]
    Sole,
    /// Seats are empty.
    #[error(
        "{taken} of {seats} trustee seats are taken: wait until all trustees have enrolled, then approve them \
         together"
    )]
    Incomplete {
        /// Trustees on the roster.
        taken: usize,
        /// Seats in event 0.
        seats: usize,
    },
    /// The transcript shows another key of this institution than its own.
    #[error(
        "the transcript shows another signing key of this institution than its own: somebody else would take its \
         place; nothing is approved"
    )]
    OwnKey,
    /// A person has to approve.
    #[error("no person here has approved the trustees: run `participant trustee approve`")]
    NotApproved,
    /// The trustees are others than those that were approved.
    #[error(
        "the trustees now have hash {found}, approved here was {approved}: this institution takes no part"
    )]
    Changed {
        /// Hash of the trustees on the transcript.
        found: Digest,
        /// Hash that a person approved.
        approved: Digest,
    },
    /// The trustee policy is not supported.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What a person approved about the trustees, in `state/trustee/approval.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrusteePin {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the list of trustees.
    pub trustees: Digest,
    /// When a person approved.
    pub approved_at: Millis,
}

impl TrusteePin {
    /// Reads the approval; `None` before it, or if it was given to another federation.
    pub fn load(home: &Home, federation: Digest) -> Result<Option<Self>, FileError> {
        let pin: Option<Self> = read_json(&home.trustee().join("approval.json"))?;
        Ok(pin.filter(|pin| pin.federation == federation))
    }

    /// Remembers that a person approved sharing the key within this seat's circle.
    pub fn store(home: &Home, seat: &Seat, approved_at: Millis) -> Result<Self, FileError> {
        let (federation, trustees) = (seat.trustees.federation, seat.trustees.digest());
        let pin = Self { federation, trustees, approved_at };
        make_folder(&home.trustee(), Access::Public)?;
        write_json(&home.trustee().join("approval.json"), &pin)?;
        Ok(pin)
    }

    /// Returns the statement that tells the others.
    pub const fn statement(&self, participant: ParticipantId) -> TrusteeApproval {
        let Self { federation, trustees, .. } = *self;
        TrusteeApproval { federation, trustees, participant }
    }
}

/// This institution's seat among the trustees, as the transcript shows them.
#[derive(Debug, Clone)]
pub struct Seat {
    /// This institution.
    pub participant: ParticipantId,
    /// Its place among the trustees.
    pub place: Trustee,
    /// All trustees.
    pub trustees: Trustees,
    /// How the key is shared.
    pub sharing: Sharing,
}

impl Seat {
    /// Finds the seat of a participant with this signing key.
    ///
    /// # Errors
    /// Refuses a sole trustee, who is none, empty seats, and a transcript that shows another key of this institution.
    pub fn find(
        replay: &Replay,
        participant: ParticipantId,
        identity: PublicIdentity,
    ) -> Result<Self, AgreementError> {
        let policy = replay.founding().config.trustees;
        let sharing = policy.sharing()?.ok_or(AgreementError::Sole)?;
        let trustees = replay.trustees();
        let own = trustees.members.iter().find(|(id, _)| *id == participant);
        let (_, shown) = own.ok_or(AgreementError::NotTrustee(participant))?;
        if *shown != identity {
            return Err(AgreementError::OwnKey);
        }
        let (taken, seats) = (trustees.members.len(), usize::from(policy.count));
        if taken != seats {
            return Err(AgreementError::Incomplete { taken, seats });
        }
        let place = trustees.place(participant, sharing).ok_or(AgreementError::NotTrustee(participant))?;
        Ok(Self { participant, place, trustees, sharing })
    }

    /// Checks that a person here approved exactly these trustees.
    pub fn check_approved(&self, home: &Home) -> Result<(), AgreementError> {
        let pin = TrusteePin::load(home, self.trustees.federation)?.ok_or(AgreementError::NotApproved)?;
        let (found, approved) = (self.trustees.digest(), pin.trustees);
        if found != approved {
            return Err(AgreementError::Changed { found, approved });
        }
        Ok(())
    }

    /// Describes what a person approves, one fact per line.
    pub fn in_words(&self, founding: &Founding, name: impl Fn(ParticipantId) -> String) -> String {
        let (n, t) = (self.sharing.trustees(), self.sharing.corrupt());
        let mut lines = vec![
            format!("federation   {} ({})", founding.config.name, self.trustees.federation),
            format!("trustees     {n}, of whom {t} may be corrupt"),
        ];
        lines.extend(self.trustees.members.iter().map(|(id, identity)| {
            let you = if *id == self.participant { ", this institution" } else { "" };
            format!("  {id:>3}  {}{you} (key {}...)", name(*id), identity.to_string().get(..16).unwrap_or(""))
        }));
        lines.push(format!("hash         {}", self.trustees.digest()));
        lines.push(
            "             compare it with the other institutions, on the telephone and not through the coordinator: \
             all of them must see the same"
                .to_owned(),
        );
        lines.push(format!(
            "key          made by all {n} together, in pieces; nobody ever holds all of it, and no {t} of them learn \
             anything"
        ));
        lines.push(format!(
            "trust        any {} of them together could decrypt every ballot: approve only if you believe that so many \
             never will",
            t + 1
        ));
        lines.push(format!("for a tally  {}", quorum_in_words(self.sharing)));
        lines.join("\n")
    }
}

/// Returns, in words, who must be there for a tally.
pub fn quorum_in_words(sharing: Sharing) -> String {
    let (n, quorum) = (sharing.trustees(), sharing.quorum());
    match quorum < n {
        true => format!("{quorum} of the {n} must be there: one may be away"),
        false => format!("all {n} must be there: while one is away, no label comes out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Board, Federation, number};

    fn find(board: &Board, id: u32) -> Result<Seat, AgreementError> {
        Seat::find(&board.replay(), number(id), board.federation.identity(id).public())
    }

    #[test]
    fn a_person_reads_who_shares_the_key_and_what_that_means() {
        let board = Board::founded(Federation::of_three_trustees());
        let seat = find(&board, 2).unwrap();
        let words = seat.in_words(&board.federation.founding, |id| format!("hospital-{id}"));
        let hash = seat.trustees.digest().to_string();
        for fact in [
            "3, of whom 1 may be corrupt",
            "hospital-2, this institution",
            hash.as_str(),
            "compare it with the other institutions",
            "any 2 of them together could decrypt every ballot",
            "all 3 must be there",
        ] {
            assert!(words.contains(fact), "{fact}: {words}");
        }
        let quorum = |n, t| quorum_in_words(Sharing::new(n, t).unwrap());
        assert!(quorum(4, 1).starts_with("3 of the 4 must be there"));
        assert!(quorum(5, 2).starts_with("all 5 must be there"));
    }

    #[test]
    fn who_is_no_trustee_or_alone_or_too_early_approves_nothing() {
        let board = Board::founded(Federation::of_three_trustees());
        assert!(matches!(find(&board, 4), Err(AgreementError::NotTrustee(id)) if id == number(4)));
        let alone = Board::founded(Federation::new());
        assert!(matches!(find(&alone, 1), Err(AgreementError::Sole)));
        let mut early = Board::founded(Federation::of_three_trustees());
        early.roll_back(3);
        let refused = find(&early, 1);
        assert!(matches!(refused, Err(AgreementError::Incomplete { taken: 2, seats: 3 })), "{refused:?}");
    }

    #[test]
    fn a_transcript_that_shows_another_key_of_ours_is_refused() {
        let board = Board::founded(Federation::of_three_trustees());
        let stranger = board.federation.identity(5).public();
        let refused = Seat::find(&board.replay(), number(2), stranger);
        assert!(matches!(refused, Err(AgreementError::OwnKey)), "{refused:?}");
    }

    #[test]
    fn only_exactly_the_approved_trustees_are_worked_with() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let board = Board::founded(Federation::of_three_trustees());
        let seat = find(&board, 2).unwrap();
        assert!(matches!(seat.check_approved(&home), Err(AgreementError::NotApproved)));
        TrusteePin::store(&home, &seat, Millis(5)).unwrap();
        seat.check_approved(&home).unwrap();
        let mut changed = seat;
        changed.trustees.members.swap(0, 1);
        assert!(matches!(changed.check_approved(&home), Err(AgreementError::Changed { .. })));
    }
}
