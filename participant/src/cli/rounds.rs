//! `participant rounds`: the log of every instance set this institution was asked to vote on, and a person's say.

use std::path::Path;

use base::{clock::Clock, ids::RoundId};
use serde_json::json;

use super::{Failure, arguments::RoundsCommand, output::Output};
use crate::{
    home::Home,
    teacher::journal::{Consent, Journal, Record, Stage},
};
use runtime::SystemClock;

pub(super) fn run(root: &Path, command: Option<RoundsCommand>, output: &Output) -> Result<(), Failure> {
    let journal = Journal::of(&Home::open(root)?);
    match command.unwrap_or(RoundsCommand::List) {
        RoundsCommand::List => list(&journal, output),
        RoundsCommand::Approve { round } => decide(&journal, round, true, output),
        RoundsCommand::Refuse { round } => decide(&journal, round, false, output),
    }
}

fn list(journal: &Journal, output: &Output) -> Result<(), Failure> {
    let records = journal.records()?;
    let lines: Vec<String> = records.iter().map(line).collect();
    let words = if lines.is_empty() { "no round was seen yet".to_owned() } else { lines.join("\n") };
    let facts: Vec<_> =
        records.iter().map(|record| json!({ "receipt_digest": receipt(record), "record": record })).collect();
    output.show(&words, &facts)
}

fn line(record: &Record) -> String {
    let when = record.stage.drawn_at().unwrap_or(record.seen_at);
    let more = match &record.stage {
        Stage::Cast { digest, .. } => format!("ballot {digest}"),
        Stage::Declined { reason } | Stage::Lost { reason, .. } => reason.clone(),
        Stage::Waiting => format!("window closes {}", record.closes_at),
        Stage::Drawing { .. } | Stage::Sealed { .. } => String::new(),
    };
    let (round, count) = (record.round, record.instance_count);
    let (instances, stage) = (record.instances, record.stage.name());
    format!("{round}  {when}  {count:>6} instances {instances}  {stage}  {more}").trim_end().to_owned()
}

/// Returns the digest of the ballot that the coordinator signed for.
fn receipt(record: &Record) -> Option<String> {
    match &record.stage {
        Stage::Cast { receipt, .. } => Some(receipt.receipt.digest.to_string()),
        _ => None,
    }
}

/// Writes a person's decision; the agent finds it at its next heartbeat.
fn decide(journal: &Journal, round: RoundId, approved: bool, output: &Output) -> Result<(), Failure> {
    let record = journal.record(round)?.ok_or_else(|| {
        Failure::job(format_args!(
            "round {round} was not seen here: `participant rounds` lists those that were"
        ))
    })?;
    if record.stage.drawn_at().is_some() {
        let stage = record.stage.name();
        return Err(Failure::job(format_args!("round {round} is {stage}: it is too late to decide")));
    }
    let consent = Consent { announcement: record.announcement, approved, at: SystemClock.now() };
    journal.decide(round, &consent)?;
    let verb = if approved { "approved" } else { "refused" };
    output.show(&format!("{verb} round {round}"), &json!({ "round": round, "consent": consent }))
}
