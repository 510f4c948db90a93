//! *Transcript*: events with their digests, the coordinator's own checks of it, and the whole as a file.

use askama::Template;
use axum::extract::State;
use base::ids::Digest;
use protocol::wire::{CheckedLine, CheckedTranscript, EventLine};
use serde::Deserialize;

use super::Unfounded;
use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, founded, show},
        words::{Moment, RoundLink, Short, count, span},
    },
    http::InQuery,
    watch,
};

/// Events on one page.
const PAGE: u64 = 50;

#[derive(Deserialize)]
pub(in crate::dashboard) struct Before {
    before: Option<u64>,
}

struct Line {
    height: String,
    at: Moment,
    kind: String,
    words: String,
    round: Option<RoundLink>,
    digest: Short,
}

struct CheckLine {
    line: CheckedLine,
    verdict: &'static str,
}

struct Checked {
    at: Moment,
    took: String,
    events: String,
    head: Short,
    lines: Vec<CheckLine>,
    summary: String,
}

#[derive(Template)]
#[template(path = "transcript.html")]
struct TranscriptPage {
    frame: Frame,
    length: String,
    federation: Digest,
    head: Option<Digest>,
    lines: Vec<Line>,
    newer: Option<u64>,
    older: Option<u64>,
    running: bool,
    checked: Option<Checked>,
}

pub(in crate::dashboard) async fn transcript(
    visitor: Visitor,
    State(app): State<App>,
    InQuery(Before { before }): InQuery<Before>,
) -> Page {
    let mut tx = app.storage.read().await?;
    let frame = Frame::new(&app, &mut tx, &visitor, ("/transcript", "Transcript".to_owned())).await?;
    let Some(row) = founded(&mut tx).await? else { return show(&Unfounded { frame }) };
    let checks = watch::checks(&app, &mut tx).await?;
    drop(tx);
    let length = watch::event_lines(&app, 0, 0).await?.length;
    let before = before.unwrap_or(length).min(length);
    let from = before.saturating_sub(PAGE);
    let events = watch::event_lines(&app, from, (before - from) as usize).await?.events;
    let head = watch::event_lines(&app, length.saturating_sub(1), 1).await?.events.pop();
    show(&TranscriptPage {
        frame,
        length: count(length),
        federation: row.founding.digest(),
        head: head.map(|line| line.digest),
        lines: events.iter().rev().map(line).collect(),
        newer: (before < length).then(|| (before + PAGE).min(length)),
        older: (from > 0).then_some(from),
        running: checks.running,
        checked: checks.last.map(checked),
    })
}

fn line(event: &EventLine) -> Line {
    Line {
        height: count(event.height),
        at: Moment(event.at),
        kind: event.kind.replace('_', " "),
        words: event.words.clone(),
        round: event.round.map(RoundLink),
        digest: Short(event.digest),
    }
}

fn checked(checked: CheckedTranscript) -> Checked {
    let with = |verdict: &str| checked.lines.iter().filter(|line| line.verdict == verdict).count();
    let summary =
        format!("{} passed, {} failed, {} not checked", with("passed"), with("failed"), with("not_checked"));
    let verdict = |line: &CheckedLine| match line.verdict.as_str() {
        "passed" => "passed",
        "failed" => "failed",
        _ => "not checked",
    };
    Checked {
        at: Moment(checked.at),
        took: span(checked.took_ms as f64),
        events: count(checked.events),
        head: Short(checked.head),
        summary,
        lines: checked.lines.into_iter().map(|line| CheckLine { verdict: verdict(&line), line }).collect(),
    }
}
