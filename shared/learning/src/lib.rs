//! Learning: datasets, sharding, networks and training; the only door to burn.
//!
//! A participant loads a [`Dataset`], cuts it into [`shards`], trains one teacher on each with [`train_teachers`]
//! and votes with [`predict()`]. Everything here is a pure function of its arguments: seeds are passed in, nothing
//! is fitted over more than one shard, and one CPU gives the same bits however many threads it uses.
//!
//! ```
//! use base::{InstanceKind, InstanceSchema};
//! use learning::{Dataset, Recipe, ShardKey, predict, shard, train_teachers};
//!
//! // Sixty persons with one record each, whose class is the sign of its value.
//! let values: Vec<f32> = (0..60).map(|i| if i % 2 == 0 { -1.0 } else { 1.0 }).collect();
//! let labels = (0..60).map(|i| i % 2).collect();
//! let persons = (0..60).map(|i| format!("person {i}")).collect();
//! let data = Dataset::new(values, vec![1], Some(labels), Some(persons))?;
//!
//! let shards = shard(&data, &ShardKey::new([7; 32]), 2)?;
//! let recipe = Recipe::teacher(InstanceSchema::new(InstanceKind::Table, vec![1])?, 2);
//! for teacher in train_teachers(&recipe, &data, &shards, 1, &|_, _, _| ())? {
//!     assert_eq!(predict(&teacher.network, &[-1.0, 1.0])?, [0, 1]);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod augment;
pub mod bank;
pub mod calibration;
pub mod dataset;
mod descent;
pub mod description;
pub mod distil;
pub mod evaluate;
pub mod features;
pub mod files;
mod layers;
pub mod network;
pub mod partition;
mod parts;
pub mod predict;
pub mod recipe;
mod seeds;
pub mod selection;
pub mod shards;
pub mod split;
pub mod store;
pub mod student;
pub mod synthetic;
pub mod train;
pub mod warp;
pub mod wobble;

pub use augment::{Augment, AugmentError};
pub use bank::{Transactions, generate_bank};
pub use calibration::{Calibration, ReliabilityBin, calibrate};
pub use dataset::{Dataset, DatasetError};
pub use description::Description;
pub use distil::distil;
pub use evaluate::{EvaluateError, Evaluation, evaluate};
pub use features::FeatureConfig;
pub use files::{Expected, FileError, load_instances, load_labeled, load_labels, load_source};
pub use network::{Network, NetworkConfig, NetworkError};
pub use partition::{Partition, PartitionError, partition};
pub use predict::{PredictError, predict, predict_probabilities};
pub use recipe::{Recipe, RecipeError, TrainConfig};
pub use selection::{Selection, SelectionError, select};
pub use shards::{PrivacyUnitOfData, ShardError, ShardKey, Shards, shard};
pub use split::{Source, Split, SplitError, draw, split, write_split};
pub use store::{
    FirstWeights, StoreError, import_weights, load_described, load_network, save_described, save_network,
};
pub use student::{Method, Student, StudentConfig, StudentConfigError, teach_student};
pub use synthetic::{SyntheticError, generate_ecg};
pub use train::{Teacher, TrainError, train, train_teachers};
pub use warp::Warp;
pub use wobble::Wobble;
