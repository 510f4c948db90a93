//! One large round through the real coordinator: how fast labels come, and how much memory they take.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use base::{Step, decimal::Decimal};
use clap::Parser;
use protocol::{federation::Quorum, wire::Labels};
use serde::Serialize;

use crate::{
    Federation, Plan, Service, data,
    demo::Format,
    federation::{Candidate, Followed, utf8},
    stage::Stage,
};

/// How long a phase may take at most.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
const CLASSES: usize = 10;

/// Lets a fleet of participants vote on one large round and measures the coordinator: its memory and its time.
#[derive(Debug, Clone, Parser)]
#[command(name = "throughput", version)]
#[command(
    after_help = "Examples:\n  scripts/throughput.sh --format json\n  scripts/throughput.sh --instances 1000 \
    --insecure-toy-parameters\n\nExit codes: 0 done, 1 the job failed, 4 wrong arguments, 130 interrupted."
)]
pub struct Arguments {
    /// Instances of the round, with ten classes each
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub instances: u32,
    /// Number of participants, each with one teacher and one ballot
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub participants: u32,
    /// Keeps the folder with all data, homes and logs, and says where it is
    #[arg(long)]
    pub keep: bool,
    /// Form of what is printed at the end
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Uses tiny keys that protect nothing, for quick tests
    #[arg(long)]
    pub insecure_toy_parameters: bool,
}

/// What one large round took.
#[derive(Debug, Clone, Serialize)]
pub struct Throughput {
    /// Instances of the round.
    pub instances: u32,
    /// Ballots counted.
    pub ballots: usize,
    /// Bytes of one ballot.
    pub bytes_per_ballot: u64,
    /// Seconds from the announcement to the close of the window.
    pub voting_s: f64,
    /// Seconds from the close of the window to the label ciphertexts: noise, sum, argmax.
    pub tally_s: f64,
    /// Processor time of the tally per label.
    pub tally_cpu_ms_per_label: f64,
    /// Most memory of the coordinator when the round was announced; by then the keys had been loaded once.
    pub peak_mib_with_keys: u64,
    /// Most memory of the coordinator in the end.
    pub peak_mib: u64,
    /// Labels released.
    pub released: usize,
}

impl Throughput {
    /// Returns the same in words.
    pub fn in_words(&self) -> String {
        format!(
            "{} instances, {} ballots of {} bytes: voting {:.0} s, tally {:.0} s, {:.1} ms of processor time per \
             label.\nMost memory of the coordinator: {} MiB, of which {} MiB were there with the keys alone.",
            self.instances,
            self.ballots,
            self.bytes_per_ballot,
            self.voting_s,
            self.tally_s,
            self.tally_cpu_ms_per_label,
            self.peak_mib,
            self.peak_mib_with_keys
        )
    }
}

/// Runs the round and returns what was measured.
pub fn tell(arguments: &Arguments, stage: &Stage) -> anyhow::Result<Throughput> {
    let mut federation = Federation::open(&stage.folder, &stage.programs, &stage.processes)?;
    federation.keep_quiet();
    federation.serve()?;
    stage.steps.say("founding the federation, enrolling and training a fleet");
    let fleet = start_fleet(arguments, &federation)?;
    federation.wait_for_keys(fleet, LONGEST)?;
    let coordinator = federation.coordinator().context("the coordinator does not run")?;
    let peak_mib_with_keys = coordinator.peak_mib()?;
    stage.steps.say("one round: every participant votes on every instance");
    let instances = data::instances(CLASSES, arguments.instances as usize, 7)?;
    let begun = Instant::now();
    let round = federation.announce(&Candidate { instances, window: "6h".to_owned() })?;
    let Followed { view, voting, tally, .. } = federation.follow(round, begun, LONGEST)?;
    let peak_mib = coordinator.peak_mib()?;
    let labels: Labels = federation.ask(&["round", "labels", &view.round.to_string()])?;
    let recorded = view.state.tally(Step::Label).context("the round was tallied")?;
    let report = Throughput {
        instances: arguments.instances,
        ballots: view.state.counted().len(),
        bytes_per_ballot: view.ballot_bytes,
        voting_s: voting.as_secs_f64(),
        tally_s: tally.as_secs_f64(),
        tally_cpu_ms_per_label: recorded.cpu_ms as f64 / f64::from(arguments.instances),
        peak_mib_with_keys,
        peak_mib,
        released: labels.labels.len(),
    };
    federation.finish()?;
    Ok(report)
}

/// Founds the federation and starts a process with all participants; the first is the trustee.
fn start_fleet(arguments: &Arguments, federation: &Federation) -> anyhow::Result<Service> {
    let mut plan = Plan::full()?.with_classes(CLASSES)?;
    plan.config.insecure_toy_parameters = arguments.insecure_toy_parameters;
    plan.config.quorum = Quorum::All;
    plan.config.noise.sigma = Decimal::from_whole(40)?;
    federation.create(&plan.config)?;
    let count = arguments.participants.to_string();
    let invites = federation
        .operate(&["invite", "--count", &count, "--prefix", "bank", "--format", "json"], LONGEST)?;
    let (invited, rows) = (federation.folder.join("invites.json"), federation.folder.join("rows"));
    std::fs::write(&invited, &invites.success()?.stdout)?;
    data::write(&rows, &data::rows(CLASSES, 10 * arguments.participants as usize, 4, 5)?, CLASSES)?;
    let homes = federation.folder.join("homes");
    let url = federation.url();
    let mut words = vec!["fleet", "--approve", "--seed", "1", "--teachers", "1", "--format", "json"];
    words.extend(["--coordinator", &url, "--homes", utf8(&homes)?, "--data", utf8(&rows)?]);
    words.extend(["--invites", utf8(&invited)?, "--participants", &count]);
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    federation.start_participant(&words, "fleet")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_options_are_consistent() {
        Arguments::command().debug_assert();
    }
}
