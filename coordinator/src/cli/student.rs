//! `student train`: a model that can be given to anyone, from released labels alone.

use std::path::PathBuf;

use clap::Subcommand;
use shared::{
    ids::RoundId,
    wire::{FederationView, Labels, RoundSummary},
};

use super::{Client, Failure, output::Output};
use crate::student::{Lesson, StudentReport, teach};

#[derive(Debug, Subcommand)]
pub(super) enum StudentVerb {
    /// Trains the student on released labels
    ///
    /// Example: coordinator student train --held-out data/held-out --out student
    Train {
        /// Rounds whose labels are used; all released ones by default
        #[arg(long = "round")]
        rounds: Vec<RoundId>,
        /// Labelled data that no teacher saw, to state the accuracy on
        #[arg(long)]
        held_out: Option<PathBuf>,
        /// Where the student goes: OUT.safetensors and OUT.json
        #[arg(long, default_value = "student")]
        out: PathBuf,
        /// Seed of the training
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

pub(super) async fn run(client: &Client, output: Output, verb: StudentVerb) -> Result<(), Failure> {
    let StudentVerb::Train { rounds, held_out, out, seed } = verb;
    let federation: FederationView = client.get("/federation").await?;
    let mut lessons = Vec::new();
    for round in chosen(client, rounds).await? {
        let labels: Labels = client.get(&format!("/rounds/{round}/labels")).await?;
        let instances = client.get_bytes(&format!("/rounds/{round}/instances")).await?;
        lessons.push(Lesson { instances, labels });
    }
    let config = federation.founding.config;
    let taught =
        tokio::task::spawn_blocking(move || teach(&config, &lessons, held_out.as_deref(), &out, seed));
    let report = taught.await.map_err(|e| Failure::Job(e.to_string()))?;
    let report = report.map_err(|e| Failure::Job(e.to_string()))?;
    output.fact(&report, || describe(&report))
}

async fn chosen(client: &Client, rounds: Vec<RoundId>) -> Result<Vec<RoundId>, Failure> {
    if !rounds.is_empty() {
        return Ok(rounds);
    }
    let all: Vec<RoundSummary> = client.get("/rounds").await?;
    let released: Vec<_> = all.iter().filter(|r| r.phase == "released").map(|r| r.round).collect();
    if released.is_empty() {
        return Err(Failure::Job("no round has released labels yet: coordinator round list".to_owned()));
    }
    Ok(released)
}

fn describe(report: &StudentReport) -> String {
    let accuracy = match &report.evaluation {
        None => "no held-out data was given, so no accuracy is stated".to_owned(),
        Some(evaluation) => {
            format!("accuracy {:.4} on {} held-out instances", evaluation.accuracy, report.held_out)
        }
    };
    format!("student {} trained on {} labels; {accuracy}", report.weights.display(), report.labels)
}
