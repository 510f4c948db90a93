//! `round`: announce, follow, end, and fetch labels.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base::{Step, ids::RoundId};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use learning::{
    Expected,
    files::{instances_to_npy_bytes, integers_to_npy_bytes},
    load_instances,
};
use protocol::{
    round::RoundState,
    wire::{
        Answered, Answers, Attendance, FederationView, Labels, OpeningState, OpeningView, RoundSummary,
        RoundView, SessionView,
    },
};

use super::{
    Client, Failure, Format,
    output::{Output, insecure_line},
    select,
};
use crate::config::duration;

#[derive(Debug, Subcommand)]
pub(super) enum RoundVerb {
    /// Chooses which instances to ask labels for, by the instances alone; announces nothing
    ///
    /// Example: coordinator round select --unlabeled pool.npy --count 100 --out asked.npy
    Select(select::SelectArgs),
    /// Announces a round over a file of instances (NPY, IDX or CSV, each may be .gz)
    ///
    /// Example: coordinator round create --instances unlabeled.npy --window 10m --wait
    Create {
        /// File of instances
        #[arg(long)]
        instances: PathBuf,
        /// How long the window is open, unless every ballot is in before
        #[arg(long, default_value = "10m")]
        window: String,
        /// The round's id, to repeat a request safely; drawn at random by default
        #[arg(long)]
        id: Option<RoundId>,
        /// Waits until the labels are released, with progress
        #[arg(long)]
        wait: bool,
        /// Longest time to wait
        #[arg(long, default_value = "24h")]
        timeout: String,
    },
    /// Lists the rounds
    ///
    /// Example: coordinator round list
    List,
    /// Shows a round: who was counted, late, refused and absent, and what it costs
    ///
    /// Example: coordinator round show ROUND --format json
    Show {
        /// The round's id
        round: RoundId,
    },
    /// Follows a round until it ends
    ///
    /// Example: coordinator round watch ROUND --timeout 1h
    Watch {
        /// The round's id
        round: RoundId,
        /// Longest time to follow
        #[arg(long, default_value = "24h")]
        timeout: String,
    },
    /// Ends a round without labels
    ///
    /// Example: coordinator round cancel ROUND
    Cancel {
        /// The round's id
        round: RoundId,
    },
    /// Looks up which instances were released before, and with which labels; free, and nothing is voted on
    ///
    /// Example: coordinator round answers --instances unlabeled.npy --format json
    Answers {
        /// The instances
        #[arg(long)]
        instances: PathBuf,
    },
    /// Prints the released labels (--format csv, npy or json)
    ///
    /// Example: coordinator round labels ROUND --format csv > labels.csv
    Labels {
        /// The round's id
        round: RoundId,
    },
}

pub(super) async fn run(client: &Client, output: Output, verb: RoundVerb) -> Result<(), Failure> {
    match verb {
        RoundVerb::Select(args) => select::run(client, output, args).await,
        RoundVerb::Create { instances, window, id, wait, timeout } => {
            let window = duration("--window", &window)?;
            let timeout = duration("--timeout", &timeout)?;
            let view = create(client, &instances, window, id).await?;
            let view = if wait { watch(client, view.round, timeout).await? } else { view };
            finish(output, &view, wait)
        }
        RoundVerb::Watch { round, timeout } => {
            let view = watch(client, round, duration("--timeout", &timeout)?).await?;
            finish(output, &view, true)
        }
        RoundVerb::List => {
            let rounds = client.rounds().await?;
            output.fact(&rounds, || list(&rounds))
        }
        RoundVerb::Show { round } => {
            let view: RoundView = client.get(&format!("/rounds/{round}")).await?;
            output.fact(&view, || describe(&view))
        }
        RoundVerb::Cancel { round } => {
            let body = serde_json::json!({});
            let view: RoundView = client.post(&format!("/rounds/{round}/cancel"), &body).await?;
            output.fact(&view, || describe(&view))
        }
        RoundVerb::Answers { instances } => {
            let bytes = canonical_instances(client, &instances).await?;
            let answers: Answers = client.post_bytes("/answers", bytes).await?;
            output.fact(&answers, || describe_answers(&answers))
        }
        RoundVerb::Labels { round } => {
            let labels: Labels = client.get(&format!("/rounds/{round}/labels")).await?;
            print_labels(output, &labels)
        }
    }
}

async fn create(
    client: &Client,
    path: &Path,
    window: Duration,
    id: Option<RoundId>,
) -> Result<RoundView, Failure> {
    let bytes = canonical_instances(client, path).await?;
    let id = match id {
        Some(id) => id,
        None => random_round()?,
    };
    let seconds = window.as_secs().max(1);
    Ok(client.put_bytes(&format!("/rounds/{id}?window_seconds={seconds}"), bytes).await?)
}

/// Reads instances of the federation's schema and returns their one canonical form.
async fn canonical_instances(client: &Client, path: &Path) -> Result<Vec<u8>, Failure> {
    let federation: FederationView = client.get("/federation").await?;
    let schema = federation.founding.config.instances;
    let usage = |e: &dyn std::fmt::Display| Failure::Usage(e.to_string());
    let expected = Expected::instances(&schema);
    let dataset = load_instances(path, expected).map_err(|e| usage(&e))?;
    instances_to_npy_bytes(dataset.values(), schema.shape()).map_err(|e| usage(&e))
}

fn describe_answers(answers: &Answers) -> String {
    let line = |(instance, answered): (usize, &Option<Answered>)| match answered {
        None => format!("{instance:>6}  never released"),
        Some(Answered { round, label: None }) => format!("{instance:>6}  abstention  ({round})"),
        Some(Answered { round, label: Some(class) }) => format!("{instance:>6}  class {class}  ({round})"),
    };
    answers.answers.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn random_round() -> Result<RoundId, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| Failure::Job(format!("no randomness: {e}")))?;
    Ok(RoundId::from_bytes(bytes))
}

/// Follows a round until it ends; the bar shows ballots, then labels.
async fn watch(client: &Client, round: RoundId, timeout: Duration) -> Result<RoundView, Failure> {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{msg:12} {wide_bar} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    let follow = async {
        loop {
            let view: RoundView = client.get(&format!("/rounds/{round}")).await?;
            show_progress(&bar, &view);
            if view.state.is_final() {
                return Ok::<_, Failure>(view);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let followed = tokio::time::timeout(timeout, follow).await;
    bar.finish_and_clear();
    followed
        .map_err(|_| Failure::TimedOut(format!("round {round} did not end within {timeout:?}; it goes on")))?
}

fn show_progress(bar: &ProgressBar, view: &RoundView) {
    let words = view.session.as_ref().map(|session| session.words.clone());
    bar.set_message(words.unwrap_or_else(|| view.state.name().to_owned()));
    let (done, total) = match (&view.state, view.progress) {
        (RoundState::Tallying { .. }, Some(progress)) => {
            (u64::from(progress.done), u64::from(progress.total))
        }
        _ => {
            let cast =
                view.voters.iter().filter(|v| matches!(v.attendance, Attendance::Cast | Attendance::Counted));
            (cast.count() as u64, view.voters.len() as u64)
        }
    };
    bar.set_length(total);
    bar.set_position(done);
}

/// Prints a round; after waiting, anything but a release is a failed job.
fn finish(output: Output, view: &RoundView, waited: bool) -> Result<(), Failure> {
    output.fact(view, || describe(view))?;
    match &view.state {
        RoundState::Released { .. } => Ok(()),
        RoundState::Failed { reason, .. } => {
            Err(Failure::Job(format!("round {} failed: {reason}", view.round)))
        }
        RoundState::Cancelled { .. } => Err(Failure::Job(format!("round {} was cancelled", view.round))),
        _ if waited => Err(Failure::Job(format!("round {} is {}", view.round, view.state.name()))),
        _ => Ok(()),
    }
}

fn list(rounds: &[RoundSummary]) -> String {
    if rounds.is_empty() {
        return "no round yet: coordinator round create --instances FILE".to_owned();
    }
    let line = |r: &RoundSummary| {
        let why = r.failure.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!(
            "{}  {:9} {:>6} instances, {} of {} ballots{why}",
            r.round, r.phase, r.instances, r.ballots, r.quorum
        )
    };
    rounds.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn describe(view: &RoundView) -> String {
    let a = &view.announcement;
    let mut lines = vec![
        format!("round       {} ({})", view.round, view.state.name()),
        format!("instances   {} ({})", a.instance_count, a.instances.short()),
        format!("window      {} to {}", a.opens_at, a.closes_at),
        format!(
            "quorum      {} of {} participants; {} may collude",
            a.quorum,
            view.voters.len(),
            a.colluding
        ),
        match view.resolution_votes {
            0 => format!("resolution  exact, bound D = {}", a.bound),
            votes => format!("resolution  {votes} votes, bound D = {}", a.bound),
        },
        format!("tally       {}", a.tally),
    ];
    lines.extend(a.threshold.map(|votes| match a.test {
        None => format!("threshold   no label below {votes} votes, noise included"),
        Some(test) => format!(
            "test        only what reaches {votes} votes, noise of its own included, is labelled and paid in full; D = {}",
            test.bound
        ),
    }));
    if let RoundState::Failed { reason, .. } = &view.state {
        lines.push(format!("reason      {reason}"));
    }
    lines.push(format!("charge      {}", view.state.charge()));
    for voter in &view.voters {
        let reason = voter.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        lines.push(format!("  {:>3} {:24} {:?}{reason}", voter.participant, voter.name, voter.attendance));
    }
    for tally in Step::ALL.into_iter().filter_map(|step| view.state.tally(step)) {
        let (wall, cpu) = (tally.wall_ms as f64 / 1e3, tally.cpu_ms as f64 / 1e3);
        lines.push(match tally.attempt {
            None => format!("tallied     {}: {wall:.1} s, {cpu:.1} CPU-s", tally.step),
            Some(attempt) => format!(
                "tallied     {}: {wall:.1} s by the trustees in attempt {}, {cpu:.1} CPU-s here for the sum",
                tally.step,
                attempt.saturating_add(1)
            ),
        });
    }
    lines.extend(view.session.iter().flat_map(describe_session));
    lines.extend(view.passed.map(|passed| format!("passed      {passed} of {} instances", a.instance_count)));
    lines.extend(view.openings.iter().map(describe_opening));
    lines.extend(view.corroboration.iter().map(|standing| format!("stand for   {standing}")));
    if let (Some(labelled), Some(abstained)) = (view.labelled, view.abstained) {
        lines.push(format!("labels      {labelled}, abstentions {abstained}"));
    }
    let epsilon = |value: Option<f64>| value.map_or("none".to_owned(), |e| format!("{e:.3}"));
    for (unit, views) in [("person", &view.epsilon.person), ("participant", &view.epsilon.participant)] {
        lines.push(format!(
            "ε ({unit}, δ = {})  public {}, coordinator {}, coalition {}, both {}",
            view.epsilon.delta,
            epsilon(views.public),
            epsilon(views.coordinator),
            epsilon(views.coalition),
            epsilon(views.both)
        ));
    }
    lines
        .extend(view.timeline.iter().map(|event| format!("{}  {:13} {}", event.at, event.kind, event.words)));
    lines.extend(insecure_line(&view.insecure));
    lines.join("\n")
}

/// Returns how far several trustees are.
fn describe_session(session: &SessionView) -> Vec<String> {
    let SessionView { step, words, moved_at, until, .. } = session;
    vec![
        format!("trustees    {step}: {words}"),
        format!("            last message {moved_at}; the round fails if they have not finished by {until}"),
    ]
}

/// Returns what the trustee did about the labels, and names what weakens its word.
fn describe_opening(view: &OpeningView) -> String {
    let state = match &view.state {
        OpeningState::Posted => "opened".to_owned(),
        OpeningState::Refused { reason } => format!("refuses to open: {reason}"),
        OpeningState::Waiting { online: true } => "is waited for".to_owned(),
        OpeningState::Waiting { online: false } => "is waited for, and has not been heard of late".to_owned(),
    };
    let insecure = insecure_line(&view.insecure).map(|line| format!("; {line}")).unwrap_or_default();
    format!("  {:>3} {:24} {state}{insecure}", view.participant, view.name)
}

/// Prints labels: text and CSV by class name, NPY as class indices with −1 for an abstention.
fn print_labels(output: Output, labels: &Labels) -> Result<(), Failure> {
    let name = |label: &Option<u16>| {
        label.and_then(|class| labels.classes.get(usize::from(class))).map_or("", String::as_str)
    };
    // Repeats are answered from earlier releases: people get what they submitted, in its order.
    let all = labels.submitted.as_ref().unwrap_or(&labels.labels);
    match output.format() {
        Format::Json => output.fact(labels, String::new),
        Format::Npy => {
            let classes: Vec<i64> = all.iter().map(|label| label.map_or(-1, i64::from)).collect();
            output.bytes(&integers_to_npy_bytes(&classes))
        }
        Format::Text | Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let failed = |e: &dyn std::fmt::Display| Failure::Job(e.to_string());
            writer.write_record(["instance", "label"]).map_err(|e| failed(&e))?;
            for (instance, label) in all.iter().enumerate() {
                writer.write_record([&instance.to_string(), name(label)]).map_err(|e| failed(&e))?;
            }
            output.bytes(&writer.into_inner().map_err(|e| failed(&e))?)
        }
    }
}
