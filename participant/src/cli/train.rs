//! `participant train`: the teachers, with a progress bar on a terminal.

use std::{
    io::{IsTerminal, stderr},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Failure, arguments::TrainArguments, output::Output};
use crate::{
    approval::Membership,
    config::Config,
    home::Home,
    teacher::{ensemble::Training, train::Lesson},
};
use runtime::SystemClock;

pub(super) fn run(root: &Path, arguments: &TrainArguments, output: &Output) -> Result<(), Failure> {
    let home = Home::open(root)?;
    let config = Config::load(&home)?;
    let lesson = Lesson::prepare(&home, &config, Membership::load(&home)?.as_ref())?;
    if !arguments.force && lesson.is_done(&home)? {
        let training = Training::load(&home)?.ok_or_else(|| Failure::job("the training record vanished"))?;
        return show(&training, false, output);
    }
    let progress = Progress::new(lesson.teachers());
    let training = lesson.train(&home, &SystemClock, &|_, step, steps| progress.step(step, steps))?;
    progress.bar.finish_and_clear();
    show(&training, true, output)
}

fn show(training: &Training, was_trained: bool, output: &Output) -> Result<(), Failure> {
    let records: usize = training.records.iter().sum();
    let smallest = training.records.iter().min().copied().unwrap_or(0);
    let largest = training.records.iter().max().copied().unwrap_or(0);
    let verb = if was_trained { "trained" } else { "nothing changed since these were trained:" };
    let unit = match training.privacy_unit.as_str() {
        "person" => "all records of one person lie in one shard: the privacy unit is the person",
        _ => {
            "the data names no persons: the privacy unit is the record, and a person with several records moves \
             several votes"
        }
    };
    let words = format!(
        "{verb} {} teachers on {records} records, {smallest} to {largest} each\n{unit}",
        training.teachers
    );
    output.show(&words, &json!({ "trained": was_trained, "training": training }))
}

/// Number of steps of all teachers together that are done.
struct Progress {
    bar: ProgressBar,
    teachers: usize,
    done: AtomicUsize,
}

impl Progress {
    fn new(teachers: usize) -> Self {
        let bar = if stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("training {wide_bar} {percent}% {eta} left") {
            bar.set_style(style);
        }
        Self { bar, teachers, done: AtomicUsize::new(0) }
    }

    fn step(&self, _step: usize, steps: usize) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.set_length((steps * self.teachers) as u64);
        self.bar.set_position(done as u64);
    }
}
