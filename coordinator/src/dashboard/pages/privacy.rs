//! *Privacy*: what is spent, reserved and left per view; ε against labels; who learns what.

use askama::Template;
use axum::extract::State;
use chart::{Axis, Bar, Bars, Chart, Curve, Part, Scale};
use privacy::{Unit, View};
use protocol::wire::{EntryState, LedgerEntry, Observer, PrivacyView, Promise};

use super::Unfounded;
use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, founded, show},
        words::{Drawing, RoundLink, count, epsilon, epsilons},
    },
    watch,
};

/// Rounds in the table; the API lists all of them.
const MOST: usize = 100;

struct PromiseLine {
    whom: String,
    view: View,
    promised: String,
    spent: String,
    reserved: String,
    left: String,
    labels_left: String,
}

struct Line {
    link: RoundLink,
    labels: String,
    state: &'static str,
    person: [String; 4],
    participant: [String; 4],
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct PrivacyPage {
    frame: Frame,
    delta: String,
    promises: Vec<PromiseLine>,
    gauge: Drawing,
    spent: [[String; 4]; 2],
    committed: [[String; 4]; 2],
    labels_spent: String,
    label: Option<String>,
    chart: Option<Drawing>,
    points: Vec<(String, Vec<String>)>,
    curves: Vec<String>,
    lines: Vec<Line>,
    left_out: usize,
    observers: Vec<Observer>,
}

pub(in crate::dashboard) async fn privacy(visitor: Visitor, State(app): State<App>) -> Page {
    let mut tx = app.storage.read().await?;
    let frame = Frame::new(&app, &mut tx, &visitor, ("/privacy", "Privacy".to_owned())).await?;
    if founded(&mut tx).await?.is_none() {
        return show(&Unfounded { frame });
    }
    let view = watch::privacy(&app, &mut tx).await?;
    drop(tx);
    let ledger = &view.ledger;
    let (promises, gauge) = (ledger.promises.iter().map(promise).collect(), gauge(&ledger.promises));
    show(&PrivacyPage {
        frame,
        delta: ledger.spent.delta.to_string(),
        promises,
        gauge: Drawing(gauge.to_inline_svg()),
        spent: [epsilons(&ledger.spent.person), epsilons(&ledger.spent.participant)],
        committed: [epsilons(&ledger.committed.person), epsilons(&ledger.committed.participant)],
        labels_spent: count(view.labels_spent),
        label: view.label.as_ref().map(|label| epsilon(label.person.public)),
        chart: chart(&view),
        points: points(&view),
        curves: view.curves.iter().map(|curve| name(curve.unit, curve.view)).collect(),
        left_out: ledger.entries.len().saturating_sub(MOST),
        lines: ledger.entries.iter().rev().take(MOST).map(line).collect(),
        observers: view.observers,
    })
}

fn name(unit: Unit, view: View) -> String {
    let whom = match unit {
        Unit::Person => "one person",
        Unit::Participant => "a participant",
    };
    format!("{whom}, {view} view")
}

/// Returns ε that is reserved beyond what is spent, and what is left of the promise.
fn parts(promise: &Promise) -> Option<(f64, f64, f64)> {
    let (spent, committed) = (promise.spent?, promise.committed?);
    Some((spent, (committed - spent).max(0.0), (promise.epsilon - committed).max(0.0)))
}

fn promise(promise: &Promise) -> PromiseLine {
    let parts = parts(promise);
    PromiseLine {
        whom: promise.unit.to_string(),
        view: promise.view,
        promised: format!("{} at δ = {}", promise.epsilon, promise.delta),
        spent: epsilon(promise.spent),
        reserved: epsilon(parts.map(|(_, reserved, _)| reserved)),
        left: epsilon(parts.map(|(_, _, left)| left)),
        labels_left: promise.labels_left.map_or_else(|| "no round is possible".to_owned(), count),
    }
}

fn gauge(promises: &[Promise]) -> Bars {
    let bar = |promise: &Promise| {
        let (spent, reserved, left) = parts(promise)?;
        let part = |name: &str, value| Part { name: name.to_owned(), value };
        Some(Bar {
            name: name(promise.unit, promise.view),
            words: format!("ε {left:.2} of {} left", promise.epsilon),
            parts: vec![part("spent", spent), part("reserved", reserved)],
            of: Some(promise.epsilon),
        })
    };
    Bars {
        title: "Budget for ε".to_owned(),
        description: "One bar for each promise: what is spent, what is reserved, and the rest of it."
            .to_owned(),
        bars: promises.iter().filter_map(bar).collect(),
    }
}

fn chart(view: &PrivacyView) -> Option<Drawing> {
    if view.curves.is_empty() {
        return None;
    }
    let curves = view.curves.iter().map(|curve| Curve {
        name: name(curve.unit, curve.view),
        points: curve.points.iter().map(|(labels, epsilon)| (*labels as f64, *epsilon)).collect(),
        marks: Vec::new(),
    });
    let delta = view.ledger.spent.delta;
    let chart = Chart {
        title: format!("ε against labels, δ = {delta}"),
        description: "How ε grows with the number of labels, with the roster and the noise as they stand; the table below has \
                      the same figures."
            .to_owned(),
        x: Axis { label: "labels in all".to_owned(), scale: Scale::Linear },
        y: Axis { label: "ε".to_owned(), scale: Scale::Logarithmic },
        curves: curves.collect(),
    };
    Some(Drawing(chart.to_inline_svg()))
}

/// Returns the chart's figures: labels, and ε of every curve.
fn points(view: &PrivacyView) -> Vec<(String, Vec<String>)> {
    let Some(first) = view.curves.first() else { return Vec::new() };
    let row = |(place, (labels, _)): (usize, &(u64, f64))| {
        let of = |curve: &protocol::wire::CostCurve| epsilon(curve.points.get(place).map(|point| point.1));
        (count(*labels), view.curves.iter().map(of).collect())
    };
    first.points.iter().enumerate().map(row).collect()
}

fn line(entry: &LedgerEntry) -> Line {
    let labels = match entry.passed {
        Some(passed) => format!("{} of {}", count(u64::from(passed)), count(u64::from(entry.labels))),
        None => count(u64::from(entry.labels)),
    };
    let state = match entry.state {
        EntryState::Reserved => "reserved",
        EntryState::Committed => "spent",
        EntryState::Charged => "charged without labels",
        EntryState::Returned => "returned",
    };
    Line {
        link: RoundLink(entry.round),
        labels,
        state,
        person: epsilons(&entry.epsilon.person),
        participant: epsilons(&entry.epsilon.participant),
    }
}
