//! `federation plan`: what a choice of noise costs, or which noise a promise needs; runs without a server.

mod curves;
mod report;
mod setting;
mod tally;

use std::path::PathBuf;

use base::decimal::Decimal;
use clap::Args;
use privacy::{Delta, Unit, View};
use protocol::federation::{Quorum, TrusteePolicy};

use super::{Failure, output::Output};
use report::Report;
use setting::Setting;

/// What to plan for; a flag wins over the config.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Number of participants, N
    #[arg(long)]
    participants: u32,
    /// Teachers of each participant, k (the largest, if they differ)
    #[arg(long, default_value_t = 1)]
    teachers: u32,
    /// Number of classes [default: the config's]
    #[arg(long)]
    classes: Option<usize>,
    /// Noise of the honest participants together, in votes; solved for where --epsilon and --labels are given
    #[arg(long)]
    sigma: Option<Decimal>,
    /// The coordinator's own noise, in votes [default: 0]
    #[arg(long)]
    coordinator_sigma: Option<Decimal>,
    /// How many labels the budget must buy; all that --epsilon buys, where it is left out
    #[arg(long)]
    labels: Option<u32>,
    /// The probability with which the promise may fail [default: 1e-5]
    #[arg(long)]
    delta: Option<Delta>,
    /// Fraction of the participants that does not collude, in (0, 1] [default: 0.7]
    #[arg(long)]
    honest: Option<Decimal>,
    /// Ballots a round needs: a number, or `all` [default: all]
    #[arg(long, value_parser = parse_quorum)]
    quorum: Option<Quorum>,
    /// At how many participants one person may appear, m [default: 1]
    #[arg(long)]
    participants_per_person: Option<u32>,
    /// Number of persons in the federation, to check delta against
    #[arg(long)]
    persons: Option<u64>,
    /// The promise: labels it buys at a given sigma, or sigma for given labels
    #[arg(long)]
    epsilon: Option<Decimal>,
    /// The view that --epsilon is about: public or coordinator
    #[arg(long, default_value_t = View::Public)]
    view: View,
    /// Whom --epsilon protects: person or participant
    #[arg(long, default_value_t = Unit::Person)]
    unit: Unit,
    /// Noise of the participants in the test of a two-step round, in votes [default: the config's]
    #[arg(long, conflicts_with_all = ["epsilon", "solve"])]
    test_sigma: Option<Decimal>,
    /// The coordinator's own noise in that test, in votes [default: 0]
    #[arg(long, requires = "test_sigma")]
    test_coordinator_sigma: Option<Decimal>,
    /// How many of the instances pass the test and are paid in full [default: all]
    #[arg(long)]
    answered: Option<u32>,
    /// Solves for the noise that the config's [privacy.targets] need
    #[arg(long, requires = "config", conflicts_with_all = ["sigma", "epsilon"])]
    solve: bool,
    /// How many trustees hold the key and how many of them may be corrupt, such as 4,1 [default: the config's, or 1,0]
    #[arg(long, value_name = "N,T", value_parser = parse_trustees)]
    trustees: Option<TrusteePolicy>,
    /// Leads of the winner, in votes, at which the label's expected error is given
    #[arg(long, value_delimiter = ',', default_value = "5,10,20,40")]
    gaps: Vec<u32>,
    /// Draws epsilon against labels into this file
    #[arg(long)]
    svg: Option<PathBuf>,
    /// A federation's config: classes, noise, quorum, delta and circuit are taken from it
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Prints the plan, and draws it where asked.
pub(super) fn run(output: Output, args: &PlanArgs) -> Result<(), Failure> {
    let setting = Setting::new(args)?;
    let report = Report::new(&setting, &args.gaps).map_err(usage)?;
    if let Some(path) = &args.svg {
        let svg = curves::chart(&setting, &report).map_err(usage)?.to_svg();
        std::fs::write(path, svg)
            .map_err(|e| Failure::Usage(format!("{}: the chart cannot be written: {e}", path.display())))?;
    }
    output.fact(&report, || report.describe())
}

fn usage(error: impl std::fmt::Display) -> Failure {
    Failure::Usage(error.to_string())
}

fn parse_trustees(text: &str) -> Result<TrusteePolicy, String> {
    let wrong = || format!("`{text}` is not N,T: write for example 1,0, 3,1, 4,1 or 5,2");
    let (count, threshold) = text.split_once(',').ok_or_else(wrong)?;
    let number = |part: &str| part.trim().parse().map_err(|_| wrong());
    let policy = TrusteePolicy { count: number(count)?, threshold: number(threshold)? };
    policy.sharing().map(|_| policy).map_err(|e| e.to_string())
}

fn parse_quorum(text: &str) -> Result<Quorum, String> {
    if text == "all" {
        return Ok(Quorum::All);
    }
    let ballots = text.parse().map_err(|_| format!("`{text}` is neither a number nor `all`"))?;
    Ok(Quorum::AtLeast(ballots))
}
