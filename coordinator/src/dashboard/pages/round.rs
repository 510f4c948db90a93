//! *Round*: its states with their times, what became of everybody, the tally, the openings, the labels, the cost.

use askama::Template;
use axum::extract::State;
use base::{clock::Millis, ids::RoundId, problem::Code};
use chart::{Bar, Bars};
use protocol::{
    round::RoundState,
    transcript::EventKind,
    wire::{Attendance, OpeningState, OpeningView, RoundSummary, RoundView, Voter},
};

use super::rounds::progress;
use crate::{
    app::App,
    dashboard::{
        frame::{Frame, Page, Visitor, show},
        words::{Drawing, Moment, Short, bytes, count, epsilons, percent, short_round, span, things},
    },
    http::{ApiError, InPath, federation},
    watch,
};

struct Stage {
    name: &'static str,
    /// `done`, `now` or `later`.
    standing: &'static str,
    at: Option<Moment>,
    words: String,
}

struct VoterLine {
    number: u32,
    name: String,
    outcome: &'static str,
    reason: String,
    at: Option<Moment>,
}

struct OpeningLine {
    number: u32,
    name: String,
    state: String,
    at: Option<Moment>,
    insecure: String,
}

struct Cost {
    what: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "round.html")]
struct RoundPage {
    frame: Frame,
    id: RoundId,
    short: String,
    phase: &'static str,
    status: String,
    eta: Option<Moment>,
    instances: String,
    opens: Moment,
    closes: Moment,
    quorum: u32,
    roster: Short,
    digest: Short,
    stages: Vec<Stage>,
    tally: Option<(u32, u32, String)>,
    voters: Vec<VoterLine>,
    counts: Vec<(&'static str, usize)>,
    openings: Vec<OpeningLine>,
    corroboration: Option<String>,
    labels: Option<Labels>,
    costs: Vec<Cost>,
    delta: String,
    charge: &'static str,
    person: [String; 4],
    participant: [String; 4],
    reason: Option<String>,
}

struct Labels {
    labelled: String,
    abstained: String,
    chart: Drawing,
    rows: Vec<(String, String, String)>,
}

pub(in crate::dashboard) async fn round(
    visitor: Visitor,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Page {
    let mut tx = app.storage.read().await?;
    let title = format!("Round {}", short_round(id));
    let frame = Frame::new(&app, &mut tx, &visitor, ("/rounds", title)).await?;
    let founding = federation(&mut tx).await?.founding;
    let row = tx.round(id).await?;
    let row =
        row.ok_or_else(|| ApiError::new(Code::NotFound, format!("no round {id} was announced here")))?;
    let view = watch::view(&app, &mut tx, &founding, &row).await?;
    let summary = watch::summary(&app, &mut tx, &row).await?;
    drop(tx);
    let announcement = &view.announcement;
    show(&RoundPage {
        frame,
        id,
        short: short_round(id),
        phase: view.state.name(),
        status: status(&summary),
        eta: summary.eta.map(Moment),
        instances: count(u64::from(announcement.instance_count)),
        opens: Moment(announcement.opens_at),
        closes: Moment(announcement.closes_at),
        quorum: announcement.quorum,
        roster: Short(announcement.roster),
        digest: Short(announcement.instances),
        stages: stages(&view),
        tally: summary
            .progress
            .map(|p| (p.done, p.total.max(1), percent(f64::from(p.done) / f64::from(p.total.max(1))))),
        counts: counts(&view.voters),
        voters: view.voters.iter().map(voter).collect(),
        openings: view.openings.iter().map(opening).collect(),
        corroboration: view.corroboration.as_ref().map(ToString::to_string),
        labels: labels(&view, &founding.config.classes),
        costs: costs(&view),
        delta: view.epsilon.delta.to_string(),
        charge: view.state.charge(),
        person: epsilons(&view.epsilon.person),
        participant: epsilons(&view.epsilon.participant),
        reason: view.epsilon.reasons.as_ref().and_then(|reasons| {
            [&reasons.public, &reasons.coordinator].into_iter().flatten().next().cloned()
        }),
    })
}

fn status(summary: &RoundSummary) -> String {
    let RoundSummary { phase, ballots, expected, quorum, .. } = summary;
    let now = progress(summary);
    let now = if now.is_empty() { String::new() } else { format!("; {now}") };
    format!("The round is {phase}: {ballots} of {expected} ballots are in, {quorum} are needed{now}.")
}

/// Lists the states that a round goes through with the moments at which it entered them.
fn stages(view: &RoundView) -> Vec<Stage> {
    let find = |kind: EventKind| view.timeline.iter().rev().find(|line| line.kind == kind.name());
    let order = ["announced", "voting", "tallying", "opening", "released"];
    let names = ["Announced", "Voting", "Tallying", "Opening", "Released"];
    let now = view.state.name();
    let reached = order.iter().position(|name| *name == now);
    let entered: [(Option<Millis>, String); 5] = [
        told(find(EventKind::Announced)),
        (find(EventKind::Announced).map(|_| view.announcement.opens_at), "ballots are taken".to_owned()),
        told(find(EventKind::WindowClosed)),
        told(find(EventKind::Tallied)),
        told(find(EventKind::Released)),
    ];
    let ended = matches!(view.state, RoundState::Failed { .. } | RoundState::Cancelled { .. });
    let mut stages: Vec<Stage> = Vec::new();
    for (place, (name, (at, words))) in names.into_iter().zip(entered).enumerate() {
        let standing = match reached {
            Some(reached) if place == reached && place < 4 => "now",
            Some(reached) if place <= reached => "done",
            None if ended && at.is_some() => "done",
            _ => "later",
        };
        if ended && standing == "later" {
            continue;
        }
        let is_there = standing != "later";
        let at = at.filter(|_| is_there).map(Moment);
        stages.push(Stage { name, standing, at, words: if is_there { words } else { String::new() } });
    }
    for (kind, name) in [(EventKind::Failed, "Failed"), (EventKind::Cancelled, "Cancelled")] {
        if let Some(line) = find(kind) {
            let (at, words) = (Some(Moment(line.at)), line.words.clone());
            stages.push(Stage { name, standing: "ended", at, words });
        }
    }
    stages
}

fn told(line: Option<&protocol::wire::EventLine>) -> (Option<Millis>, String) {
    (line.map(|line| line.at), line.map(|line| line.words.clone()).unwrap_or_default())
}

const fn outcome(attendance: Attendance) -> &'static str {
    match attendance {
        Attendance::Cast => "cast",
        Attendance::Counted => "counted",
        Attendance::Late => "late",
        Attendance::Refused => "refused",
        Attendance::Absent => "absent",
    }
}

fn counts(voters: &[Voter]) -> Vec<(&'static str, usize)> {
    let all =
        [Attendance::Counted, Attendance::Cast, Attendance::Late, Attendance::Refused, Attendance::Absent];
    let count = |kind: Attendance| voters.iter().filter(|voter| voter.attendance == kind).count();
    all.into_iter().map(|kind| (outcome(kind), count(kind))).filter(|(_, count)| *count > 0).collect()
}

fn voter(voter: &Voter) -> VoterLine {
    let reason = match (&voter.reason, voter.code, voter.attendance) {
        (Some(reason), Some(code), _) => format!("{reason} ({})", code.name()),
        (Some(reason), None, _) => reason.clone(),
        (None, _, Attendance::Absent) => "no ballot came".to_owned(),
        _ => String::new(),
    };
    VoterLine {
        number: voter.participant.get(),
        name: voter.name.clone(),
        outcome: outcome(voter.attendance),
        reason,
        at: voter.at.map(Moment),
    }
}

fn opening(view: &OpeningView) -> OpeningLine {
    let state = match &view.state {
        OpeningState::Posted => "opened".to_owned(),
        OpeningState::Checking { progress, seconds_left } => {
            let share = percent(f64::from(progress.done) / f64::from(progress.total.max(1)));
            let left = seconds_left.map(|s| format!(", {} left", span(s as f64 * 1e3))).unwrap_or_default();
            format!("recomputes the tally: {share}{left}")
        }
        OpeningState::Refused { reason } => format!("refuses: {reason}"),
        OpeningState::Waiting { online: true } => "waiting".to_owned(),
        OpeningState::Waiting { online: false } => "offline".to_owned(),
    };
    OpeningLine {
        number: view.participant.get(),
        name: view.name.clone(),
        state,
        at: view.at.map(Moment),
        insecure: view.insecure.join(", "),
    }
}

fn labels(view: &RoundView, classes: &[String]) -> Option<Labels> {
    let counts = view.distribution.as_ref()?;
    let abstained = view.abstained.unwrap_or(0);
    let all = f64::from(counts.iter().sum::<u32>() + abstained).max(1.0);
    let named = classes.iter().cloned().zip(counts.iter().copied());
    let all_rows: Vec<(String, u32)> =
        named.chain([("no label (abstention)".to_owned(), abstained)]).collect();
    let words = |number: u32| things(u64::from(number), "instance", "instances");
    let bars = all_rows.iter().map(|(name, number)| Bar::of_one(name, f64::from(*number), words(*number)));
    let chart = Bars {
        title: "Released labels by class".to_owned(),
        description: "One bar for each class, and one for the instances without a label.".to_owned(),
        bars: bars.collect(),
    };
    let row = |(name, number): &(String, u32)| {
        (name.clone(), count(u64::from(*number)), percent(f64::from(*number) / all))
    };
    Some(Labels {
        labelled: count(u64::from(view.labelled.unwrap_or(0))),
        abstained: count(u64::from(abstained)),
        chart: Drawing(chart.to_inline_svg()),
        rows: all_rows.iter().map(row).collect(),
    })
}

/// Returns what a label costs in bytes and in processor time; before the tally only the bytes are known.
fn costs(view: &RoundView) -> Vec<Cost> {
    let instances = f64::from(view.announcement.instance_count.max(1));
    let cost = |what, value| Cost { what, value };
    let mut costs = vec![
        cost("One ballot", bytes(view.ballot_bytes)),
        cost("Ballot per label and participant", format!("{:.0} B", view.ballot_bytes as f64 / instances)),
    ];
    let steps = [base::Step::Test, base::Step::Label];
    let tallies: Vec<_> = steps.into_iter().filter_map(|step| view.state.tally(step)).collect();
    if !tallies.is_empty() {
        let sum =
            |of: fn(&protocol::round::Tallied) -> u64| tallies.iter().map(|t| of(t)).sum::<u64>() as f64;
        let (cpu, squash, wall) = (sum(|t| t.cpu_ms), sum(|t| t.squash_cpu_ms), sum(|t| t.wall_ms));
        costs.push(cost("Tally, processor time per label", span(cpu / instances)));
        if squash > 0.0 {
            costs.push(cost("Squash, processor time per label", span(squash / instances)));
        }
        costs.push(cost("Tally, wall-clock time in all", span(wall)));
    }
    costs.push(cost("Gap from which a label is the plain argmax", {
        things(view.resolution_votes, "vote", "votes")
    }));
    costs
}
