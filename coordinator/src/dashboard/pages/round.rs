//! *Round*: its states with their times, what became of everybody, the tally, the openings, the labels, the cost.

use askama::Template;
use axum::extract::State;
use base::{
    clock::Millis,
    ids::{ParticipantId, RoundId},
    problem::Code,
};
use chart::{Bar, Bars};
use protocol::{
    round::{RoundState, TallyTerms},
    transcript::EventKind,
    wire::{Attendance, OpeningState, OpeningView, Progress, RoundSummary, RoundView, SessionView, Voter},
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

/// How far the tally is.
struct Meter {
    name: &'static str,
    unit: &'static str,
    done: u32,
    total: u32,
    share: String,
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

struct SessionPart {
    words: String,
    batches: Option<(u32, u32)>,
    attempt: u32,
    moved: Moment,
    until: Moment,
    trustees: Vec<(u32, String, bool)>,
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
    tally: Option<Meter>,
    session: Option<SessionPart>,
    is_shared: bool,
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
        status: status(&summary, view.session.as_ref()),
        eta: summary.eta.map(Moment),
        instances: count(u64::from(announcement.instance_count)),
        opens: Moment(announcement.opens_at),
        closes: Moment(announcement.closes_at),
        quorum: announcement.quorum,
        roster: Short(announcement.roster),
        digest: Short(announcement.instances),
        stages: stages(&view),
        tally: summary.progress.map(|progress| meter(progress, view.session.is_some())),
        session: view.session.as_ref().map(|session| session_part(&view, session)),
        is_shared: matches!(announcement.tally, TallyTerms::Shared { .. }),
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

fn meter(progress: Progress, is_session: bool) -> Meter {
    let Progress { done, total } = progress;
    let (name, unit) = match is_session {
        true => ("Tally by the trustees", "exchanges"),
        false => ("Tally under encryption", "labels"),
    };
    let total = total.max(1);
    Meter { name, unit, done, total, share: percent(f64::from(done) / f64::from(total)) }
}

fn session_part(view: &RoundView, session: &SessionView) -> SessionPart {
    let name = |id: ParticipantId| {
        let voter = view.voters.iter().find(|voter| voter.participant == id);
        voter.map_or_else(|| format!("participant {id}"), |voter| voter.name.clone())
    };
    let trustees = session.present.iter().map(|id| (id.get(), name(*id), session.waits_for.contains(id)));
    SessionPart {
        words: session.words.clone(),
        batches: (session.batches.total > 1).then_some((session.batches.done, session.batches.total)),
        attempt: session.attempt.saturating_add(1),
        moved: Moment(session.moved_at),
        until: Moment(session.until),
        trustees: trustees.collect(),
    }
}

fn status(summary: &RoundSummary, session: Option<&SessionView>) -> String {
    let RoundSummary { phase, ballots, expected, quorum, .. } = summary;
    let now = session.map_or_else(|| progress(summary), |session| session.words.clone());
    let now = if now.is_empty() { String::new() } else { format!("; {now}") };
    format!("The round is {phase}: {ballots} of {expected} ballots are in, {quorum} are needed{now}.")
}

/// Lists the states that a round goes through with the moments at which it entered them.
fn stages(view: &RoundView) -> Vec<Stage> {
    let find = |kind: EventKind| view.timeline.iter().rev().find(|line| line.kind == kind.name());
    let order = ["announced", "voting", "tallying", "opening", "released"];
    let names = ["Announced", "Voting", "Tallying", "Opening", "Released"];
    let is_shared = matches!(view.announcement.tally, TallyTerms::Shared { .. });
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
        // Where several trustees tally, what comes out are labels: nobody waits to open them.
        if (ended && standing == "later") || (is_shared && order.get(place) == Some(&"opening")) {
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
        let (cpu, wall) = (sum(|t| t.cpu_ms), sum(|t| t.wall_ms));
        let what = match view.announcement.tally {
            TallyTerms::Homomorphic { .. } => "Tally, processor time per label",
            TallyTerms::Shared { .. } => "Sum of the ballots, processor time per label",
        };
        costs.push(cost(what, span(cpu / instances)));
        costs.push(cost("Tally, wall-clock time in all", span(wall)));
    }
    costs.push(cost(
        "Gap from which a label is the plain argmax",
        match view.resolution_votes {
            0 => "none: labels are exact".to_owned(),
            votes => things(votes, "vote", "votes"),
        },
    ));
    costs
}
