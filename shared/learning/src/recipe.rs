//! Everything that decides a training besides the data and the seed.

use super::augment::{Augment, AugmentError};
use super::network::{NetworkConfig, NetworkError, Plan};
use super::store::FirstWeights;
use base::schema::{InstanceKind, InstanceSchema};
use serde::{Deserialize, Serialize};

/// The most epochs, and the most records in a batch.
pub const MAX_EPOCHS: usize = 100_000;

/// Why a recipe is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// The network fits neither instances nor classes.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The augmentation does not fit the instances.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// Epochs or batch are outside their range.
    #[error("{what} is {value}; it must be between 1 and {MAX_EPOCHS}")]
    Count {
        /// `epochs` or `batch`.
        what: &'static str,
        /// The refused value.
        value: usize,
    },
    /// The learning rate is not in (0, 1].
    #[error("learning rate {rate} must be above 0 and at most 1")]
    Rate {
        /// The refused value.
        rate: f64,
    },
}

/// How long and how fast to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// How often each record is shown.
    pub epochs: usize,
    /// How many records make one step.
    pub batch: usize,
    /// Adam's first learning rate; it falls linearly to 0.
    pub rate: f64,
    /// How records are changed each time they are shown.
    pub augment: Augment,
}

impl TrainConfig {
    /// Returns the rate of `step` out of `total`, counted from 0.
    pub(super) fn rate_at(&self, step: usize, total: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "the rate needs no more than a few digits")]
        let done = step as f64 / total as f64;
        self.rate * (1.0 - done)
    }
}

/// Everything that decides a training besides the data and the seed; fixed by the federation or by a participant,
/// never fitted over more than one shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The shape of the instances.
    pub schema: InstanceSchema,
    /// The number of classes, at least 2.
    pub classes: u16,
    /// The layers.
    pub network: NetworkConfig,
    /// The training.
    pub train: TrainConfig,
    /// The weights to start from, which must not come from private records; drawn ones by default.
    #[serde(skip)]
    pub first: Option<FirstWeights>,
}

impl Recipe {
    /// Returns the defaults for teachers on shards of some hundred records.
    #[must_use]
    pub fn teacher(schema: InstanceSchema, classes: u16) -> Self {
        let network = NetworkConfig::default_for(&schema);
        let augment = Augment::default_for(&schema);
        let (epochs, batch, rate) = match schema.kind() {
            InstanceKind::Image => (18, 16, 3e-3),
            InstanceKind::Signal => (40, 8, 3e-3),
            InstanceKind::Table => (40, 32, 2e-3),
        };
        Self { schema, classes, network, train: TrainConfig { epochs, batch, rate, augment }, first: None }
    }

    /// Returns the defaults for a student on few labeled instances: longer training.
    #[must_use]
    pub fn student(schema: InstanceSchema, classes: u16) -> Self {
        let teacher = Self::teacher(schema, classes);
        let epochs = 5 * teacher.train.epochs;
        Self { train: TrainConfig { epochs, ..teacher.train }, ..teacher }
    }

    /// Checks that schema, classes, network and training fit together, and gives the sizes of the layers.
    pub(super) fn check(&self) -> Result<Plan, RecipeError> {
        let TrainConfig { epochs, batch, rate, augment } = &self.train;
        for (what, value) in [("epochs", *epochs), ("batch", *batch)] {
            if !(1..=MAX_EPOCHS).contains(&value) {
                return Err(RecipeError::Count { what, value });
            }
        }
        if !(*rate > 0.0 && *rate <= 1.0) {
            return Err(RecipeError::Rate { rate: *rate });
        }
        augment.check(&self.schema)?;
        Ok(self.network.plan(&self.schema, self.classes)?)
    }
}
