//! How a student is trained, as data: every setting has a default that fits the instances.

use super::loss::LabelLoss;
use crate::{
    Augment, FeatureConfig, NetworkConfig, Recipe, RecipeError, TrainConfig,
    network::{CnnConfig, Plan, WideConfig},
    recipe::MAX_EPOCHS,
    warp::Warp,
    wobble::Wobble,
};
use base::schema::{InstanceKind, InstanceSchema};
use serde::{Deserialize, Serialize};

/// The most steps of consistency training, and the most instances in one step.
pub const MAX_STEPS: usize = 1_000_000;
/// How often the schedule shows each instance of the pool.
const PASSES: usize = 85;
/// The fewest and the most steps of the schedule.
const SCHEDULE: std::ops::RangeInclusive<usize> = 200..=12_000;

/// How the student learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// `consistency` if at least as many instances have no label as have one, else `plain`.
    #[default]
    Auto,
    /// From the labels alone.
    Plain,
    /// From the labels and from all instances without one.
    Consistency,
}

/// What the student's pseudo-labels are pulled towards, class by class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alignment {
    /// Nothing: classes may be as frequent as the student finds them.
    None,
    /// All classes are equally frequent.
    #[default]
    Uniform,
    /// Classes are as frequent as among the released labels.
    Labels,
}

/// From which weights consistency training starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// From features learnt without any label, where there is a change of instances to learn them by.
    #[default]
    Features,
    /// From drawn ones.
    Random,
}

/// Everything that decides a student besides the data and the seed; what is left out takes its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudentConfig {
    /// How it learns.
    pub method: Method,
    /// Its layers; by default wide convolutions for images trained by consistency, else a teacher's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkConfig>,
    /// Training on the labels alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<TrainConfig>,
    /// How the features are learnt that it starts from.
    pub features: FeatureConfig,
    /// Training on labels and unlabeled instances.
    pub consistency: ConsistencyConfig,
}

/// Consistency training in the way of FixMatch (Sohn et al. 2020): what the student is sure of in a weakly changed
/// instance, it must say of the same instance changed strongly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsistencyConfig {
    /// From which weights it starts.
    pub start: Start,
    /// The number of steps; by default 85 passes over the pool, but at least 200 and at most 12 000 steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Labelled instances in each step.
    pub labelled: usize,
    /// Unlabeled instances in each step.
    pub unlabelled: usize,
    /// Adam's first rate; it falls to 0 along a quarter of a cosine.
    pub rate: f64,
    /// What the average of the weights keeps in each step, in [0, 1).
    pub average: f64,
    /// The least probability of a pseudo-label, in [0, 1].
    pub threshold: f32,
    /// What pseudo-labels weigh, beside 1 for labels.
    pub weight: f32,
    /// What pseudo-labels are pulled towards.
    pub alignment: Alignment,
    /// What released labels say.
    pub loss: LabelLoss,
    /// How instances are changed for pseudo-labels, and labelled ones to learn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weak: Option<Augment>,
    /// How instances are changed to learn pseudo-labels from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strong: Option<Augment>,
}

impl Default for ConsistencyConfig {
    fn default() -> Self {
        Self {
            start: Start::default(),
            steps: None,
            labelled: 32,
            unlabelled: 64,
            rate: 2e-3,
            average: 0.995,
            threshold: 0.95,
            weight: 1.0,
            alignment: Alignment::default(),
            loss: LabelLoss::Generalised { power: 0.7 },
            weak: None,
            strong: None,
        }
    }
}

impl ConsistencyConfig {
    /// Returns the number of steps for a pool of so many instances.
    #[must_use]
    pub fn steps_for(&self, pool: usize) -> usize {
        let shown = pool.saturating_mul(PASSES) / self.unlabelled.max(1);
        self.steps.unwrap_or(shown.clamp(*SCHEDULE.start(), *SCHEDULE.end()))
    }

    /// Returns the weak and the strong change for instances of a schema.
    #[must_use]
    pub fn changes_for(&self, schema: &InstanceSchema) -> [Augment; 2] {
        let [weak, strong] = default_changes(schema);
        [self.weak.clone().unwrap_or(weak), self.strong.clone().unwrap_or(strong)]
    }

    /// Returns whether features are learnt first: an instance that cannot be changed cannot be compared with itself.
    pub(crate) fn learns_features(&self, schema: &InstanceSchema) -> bool {
        self.start == Start::Features && self.changes_for(schema)[1] != Augment::None {}
    }

    /// Checks every number, and the changes against the instances.
    ///
    /// # Errors
    /// Names the number and its range, or the change that does not fit.
    pub fn check(&self, schema: &InstanceSchema) -> Result<(), StudentConfigError> {
        let counts = [
            ("steps", self.steps.unwrap_or(1), MAX_STEPS),
            ("labelled", self.labelled, MAX_EPOCHS),
            ("unlabelled", self.unlabelled, MAX_EPOCHS),
        ];
        if let Some((what, value, most)) = counts.into_iter().find(|(_, v, most)| !(1..=*most).contains(v)) {
            return Err(StudentConfigError::Count { what, value, least: 1, most });
        }
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            return Err(RecipeError::Rate { rate: self.rate }.into());
        }
        let (loss, least) = match self.loss {
            LabelLoss::Entropy {} => (0.0, 0.0),
            LabelLoss::Smoothed { amount } => (amount, 0.0),
            LabelLoss::Generalised { power } => (power, f32::MIN_POSITIVE),
        };
        let shares = [
            ("average", self.average, 0.0, 1.0),
            ("threshold", self.threshold.into(), 0.0, 1.0),
            ("weight", self.weight.into(), 0.0, 1000.0),
            ("loss", loss.into(), least.into(), 1.0),
        ];
        let outside = shares.into_iter().find(|(_, value, least, most)| !(*least..=*most).contains(value));
        if let Some((what, value, _, most)) = outside {
            return Err(StudentConfigError::Share { what, value, most });
        }
        for change in self.changes_for(schema) {
            change.check(schema).map_err(RecipeError::from)?;
        }
        Ok(())
    }
}

impl StudentConfig {
    /// Checks every number, and the changes against the instances.
    ///
    /// # Errors
    /// Names the number and its range, or the change that does not fit.
    pub fn check(&self, schema: &InstanceSchema) -> Result<(), StudentConfigError> {
        self.features.check()?;
        self.consistency.check(schema)
    }

    /// Reads the settings from TOML.
    ///
    /// # Errors
    /// Text that is no TOML, or an unknown setting, with its place.
    pub fn from_toml(text: &str) -> Result<Self, StudentConfigError> {
        toml::from_str(text).map_err(|e| StudentConfigError::Text(e.to_string()))
    }

    /// Returns whether the student learns from so many unlabeled instances beside so many labelled ones.
    pub(super) fn is_consistency(&self, labelled: usize, unlabelled: usize) -> bool {
        match self.method {
            Method::Auto => unlabelled > 0 && unlabelled >= labelled,
            Method::Plain => false,
            Method::Consistency => true,
        }
    }

    /// Returns the recipe of training on the labels alone.
    pub(super) fn plain_recipe(&self, schema: &InstanceSchema, classes: u16) -> Recipe {
        let default = Recipe::student(schema.clone(), classes);
        let network = self.network.clone().unwrap_or(default.network);
        let train = self.plain.clone().unwrap_or(default.train);
        Recipe { network, train, ..default }
    }

    /// Returns the network of consistency training, and the sizes of its layers.
    pub(crate) fn network(
        &self,
        schema: &InstanceSchema,
        classes: u16,
    ) -> Result<(NetworkConfig, Plan), StudentConfigError> {
        // Measured on MNIST: without padding the same layers are as good and cost three fifths.
        let wide = WideConfig::default();
        let unpadded = NetworkConfig::Cnn(CnnConfig { channels: wide.channels, hidden: wide.hidden });
        let default = || match schema.kind() {
            InstanceKind::Image if unpadded.check(schema, classes).is_ok() => unpadded,
            InstanceKind::Image => NetworkConfig::Wide(wide),
            _ => NetworkConfig::default_for(schema),
        };
        let network = self.network.clone().unwrap_or_else(default);
        let plan = network.plan(schema, classes).map_err(RecipeError::from)?;
        Ok((network, plan))
    }
}

/// Images: a slight and a wild warp, in proportion to their size; signals: two wobbles; tables: none.
fn default_changes(schema: &InstanceSchema) -> [Augment; 2] {
    let shape = schema.shape_with_channels();
    let shortest = shape.iter().skip(1).copied().min().unwrap_or(1);
    match schema.kind() {
        InstanceKind::Image => {
            // The numbers are those of 28 pixels.
            let size = shortest as f32 / 28.0;
            let weak = Warp { shift: size, rotation: 5.0, scale: 0.05, shear: 0.05, ..Warp::default() };
            let strong = Warp {
                shift: 3.0 * size,
                rotation: 20.0,
                scale: 0.2,
                shear: 0.3,
                elastic: 1.6 * size,
                cutout: shortest * 2 / 7,
            };
            [weak, strong].map(Augment::Warp)
        }
        InstanceKind::Signal => {
            let weak = Wobble { samples: shortest / 64, amplitude: 0.05, noise: 0.0 };
            let strong = Wobble { samples: shortest / 16, amplitude: 0.2, noise: 0.05 };
            [weak, strong].map(Augment::Wobble)
        }
        InstanceKind::Table => [Augment::None {}, Augment::None {}],
    }
}

/// Why a student's settings are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StudentConfigError {
    /// The text is no TOML, or holds an unknown setting.
    #[error("not a student's recipe: {0}")]
    Text(String),
    /// A count is outside its range.
    #[error("{what} is {value}; it must be between {least} and {most}")]
    Count {
        /// Which setting.
        what: &'static str,
        /// The refused value.
        value: usize,
        /// The smallest allowed value.
        least: usize,
        /// The largest allowed value.
        most: usize,
    },
    /// A share is outside its range.
    #[error("{what} is {value}; it must be a number up to {most}, and not below its least value")]
    Share {
        /// Which setting.
        what: &'static str,
        /// The refused value.
        value: f64,
        /// The largest allowed value.
        most: f64,
    },
    /// Network, rate or changes do not fit.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}
