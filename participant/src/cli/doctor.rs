//! `participant doctor`: what is wrong at this institution, and what helps.

use std::path::Path;

use runtime::doctor::{Diagnosis, Health};

use super::{Exit, Failure, block_on, output::Output};
use crate::doctor::examine;
use runtime::SystemClock;

pub(super) fn run(root: &Path, output: &Output) -> Result<(), Failure> {
    let mut diagnosis = Diagnosis::default();
    block_on(examine(root, &SystemClock, &mut diagnosis))?;
    output.show(&diagnosis.in_words(), &diagnosis)?;
    match diagnosis.health() {
        Health::Well => Ok(()),
        Health::Ill => Err(Failure::job("the doctor found what does not work")),
        Health::Alone => Err(Failure {
            exit: Exit::Connection,
            message: "only the coordinator cannot be reached".to_owned(),
        }),
    }
}
