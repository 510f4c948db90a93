//! Command teachers: any program of the institution's, run once per shard and round, that sees that shard alone.
//!
//! A run gets a private folder with `train-instances.npy`, `train-labels.npy`, `instances.npy` and `task.json` as its
//! current folder, learns, and prints one class index per instance. Learning and predicting are one call, so that
//! nothing has to be kept between two rounds but the shard itself. docs/TEACHERS.md has the contract.

mod answer;
mod error;
mod process;

use std::path::{Path, PathBuf};

use learning::{
    Dataset,
    files::{write_instances, write_labels},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

pub use error::CommandError;

use crate::{config::CommandConfig, home::Home};
use runtime::files::{Access, FileError, make_folder, write_json};

/// What `participant train` fixed about command teachers, in `teachers/training.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandTraining {
    /// The command and its limits.
    pub teacher: CommandConfig,
    /// Seed that each run is given, with the number of its shard.
    pub seed: u32,
}

/// Teachers that are an institution's command, run once for each shard.
#[derive(Debug)]
pub struct CommandTeachers {
    training: CommandTraining,
    /// Program and arguments, files below the home made absolute.
    words: Vec<String>,
    /// Folder of the shards.
    shards: PathBuf,
    /// Folder below which each run gets its own.
    work: PathBuf,
    count: u32,
}

/// Folder of one run; it is removed with everything in it when this is dropped.
#[derive(Debug)]
struct Workplace(PathBuf);

impl Drop for Workplace {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("{} with the data of one shard cannot be removed: {error}", self.0.display());
        }
    }
}

impl CommandTeachers {
    /// Returns the teachers whose shards lie below `shards`; each run works in a folder of its own below `work`.
    pub fn at(home: &Home, shards: &Path, work: &Path, training: CommandTraining, count: u32) -> Self {
        let words = absolute(&training.teacher.command, home.root());
        Self { training, words, shards: shards.to_owned(), work: work.to_owned(), count }
    }

    /// Returns the first shard whose files are not there.
    pub fn missing(&self) -> Option<u32> {
        let is_there = |path: PathBuf| path.is_file();
        (0..self.count).find(|shard| {
            let folder = self.shard(*shard);
            !is_there(folder.join("instances.npy")) || !is_there(folder.join("labels.npy"))
        })
    }

    /// Stores the records of one shard where a run finds them.
    pub fn store_shard(&self, shard: u32, records: &Dataset) -> Result<(), CommandError> {
        let folder = self.shard(shard);
        make_folder(&folder, Access::Secret)?;
        write_instances(&folder.join("instances.npy"), records)?;
        Ok(write_labels(&folder.join("labels.npy"), records.labels().unwrap_or_default())?)
    }

    /// Runs every teacher, in parallel on the current rayon pool; returns one class index per instance and teacher.
    pub fn predict(
        &self,
        instances: &Dataset,
        classes: usize,
    ) -> Result<Vec<Zeroizing<Vec<u16>>>, (usize, CommandError)> {
        remove(&self.work).map_err(|e| (0, e.into()))?;
        let results: Vec<_> = (0..self.count)
            .into_par_iter()
            .map(|shard| self.predict_one(shard, instances, classes).map_err(|e| (shard as usize, e)))
            .collect();
        results.into_iter().collect()
    }

    /// Runs one teacher; returns one class index per instance.
    pub fn predict_one(
        &self,
        shard: u32,
        instances: &Dataset,
        classes: usize,
    ) -> Result<Zeroizing<Vec<u16>>, CommandError> {
        let folder = self.work.join(format!("shard-{shard:03}"));
        make_folder(&folder, Access::Secret)?;
        let place = Workplace(folder);
        self.furnish(&place.0, shard, instances, classes)?;
        let output = process::run(&self.words, &place.0, &self.training.teacher)?;
        answer::parse(&output, instances.len(), classes)
    }

    /// Puts copies into the folder of a run, so that no run changes what another sees.
    fn furnish(
        &self,
        place: &Path,
        shard: u32,
        instances: &Dataset,
        classes: usize,
    ) -> Result<(), CommandError> {
        for (from, to) in [("instances.npy", "train-instances.npy"), ("labels.npy", "train-labels.npy")] {
            let from = self.shard(shard).join(from);
            std::fs::copy(&from, place.join(to)).map_err(FileError::io("copy", &from))?;
        }
        write_instances(&place.join("instances.npy"), instances)?;
        let seed = u64::from(self.training.seed) + u64::from(shard);
        let task = json!({
            "classes": classes,
            "shape": instances.shape(),
            "instances": instances.len(),
            "shard": shard,
            "shards": self.count,
            "seed": seed,
        });
        Ok(write_json(&place.join("task.json"), &task)?)
    }

    fn shard(&self, shard: u32) -> PathBuf {
        self.shards.join(format!("shard-{shard:03}"))
    }
}

/// Makes words that name files below the home absolute: the command runs in another folder.
fn absolute(words: &[String], home: &Path) -> Vec<String> {
    let root = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
    let locate = |word: &String| {
        let path = root.join(word);
        if path.is_file() { path.to_string_lossy().into_owned() } else { word.clone() }
    };
    words.iter().map(locate).collect()
}

fn remove(folder: &Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
