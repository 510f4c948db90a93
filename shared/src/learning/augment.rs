//! Random changes of training instances that leave their class as it is.

use super::schema::{InstanceKind, InstanceSchema};
use serde::{Deserialize, Serialize};

/// How training instances are changed each time they are shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Augment {
    /// Instances are shown as they are.
    None {},
    /// Images move by up to `pixels` whole pixels in each direction; what comes in is 0.
    Shift {
        /// The largest move, in pixels.
        pixels: usize,
    },
    /// Signals move by up to `samples` samples (the ends repeat) and are scaled by up to 1 ± `amplitude`.
    Jitter {
        /// The largest move, in samples.
        samples: usize,
        /// The largest relative change of amplitude, in [0, 1).
        amplitude: f32,
    },
}

impl Augment {
    /// Shifts of 2 pixels for images, a mild jitter for signals, nothing for tables.
    #[must_use]
    pub fn default_for(schema: &InstanceSchema) -> Self {
        match schema.kind() {
            InstanceKind::Image => Self::Shift { pixels: 2 },
            InstanceKind::Signal => Self::Jitter { samples: 3, amplitude: 0.1 },
            InstanceKind::Table => Self::None {},
        }
    }
}
