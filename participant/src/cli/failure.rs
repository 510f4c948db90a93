//! How a command fails: the message for a person and the exit code for a script.

use std::{fmt::Display, process::ExitCode};

use crate::{
    agent::AgentError,
    config::ConfigError,
    home::HomeError,
    identity::SecretError,
    joining::JoinError,
    teacher::{journal::JournalError, train::TrainingError},
    transcript::FollowError,
    trustee::{agreement::AgreementError, restored::RestoreError, vault::VaultError},
};
use client::ClientError;
use runtime::{PoolError, files::FileError};

/// Exit code of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// The job failed.
    Job = 1,
    /// The coordinator cannot be reached, or refuses this participant.
    Connection = 2,
    /// The coordinator did not answer in time.
    TimedOut = 3,
    /// The arguments or the config are wrong.
    Arguments = 4,
    /// The program has a bug.
    Bug = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// End of a command that failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub exit: Exit,
    /// What happened, where, and what helps.
    pub message: String,
}

impl Failure {
    /// Returns the end of a command whose job failed.
    pub fn job(message: impl Display) -> Self {
        Self { exit: Exit::Job, message: message.to_string() }
    }

    /// Returns the end of a command whose arguments are wrong.
    pub fn arguments(message: impl Display) -> Self {
        Self { exit: Exit::Arguments, message: message.to_string() }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// Assigns every error of a type the same exit code.
macro_rules! exits {
    ($($error:ty => $exit:ident),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { exit: Exit::$exit, message: error.to_string() }
            }
        }
    )*};
}

exits! {
    ConfigError => Arguments,
    HomeError => Arguments,
    FileError => Job,
    SecretError => Job,
    JournalError => Job,
    VaultError => Job,
    TrainingError => Job,
    AgreementError => Job,
    RestoreError => Job,
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Value(error) => error.into(),
            JoinError::Client(error) => error.into(),
            JoinError::Follow(error) => error.into(),
            other => Self::job(other),
        }
    }
}

impl From<FollowError> for Failure {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Client(error) => error.into(),
            other => Self::job(other),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Unreachable { .. } | ClientError::Certificate { .. } | ClientError::NoToken(_) => {
                Exit::Connection
            }
            ClientError::TimedOut { .. } => Exit::TimedOut,
            ClientError::Refused { problem, .. } if matches!(problem.status, 401 | 403) => Exit::Connection,
            ClientError::Refused { .. }
            | ClientError::TooLarge { .. }
            | ClientError::Malformed { .. }
            | ClientError::SetUp(_) => Exit::Job,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        let exit = match &error {
            PoolError::Start(_) | PoolError::Stopped => Exit::Job,
            PoolError::Bug(_) => Exit::Bug,
        };
        Self { exit, message: error.to_string() }
    }
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        let exit = match &error {
            AgentError::NotEnrolled | AgentError::Home(_) => Exit::Arguments,
            AgentError::Unauthorized(_) => Exit::Connection,
            AgentError::Pool(PoolError::Bug(_)) => Exit::Bug,
            AgentError::Client(_)
            | AgentError::Secret(_)
            | AgentError::Vault(_)
            | AgentError::Keyring(_)
            | AgentError::File(_)
            | AgentError::Transcript(_)
            | AgentError::Pool(PoolError::Start(_) | PoolError::Stopped) => Exit::Job,
        };
        Self { exit, message: error.to_string() }
    }
}
