//! Tables: banks with CSV files of their own, one with its columns in another order, label a CSV file of transactions.

use std::path::Path;

use anyhow::Context as _;
use base::decimal::Decimal;
use fhe::ArgmaxKind;
use learning::{Expected, load_labeled};
use privacy::NoiseMode;
use protocol::{federation::FederationConfig, wire::RoundView};
use tests::{Federation, Plan, Processes, Programs, federation::utf8, oracle::plain_votes, wait::PATIENCE};

const BANKS: usize = 3;
const ASKED: usize = 60;

/// Lets a bank invent transactions of its own customers, and returns the text of the file.
fn transactions(federation: &Federation, folder: &Path, seed: usize) -> anyhow::Result<String> {
    let seed = seed.to_string();
    let mut command = vec!["data", "generate", "--kind", "bank", "--out", utf8(folder)?, "--seed", &seed];
    command.extend(["--persons", "60", "--records", "10"]);
    federation.participant(&command, PATIENCE)?.success()?;
    let path = folder.join("transactions.csv");
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// The same table with its columns the other way round; no cell of it holds a comma.
fn mirrored(text: &str) -> String {
    let mirror = |line: &str| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n";
    text.lines().map(mirror).collect()
}

#[test]
fn banks_label_transactions_from_csv_to_csv_whatever_the_order_of_their_columns() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/federation-bank.toml"),
    )?;
    // Without noise and with the exact argmax the outcome follows from the teachers' votes alone.
    let mut config: FederationConfig = toml::from_str(&text)?;
    config.insecure_toy_parameters = true;
    config.argmax = Some(ArgmaxKind::Exact);
    config.noise.mode = NoiseMode::InsecureNoNoise;
    (config.noise.sigma, config.noise.coordinator_sigma) = (Decimal::ZERO, Decimal::ZERO);
    let plan = Plan { config, teachers: 3, ..Plan::toy()? };

    let folder = tempfile::tempdir()?;
    let mut federation = Federation::open(folder.path(), &Programs::find()?, &Processes::default())?;
    federation.serve()?;
    federation.create(&plan.config)?;
    for bank in 1..=BANKS {
        let data = folder.path().join(format!("data-{bank}"));
        let table = transactions(&federation, &data, bank)?;
        if bank == 2 {
            std::fs::write(data.join("transactions.csv"), mirrored(&table))?;
        }
        let options = ["--poll-seconds", "0.1"].map(str::to_owned);
        federation.enrol(&format!("bank-{bank}"), &data, plan.teachers, bank == 1, &options)?;
    }
    federation.approve_all()?;
    for member in &federation.members {
        federation.train(member)?;
    }
    federation.start_agents()?;
    federation.wait_until_keyed()?;

    // Transactions of customers whom no bank knows; the file says their classes, and nobody reads that.
    let table = transactions(&federation, &folder.path().join("new"), 9)?;
    let asked = folder.path().join("asked.csv");
    let lines: Vec<&str> = table.lines().take(1 + ASKED).collect();
    std::fs::write(&asked, lines.join("\n"))?;
    let view: RoundView =
        federation.ask(&["round", "create", "--instances", utf8(&asked)?, "--window", "10m"])?;
    let labels = federation.wait_for_labels(view.round)?.labels;

    let votes = plain_votes(&federation, view.round)?;
    let expected = votes.chunks_exact(plan.classes()).map(|counts| {
        let most = counts.iter().max().copied().unwrap_or_default();
        counts.iter().position(|count| *count == most).map(|class| class as u16)
    });
    assert_eq!(labels, expected.collect::<Vec<_>>());
    let expected = Expected::of(&plan.config.instances, &plan.config.classes);
    let truth = load_labeled(&asked, expected)?;
    let truth = truth.labels().context("the file has labels")?;
    let right = labels.iter().zip(truth).filter(|(label, class)| **label == Some(**class)).count();
    assert!(right >= 2 * ASKED / 3, "{right} of {ASKED} labels are right");

    // A file that the federation's columns do not fit is refused with the line and the column.
    std::fs::write(&asked, lines.join("\n").replace(",card,", ",barter,"))?;
    let refused = federation.operate(&["round", "create", "--instances", utf8(&asked)?], PATIENCE)?;
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("column `channel`: `barter` is not one of"), "{}", refused.stderr);
    federation.finish()
}
