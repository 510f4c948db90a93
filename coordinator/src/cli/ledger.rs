//! `ledger show`: what is spent, reserved and left.

use clap::Subcommand;
use privacy::{Epsilon, Views};
use protocol::wire::{LedgerView, Promise};

use super::{Client, Failure, output::Output};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerVerb {
    /// Shows what all rounds together have cost, what is reserved, and what is left of each promise
    ///
    /// Example: coordinator ledger show --format json
    Show,
}

pub(super) async fn run(client: &Client, output: Output, verb: LedgerVerb) -> Result<(), Failure> {
    let LedgerVerb::Show = verb;
    let view: LedgerView = client.get("/ledger").await?;
    output.fact(&view, || describe(&view))
}

fn describe(view: &LedgerView) -> String {
    let mut lines = vec![row("spent", &view.spent), row("spent or reserved", &view.committed)];
    if view.promises.is_empty() {
        lines.push(
            "nothing is promised ([privacy.targets] in the config), so no round is refused for its cost"
                .into(),
        );
    }
    lines.extend(view.promises.iter().map(describe_promise));
    lines.push(String::new());
    lines.extend(view.entries.iter().map(|entry| {
        format!(
            "{}  {:>6} labels  {:<9}  {}",
            entry.round,
            entry.labels,
            format!("{:?}", entry.state).to_lowercase(),
            row("", &entry.epsilon)
        )
    }));
    lines.join("\n")
}

fn row(name: &str, epsilon: &Epsilon) -> String {
    let shown = |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{value:.3}"));
    let views = |views: &Views<Option<f64>>| {
        format!("public {}, coordinator {}", shown(views.public), shown(views.coordinator))
    };
    format!(
        "{name:<18} ε at δ = {}: one person {}; a participant {}",
        epsilon.delta,
        views(&epsilon.person),
        views(&epsilon.participant)
    )
}

fn describe_promise(promise: &Promise) -> String {
    let shown = |value: Option<f64>| value.map_or("no bound".to_owned(), |value| format!("{value:.3}"));
    let left = promise
        .labels_left
        .map_or("no round is possible with this roster".to_owned(), |left| format!("{left} labels left"));
    format!(
        "promised           ε ≤ {} at δ = {} for one {} in the {} view: {} spent, {} with what is reserved; {left}",
        promise.epsilon,
        promise.delta,
        promise.unit,
        promise.view,
        shown(promise.spent),
        shown(promise.committed)
    )
}
