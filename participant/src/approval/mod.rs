//! Approval: what the institution enrolled in, which rosters it agreed to, and the pins it holds others to.

mod review;
mod words;

use base::{
    clock::Millis,
    ids::{Digest, ParticipantId},
};
use protocol::federation::{Founding, Member, Roster};
use serde::{Deserialize, Serialize};

use crate::home::Home;
use runtime::files::{FileError, read_json, write_json};

pub use review::{ApprovalError, EpsilonPerLabel, Review, review};
pub use words::in_words;

/// What enrolment fixed for this institution, in `state/enrolment.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Number in the federation.
    pub participant: ParticipantId,
    /// Name that the operator gave it.
    pub name: String,
    /// Whether it is the trustee.
    pub trustee: bool,
    /// Number of teachers it declared, k.
    pub teachers: u32,
    /// Event 0 as it was at enrolment; another one is never accepted.
    pub founding: Founding,
}

/// Roster that the institution agreed to last, in `state/approval.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the roster.
    pub roster: Digest,
    /// When a person approved.
    pub approved_at: Millis,
}

impl Membership {
    /// Reads what enrolment left behind; `None` before it.
    pub fn load(home: &Home) -> Result<Option<Self>, FileError> {
        read_json(&home.state().join("enrolment.json"))
    }

    /// Writes it.
    pub fn store(&self, home: &Home) -> Result<(), FileError> {
        write_json(&home.state().join("enrolment.json"), self)
    }

    /// Returns the pinned hash of event 0.
    pub fn federation(&self) -> Digest {
        self.founding.digest()
    }
}

impl Pin {
    /// Reads the newest approval; `None` before the first, or if it was given to another federation.
    pub fn load(home: &Home, federation: Digest) -> Result<Option<Self>, FileError> {
        let pin: Option<Self> = read_json(&home.state().join("approval.json"))?;
        Ok(pin.filter(|pin| pin.federation == federation))
    }

    /// Remembers that a person approved this roster; the roster itself is kept by its hash.
    pub fn store(home: &Home, roster: &Roster, approved_at: Millis) -> Result<Self, FileError> {
        let pin = Self { federation: roster.federation, roster: roster.digest(), approved_at };
        write_json(&home.roster(pin.roster), roster)?;
        write_json(&home.state().join("approval.json"), &pin)?;
        Ok(pin)
    }
}

/// Returns the roster of that hash if this institution ever approved it in this federation.
///
/// A trustee needs older ones: a round is opened under the roster that it was announced with.
pub fn approved_roster(home: &Home, federation: Digest, hash: Digest) -> Result<Option<Roster>, FileError> {
    let path = home.roster(hash);
    let Some(roster) = read_json::<Roster>(&path)? else { return Ok(None) };
    if roster.digest() != hash {
        return Err(FileError::damaged(&path, &"its content does not have the hash of its name"));
    }
    Ok(Some(roster).filter(|roster| roster.federation == federation))
}

/// Returns the one trustee of a roster, if there is exactly one.
pub fn sole_trustee(roster: &Roster) -> Option<&Member> {
    let mut trustees = roster.trustees();
    trustees.next().filter(|_| trustees.next().is_none())
}

#[cfg(test)]
mod tests {
    use protocol::{
        federation::FederationState,
        wire::{FederationView, RosterView},
    };

    use super::*;
    use crate::testing::{Federation, number};

    fn views(federation: &Federation) -> (FederationView, RosterView) {
        let founding = federation.founding.clone();
        let hash = founding.digest();
        let state = FederationState::Assembling;
        let shown =
            FederationView { hash, founding, state, insecure: Vec::new(), keys: None, ceremony: None };
        let roster = federation.roster.clone();
        (
            shown,
            RosterView {
                hash: roster.digest(),
                roster,
                standing: Vec::new(),
                revoked: Vec::new(),
                next: None,
            },
        )
    }

    /// Reviews, as participant 2 of `pinned`, what the coordinator shows.
    fn look(
        pinned: &Federation,
        (federation, roster): (FederationView, RosterView),
        before: Option<&Roster>,
    ) -> Result<Review, ApprovalError> {
        let identity = pinned.identity(2);
        let keys = (identity.public(), identity.sealing_key());
        review(&pinned.membership(2), keys, federation, roster, before)
    }

    #[test]
    fn a_person_reads_everything_that_matters_before_approving() {
        let federation = Federation::new();
        let words = in_words(&look(&federation, views(&federation), None).unwrap(), false);
        let expected = [
            "normal, early, late",
            "the ballots of all 5 participants",
            "noise of 16 votes",
            "the coordinator 8 more",
            "up to 1 of 5 participants",
            "hospital-1 alone holds the decryption key",
            "hospital-5 with 20 teachers",
            "about one person",
            "INSECURE     insecure_toy_parameters",
        ];
        for part in expected {
            assert!(words.contains(part), "\"{part}\" is missing in:\n{words}");
        }
        let red = in_words(&look(&federation, views(&federation), None).unwrap(), true);
        assert!(red.contains("\x1b[1;31mINSECURE     insecure_toy_parameters"), "{red}");
    }

    #[test]
    fn another_event_0_than_at_enrolment_is_never_offered() {
        let (mine, other) = (Federation::new(), Federation::new());
        let refused = look(&mine, views(&other), None).unwrap_err();
        assert!(matches!(refused, ApprovalError::FoundingChanged { .. }), "{refused}");
    }

    #[test]
    fn a_roster_with_another_hash_or_other_facts_about_me_is_refused() {
        let federation = Federation::new();
        let (shown, mut roster) = views(&federation);
        roster.hash = Digest::of(b"another");
        assert!(matches!(look(&federation, (shown, roster), None), Err(ApprovalError::Hash { .. })));

        let bent = |bend: fn(&mut Roster)| {
            let (shown, mut roster) = views(&federation);
            bend(&mut roster.roster);
            roster.hash = roster.roster.digest();
            look(&federation, (shown, roster), None).map(drop)
        };
        let own = |field| Err(ApprovalError::OwnEntry { participant: number(2), field });
        assert_eq!(bent(|roster| roster.members[1].teachers = 40), own("number of teachers"));
        assert_eq!(bent(|roster| roster.members[1].identity = roster.members[0].identity), own("identity"));
        assert_eq!(bent(|roster| roster.members[1].trustee = true), own("trusteeship"));
        assert_eq!(
            bent(|roster| roster.members[2].trustee = true),
            Err(ApprovalError::Trustees { found: 2, seats: 1 })
        );
        assert_eq!(bent(|roster| drop(roster.members.remove(1))), Err(ApprovalError::NotOnRoster(number(2))));
    }

    #[test]
    fn the_trustee_never_changes_between_two_approvals() {
        let federation = Federation::new();
        let before = federation.roster.clone();
        let (shown, mut roster) = views(&federation);
        roster.roster.members[0].trustee = false;
        roster.roster.members[4].trustee = true;
        roster.hash = roster.roster.digest();
        let changed = look(&federation, (shown, roster), Some(&before)).map(drop);
        assert_eq!(changed, Err(ApprovalError::TrusteeChanged));
        look(&federation, views(&federation), Some(&before)).unwrap();
    }

    #[test]
    fn pins_come_back_and_belong_to_one_federation() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let federation = Federation::new();
        let (hash, roster) = (federation.founding.digest(), &federation.roster);
        assert_eq!(Pin::load(&home, hash).unwrap(), None);
        let pin = Pin::store(&home, roster, Millis(7)).unwrap();
        assert_eq!(Pin::load(&home, hash).unwrap(), Some(pin));
        assert_eq!(approved_roster(&home, hash, pin.roster).unwrap().as_ref(), Some(roster));
        assert_eq!(Pin::load(&home, Digest::of(b"another federation")).unwrap(), None);
        assert_eq!(approved_roster(&home, hash, Digest::of(b"never approved")).unwrap(), None);

        let mut forged = roster.clone();
        forged.members.pop();
        write_json(&home.roster(pin.roster), &forged).unwrap();
        let refused = approved_roster(&home, hash, pin.roster).unwrap_err().to_string();
        assert!(refused.contains("does not have the hash of its name"), "{refused}");
    }
}
