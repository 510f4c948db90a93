//! `student train` and `student predict`: a model that can be given to anyone, from released labels alone.

use std::path::{Path, PathBuf};

use base::ids::{RoundId, StudentId};
use clap::Subcommand;
use privacy::Views;
use protocol::{
    transcript::Head,
    wire::{FederationView, Labels, LedgerView, StudentResult, StudentView, TranscriptPage},
};

use super::{Client, Failure, output::Output};
use crate::student::{Assignment, Lesson, Origin, StudentError, StudentReport, answer, teach};

#[derive(Debug, Subcommand)]
pub(super) enum StudentVerb {
    /// Trains the student on released labels and on all unlabeled instances
    ///
    /// Example: coordinator student train --unlabeled pool.npy --held-out data/held-out --out student
    Train {
        /// Rounds whose instances and labels are used; all by default
        #[arg(long = "round")]
        rounds: Vec<RoundId>,
        /// More instances without labels to learn from: the file from which the rounds were selected
        #[arg(long)]
        unlabeled: Option<PathBuf>,
        /// Settings of the training (TOML); every one of them has a default
        #[arg(long)]
        recipe: Option<PathBuf>,
        /// Labelled data that no teacher saw, to state the accuracy on
        #[arg(long)]
        held_out: Option<PathBuf>,
        /// Where the student goes: OUT.safetensors and OUT.json
        #[arg(long, default_value = "student")]
        out: PathBuf,
        /// Draws which classes it confuses on the held-out data into this file
        #[arg(long)]
        svg: Option<PathBuf>,
        /// Seed of the training
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Keeps the figures to yourself: the coordinator, and so the dashboard, is not told them
        #[arg(long)]
        no_report: bool,
    },
    /// Says the class of each instance of a file, one name per line; needs no running coordinator
    ///
    /// Example: coordinator student predict --student student --instances new.npy
    Predict {
        /// The student's files: STUDENT.safetensors and STUDENT.json
        #[arg(long)]
        student: PathBuf,
        /// File of instances (NPY, IDX or CSV, each may be .gz)
        #[arg(long)]
        instances: PathBuf,
    },
}

pub(super) async fn run(client: &Client, output: Output, verb: StudentVerb) -> Result<(), Failure> {
    let (rounds, assignment, is_told) = match verb {
        StudentVerb::Predict { student, instances } => return predict(output, &student, &instances),
        StudentVerb::Train { rounds, unlabeled, recipe, held_out, out, svg, seed, no_report } => {
            (rounds, Assignment { unlabeled, recipe, held_out, out, svg, seed }, !no_report)
        }
    };
    let origin = origin(client).await?;
    let lessons = lessons(client, &rounds).await?;
    let used = lessons.iter().filter(|lesson| lesson.labels.is_some()).map(|lesson| lesson.round).collect();
    let head = origin.head;
    let taught = tokio::task::spawn_blocking(move || teach(&origin, &lessons, &assignment));
    let report = taught.await.map_err(|e| Failure::Job(e.to_string()))?.map_err(|e| failure(&e))?;
    output.fact(&report, || describe(&report))?;
    if is_told {
        tell(client, &report, used, head).await?;
    }
    Ok(())
}

/// Tells the coordinator how the student did, for everybody who watches.
async fn tell(
    client: &Client,
    report: &StudentReport,
    rounds: Vec<RoundId>,
    head: Head,
) -> Result<(), Failure> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|e| Failure::Job(e.to_string()))?;
    let method = serde_json::to_value(report.method).map_err(|e| Failure::Job(e.to_string()))?;
    let evaluation = report.evaluation.as_ref();
    let result = StudentResult {
        rounds,
        labels: report.labels as u64,
        unlabelled: report.unlabelled as u64,
        method: method.as_str().unwrap_or_default().to_owned(),
        contradicted: report.contradicted as u64,
        held_out: report.held_out as u64,
        accuracy: evaluation.map(|evaluation| evaluation.accuracy),
        recall: evaluation.map(|evaluation| evaluation.recall.clone()).unwrap_or_default(),
        confusion: evaluation.map(|evaluation| evaluation.confusion.clone()).unwrap_or_default(),
        calibration_error: report.calibration.as_ref().map(|calibration| calibration.expected_error),
        epsilon: report.epsilon.clone(),
        events: head.length,
        head: head.digest,
    };
    let _: StudentView = client.put(&format!("/students/{}", StudentId::from_bytes(id)), &result).await?;
    Ok(())
}

/// Asks a stored student; reads files alone.
pub(super) fn predict(output: Output, student: &Path, instances: &Path) -> Result<(), Failure> {
    let answers = answer(student, instances).map_err(|e| failure(&e))?;
    output.fact(&answers, || answers.labels.join("\n"))
}

fn failure(error: &StudentError) -> Failure {
    if error.is_usage() { Failure::Usage(error.to_string()) } else { Failure::Job(error.to_string()) }
}

async fn origin(client: &Client) -> Result<Origin, Failure> {
    let federation: FederationView = client.get("/federation").await?;
    let ledger: LedgerView = client.get("/ledger").await?;
    let chain: TranscriptPage = client.get(&format!("/transcript?from={}", i64::MAX)).await?;
    let last = chain.length.saturating_sub(1);
    let page: TranscriptPage = client.get(&format!("/transcript?from={last}")).await?;
    let head = match page.events.last() {
        None => Head::EMPTY,
        Some(event) => Head::after(&event.unverified().map_err(|e| Failure::Job(e.to_string()))?),
    };
    Ok(Origin {
        federation: federation.hash,
        config: federation.founding.config,
        epsilon: ledger.spent,
        head,
    })
}

/// Fetches the instances of the rounds (of all that were announced by default), with the labels of those released.
async fn lessons(client: &Client, rounds: &[RoundId]) -> Result<Vec<Lesson>, Failure> {
    let all = client.rounds().await?;
    let is_released = |round: RoundId| all.iter().any(|r| r.round == round && r.phase == "released");
    let asked: Vec<RoundId> =
        if rounds.is_empty() { all.iter().map(|r| r.round).collect() } else { rounds.to_vec() };
    if !asked.iter().any(|round| is_released(*round)) {
        return Err(Failure::Job("no round has released labels yet: coordinator round list".to_owned()));
    }
    let mut lessons = Vec::new();
    for round in asked {
        let labels: Option<Labels> = match is_released(round) {
            true => Some(client.get(&format!("/rounds/{round}/labels")).await?),
            false => None,
        };
        let instances = client.get_bytes(&format!("/rounds/{round}/instances")).await?;
        lessons.push(Lesson { round, instances, labels });
    }
    Ok(lessons)
}

fn describe(report: &StudentReport) -> String {
    let mut lines = vec![format!(
        "student {} trained on {} labels and {} instances without one",
        report.weights.display(),
        report.labels,
        report.unlabelled
    )];
    if report.contradicted > 0 {
        lines.push(format!("it contradicts {} of the labels", report.contradicted));
    }
    match &report.evaluation {
        None => lines.push("no held-out data was given, so no accuracy is stated".to_owned()),
        Some(evaluation) => {
            let held_out = report.held_out;
            lines.push(format!("accuracy {:.4} on {held_out} held-out instances", evaluation.accuracy));
            let recalls: Vec<String> = evaluation
                .recall
                .iter()
                .map(|recall| recall.map_or("-".to_owned(), |recall| format!("{recall:.3}")))
                .collect();
            lines.push(format!("recall by class: {}", recalls.join(" ")));
        }
    }
    if let Some(calibration) = &report.calibration {
        lines.push(format!("expected calibration error {:.4}", calibration.expected_error));
    }
    let shown = |value: Option<f64>| value.map_or("without bound".to_owned(), |value| format!("{value:.3}"));
    let views = |views: &Views<Option<f64>>| {
        format!("public {}, coordinator {}", shown(views.public), shown(views.coordinator))
    };
    let epsilon = &report.epsilon;
    lines.push(format!(
        "the federation's labels cost ε at δ = {}: one person {}; a participant {}",
        epsilon.delta,
        views(&epsilon.person),
        views(&epsilon.participant)
    ));
    lines.join("\n")
}
