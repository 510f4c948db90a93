//! `participant ledger show`: what the rounds voted in have cost, and the institution's own cap.

use std::path::Path;

use privacy::Views;
use serde_json::json;

use super::{Failure, arguments::LedgerCommand, output::Output};
use crate::{
    agent::AgentError, approval::Membership, config::Config, home::Home, teacher::journal::Journal,
    teacher::ledger::HomeLedger, transcript::Chain,
};

pub(super) fn run(root: &Path, command: LedgerCommand, output: &Output) -> Result<(), Failure> {
    let LedgerCommand::Show = command;
    let home = Home::open(root)?;
    let limits = Config::load(&home)?.limits;
    let membership = Membership::load(&home)?.ok_or(AgentError::NotEnrolled)?;
    let records = Journal::of(&home).records()?;
    let chain = Chain::peek(&home, &membership)?;
    let ledger = HomeLedger::of(&records, &membership.founding.config, chain.replay().as_deref());
    let spent = ledger.spent().map_err(Failure::job)?;
    let shown = |value: Option<f64>| value.map_or("no bound".to_owned(), |value| format!("{value:.3}"));
    let row = |views: &Views<Option<f64>>| {
        format!(
            "public {}, coordinator with colluding participants {}",
            shown(views.public),
            shown(views.both)
        )
    };
    let cap = |cap: Option<base::decimal::Decimal>| cap.map_or("none".to_owned(), |cap| cap.to_string());
    let mut lines = vec![
        format!("ε at δ = {} of the rounds voted in here", spent.delta),
        format!("  one person        {}; cap {}", row(&spent.person), cap(limits.epsilon)),
        format!("  this institution  {}; cap {}", row(&spent.participant), cap(limits.participant_epsilon)),
    ];
    lines.extend(ledger.entries.iter().map(|entry| {
        let state = if entry.returned { "came back: nothing was opened" } else { "counts" };
        format!("  {}  {:>6} labels  {state}", entry.round, entry.labels)
    }));
    let facts = json!({
        "spent": spent,
        "epsilon": limits.epsilon,
        "participant_epsilon": limits.participant_epsilon,
        "entries": ledger.entries,
    });
    output.show(&lines.join("\n"), &facts)
}
