//! What a fleet is made of, and the record that keeps a second start from mixing two fleets.

use std::path::PathBuf;

use base::{
    fingerprint::Fingerprint,
    schema::{InstanceKind, InstanceSchema},
};
use learning::{Augment, NetworkConfig, Partition, Recipe, TrainConfig, Warp, network::CnnConfig};
use serde::{Deserialize, Serialize};

use super::FleetError;
use runtime::files::{Access, make_folder, read_json, write_json};

/// Most participants of one fleet.
pub const MOST: usize = 1000;
/// Heartbeats per second of a whole fleet, where `--poll` does not say otherwise.
const BEATS_PER_SECOND: f64 = 50.0;
/// Most teachers of one participant, as in its config.
const MAX_TEACHERS: u32 = 10_000;

/// Choice of the teachers that a fleet trains; `None` is the default for its data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecipeChoice {
    /// The network.
    pub model: Option<NetworkConfig>,
    /// How often each record is shown.
    pub epochs: Option<usize>,
    /// Whether records are shown as they are.
    pub plain: bool,
}

/// Everything that makes a fleet.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Address of the coordinator.
    pub coordinator: String,
    /// Certificate to which the coordinator's chain must lead.
    pub fingerprint: Option<Fingerprint>,
    /// Permits plain http to another machine.
    pub insecure_http: bool,
    /// File of invites.
    pub invites: Option<PathBuf>,
    /// Folder of the homes.
    pub homes: PathBuf,
    /// Labelled data of everybody together.
    pub data: PathBuf,
    /// Number of participants.
    pub participants: usize,
    /// Teachers of each.
    pub teachers: u32,
    /// How the data is dealt.
    pub partition: Partition,
    /// Seed of data and training; by default the one that the fleet was made with, or a random one.
    pub seed: Option<u64>,
    /// Which teachers.
    pub recipe: RecipeChoice,
    /// Seconds between two heartbeats of one member.
    pub poll: Option<f64>,
}

/// Content of `fleet.json` beside the homes: the settings that a second start must repeat.
#[derive(Debug, Serialize, Deserialize)]
struct Settings {
    participants: usize,
    teachers: u32,
    partition: String,
    seed: u64,
    data: PathBuf,
}

impl Plan {
    /// Checks the numbers.
    pub(super) fn check(&self) -> Result<(), FleetError> {
        if !(1..=MOST).contains(&self.participants) {
            return Err(FleetError::Participants { found: self.participants });
        }
        if !(1..=MAX_TEACHERS).contains(&self.teachers) {
            return Err(FleetError::Teachers { found: self.teachers });
        }
        match self.poll {
            Some(found) if !(0.1..=3600.0).contains(&found) => Err(FleetError::Poll { found }),
            _ => Ok(()),
        }
    }

    /// Returns the seconds between two heartbeats of one member: two, or more where many would drown the coordinator.
    pub(super) fn poll(&self) -> f64 {
        self.poll.unwrap_or((self.participants as f64 / BEATS_PER_SECOND).max(2.0))
    }

    /// Compares the settings with those of the first start, if there was one, and returns the seed.
    pub(super) fn settle(&self) -> Result<u64, FleetError> {
        let path = self.record();
        let Some(before) = read_json::<Settings>(&path)? else {
            let random = || getrandom::u64().map_err(|e| FleetError::Randomness(e.to_string()));
            return self.seed.map_or_else(random, Ok);
        };
        let now = self.settings(self.seed.unwrap_or(before.seed));
        let compared = [
            ("--participants", before.participants.to_string(), now.participants.to_string()),
            ("--teachers", before.teachers.to_string(), now.teachers.to_string()),
            ("--partition", before.partition, now.partition),
            ("--seed", before.seed.to_string(), now.seed.to_string()),
            ("--data", before.data.display().to_string(), now.data.display().to_string()),
        ];
        match compared.into_iter().find(|(_, before, now)| before != now) {
            Some((key, before, now)) => Err(FleetError::OtherSettings { path, key, before, now }),
            None => Ok(now.seed),
        }
    }

    /// Keeps the settings beside the homes, before the first is made.
    pub(super) fn keep(&self, seed: u64) -> Result<(), FleetError> {
        make_folder(&self.homes, Access::Public)?;
        Ok(write_json(&self.record(), &self.settings(seed))?)
    }

    fn record(&self) -> PathBuf {
        self.homes.join("fleet.json")
    }

    fn settings(&self, seed: u64) -> Settings {
        Settings {
            participants: self.participants,
            teachers: self.teachers,
            partition: self.partition.to_string(),
            seed,
            data: std::path::absolute(&self.data).unwrap_or_else(|_| self.data.clone()),
        }
    }
}

impl RecipeChoice {
    /// Returns network and training for instances of this kind; nothing where the usual defaults apply.
    ///
    /// A fleet's shards of images are small: a small convolutional network, whose images are shown often and never twice
    /// alike, by changes that were measured to teach handwritten digits well.
    pub(super) fn settle(
        &self,
        schema: &InstanceSchema,
        classes: u16,
    ) -> (Option<NetworkConfig>, Option<TrainConfig>) {
        let usual = Recipe::teacher(schema.clone(), classes);
        let small = NetworkConfig::Cnn(CnnConfig { channels: [8, 16], hidden: 64 });
        let is_image = schema.kind() == InstanceKind::Image && small.check(schema, classes).is_ok();
        let warp = Warp { shift: 2.0, rotation: 12.0, scale: 0.12, shear: 0.15, ..Warp::default() };
        let changes = Augment::Warp(warp);
        let (network, mut train) = match is_image && changes.check(schema).is_ok() {
            true => (small, TrainConfig { epochs: 60, batch: 16, rate: 3e-3, augment: changes }),
            false => (usual.network, usual.train),
        };
        if let Some(epochs) = self.epochs {
            train.epochs = epochs;
        }
        if self.plain {
            train.augment = Augment::None {};
        }
        (Some(self.model.clone().unwrap_or(network)), Some(train))
    }
}
