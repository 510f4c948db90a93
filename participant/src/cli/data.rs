//! `participant data`: synthetic data, a description of own data, splits for a whole federation, and draws for a round.

use std::path::Path;

use learning::{
    Dataset, Expected, draw, files, generate_bank, generate_ecg, load_instances, load_labels, load_source,
    split, write_split,
};
use serde_json::json;

use super::{
    Failure,
    arguments::{DataCommand, DataKind},
    describe,
    output::Output,
};
use runtime::files::{Access, is_used, make_folder, write_atomic};

pub(super) fn run(home: &Path, command: DataCommand, output: &Output) -> Result<(), Failure> {
    match command {
        DataCommand::Generate { kind: DataKind::Ecg, out, persons, beats, seed } => {
            generate(&out, persons, beats, seed, output)
        }
        DataCommand::Generate { kind: DataKind::Bank, out, persons, beats, seed } => {
            invent_transactions(&out, persons, beats, seed, output)
        }
        DataCommand::Describe { data, config } => describe::run(home, &data, config.as_deref(), output),
        DataCommand::Split { data, participants, seed, out } => {
            split_data(&data, participants, seed, &out, output)
        }
        DataCommand::Draw { split, count, seed, out } => draw_round(&split, count, seed, &out, output),
    }
}

fn generate(out: &Path, persons: usize, beats: usize, seed: u64, output: &Output) -> Result<(), Failure> {
    refuse_used(out)?;
    let source = generate_ecg(persons, beats, seed).map_err(Failure::arguments)?;
    files::write_folder(out, &source.train, &source.description).map_err(Failure::job)?;
    let words = format!(
        "wrote {} synthetic beats of {persons} invented persons to {}\n{}",
        source.train.len(),
        out.display(),
        source.description.title
    );
    let facts = json!({ "out": out, "instances": source.train.len(), "persons": persons, "description": source.description });
    output.show(&words, &facts)
}

fn invent_transactions(
    out: &Path,
    persons: usize,
    records: usize,
    seed: u64,
    output: &Output,
) -> Result<(), Failure> {
    refuse_used(out)?;
    let transactions = generate_bank(persons, records, seed).map_err(Failure::arguments)?;
    transactions.write(out).map_err(Failure::job)?;
    let words = format!(
        "wrote {} synthetic transactions of {persons} invented customers to {}\n{}",
        transactions.records,
        out.display(),
        transactions.description.title
    );
    let facts = json!({ "out": out, "instances": transactions.records, "persons": persons, "description": transactions.description });
    output.show(&words, &facts)
}

fn split_data(
    data: &Path,
    participants: usize,
    seed: u64,
    out: &Path,
    output: &Output,
) -> Result<(), Failure> {
    refuse_used(out)?;
    let source = load_source(data).map_err(Failure::job)?;
    let parts = split(&source, participants, seed).map_err(Failure::job)?;
    write_split(&parts, out).map_err(Failure::job)?;
    let sizes: Vec<usize> = parts.participants.iter().map(Dataset::len).collect();
    let (unlabeled, held_out) = (parts.unlabeled.len(), parts.held_out.len());
    let words = format!(
        "wrote {participants} participants with {sizes:?} records, {unlabeled} unlabeled and {held_out} held-out instances to {}",
        out.display()
    );
    let facts = json!({
        "out": out,
        "participants": sizes,
        "unlabeled": unlabeled,
        "held_out": held_out,
        "description": parts.description,
    });
    output.show(&words, &facts)
}

fn draw_round(from: &Path, count: usize, seed: u64, out: &Path, output: &Output) -> Result<(), Failure> {
    refuse_used(out)?;
    let pool = from.join("unlabeled").join("instances.npy");
    let unlabeled = load_instances(&pool, Expected::default()).map_err(Failure::job)?;
    let truth_path = from.join("unlabeled-truth").join("labels.npy");
    let truth = load_labels(&truth_path, None).map_err(Failure::job)?;
    let (indices, drawn) = draw(&unlabeled, count, seed).map_err(Failure::job)?;
    let labels: Vec<i64> =
        indices.iter().filter_map(|&i| truth.get(i)).map(|&label| i64::from(label)).collect();
    if labels.len() != drawn.len() {
        let path = truth_path.display();
        return Err(Failure::job(format_args!(
            "{path} holds fewer labels than {} holds instances",
            pool.display()
        )));
    }
    make_folder(out, Access::Public)?;
    let bytes = files::instances_to_npy_bytes(drawn.values(), drawn.shape()).map_err(Failure::job)?;
    write_atomic(&out.join("instances.npy"), &bytes, Access::Public)?;
    files::write_integers(&out.join("truth.npy"), &labels).map_err(Failure::job)?;
    let words = format!("drew {count} instances into {}; truth.npy is for reports only", out.display());
    output.show(&words, &json!({ "out": out, "instances": count, "indices": indices }))
}

/// Refuses a folder that holds anything already.
fn refuse_used(out: &Path) -> Result<(), Failure> {
    match is_used(out)? {
        true => Err(Failure::arguments(format_args!("--out {} is not empty", out.display()))),
        false => Ok(()),
    }
}
