//! Networks as data: which layers, and how their first weights are drawn.

use super::schema::InstanceSchema;
use serde::{Deserialize, Serialize};

/// Why a network cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {}

/// The layers of a network; its input comes from the schema, its output from the number of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum NetworkConfig {
    /// Fully connected layers.
    Mlp(MlpConfig),
    /// Two convolutions of 3 × 3 over images, each followed by a pooling of 2 × 2, and one hidden layer.
    Cnn(CnnConfig),
    /// Two convolutions of 5 over signals, each followed by a pooling of 2, and one hidden layer.
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
        Self { channels: [8, 16], hidden: 64 }
    }
}

impl Default for Cnn1dConfig {
    fn default() -> Self {
        Self { channels: [8, 16], hidden: 32 }
    }
}

impl NetworkConfig {
    /// A CNN for images, a 1-D CNN for signals, an MLP for tables.
    #[must_use]
    pub fn default_for(schema: &InstanceSchema) -> Self {
        let _ = schema;
        todo!()
    }
}

/// A network with its weights, for instances of one schema.
#[derive(Debug, Clone)]
pub struct Network {}
