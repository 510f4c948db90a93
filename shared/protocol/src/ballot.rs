//! The ballot: one participant's encrypted counts for a whole round, framed and signed.
//!
//! | bytes | content |
//! |---|---|
//! | 4 | magic `PSEB` |
//! | 2 | version, little-endian |
//! | 1 | parameter set |
//! | 32 | hash of event 0 |
//! | 16 | round |
//! | 4 | participant |
//! | 32 | digest of the announcement |
//! | 4 | number of slots, of all steps together |
//! | n | compact lists, see [`fhe`]: those of the test, if the round has one, and those of the labels |
//! | 64 | ed25519 signature over everything before |

use crate::{federation::Roster, round::Announcement};
use base::{
    Step,
    identity::{Identity, IdentityError, SIGNATURE_BYTES, Signature},
    ids::{Digest, ParticipantId, RoundId},
};
use fhe::{self, BallotBody, Encoding, EncryptionKey, Layout, LayoutError, ParameterSet};

const MAGIC: &[u8; 4] = b"PSEB";
const VERSION: u16 = 1;
const DOMAIN: &str = "ballot";

/// Length of the header in bytes.
pub const HEADER_BYTES: usize = 4 + 2 + 1 + 32 + 16 + 4 + 32 + 4;

/// Why a ballot is refused at the door, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BallotError {
    /// The announcement itself is not usable.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The length differs from the only one possible.
    #[error("the ballot has {found} bytes, this round's ballots have exactly {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// The header is not a ballot header.
    #[error("the ballot's header does not begin with PSEB, version {VERSION}, and a participant from 1")]
    Framing,
    /// Other parameters or another number of slots.
    #[error("the ballot says {field} = {found}, this round needs {expected}")]
    Parameters {
        /// What differs.
        field: &'static str,
        /// Value found.
        found: u64,
        /// Value expected.
        expected: u64,
    },
    /// The participant is not on the round's roster.
    #[error("participant {0} is not on the round's roster")]
    NotOnRoster(ParticipantId),
    /// The header names somebody else than the sender.
    #[error("the ballot names participant {named}, but participant {sender} sent it")]
    Sender {
        /// Participant in the header.
        named: ParticipantId,
        /// Participant that the token belongs to.
        sender: ParticipantId,
    },
    /// The signature does not match.
    #[error("the ballot is not signed by participant {0}")]
    Signature(ParticipantId),
    /// It was cast for something else.
    #[error("the ballot was cast for {field} {found}, this round has {expected}")]
    Announcement {
        /// What differs.
        field: &'static str,
        /// Value found.
        found: String,
        /// Value expected.
        expected: String,
    },
    /// The ciphertexts cannot be read.
    #[error("the ballot's ciphertexts cannot be read: {0}")]
    Body(String),
}

/// A ballot that passed every check that needs no database.
#[derive(Debug, Clone)]
pub struct ValidBallot {
    /// Who cast it.
    pub participant: ParticipantId,
    /// Digest of all its bytes.
    pub digest: Digest,
    /// Its ciphertexts.
    pub bodies: Bodies,
}

/// Ciphertexts of a ballot: one body per step, in the order of the steps.
#[derive(Debug, Clone)]
pub struct Bodies(Vec<(Step, BallotBody)>);

impl Bodies {
    /// Reads what follows a ballot's header, and all of the coordinator's noise ballot.
    ///
    /// # Errors
    /// Refuses any other length than that of the round's lists.
    pub fn parse(bytes: &[u8], announcement: &Announcement) -> Result<Self, BallotError> {
        let (layout, steps) = (announcement.layout()?, announcement.steps());
        let (found, expected) = (bytes.len(), steps.len() * layout.body_bytes());
        if found != expected {
            return Err(BallotError::Length { found, expected });
        }
        let bodies = steps.iter().zip(bytes.chunks_exact(layout.body_bytes())).map(|(step, lists)| {
            let body = BallotBody::parse(lists, layout).map_err(|e| BallotError::Body(e.to_string()))?;
            Ok((*step, body))
        });
        Ok(Self(bodies.collect::<Result<_, BallotError>>()?))
    }

    /// Returns the ciphertexts of a step, if the round has it.
    pub fn of(&self, step: Step) -> Option<&BallotBody> {
        self.0.iter().find(|(own, _)| *own == step).map(|(_, body)| body)
    }
}

/// Noisy counts of one step (instance-major, in votes), and how they are encoded.
#[derive(Debug, Clone, Copy)]
pub struct StepCounts<'a> {
    /// How they are encoded.
    pub encoding: &'a Encoding,
    /// The counts.
    pub counts: &'a [i64],
}

/// Encrypts the counts of every step, in the order of the steps: the body of a ballot, and a whole noise ballot.
pub fn encrypt(key: &EncryptionKey, steps: &[StepCounts<'_>]) -> Result<Vec<u8>, fhe::BallotError> {
    let mut bytes = Vec::new();
    for StepCounts { encoding, counts } in steps {
        bytes.extend(fhe::encrypt(key, encoding, counts)?);
    }
    Ok(bytes)
}

/// Everything a ballot is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// The round's announcement.
    pub announcement: &'a Announcement,
    /// The roster under which the round is held.
    pub roster: &'a Roster,
}

/// Returns the exact length in bytes of a round's ballots.
pub fn ballot_bytes(announcement: &Announcement) -> Result<usize, LayoutError> {
    Ok(HEADER_BYTES + announcement.steps().len() * announcement.layout()?.body_bytes() + SIGNATURE_BYTES)
}

/// Returns the number of slots of a round's ballots, of all steps together.
fn slots(announcement: &Announcement, layout: &Layout) -> usize {
    announcement.steps().len() * layout.slots()
}

/// Returns the byte that names a parameter set in a ballot's header.
const fn parameter_code(set: ParameterSet) -> u8 {
    match set {
        ParameterSet::Full => 1,
        ParameterSet::Swift => 2,
        ParameterSet::InsecureToy => 255,
    }
}

/// Encrypts, frames and signs one participant's noisy counts, of every step in its order.
pub fn cast(
    identity: &Identity,
    participant: ParticipantId,
    announcement: &Announcement,
    key: &EncryptionKey,
    steps: &[StepCounts<'_>],
) -> Result<Vec<u8>, fhe::BallotError> {
    let body = encrypt(key, steps)?;
    let slots: usize = steps.iter().map(|step| step.counts.len()).sum();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len() + SIGNATURE_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(parameter_code(announcement.parameters));
    bytes.extend_from_slice(announcement.federation.as_bytes());
    bytes.extend_from_slice(announcement.round.as_bytes());
    bytes.extend_from_slice(&participant.get().to_le_bytes());
    bytes.extend_from_slice(announcement.digest().as_bytes());
    bytes.extend_from_slice(&(slots as u32).to_le_bytes());
    bytes.extend_from_slice(&body);
    let signature = identity.sign_bytes(DOMAIN, &bytes);
    bytes.extend_from_slice(signature.as_bytes());
    Ok(bytes)
}

/// Header as read, before anything in it is believed.
struct Header {
    parameters: u8,
    federation: Digest,
    round: RoundId,
    participant: ParticipantId,
    announcement: Digest,
    slots: u32,
}

/// Takes the next `N` bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

impl Header {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let rest = &mut bytes;
        let known = take(rest)? == *MAGIC && u16::from_le_bytes(take(rest)?) == VERSION;
        let header = Self {
            parameters: take::<1>(rest)?[0],
            federation: Digest::from_bytes(take(rest)?),
            round: RoundId::from_bytes(take(rest)?),
            participant: ParticipantId::new(u32::from_le_bytes(take(rest)?))?,
            announcement: Digest::from_bytes(take(rest)?),
            slots: u32::from_le_bytes(take(rest)?),
        };
        known.then_some(header)
    }
}

impl Door<'_> {
    /// Checks a ballot: size, framing, parameters, signature, announcement, in this order.
    ///
    /// State, deadline and "one ballot per participant" need the database and come after.
    pub fn admit(&self, bytes: &[u8], sender: ParticipantId) -> Result<ValidBallot, BallotError> {
        let layout = self.announcement.layout()?;
        let (found, expected) = (bytes.len(), ballot_bytes(self.announcement)?);
        if found != expected {
            return Err(BallotError::Length { found, expected });
        }
        let header = Header::read(bytes).ok_or(BallotError::Framing)?;
        self.check_parameters(&header, &layout)?;
        let named = header.participant;
        if named != sender {
            return Err(BallotError::Sender { named, sender });
        }
        self.check_signature(bytes, named)?;
        self.check_announcement(&header)?;
        let lists = bytes.get(HEADER_BYTES..expected - SIGNATURE_BYTES).unwrap_or_default();
        let bodies = Bodies::parse(lists, self.announcement)?;
        Ok(ValidBallot { participant: named, digest: Digest::of(bytes), bodies })
    }

    fn check_parameters(&self, header: &Header, layout: &Layout) -> Result<(), BallotError> {
        let code = parameter_code(self.announcement.parameters);
        let (found, expected) = (u64::from(header.parameters), u64::from(code));
        if found != expected {
            return Err(BallotError::Parameters { field: "parameter set", found, expected });
        }
        let (found, expected) = (u64::from(header.slots), slots(self.announcement, layout) as u64);
        if found != expected {
            return Err(BallotError::Parameters { field: "slots", found, expected });
        }
        Ok(())
    }

    fn check_signature(&self, bytes: &[u8], named: ParticipantId) -> Result<(), BallotError> {
        let member = self.roster.member(named).ok_or(BallotError::NotOnRoster(named))?;
        let (signed, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(BallotError::Framing)?;
        member
            .identity
            .verify_bytes(DOMAIN, signed, &Signature::from_bytes(*signature))
            .map_err(|_: IdentityError| BallotError::Signature(named))
    }

    fn check_announcement(&self, header: &Header) -> Result<(), BallotError> {
        let expected = self.announcement;
        let differs = |field, found: String, expected: String| {
            if found == expected {
                return Ok(());
            }
            Err(BallotError::Announcement { field, found, expected })
        };
        differs("federation", header.federation.to_string(), expected.federation.to_string())?;
        differs("round", header.round.to_string(), expected.round.to_string())?;
        differs("announcement", header.announcement.to_string(), expected.digest().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Federation, encryption_key, participant};

    struct Scene {
        federation: Federation,
        announcement: Announcement,
        ballot: Vec<u8>,
    }

    /// Participant 1 casts a valid ballot in a round of five instances.
    fn scene() -> Scene {
        let federation = Federation::new(5);
        let announcement = federation.announce(1, 5);
        let ballot = vote(&federation, &announcement, 0, 1);
        Scene { federation, announcement, ballot }
    }

    /// Casts a ballot in the name of a participant, signed by some member's identity.
    fn vote(federation: &Federation, announcement: &Announcement, signer: usize, named: u32) -> Vec<u8> {
        let identity = &federation.identities[signer];
        let (founding, roster) = (&federation.founding, &federation.roster);
        let encodings: Vec<Encoding> = announcement
            .steps()
            .iter()
            .map(|step| announcement.encoding(founding, roster, *step).unwrap())
            .collect();
        let counts = vec![1; announcement.layout().unwrap().slots()];
        let steps: Vec<StepCounts<'_>> =
            encodings.iter().map(|encoding| StepCounts { encoding, counts: &counts }).collect();
        cast(identity, participant(named), announcement, &encryption_key(), &steps).unwrap()
    }

    impl Scene {
        fn admit(&self, bytes: &[u8]) -> Result<ValidBallot, BallotError> {
            let door = Door { announcement: &self.announcement, roster: &self.federation.roster };
            door.admit(bytes, participant(1))
        }

        /// Changes one byte and signs again, as a participant could.
        fn forge(&self, position: usize) -> Vec<u8> {
            let mut bytes = self.ballot.clone();
            bytes[position] ^= 0x40;
            let signed = bytes.len() - SIGNATURE_BYTES;
            let signature = self.federation.identities[0].sign_bytes(DOMAIN, &bytes[..signed]);
            bytes[signed..].copy_from_slice(signature.as_bytes());
            bytes
        }
    }

    #[test]
    fn a_ballot_gets_in_with_the_digest_of_its_bytes() {
        let scene = scene();
        let ballot = scene.admit(&scene.ballot).unwrap();
        assert_eq!((ballot.participant, ballot.digest), (participant(1), Digest::of(&scene.ballot)));
    }

    #[test]
    fn a_two_step_ballot_has_ciphertexts_for_each_step_and_no_other_length() {
        let federation = Federation::of_two_steps(5);
        let announcement = federation.announce(1, 5);
        let ballot = vote(&federation, &announcement, 0, 1);
        let (plain, scene) = (scene(), Scene { federation, announcement, ballot });
        let bodies = scene.admit(&scene.ballot).unwrap().bodies;
        assert!(bodies.of(Step::Test).is_some() && bodies.of(Step::Label).is_some());
        assert!(plain.admit(&plain.ballot).unwrap().bodies.of(Step::Test).is_none());
        let expected = scene.ballot.len();
        let half = scene.announcement.layout().unwrap().body_bytes();
        assert_eq!(expected, plain.ballot.len() + half);
        let refused = scene.admit(&scene.ballot[..expected - half]).unwrap_err();
        assert_eq!(refused, BallotError::Length { found: expected - half, expected });
    }

    #[test]
    fn every_other_length_is_refused_before_anything_is_read() {
        let scene = scene();
        let expected = scene.ballot.len();
        let longer = [scene.ballot.as_slice(), &[0]].concat();
        for bytes in [&scene.ballot[..expected - 1], &longer, &[]] {
            let found = bytes.len();
            assert_eq!(scene.admit(bytes).unwrap_err(), BallotError::Length { found, expected });
        }
    }

    #[test]
    fn each_field_of_the_header_is_checked_and_named() {
        let scene = scene();
        let refusal = |position| scene.admit(&scene.forge(position)).unwrap_err();
        assert_eq!(refusal(0), BallotError::Framing, "magic");
        assert_eq!(refusal(4), BallotError::Framing, "version");
        assert!(matches!(refusal(6), BallotError::Parameters { field: "parameter set", .. }));
        assert!(matches!(refusal(7), BallotError::Announcement { field: "federation", .. }));
        assert!(matches!(refusal(39), BallotError::Announcement { field: "round", .. }));
        assert!(matches!(refusal(55), BallotError::Sender { .. }));
        assert!(matches!(refusal(59), BallotError::Announcement { field: "announcement", .. }));
        assert!(matches!(refusal(91), BallotError::Parameters { field: "slots", .. }));
    }

    #[test]
    fn only_the_named_participant_can_sign_and_send_its_ballot() {
        let scene = scene();
        let mut unsigned = scene.ballot.clone();
        let start = unsigned.len() - SIGNATURE_BYTES;
        unsigned[start..].fill(0);
        assert_eq!(scene.admit(&unsigned).unwrap_err(), BallotError::Signature(participant(1)));
        let by_another = vote(&scene.federation, &scene.announcement, 1, 1);
        assert_eq!(scene.admit(&by_another).unwrap_err(), BallotError::Signature(participant(1)));
        let for_another = vote(&scene.federation, &scene.announcement, 0, 2);
        assert!(matches!(scene.admit(&for_another).unwrap_err(), BallotError::Sender { .. }));
        let stranger = Federation::new(6);
        let door = Door { announcement: &scene.announcement, roster: &scene.federation.roster };
        let sixth = vote(&stranger, &scene.announcement, 5, 6);
        assert_eq!(door.admit(&sixth, participant(6)).unwrap_err(), BallotError::NotOnRoster(participant(6)));
    }

    #[test]
    fn a_ballot_for_another_round_or_other_instances_is_refused() {
        let scene = scene();
        let elsewhere = vote(&scene.federation, &scene.federation.announce(2, 5), 0, 1);
        assert!(matches!(scene.admit(&elsewhere), Err(BallotError::Announcement { field: "round", .. })));
        let mut other = scene.announcement.clone();
        other.instances = Digest::of(b"other instances");
        let swapped = vote(&scene.federation, &other, 0, 1);
        assert!(matches!(
            scene.admit(&swapped),
            Err(BallotError::Announcement { field: "announcement", .. })
        ));
    }
}
