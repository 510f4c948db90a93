//! `round select`: which instances of a pool to ask labels for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use learning::{Expected, Selection, files::write_instances, load_instances, select};
use protocol::wire::FederationView;
use serde::Serialize;

use super::{Client, Failure, output::Output};

/// What to choose from and how.
#[derive(Debug, Args)]
pub(super) struct SelectArgs {
    /// File of unlabeled instances (NPY, IDX or CSV, each may be .gz)
    #[arg(long)]
    unlabeled: PathBuf,
    /// How many to choose
    #[arg(long)]
    count: usize,
    /// How to choose
    #[arg(long, value_enum, default_value_t = Chosen::Typical)]
    selection: Chosen,
    /// File for the chosen instances (NPY), to be announced with `round create --instances`
    #[arg(long)]
    out: PathBuf,
    /// Seed of the choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A way to choose.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Chosen {
    /// The middle of each of COUNT groups of similar instances.
    Typical,
    /// The same, where what is similar is learnt from the instances first; takes minutes.
    Learnt,
    /// Every instance is as likely as any other.
    Random,
}

/// What was chosen.
#[derive(Debug, Serialize)]
struct Choice {
    out: PathBuf,
    pool: usize,
    selection: Selection,
    seed: u64,
    /// Places in the file of unlabeled instances, counted from 0.
    indices: Vec<usize>,
}

pub(super) async fn run(client: &Client, output: Output, args: SelectArgs) -> Result<(), Failure> {
    let federation: FederationView = client.get("/federation").await?;
    let schema = federation.founding.config.instances;
    let chosen = tokio::task::spawn_blocking(move || {
        let usage = |e: &dyn std::fmt::Display| Failure::Usage(e.to_string());
        let expected = Expected::instances(&schema);
        let pool = load_instances(&args.unlabeled, expected).map_err(|e| usage(&e))?;
        let selection = match args.selection {
            Chosen::Typical => Selection::Typical,
            Chosen::Learnt => Selection::Learnt,
            Chosen::Random => Selection::Random,
        };
        let bar = ProgressBar::new(0).with_message("features");
        let progress = |step: usize, steps: usize| {
            bar.set_length(steps as u64);
            bar.set_position(step as u64);
        };
        let indices = select(selection, &schema, &pool, args.count, args.seed, &progress);
        bar.finish_and_clear();
        let indices = indices.map_err(|e| usage(&e))?;
        write_instances(&args.out, &pool.select(&indices)).map_err(|e| usage(&e))?;
        Ok::<Choice, Failure>(Choice { out: args.out, pool: pool.len(), selection, seed: args.seed, indices })
    });
    let choice = chosen.await.map_err(|e| Failure::Job(e.to_string()))??;
    output.fact(&choice, || {
        let (chosen, pool, out) = (choice.indices.len(), choice.pool, choice.out.display());
        format!("chose {chosen} of {pool} instances: {out}\nannounce them: coordinator round create --instances {out}")
    })
}
