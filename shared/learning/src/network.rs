//! Networks as data: which layers, and how their first weights are drawn.

use super::layers::Layers;
use base::schema::{InstanceKind, InstanceSchema};
use serde::{Deserialize, Serialize};

/// The widest layer and the most channels a config may ask for.
pub const MAX_WIDTH: usize = 8192;
/// The most weights a network may have, 200 MB of them.
pub const MAX_WEIGHTS: usize = 50_000_000;
/// The least height and width of which the convolutions leave something.
const LEAST_IMAGE: usize = 9;
/// The least length of which the convolutions leave something.
const LEAST_SIGNAL: usize = 15;
/// The extents of the two convolutions over images, in both directions.
pub(super) const IMAGE_KERNELS: [usize; 2] = [5, 3];
/// The extents of the two convolutions over signals.
pub(super) const SIGNAL_KERNELS: [usize; 2] = [7, 5];
/// The step of every convolution; it halves the extent and so takes the place of a pooling.
pub(super) const STRIDE: usize = 2;

/// Why a network cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The network is for another kind of instances.
    #[error(
        "a network of kind `{network}` cannot read instances of kind `{instances}`; use `mlp`, or leave the network to its default"
    )]
    Kind {
        /// The network's kind.
        network: &'static str,
        /// The instances' kind.
        instances: InstanceKind,
    },
    /// The convolutions would leave nothing of the instance.
    #[error(
        "instances of shape {shape:?} are too small for a network of kind `{network}`, which needs at least {least} \
         in each direction; use `mlp`"
    )]
    TooSmall {
        /// The network's kind.
        network: &'static str,
        /// The instances' shape.
        shape: Vec<usize>,
        /// The least extent.
        least: usize,
    },
    /// A layer has no width, or an unreasonable one.
    #[error("{what} is {width}; it must be between 1 and {MAX_WIDTH}")]
    Width {
        /// Which number of the config.
        what: &'static str,
        /// Its value.
        width: usize,
    },
    /// The network would have more than [`MAX_WEIGHTS`] weights.
    #[error("the network would have {weights} weights, more than {MAX_WEIGHTS}; make its layers smaller")]
    TooLarge {
        /// How many weights the layers need.
        weights: usize,
    },
    /// Fewer than two classes.
    #[error("a network needs at least 2 classes, not {classes}")]
    Classes {
        /// The number of classes.
        classes: u16,
    },
}

/// The layers of a network; its input comes from the schema, its output from the number of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum NetworkConfig {
    /// Fully connected layers, for any instances.
    Mlp(MlpConfig),
    /// Two convolutions over images, 5 × 5 and 3 × 3 in steps of 2, and one hidden layer.
    Cnn(CnnConfig),
    /// The same with padded convolutions and more channels: the student's network for images of any size.
    Wide(WideConfig),
    /// Two convolutions over signals, 7 and 5 in steps of 2, and one hidden layer.
    Cnn1d(Cnn1dConfig),
}

/// The layers of a fully connected network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlpConfig {
    /// The width of each hidden layer.
    pub hidden: Vec<usize>,
}

/// The layers of a convolutional network for images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CnnConfig {
    /// The channels of the first and the second convolution.
    pub channels: [usize; 2],
    /// The width of the hidden layer.
    pub hidden: usize,
}

/// The layers of the wide convolutional network for images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WideConfig {
    /// The channels of the first and the second convolution.
    pub channels: [usize; 2],
    /// The width of the hidden layer.
    pub hidden: usize,
}

/// The layers of a convolutional network for signals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cnn1dConfig {
    /// The channels of the first and the second convolution.
    pub channels: [usize; 2],
    /// The width of the hidden layer.
    pub hidden: usize,
}

impl Default for MlpConfig {
    fn default() -> Self {
        Self { hidden: vec![128] }
    }
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self { channels: [16, 32], hidden: 64 }
    }
}

impl Default for WideConfig {
    fn default() -> Self {
        Self { channels: [32, 64], hidden: 128 }
    }
}

impl Default for Cnn1dConfig {
    fn default() -> Self {
        Self { channels: [8, 16], hidden: 32 }
    }
}

impl NetworkConfig {
    /// Returns a CNN for images, a 1-D CNN for signals, an MLP for tables and for what is too small for convolutions.
    #[must_use]
    pub fn default_for(schema: &InstanceSchema) -> Self {
        let convolution = match schema.kind() {
            InstanceKind::Image => Self::Cnn(CnnConfig::default()),
            InstanceKind::Signal => Self::Cnn1d(Cnn1dConfig::default()),
            InstanceKind::Table => return Self::Mlp(MlpConfig::default()),
        };
        if convolution.check(schema, 2).is_ok() { convolution } else { Self::Mlp(MlpConfig::default()) }
    }

    /// Checks the layers against the instances and the number of classes.
    ///
    /// # Errors
    /// Another kind of instances, instances that are too small, a width outside 1 to [`MAX_WIDTH`], more than
    /// [`MAX_WEIGHTS`] weights, or fewer than two classes.
    pub fn check(&self, schema: &InstanceSchema, classes: u16) -> Result<(), NetworkError> {
        self.plan(schema, classes).map(drop)
    }

    /// Returns the sizes of all layers, checked.
    pub(super) fn plan(&self, schema: &InstanceSchema, classes: u16) -> Result<Plan, NetworkError> {
        if classes < 2 {
            return Err(NetworkError::Classes { classes });
        }
        let shape = schema.shape_with_channels();
        let classes = usize::from(classes);
        let plan = match (self, schema.kind(), shape.as_slice()) {
            (Self::Mlp(MlpConfig { hidden }), _, _) => {
                for &width in hidden {
                    check_width("the width of a hidden layer", width)?;
                }
                let widths = [&[schema.values()], hidden.as_slice(), &[classes]].concat();
                Plan::Mlp { widths }
            }
            (Self::Cnn(config), InstanceKind::Image, &[channels, height, width]) => {
                let tail = Tail::new(config.channels, config.hidden, classes)?;
                let left = [height, width].map(|extent| after_convolutions(extent, IMAGE_KERNELS));
                let [Some(rows), Some(columns)] = left else {
                    return Err(self.too_small(schema, LEAST_IMAGE));
                };
                Plan::Cnn { image: [channels, height, width], left: rows * columns, tail, padded: false }
            }
            (Self::Wide(config), InstanceKind::Image, &[channels, height, width]) => {
                let tail = Tail::new(config.channels, config.hidden, classes)?;
                let left = height.div_ceil(STRIDE * STRIDE) * width.div_ceil(STRIDE * STRIDE);
                Plan::Cnn { image: [channels, height, width], left, tail, padded: true }
            }
            (Self::Cnn1d(config), InstanceKind::Signal, &[channels, length]) => {
                let tail = Tail::new(config.channels, config.hidden, classes)?;
                let left = after_convolutions(length, SIGNAL_KERNELS);
                let left = left.ok_or_else(|| self.too_small(schema, LEAST_SIGNAL))?;
                Plan::Cnn1d { signal: [channels, length], left, tail }
            }
            (_, instances, _) => return Err(NetworkError::Kind { network: self.name(), instances }),
        };
        let weights = plan.weights();
        if weights > MAX_WEIGHTS { Err(NetworkError::TooLarge { weights }) } else { Ok(plan) }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Mlp(_) => "mlp",
            Self::Cnn(_) => "cnn",
            Self::Wide(_) => "wide",
            Self::Cnn1d(_) => "cnn1d",
        }
    }

    fn too_small(&self, schema: &InstanceSchema, least: usize) -> NetworkError {
        NetworkError::TooSmall { network: self.name(), shape: schema.shape().to_vec(), least }
    }
}

/// The sizes of all layers of a network; every product in it is known to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Input, hidden layers, classes.
    Mlp { widths: Vec<usize> },
    /// Channels, height and width; `left` pixels per channel come out of the convolutions, which are `padded` so that
    /// they halve an extent and round it up, or not.
    Cnn { image: [usize; 3], left: usize, tail: Tail, padded: bool },
    /// Channels and length; `left` samples per channel come out of the convolutions.
    Cnn1d { signal: [usize; 2], left: usize, tail: Tail },
}

/// What networks with two convolutions have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) channels: [usize; 2],
    pub(super) hidden: usize,
    pub(super) classes: usize,
}

impl Tail {
    fn new(channels: [usize; 2], hidden: usize, classes: usize) -> Result<Self, NetworkError> {
        for channels in channels {
            check_width("the number of channels of a convolution", channels)?;
        }
        check_width("the width of the hidden layer", hidden)?;
        Ok(Self { channels, hidden, classes })
    }

    /// Weights and biases of the network, with kernels of so many values.
    fn weights(&self, input: usize, left: usize, kernels: [usize; 2]) -> usize {
        let ([first, second], [first_kernel, second_kernel]) = (self.channels, kernels);
        let convolutions = (input * first_kernel + 1) * first + (first * second_kernel + 1) * second;
        convolutions + (second * left + 1) * self.hidden + (self.hidden + 1) * self.classes
    }
}

impl Plan {
    /// Returns the weights and biases of the last layer, which are the last ones.
    pub(super) fn output_weights(&self) -> usize {
        match self {
            Self::Mlp { widths } => match widths.as_slice() {
                [.., input, output] => (input + 1) * output,
                _ => 0,
            },
            Self::Cnn { tail, .. } | Self::Cnn1d { tail, .. } => (tail.hidden + 1) * tail.classes,
        }
    }

    /// Weights and biases. Widths are at most 2^13, inputs 2^20 and classes 2^16: no product leaves 64 bits.
    fn weights(&self) -> usize {
        match self {
            Self::Mlp { widths } => widths.array_windows().map(|&[input, output]| (input + 1) * output).sum(),
            Self::Cnn { image: [channels, ..], left, tail, .. } => {
                tail.weights(*channels, *left, IMAGE_KERNELS.map(|kernel| kernel * kernel))
            }
            Self::Cnn1d { signal: [channels, _], left, tail } => {
                tail.weights(*channels, *left, SIGNAL_KERNELS)
            }
        }
    }
}

fn check_width(what: &'static str, width: usize) -> Result<(), NetworkError> {
    if (1..=MAX_WIDTH).contains(&width) { Ok(()) } else { Err(NetworkError::Width { what, width }) }
}

/// Returns what two unpadded convolutions in steps of [`STRIDE`] leave of one direction.
fn after_convolutions(extent: usize, kernels: [usize; 2]) -> Option<usize> {
    kernels.into_iter().try_fold(extent, |extent, kernel| Some(extent.checked_sub(kernel)? / STRIDE + 1))
}

/// A network with its weights, for instances of one schema. It is as private as the data it was trained on: it is
/// never sent anywhere, and its `Debug` shows no weight.
#[derive(Clone)]
pub struct Network {
    pub(super) layers: Layers,
    pub(super) config: NetworkConfig,
    pub(super) schema: InstanceSchema,
    pub(super) classes: u16,
    pub(super) seed: u64,
}

impl Network {
    /// Returns the layers' config.
    #[must_use]
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Returns the schema of the instances it reads.
    #[must_use]
    pub fn schema(&self) -> &InstanceSchema {
        &self.schema
    }

    /// Returns the number of classes it tells apart.
    #[must_use]
    pub fn classes(&self) -> u16 {
        self.classes
    }

    /// Returns all weights, layer after layer, for example to compare two networks bit for bit.
    #[must_use]
    pub fn weights(&self) -> Vec<f32> {
        self.layers.to_weights()
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("config", &self.config)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use burn::prelude::Device;

    fn schema(kind: InstanceKind, shape: &[usize]) -> InstanceSchema {
        InstanceSchema::new(kind, shape.to_vec()).unwrap()
    }

    #[test]
    fn instances_choose_their_network() {
        let default = |kind, shape: &[usize]| NetworkConfig::default_for(&schema(kind, shape)).name();
        assert_eq!(default(InstanceKind::Image, &[28, 28]), "cnn");
        assert_eq!(default(InstanceKind::Image, &[9, 9]), "cnn");
        assert_eq!(default(InstanceKind::Image, &[8, 200]), "mlp");
        assert_eq!(default(InstanceKind::Signal, &[15]), "cnn1d");
        assert_eq!(default(InstanceKind::Signal, &[2, 14]), "mlp");
        assert_eq!(default(InstanceKind::Table, &[30]), "mlp");
    }

    #[test]
    fn the_planned_number_of_weights_is_the_number_of_weights() {
        let cases = [
            (NetworkConfig::Cnn(CnnConfig::default()), schema(InstanceKind::Image, &[3, 11, 14])),
            (NetworkConfig::Wide(WideConfig::default()), schema(InstanceKind::Image, &[3, 11, 2])),
            (NetworkConfig::Cnn1d(Cnn1dConfig::default()), schema(InstanceKind::Signal, &[2, 41])),
            (NetworkConfig::Mlp(MlpConfig { hidden: vec![5, 3] }), schema(InstanceKind::Image, &[4, 4])),
            (NetworkConfig::Mlp(MlpConfig { hidden: Vec::new() }), schema(InstanceKind::Table, &[4])),
        ];
        for (config, schema) in cases {
            let plan = config.plan(&schema, 7).unwrap();
            let layers = Layers::new(&plan, &mut seeds::generator("test", 0, 0), &Device::flex());
            assert_eq!(layers.to_weights().len(), plan.weights(), "{config:?}");
        }
    }

    #[test]
    fn a_network_that_does_not_fit_is_refused_with_the_remedy() {
        let image = schema(InstanceKind::Image, &[8, 28]);
        let refusal = |config: NetworkConfig, schema: &InstanceSchema, classes| {
            config.check(schema, classes).unwrap_err().to_string()
        };
        let cnn = || NetworkConfig::Cnn(CnnConfig::default());
        assert!(refusal(cnn(), &image, 10).contains("[8, 28] are too small for a network of kind `cnn`"));
        assert!(
            refusal(cnn(), &schema(InstanceKind::Table, &[30]), 10)
                .contains("`cnn` cannot read instances of kind `table`")
        );
        assert_eq!(
            refusal(cnn(), &schema(InstanceKind::Image, &[28, 28]), 1),
            "a network needs at least 2 classes, not 1"
        );
        let mlp = |hidden| NetworkConfig::Mlp(MlpConfig { hidden });
        assert!(refusal(mlp(vec![4, 0]), &image, 2).contains("the width of a hidden layer is 0"));
        assert!(refusal(mlp(vec![MAX_WIDTH; 3]), &image, 2).contains("more than 50000000"));
        let wide = NetworkConfig::Cnn1d(Cnn1dConfig { channels: [1, usize::MAX], hidden: 2 });
        assert!(refusal(wide, &schema(InstanceKind::Signal, &[64]), 2).contains("number of channels"));
    }

    #[test]
    fn a_config_file_may_leave_out_sizes_but_not_invent_keys() {
        let parse = |text: &str| toml::from_str::<NetworkConfig>(text).map_err(|e| e.to_string());
        assert_eq!(
            parse("kind = 'cnn'").unwrap(),
            NetworkConfig::Cnn(CnnConfig { channels: [16, 32], hidden: 64 })
        );
        assert_eq!(
            parse("kind = 'mlp'\nhidden = [32, 16]").unwrap(),
            NetworkConfig::Mlp(MlpConfig { hidden: vec![32, 16] })
        );
        assert!(parse("kind = 'cnn'\nlayers = 3").unwrap_err().contains("unknown field `layers`"));
        assert!(parse("kind = 'transformer'").unwrap_err().contains("unknown variant `transformer`"));
    }
}
