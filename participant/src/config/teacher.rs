//! The table `[teacher]`: what a teacher is, a network of ours or a command of the institution's.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The table `[teacher]`: what each of the teachers is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum TeacherConfig {
    /// A network that this program trains.
    Burn {},
    /// A program that the institution brings.
    Command(CommandConfig),
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self::Burn {}
    }
}

/// A command that teaches and predicts in one run, with its limits; docs/TEACHERS.md has the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandConfig {
    /// Program and arguments; those that name files below the home are made absolute.
    pub command: Vec<String>,
    /// Seconds after which a run is killed.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u32,
    /// Most memory that a process of a run may address, in MiB.
    #[serde(default = "default_memory")]
    pub memory_mib: u32,
    /// Most output of a run, in KiB.
    #[serde(default = "default_output")]
    pub output_kib: u32,
}

const fn default_timeout() -> u32 {
    600
}

const fn default_memory() -> u32 {
    4096
}

const fn default_output() -> u32 {
    1024
}

impl CommandConfig {
    /// Returns a command with the limits that apply where none are named.
    pub fn new(command: Vec<String>) -> Self {
        Self {
            command,
            timeout_seconds: default_timeout(),
            memory_mib: default_memory(),
            output_kib: default_output(),
        }
    }

    /// Returns the time after which a run is killed.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_seconds))
    }
}

impl TeacherConfig {
    /// Returns the command, if the teachers are one.
    pub const fn command(&self) -> Option<&CommandConfig> {
        match self {
            Self::Burn {} => None,
            Self::Command(command) => Some(command),
        }
    }

    /// Checks every value; errors name `path`, key, value and remedy.
    pub(super) fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let Some(config) = self.command() else { return Ok(()) };
        let refuse = |key, value: String, expected| {
            Err(ConfigError::Value { path: path.to_owned(), key, value, expected })
        };
        if config.command.first().is_none_or(|program| program.trim().is_empty()) {
            let expected = "a program and its arguments, such as [\"python3\", \"teacher.py\"]";
            return refuse("teacher.command", format!("{:?}", config.command), expected);
        }
        if config.command.iter().any(|word| word.contains('\0')) {
            return refuse("teacher.command", format!("{:?}", config.command), "free of the character NUL");
        }
        let seconds = config.timeout_seconds;
        if !(1..=86_400).contains(&seconds) {
            return refuse("teacher.timeout_seconds", seconds.to_string(), "from 1 to 86400");
        }
        if !(16..=1 << 20).contains(&config.memory_mib) {
            return refuse("teacher.memory_mib", config.memory_mib.to_string(), "from 16 to 1048576");
        }
        if !(1..=65_536).contains(&config.output_kib) {
            return refuse("teacher.output_kib", config.output_kib.to_string(), "from 1 to 65536");
        }
        Ok(())
    }
}
