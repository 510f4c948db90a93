//! The ensemble: an institution's trained teachers, and the sum of their one-hot votes.

use base::{clock::Millis, ids::Digest, schema::InstanceSchema};
use learning::{Dataset, Network, PredictError, StoreError, load_network, predict};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::command::{CommandError, CommandTeachers, CommandTraining};
use crate::home::Home;
use runtime::files::{FileError, read_json};

/// Why the teachers cannot vote.
#[derive(Debug, thiserror::Error)]
pub enum EnsembleError {
    /// There are no teachers yet.
    #[error("there are no trained teachers: run `participant train`")]
    NotTrained,
    /// The number of teachers is not the one that the roster states.
    #[error(
        "{found} teachers are trained, but this institution enrolled with {expected}: set teachers.count = {expected} and run `participant train`"
    )]
    Count {
        /// Teachers trained.
        found: u32,
        /// Teachers enrolled with.
        expected: u32,
    },
    /// The teachers were trained for another federation.
    #[error("the teachers were trained for federation {found}, not {expected}: run `participant train`")]
    Federation {
        /// Federation trained for.
        found: Digest,
        /// Federation voted in.
        expected: Digest,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A teacher cannot be read.
    #[error("teacher {teacher}: {source}; run `participant train --force`")]
    Store {
        /// The teacher, from 0.
        teacher: u32,
        /// Why.
        source: StoreError,
    },
    /// A teacher cannot predict.
    #[error("teacher {teacher}: {source}")]
    Predict {
        /// The teacher, from 0.
        teacher: usize,
        /// Why.
        source: PredictError,
    },
    /// The shard of a command teacher is not there.
    #[error("the shard of teacher {0} is missing: run `participant train --force`")]
    NoShard(u32),
    /// A command teacher gave no votes.
    #[error("teacher {teacher}: {source}")]
    Command {
        /// The teacher, from 0.
        teacher: usize,
        /// Why.
        source: CommandError,
    },
    /// A teacher has another input or other classes, or gave another number of predictions.
    #[error(
        "teacher {0} does not fit the federation's instances and classes: run `participant train --force`"
    )]
    Prediction(usize),
}

/// What training wrote beside the teachers, in `teachers/training.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Training {
    /// Federation that the teachers are for.
    pub federation: Digest,
    /// Digest of everything that decides their weights.
    pub inputs: Digest,
    /// Number of teachers, k.
    pub teachers: u32,
    /// Whether a shard keeps all records of a person, or only each record.
    pub privacy_unit: String,
    /// Number of records in each shard.
    pub records: Vec<usize>,
    /// When they were trained.
    pub trained_at: Millis,
    /// The command that the teachers are; absent for networks of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandTraining>,
}

impl Training {
    /// Reads what training wrote; `None` before it.
    pub fn load(home: &Home) -> Result<Option<Self>, FileError> {
        read_json(&home.teachers().join("training.json"))
    }
}

/// Returns the name of a teacher's files, without ending.
pub fn stem(teacher: u32) -> String {
    format!("teacher-{teacher:03}")
}

/// Trained teachers of an institution.
#[derive(Debug)]
pub struct Ensemble {
    teachers: Teachers,
}

#[derive(Debug)]
enum Teachers {
    Networks(Vec<Network>),
    Commands(CommandTeachers),
}

impl Ensemble {
    /// Loads the teachers of a home, exactly as many as the institution enrolled with.
    pub fn load(home: &Home, federation: Digest, expected: u32) -> Result<Self, EnsembleError> {
        let training = Training::load(home)?.ok_or(EnsembleError::NotTrained)?;
        if training.federation != federation {
            return Err(EnsembleError::Federation { found: training.federation, expected: federation });
        }
        let found = training.teachers;
        if found != expected {
            return Err(EnsembleError::Count { found, expected });
        }
        if let Some(command) = training.command {
            let teachers = CommandTeachers::at(home, &home.teachers(), &home.work(), command, found);
            return match teachers.missing() {
                Some(teacher) => Err(EnsembleError::NoShard(teacher)),
                None => Ok(Self { teachers: Teachers::Commands(teachers) }),
            };
        }
        let networks = (0..found)
            .into_par_iter()
            .map(|teacher| {
                load_network(&home.teachers().join(stem(teacher)))
                    .map_err(|source| EnsembleError::Store { teacher, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::of(networks))
    }

    /// Wraps teachers that were just trained.
    pub fn of(networks: Vec<Network>) -> Self {
        Self { teachers: Teachers::Networks(networks) }
    }

    /// Checks that every teacher reads the federation's instances and tells its classes apart.
    ///
    /// What a command can do shows only when it runs; `participant train` lets each rehearse.
    pub fn check(&self, schema: &InstanceSchema, classes: usize) -> Result<(), EnsembleError> {
        let Teachers::Networks(networks) = &self.teachers else { return Ok(()) };
        let fits =
            |network: &Network| network.schema() == schema && usize::from(network.classes()) == classes;
        match networks.iter().position(|network| !fits(network)) {
            Some(teacher) => Err(EnsembleError::Prediction(teacher)),
            None => Ok(()),
        }
    }

    /// Adds each teacher's vote for each instance to `counts` (instance-major, one slot per class).
    pub fn add_votes(
        &self,
        instances: &Dataset,
        classes: usize,
        counts: &mut [i64],
    ) -> Result<(), EnsembleError> {
        let predictions = match &self.teachers {
            Teachers::Networks(networks) => ask_networks(networks, instances)?,
            Teachers::Commands(teachers) => teachers
                .predict(instances, classes)
                .map_err(|(teacher, source)| EnsembleError::Command { teacher, source })?,
        };
        for (teacher, votes) in predictions.iter().enumerate() {
            add_one_hot(votes, classes, counts).ok_or(EnsembleError::Prediction(teacher))?;
        }
        Ok(())
    }
}

fn ask_networks(
    networks: &[Network],
    instances: &Dataset,
) -> Result<Vec<Zeroizing<Vec<u16>>>, EnsembleError> {
    let ask = |(teacher, network): (usize, &Network)| {
        let votes = predict(network, instances.values())
            .map_err(|source| EnsembleError::Predict { teacher, source })?;
        Ok(Zeroizing::new(votes))
    };
    networks.par_iter().enumerate().map(ask).collect()
}

/// Adds one vote per instance; `None` if votes and slots do not fit.
fn add_one_hot(votes: &[u16], classes: usize, counts: &mut [i64]) -> Option<()> {
    if classes == 0 || votes.len().checked_mul(classes)? != counts.len() {
        return None;
    }
    for (vote, slots) in votes.iter().zip(counts.chunks_exact_mut(classes)) {
        let slot = slots.get_mut(usize::from(*vote))?;
        *slot = slot.checked_add(1)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_added_to_the_noise_instance_by_instance() {
        let mut counts = vec![-3, 0, 5, 1, 1, 1];
        assert_eq!(add_one_hot(&[2, 0], 3, &mut counts), Some(()));
        assert_eq!(add_one_hot(&[2, 1], 3, &mut counts), Some(()));
        assert_eq!(counts, [-3, 0, 7, 2, 2, 1]);
    }

    #[test]
    fn votes_that_do_not_fit_the_round_are_refused() {
        let mut counts = vec![0; 6];
        assert_eq!(add_one_hot(&[0, 3], 3, &mut counts), None, "class 3 of 0 to 2");
        assert_eq!(add_one_hot(&[0], 3, &mut counts), None, "one vote for two instances");
        assert_eq!(add_one_hot(&[], 0, &mut []), None);
    }
}
