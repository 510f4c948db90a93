//! Small federations for tests.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot begin panics"
)]

mod trustees;

use std::sync::Arc;

pub use trustees::Made;

use crate::{
    federation::{Enrolment, FederationConfig, Founding, Roster, Trustees},
    round::{Announcement, RoundRequest},
};
use base::{
    clock::Millis,
    identity::Identity,
    ids::{Digest, ParticipantId, RoundId},
};
use fhe::{EncryptionKey, ParameterSet, SecretKeys, Unrolling};

/// A config with three classes and toy parameters.
pub const CONFIG: &str = r#"
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

/// Returns the config for several trustees, and what else it says at its end.
#[must_use]
pub fn shared_config((count, threshold): (u8, u8), more: &str) -> String {
    let plain = CONFIG.replace("insecure_toy_parameters = true\n", "");
    format!("{plain}\n[trustees]\ncount = {count}\nthreshold = {threshold}\n{more}")
}

/// A federation with everybody's secrets.
pub struct Federation {
    /// The coordinator.
    pub coordinator: Identity,
    /// The participants, in the order of their numbers from 1.
    pub identities: Vec<Arc<Identity>>,
    /// Event 0.
    pub founding: Founding,
    /// Everybody; the first of them are the trustees.
    pub roster: Roster,
}

impl Federation {
    /// Founds one of three classes with so many participants of two teachers each.
    #[must_use]
    pub fn new(participants: u32) -> Self {
        Self::of(CONFIG, participants, 2)
    }

    /// Founds one whose rounds have two steps: a test of five votes with σ₁ = 9 and the coordinator's 2.
    #[must_use]
    pub fn of_two_steps(participants: u32) -> Self {
        let threshold = "\n[threshold]\nvotes = 5\ntest = { sigma = 9, coordinator_sigma = 2 }\n";
        Self::of(&format!("{CONFIG}{threshold}"), participants, 2)
    }

    /// Founds one from a config in TOML, with so many participants of so many teachers each.
    #[must_use]
    pub fn of(config: &str, participants: u32, teachers: u32) -> Self {
        let config = FederationConfig::from_toml(config).unwrap();
        let coordinator = Identity::generate().unwrap();
        let founding = Founding { config, coordinator: coordinator.public(), founded_at: Millis(1) };
        let identities: Vec<_> = (0..participants).map(|_| Arc::new(Identity::generate().unwrap())).collect();
        let seats = u32::from(founding.config.trustees.count);
        let members = identities.iter().zip(1..).map(|(identity, number)| {
            let (identity, sealing) = (identity.public(), identity.sealing_key());
            let enrolment = Enrolment { invite: Digest::of(b"invite"), identity, sealing, teachers };
            let name = format!("hospital-{number}");
            enrolment.into_member(participant(number), name, number <= seats).unwrap()
        });
        let roster = Roster { federation: founding.digest(), members: members.collect() };
        Self { coordinator, identities, founding, roster }
    }

    /// Returns a participant's identity, by its number from 1.
    #[must_use]
    pub fn identity(&self, number: u32) -> &Identity {
        &self.identities[number as usize - 1]
    }

    /// Lets its trustees make a key together.
    #[must_use]
    pub fn make_key(&self) -> Made {
        let sharing = self.founding.config.trustees.sharing().unwrap().unwrap();
        let trustees = Trustees::of(&self.roster);
        let identities = self.identities.iter().take(trustees.members.len()).cloned().collect();
        Made::new(&trustees, sharing, identities)
    }

    /// Announces a round of so many instances.
    #[must_use]
    pub fn announce(&self, round: u8, instances: u32) -> Announcement {
        self.announce_as(&request(round, instances))
    }

    /// Announces a round as it is asked for.
    #[must_use]
    pub fn announce_as(&self, request: &RoundRequest) -> Announcement {
        Announcement::derive(&self.founding, &self.roster, request).unwrap()
    }
}

/// Returns a participant's number.
#[must_use]
pub fn participant(number: u32) -> ParticipantId {
    ParticipantId::new(number).unwrap()
}

/// Returns what an operator asks for: a round of so many instances with a window of a second.
#[must_use]
pub fn request(round: u8, instances: u32) -> RoundRequest {
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
#[must_use]
pub fn encryption_key() -> EncryptionKey {
    let set = ParameterSet::InsecureToy;
    let material = SecretKeys::generate(set).unwrap().public_material(Unrolling::Bits).unwrap();
    EncryptionKey::from_bytes(&material.public_key, set).unwrap()
}
