//! `participant fleet`: many participants in one process, for simulation, load and demos.

use std::path::PathBuf;

use base::fingerprint::Fingerprint;
use clap::Args;
use fhe::pin_fft_plan;
use learning::Partition;
use serde_json::json;

use super::{
    Failure,
    arguments::Model,
    block_on,
    output::{self, Output},
    run::shutdown,
};
use crate::{
    approval::in_words,
    fleet::{Fleet, FleetError, Plan, RecipeChoice},
};

/// Options of `fleet`.
#[derive(Debug, Args)]
pub struct FleetArguments {
    /// Address of the coordinator.
    #[arg(long, value_name = "URL")]
    pub coordinator: String,
    /// Fingerprint of the certificate to which the coordinator's chain must lead.
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<Fingerprint>,
    /// Folder of the homes: DIR/participant-001 and so on; those that are there are used again.
    #[arg(long, value_name = "DIR")]
    pub homes: PathBuf,
    /// Labelled data of everybody together; of MNIST the training part.
    #[arg(long, value_name = "PATH")]
    pub data: PathBuf,
    /// Number of participants, up to 1000.
    #[arg(long)]
    pub participants: usize,
    /// Invites: JSON of `coordinator invite --count`, or one secret per line; not needed once all are enrolled.
    #[arg(long, value_name = "FILE")]
    pub invites: Option<PathBuf>,
    /// Teachers of each participant.
    #[arg(long, default_value_t = 1, value_name = "K")]
    pub teachers: u32,
    /// How the data is dealt: hashed, or as a simulation skew:ALPHA (Dirichlet over classes) or group (person column).
    #[arg(long, default_value = "hashed", value_name = "HOW")]
    pub partition: Partition,
    /// Seed of data and training, never of keys or noise; drawn at random by default.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Network of the teachers; by default what suits the data, for images a small cnn.
    #[arg(long, value_enum, alias = "architecture")]
    pub model: Option<Model>,
    /// How often a teacher sees each record; by default what suits the data, for images 60.
    #[arg(long)]
    pub epochs: Option<usize>,
    /// Shows teachers their records as they are; by default images are shifted, turned, stretched and slanted.
    #[arg(long)]
    pub no_augmentation: bool,
    /// Seconds between two heartbeats of one participant [default: 2, or 50 heartbeats a second in all]
    #[arg(long, value_name = "SECONDS")]
    pub poll: Option<f64>,
    /// Approves federation, roster and trustees for everybody.
    #[arg(long)]
    pub approve: bool,
    /// Ends when all is prepared, and runs no agent.
    #[arg(long)]
    pub prepare_only: bool,
    /// Permits plain http to another machine, where anyone on the way reads the tokens.
    #[arg(long)]
    pub insecure_http: bool,
}

pub(super) fn run(arguments: FleetArguments, output: &Output) -> Result<(), Failure> {
    // Before any other use of the encryption library in this process.
    pin_fft_plan();
    let (approve, prepare_only) = (arguments.approve, arguments.prepare_only);
    let plan = plan(arguments);
    output::remark(
        "a fleet is for simulation, load and demos: whoever runs it holds the secrets of every participant in it",
    );
    if plan.partition.is_simulation() {
        output::remark(&format!(
            "partition {} is a simulation: where a record goes depends on other records",
            plan.partition
        ));
    }
    if plan.insecure_http {
        output::insecure("insecure_http: the tokens travel in the clear");
    }
    let fleet = Fleet::prepare(&plan)?;
    block_on(live(&fleet, approve, prepare_only, output))?
}

async fn live(fleet: &Fleet, approve: bool, prepare_only: bool, output: &Output) -> Result<(), Failure> {
    let membership = fleet.enrol().await?;
    for name in membership.founding.config.insecure_settings() {
        output::insecure(name);
    }
    let trained = fleet.train().await?;
    let (wall, cpu) = (trained.wall.as_secs_f64(), trained.cpu.as_secs_f64());
    output::remark(&format!(
        "trained {} teachers of {} participants in {wall:.1} s ({cpu:.1} s of processor time)",
        trained.teachers, trained.members
    ));
    if !approve {
        output::remark("nothing is approved: start again with --approve when the roster is complete");
    } else if let Some(review) = fleet.approve().await? {
        output::remark(&in_words(&review, false));
    }
    let summary = match prepare_only {
        true => None,
        false => Some(fleet.run(shutdown()?).await?),
    };
    let facts = json!({
        "participants": fleet.participants(),
        "federation": membership.federation(),
        "trained_teachers": trained.teachers,
        "training_seconds": wall,
        "training_cpu_seconds": cpu,
        "poll_seconds": fleet.poll(),
        "ballots": summary.map(|s| s.ballots),
        "agents_closed": summary.map(|s| s.closed),
        "agents_stopped": summary.map(|s| s.stopped),
        "agents_failed": summary.map(|s| s.failed),
        "peak_memory_mib": peak_memory_mib(),
    });
    let ballots = summary.map_or("none ran".to_owned(), |s| format!("{} ballots cast", s.ballots));
    output.show(&format!("fleet of {} participants: {ballots}", fleet.participants()), &facts)?;
    match summary.filter(|summary| summary.failed > 0) {
        Some(summary) => Err(Failure::job(format_args!(
            "{} of {} agents ended with an error; see the log",
            summary.failed,
            fleet.participants()
        ))),
        None => Ok(()),
    }
}

fn plan(arguments: FleetArguments) -> Plan {
    let model = arguments.model.map(Model::network);
    Plan {
        coordinator: arguments.coordinator,
        fingerprint: arguments.fingerprint,
        insecure_http: arguments.insecure_http,
        invites: arguments.invites,
        homes: arguments.homes,
        data: arguments.data,
        participants: arguments.participants,
        teachers: arguments.teachers,
        partition: arguments.partition,
        seed: arguments.seed,
        recipe: RecipeChoice { model, epochs: arguments.epochs, plain: arguments.no_augmentation },
        poll: arguments.poll,
    }
}

/// Returns the most memory that this process had, as Linux says; `None` elsewhere.
fn peak_memory_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

impl From<FleetError> for Failure {
    fn from(error: FleetError) -> Self {
        match error.is_usage() {
            true => Self::arguments(error),
            false => Self::job(error),
        }
    }
}
