//! *Rounds*: each with its state, window, ballots, quorum, and when its state ends.

use askama::Template;
use axum::extract::State;
use protocol::{federation::FederationState, wire::RoundSummary};

use super::Unfounded;
use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, founded, show},
        words::{Moment, RoundLink, count, percent},
    },
    watch,
};

/// Rounds on the page; the API lists all of them.
const MOST: usize = 200;

struct Line {
    link: RoundLink,
    phase: String,
    instances: String,
    ballots: u32,
    expected: u32,
    quorum: u32,
    opens: Moment,
    closes: Moment,
    now: String,
    eta: Option<Moment>,
}

#[derive(Template)]
#[template(path = "rounds.html")]
struct RoundsPage {
    frame: Frame,
    status: String,
    lines: Vec<Line>,
    left_out: usize,
    is_keyed: bool,
}

pub(in crate::dashboard) async fn rounds(visitor: Visitor, State(app): State<App>) -> Page {
    let mut tx = app.storage.read().await?;
    let frame = Frame::new(&app, &mut tx, &visitor, ("/rounds", "Rounds".to_owned())).await?;
    let Some(row) = founded(&mut tx).await? else { return show(&Unfounded { frame }) };
    let rows = tx.rounds().await?;
    let left_out = rows.len().saturating_sub(MOST);
    let mut lines = Vec::new();
    for round in rows.iter().rev().take(MOST) {
        lines.push(line(&watch::summary(&app, &mut tx, round).await?));
    }
    let is_keyed = row.state == FederationState::Keyed;
    show(&RoundsPage { frame, status: status(&lines), lines, left_out, is_keyed })
}

/// Says in one sentence how the newest round is doing, for those who listen.
fn status(lines: &[Line]) -> String {
    let Some(newest) = lines.first() else { return "No round was announced yet.".to_owned() };
    let Line { phase, ballots, expected, now, .. } = newest;
    let now = if now.is_empty() { String::new() } else { format!(", {now}") };
    format!("The newest round is {phase}: {ballots} of {expected} ballots{now}.")
}

/// Returns how far the present state is.
pub(super) fn progress(summary: &RoundSummary) -> String {
    match (&summary.failure, summary.progress, summary.phase.as_str()) {
        (Some(reason), _, _) => reason.to_string(),
        (None, Some(progress), _) => {
            let share = f64::from(progress.done) / f64::from(progress.total.max(1));
            format!("tallied {}", percent(share))
        }
        (None, None, "tallying") => "waits for its tally".to_owned(),
        (None, None, "opening") => "waits for its opening".to_owned(),
        _ => String::new(),
    }
}

fn line(summary: &RoundSummary) -> Line {
    Line {
        link: RoundLink(summary.round),
        phase: summary.phase.clone(),
        instances: count(u64::from(summary.instances)),
        ballots: summary.ballots,
        expected: summary.expected,
        quorum: summary.quorum,
        opens: Moment(summary.opens_at),
        closes: Moment(summary.closes_at),
        now: progress(summary),
        eta: summary.eta.map(Moment),
    }
}
