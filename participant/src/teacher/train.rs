//! Training: one teacher per shard of the institution's data, skipped where nothing changed.

use std::path::Path;

use base::{clock::Clock, ids::Digest};
use learning::{
    Dataset, DatasetError, Expected, FileError as DataError, PrivacyUnitOfData, Recipe, ShardError, Shards,
    StoreError, TrainError, import_weights, load_labeled, save_network, shard, train_teachers,
};
use protocol::federation::FederationConfig;
use rayon::prelude::*;

use super::{
    command::{CommandError, CommandTeachers, CommandTraining},
    ensemble::{Training, stem},
};
use crate::{
    approval::Membership,
    config::{CommandConfig, Config},
    home::Home,
    identity::{SecretError, load_shard_key},
};
use runtime::files::{Access, FileError, make_folder, write_json};

/// Why the teachers cannot be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The institution is not enrolled, so classes and shape are not known.
    #[error(
        "this institution is not enrolled yet, so classes and shape are not known: run `participant enroll`"
    )]
    NotEnrolled,
    /// The config changed since enrolment.
    #[error(
        "teachers.count = {configured}, but this institution enrolled with {enrolled} teachers: \
         the roster states that number, set it back"
    )]
    Count {
        /// Number in the config.
        configured: u32,
        /// Number in the roster.
        enrolled: u32,
    },
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data does not fit the federation.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The data cannot be sharded.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// The training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The teachers cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A command teacher failed its rehearsal.
    #[error("teacher {teacher}, rehearsing on records of its own shard: {source}")]
    Rehearsal {
        /// The teacher, from 0.
        teacher: usize,
        /// Why.
        source: CommandError,
    },
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Everything that decides the teachers' weights.
#[derive(Debug)]
pub struct Lesson {
    recipe: Recipe,
    dataset: Dataset,
    shards: Shards,
    command: Option<CommandConfig>,
    seed: u32,
    federation: Digest,
}

/// Most records of its own shard on which a command teacher rehearses.
const REHEARSED: usize = 8;

impl Lesson {
    /// Loads and shards the data as config and federation say.
    pub fn prepare(
        home: &Home,
        config: &Config,
        membership: Option<&Membership>,
    ) -> Result<Self, TrainingError> {
        let membership = membership.ok_or(TrainingError::NotEnrolled)?;
        let (configured, enrolled) = (config.teachers.count, membership.teachers);
        if configured != enrolled {
            return Err(TrainingError::Count { configured, enrolled });
        }
        let federation = &membership.founding.config;
        let recipe = recipe(home, config, federation)?;
        let expected = Expected::of(&recipe.schema, &federation.classes);
        let dataset = load_labeled(&config.data_path(home), expected)?;
        dataset.checked_labels(recipe.classes)?;
        let shards = shard(&dataset, &load_shard_key(home)?, enrolled as usize)?;
        let command = config.teacher.command().cloned();
        let seed = config.teachers.seed;
        Ok(Self { recipe, dataset, shards, command, seed, federation: membership.federation() })
    }

    /// Returns, in a word, what a shard keeps whole: `person` or `record`.
    pub fn privacy_unit(&self) -> &'static str {
        match self.shards.unit {
            PrivacyUnitOfData::Person => "person",
            PrivacyUnitOfData::Record => "record",
        }
    }

    /// Returns the number of teachers.
    pub fn teachers(&self) -> usize {
        self.shards.indices.len()
    }

    /// Returns the first record without its label, in a dataset of its own.
    pub fn first_record(&self) -> Option<Dataset> {
        (!self.dataset.is_empty()).then(|| self.dataset.select(&[0]).unlabeled())
    }

    /// Returns the number of records.
    pub fn records(&self) -> usize {
        self.dataset.len()
    }

    /// Digests everything that decides the weights: data, shards, recipe and seed.
    pub fn digest(&self) -> Digest {
        let bits: Vec<u32> = self.dataset.values().iter().map(|value| value.to_bits()).collect();
        // The recipe's Debug form names every setting.
        let version = env!("CARGO_PKG_VERSION");
        let settings = format!("{version} {} {:?} {:?}", self.seed, self.recipe, self.command);
        let data = (bits, self.dataset.labels().map(<[u16]>::to_vec), self.dataset.shape().to_vec());
        Digest::of_value("psephos/lesson", &(settings, data, self.shards.indices.clone()))
    }

    /// Returns whether the teachers in a home are already those of this lesson.
    pub fn is_done(&self, home: &Home) -> Result<bool, FileError> {
        let done = Training::load(home)?.filter(|training| training.federation == self.federation);
        Ok(done.is_some_and(|training| training.inputs == self.digest()))
    }

    /// Trains all teachers on the current rayon pool and puts them in place of the old ones.
    ///
    /// `progress(teacher, step, steps)` is called after every step of every teacher; a command is one step.
    pub fn train(
        &self,
        home: &Home,
        clock: &dyn Clock,
        progress: &(dyn Fn(usize, usize, usize) + Sync),
    ) -> Result<Training, TrainingError> {
        let fresh = home.root().join("teachers.new");
        remove_folder(&fresh)?;
        make_folder(&fresh, Access::Secret)?;
        let command = match &self.command {
            None => {
                self.train_networks(&fresh, progress)?;
                None
            }
            Some(teacher) => {
                let command = CommandTraining { teacher: teacher.clone(), seed: self.seed };
                self.rehearse(home, &fresh, command.clone(), progress)?;
                Some(command)
            }
        };
        let training = Training {
            federation: self.federation,
            inputs: self.digest(),
            teachers: self.teachers() as u32,
            privacy_unit: self.privacy_unit().to_owned(),
            records: self.shards.indices.iter().map(Vec::len).collect(),
            trained_at: clock.now(),
            command,
        };
        write_json(&fresh.join("training.json"), &training)?;
        remove_folder(&home.teachers())?;
        std::fs::rename(&fresh, home.teachers()).map_err(FileError::io("rename to", &home.teachers()))?;
        Ok(training)
    }

    fn train_networks(
        &self,
        folder: &Path,
        progress: &(dyn Fn(usize, usize, usize) + Sync),
    ) -> Result<(), TrainingError> {
        let seed = u64::from(self.seed);
        for teacher in &train_teachers(&self.recipe, &self.dataset, &self.shards, seed, progress)? {
            // A roster holds at most 10 000 teachers per participant.
            save_network(&teacher.network, &folder.join(stem(teacher.shard as u32)))?;
        }
        Ok(())
    }

    /// Stores each shard for its command, and lets each command run once: what fails here costs no ballot.
    fn rehearse(
        &self,
        home: &Home,
        folder: &Path,
        command: CommandTraining,
        progress: &(dyn Fn(usize, usize, usize) + Sync),
    ) -> Result<(), TrainingError> {
        let (work, count) = (folder.join("work"), self.teachers());
        let teachers = CommandTeachers::at(home, folder, &work, command, count as u32);
        let rehearse = |(shard, indices): (usize, &Vec<usize>)| {
            let records = self.dataset.select(indices);
            teachers.store_shard(shard as u32, &records)?;
            let few: Vec<usize> = indices.iter().copied().take(REHEARSED).collect();
            let instances = self.dataset.select(&few).unlabeled();
            teachers.predict_one(shard as u32, &instances, usize::from(self.recipe.classes))?;
            progress(shard, 1, 1);
            Ok(())
        };
        let all: Vec<Result<(), CommandError>> =
            self.shards.indices.par_iter().enumerate().map(rehearse).collect();
        let failed = all.into_iter().enumerate().find_map(|(teacher, one)| Some((teacher, one.err()?)));
        remove_folder(&work)?;
        match failed {
            Some((teacher, source)) => Err(TrainingError::Rehearsal { teacher, source }),
            None => Ok(()),
        }
    }
}

/// Builds the recipe: schema and classes are the federation's, network and training may be the institution's.
fn recipe(home: &Home, config: &Config, federation: &FederationConfig) -> Result<Recipe, StoreError> {
    // A federation has at most 100 classes.
    let mut recipe = Recipe::teacher(federation.instances.clone(), federation.classes.len() as u16);
    if let Some(network) = &config.teachers.model {
        recipe.network = network.clone();
    }
    if let Some(training) = &config.teachers.training {
        recipe.train = training.clone();
    }
    if let Some(path) = &config.teachers.start {
        let path = home.root().join(path);
        recipe.first = Some(import_weights(&path, &recipe.network, &recipe.schema, recipe.classes)?);
    }
    Ok(recipe)
}

fn remove_folder(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
