//! The agreement: with which trustees this institution shares the key, and who deals; a person's act.

use base::{
    clock::Millis,
    identity::{PublicIdentity, SealingKey},
    ids::{Digest, ParticipantId},
};
use protocol::{
    federation::{Founding, TrusteeApproval, Trustees},
    transcript::Replay,
};
use serde::{Deserialize, Serialize};
use threshold::{Sharing, SharingError, TrusteeIndex};

use crate::home::Home;
use runtime::files::{Access, FileError, make_folder, read_json, write_json};

/// Says why this institution takes no part in the ceremony as it stands.
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
    /// The transcript shows other keys of this institution than its own.
    #[error(
        "the transcript shows another {0} of this institution than its own: pieces would be sealed to somebody else; \
         nothing is approved"
    )]
    OwnKeys(&'static str),
    /// A person has to approve.
    #[error("no person here has approved the trustees and the dealer: run `participant trustee approve`")]
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

/// Is what a person approved about the trustees, in `state/trustee/approval.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrusteePin {
    /// Hash of event 0.
    pub federation: Digest,
    /// Hash of the list of trustees.
    pub trustees: Digest,
    /// Who deals.
    pub dealer: ParticipantId,
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
        let pin = Self { federation, trustees, dealer: seat.dealer, approved_at };
        make_folder(&home.trustee(), Access::Public)?;
        write_json(&home.trustee().join("approval.json"), &pin)?;
        Ok(pin)
    }

    /// Returns the statement that tells the others.
    pub const fn statement(&self, participant: ParticipantId) -> TrusteeApproval {
        let Self { federation, trustees, dealer, .. } = *self;
        TrusteeApproval { federation, trustees, dealer, participant }
    }
}

/// Is this institution's place among the trustees, once all of them are known.
#[derive(Debug, Clone)]
pub struct Seat {
    /// All trustees.
    pub trustees: Trustees,
    /// This one.
    pub participant: ParticipantId,
    /// Its place, from 1.
    pub index: TrusteeIndex,
    /// Who deals and is trusted at set-up.
    pub dealer: ParticipantId,
    /// How the key is shared.
    pub sharing: Sharing,
}

impl Seat {
    /// Finds this institution's seat on the followed transcript; all seats must be taken, its own by its own keys.
    pub fn find(
        replay: &Replay,
        participant: ParticipantId,
        keys: (PublicIdentity, SealingKey),
    ) -> Result<Self, AgreementError> {
        let policy = replay.founding().config.trustees;
        if policy.is_sole() {
            return Err(AgreementError::Sole);
        }
        let trustees = replay.trustees();
        let own = trustees.members.iter().find(|(id, _, _)| *id == participant);
        let (_, identity, sealing) = own.ok_or(AgreementError::NotTrustee(participant))?;
        if *identity != keys.0 {
            return Err(AgreementError::OwnKeys("signing key"));
        }
        if *sealing != keys.1 {
            return Err(AgreementError::OwnKeys("sealed-box key"));
        }
        let (taken, seats) = (trustees.members.len(), usize::from(policy.count));
        let index = trustees.index(participant).ok_or(AgreementError::NotTrustee(participant))?;
        let dealer = trustees.dealer().filter(|_| taken == seats);
        let dealer = dealer.ok_or(AgreementError::Incomplete { taken, seats })?;
        Ok(Self { participant, index, dealer, sharing: policy.sharing()?, trustees })
    }

    /// Checks that a person here approved exactly these trustees and this dealer.
    pub fn check_approved(&self, home: &Home) -> Result<(), AgreementError> {
        let pin = TrusteePin::load(home, self.trustees.federation)?.ok_or(AgreementError::NotApproved)?;
        let (found, approved) = (self.trustees.digest(), pin.trustees);
        if found != approved || pin.dealer != self.dealer {
            return Err(AgreementError::Changed { found, approved });
        }
        Ok(())
    }

    /// Describes what a person approves, one fact per line.
    pub fn in_words(&self, founding: &Founding, name: impl Fn(ParticipantId) -> String) -> String {
        let (n, t) = (self.sharing.count(), self.sharing.threshold());
        let dealer = name(self.dealer);
        let mut lines = vec![
            format!("federation   {} ({})", founding.config.name, self.trustees.federation),
            format!("trustees     {n}, hash {}", self.trustees.digest()),
        ];
        lines.extend(self.trustees.members.iter().map(|(id, identity, _)| {
            let you = if *id == self.participant { ", this institution" } else { "" };
            format!("  {id:>3}  {}{you} (key {}...)", name(*id), identity.to_string().get(..16).unwrap_or(""))
        }));
        lines.push(format!(
            "threshold    any {} of the {n} together decrypt; up to {t} corrupt ones learn nothing and cannot stop the \
             others",
            t + 1
        ));
        lines.push(format!(
            "dealer       {dealer} makes the key, splits it, seals each trustee its pieces and forgets it: {dealer} \
             is trusted at set-up, because whoever kept the key could decrypt every ballot alone"
        ));
        lines.join("\n")
    }
}
