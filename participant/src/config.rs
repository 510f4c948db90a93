//! The participant's config, `participant.toml`: who it is, where its data lies, and what it limits.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base::{decimal::Decimal, fingerprint::Fingerprint};
use learning::{NetworkConfig, TrainConfig};
use reqwest::Url;
use serde::{Deserialize, Serialize};

mod teacher;

pub use teacher::{CommandConfig, TeacherConfig};

use crate::home::Home;
use client::{Endpoint, Trust, is_loopback};

/// Which key of which file is not acceptable, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The text is not TOML of the expected form; the reason names line and key.
    #[error("{path}: {reason}", path = path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// A value is not acceptable.
    #[error("{path}: {key} = {value} must be {expected}", path = path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// Key with its table.
        key: &'static str,
        /// Value found.
        value: String,
        /// What is accepted.
        expected: &'static str,
    },
    /// Votes and tokens would travel in the clear.
    #[error(
        "{path}: coordinator = \"{url}\" uses plain http to another machine, where anyone on the way reads the token: \
         use https, or set insecure_http = true for a closed test network", path = path.display()
    )]
    PlainHttp {
        /// Which file.
        path: PathBuf,
        /// The coordinator's address.
        url: String,
    },
}

/// Content of `participant.toml`; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name for people, the same as in the invite.
    pub name: String,
    /// Base address of the coordinator, for example `https://labels.example.org`.
    pub coordinator: String,
    /// Certificate to which the coordinator's chain must lead; without one the system's authorities vouch for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator_fingerprint: Option<Fingerprint>,
    /// Seconds between two heartbeats.
    #[serde(default = "default_poll")]
    pub poll_seconds: f64,
    /// Permits plain http to machines other than this one; for closed test networks only.
    #[serde(default)]
    pub insecure_http: bool,
    /// The private data.
    pub data: DataConfig,
    /// The teachers.
    pub teachers: TeachersConfig,
    /// What each teacher is.
    #[serde(default)]
    pub teacher: TeacherConfig,
    /// What the institution permits.
    #[serde(default)]
    pub limits: Limits,
}

/// The table `[data]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// File or folder; relative to the home.
    pub path: PathBuf,
}

/// The table `[teachers]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeachersConfig {
    /// Number of teachers, k.
    pub count: u32,
    /// Seed of the training (never of keys or noise).
    #[serde(default)]
    pub seed: u32,
    /// The network; by default what suits the federation's instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<NetworkConfig>,
    /// The training; by default what suits the federation's instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainConfig>,
    /// A safetensors file of weights to start from, relative to the home; no private record may have made them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<PathBuf>,
}

/// The table `[limits]`: what the institution permits without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Whether every round is voted in, or a person is asked each time.
    pub approve_rounds: ApproveRounds,
    /// Most rounds in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds_per_day: Option<u32>,
    /// Most instances in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances_per_day: Option<u64>,
    /// ε about one person that all rounds voted in may cost together, at the federation's δ, against a coordinator
    /// that colludes with participants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<Decimal>,
    /// The same about everything that this institution holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participant_epsilon: Option<Decimal>,
}

/// Rule by which rounds are approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApproveRounds {
    /// Every round under the approved roster is voted in.
    #[default]
    All,
    /// A person approves each round with `participant rounds approve`.
    Ask,
}

const fn default_poll() -> f64 {
    2.0
}

const MAX_TEACHERS: u32 = 10_000;

impl Config {
    /// Reads and checks the config of a home.
    pub fn load(home: &Home) -> Result<Self, ConfigError> {
        let path = home.config();
        let text = std::fs::read_to_string(&path)
            .map_err(|e| ConfigError::Unreadable { path: path.clone(), reason: e.to_string() })?;
        Self::from_toml(&text, &path)
    }

    /// Reads and checks a config; errors name `path`, key, value and remedy.
    pub fn from_toml(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|e| ConfigError::Syntax { path: path.to_owned(), reason: e.to_string() })?;
        config.check(path)?;
        Ok(config)
    }

    /// Checks every value; errors name `path`, key, value and remedy.
    pub fn check(&self, path: &Path) -> Result<(), ConfigError> {
        self.errors(path).into_iter().next().map_or(Ok(()), Err)
    }

    /// Returns everything that is wrong, in the order of the file.
    pub fn errors(&self, path: &Path) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut refuse = |key, value: String, expected| {
            errors.push(ConfigError::Value { path: path.to_owned(), key, value, expected });
        };
        if !(1..=80).contains(&self.name.chars().count()) || self.name.chars().any(char::is_control) {
            refuse("name", format!("{:?}", self.name), "1 to 80 printable characters");
        }
        if !(0.1..=3600.0).contains(&self.poll_seconds) {
            refuse("poll_seconds", self.poll_seconds.to_string(), "from 0.1 to 3600");
        }
        if !(1..=MAX_TEACHERS).contains(&self.teachers.count) {
            refuse("teachers.count", self.teachers.count.to_string(), "from 1 to 10000");
        }
        if self.limits.rounds_per_day == Some(0) {
            refuse("limits.rounds_per_day", "0".to_owned(), "at least 1, or absent for no limit");
        }
        if self.limits.instances_per_day == Some(0) {
            refuse("limits.instances_per_day", "0".to_owned(), "at least 1, or absent for no limit");
        }
        errors.extend(self.teacher.check(path).err());
        errors.extend(self.endpoint(path).err());
        errors
    }

    /// Returns where the coordinator is and which certificate it must show, both checked.
    pub fn endpoint(&self, path: &Path) -> Result<Endpoint, ConfigError> {
        let (url, pin) = (self.coordinator_url(path)?, self.coordinator_fingerprint);
        if let (Some(pin), "http") = (pin, url.scheme()) {
            return Err(ConfigError::Value {
                path: path.to_owned(),
                key: "coordinator_fingerprint",
                value: pin.to_string(),
                expected: "beside an https address: plain http shows no certificate",
            });
        }
        Ok(Endpoint { url, trust: pin.map_or(Trust::System, Trust::Pinned) })
    }

    /// Returns the coordinator's address, checked: https, or http to this machine alone.
    pub fn coordinator_url(&self, path: &Path) -> Result<Url, ConfigError> {
        let text = &self.coordinator;
        let expected = "an address such as https://labels.example.org, without path, query and password";
        let refuse = || ConfigError::Value {
            path: path.to_owned(),
            key: "coordinator",
            value: format!("{text:?}"),
            expected,
        };
        let url: Url = text.parse().map_err(|_| refuse())?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_bare || !url.has_host() || !matches!(url.scheme(), "http" | "https") {
            return Err(refuse());
        }
        if url.scheme() == "http" && !self.insecure_http && !is_loopback(&url) {
            return Err(ConfigError::PlainHttp { path: path.to_owned(), url: text.clone() });
        }
        Ok(url)
    }

    /// Lists the settings of this config that weaken security, by name.
    pub fn insecure_settings(&self) -> Vec<&'static str> {
        self.insecure_http.then_some("insecure_http").into_iter().collect()
    }

    /// Returns the time between two heartbeats.
    pub fn poll(&self) -> Duration {
        Duration::try_from_secs_f64(self.poll_seconds).unwrap_or(Duration::from_secs(2))
    }

    /// Returns where the data lies.
    pub fn data_path(&self, home: &Home) -> PathBuf {
        home.root().join(&self.data.path)
    }

    /// Returns the text of this config for a new home.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(self)
    }
}

#[cfg(test)]
mod tests;
