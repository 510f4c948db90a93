//! Small federations for the tests of this crate.

use crate::{
    clock::Millis,
    federation::{Enrolment, FederationConfig, Founding, Roster},
    fhe::{EncryptionKey, ParameterSet, SecretKeys, Unrolling},
    identity::Identity,
    ids::{Digest, ParticipantId, RoundId},
    round::{Announcement, RoundRequest},
};

/// Is a config with three classes and toy parameters.
pub(crate) const CONFIG: &str = r#"
name = "three letters"
classes = ["a", "b", "c"]
quorum = "all"
insecure_toy_parameters = true

[instances]
kind = "table"
shape = [4]

[noise]
sigma = 6
coordinator_sigma = 4
honest_fraction = "0.7"

[privacy]
delta = 1e-5
"#;

/// Is a federation of so many participants with two teachers each, and their identities.
pub(crate) struct Federation {
    pub(crate) founding: Founding,
    pub(crate) roster: Roster,
    pub(crate) identities: Vec<Identity>,
}

impl Federation {
    pub(crate) fn new(participants: u32) -> Self {
        Self::of(FederationConfig::from_toml(CONFIG).unwrap(), participants)
    }

    /// Is one whose rounds have two steps: a test of five votes with σ₁ = 9 and the coordinator's 2.
    pub(crate) fn of_two_steps(participants: u32) -> Self {
        let threshold = "\n[threshold]\nvotes = 5\ntest = { sigma = 9, coordinator_sigma = 2 }\n";
        Self::of(FederationConfig::from_toml(&format!("{CONFIG}{threshold}")).unwrap(), participants)
    }

    fn of(config: FederationConfig, participants: u32) -> Self {
        let coordinator = Identity::generate().unwrap().public();
        let founding = Founding { config, coordinator, founded_at: Millis(0) };
        let identities: Vec<_> = (0..participants).map(|_| Identity::generate().unwrap()).collect();
        let members = identities.iter().zip(1..).map(|(identity, number)| {
            let (identity, sealing) = (identity.public(), identity.sealing_key());
            let enrolment = Enrolment { invite: Digest::of(b"invite"), identity, sealing, teachers: 2 };
            enrolment.into_member(participant(number), format!("hospital-{number}"), number == 1).unwrap()
        });
        let roster = Roster { federation: founding.digest(), members: members.collect() };
        Self { founding, roster, identities }
    }

    pub(crate) fn announce(&self, round: u8, instances: u32) -> Announcement {
        Announcement::derive(&self.founding, &self.roster, &request(round, instances)).unwrap()
    }
}

pub(crate) fn participant(number: u32) -> ParticipantId {
    ParticipantId::new(number).unwrap()
}

pub(crate) fn request(round: u8, instances: u32) -> RoundRequest {
    RoundRequest {
        round: RoundId::from_bytes([round; 16]),
        instances: Digest::of(b"instances"),
        instance_count: instances,
        keys: Digest::of(b"keys"),
        opens_at: Millis(1_000),
        closes_at: Millis(2_000),
    }
}

/// Returns a fresh toy encryption key.
pub(crate) fn encryption_key() -> EncryptionKey {
    let set = ParameterSet::InsecureToy;
    let material = SecretKeys::generate(set).unwrap().public_material(Unrolling::Bits).unwrap();
    EncryptionKey::from_bytes(&material.public_key, set).unwrap()
}
