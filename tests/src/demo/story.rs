//! The demo's story: data, federation, teachers, round, student.

use std::{
    num::NonZero,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use base::{decimal::Decimal, ids::RoundId};
use learning::{Description, load_labels};
use privacy::{Delta, NoisePolicy, PrivacyTargets, Target, Unit, View};
use protocol::{
    federation::{FederationConfig, FederationState, PrivacyPolicy, Quorum, TrusteePolicy},
    round::RoundState,
    wire::{Attendance, IssuedToken, Labels, RoundView},
};
use serde::Deserialize;

use super::{
    Arguments, Report, Steps,
    meter::{self, Meter, Taken},
    report::Outcome,
    stopped::Stopped,
};
use crate::{
    Federation,
    federation::{released, utf8},
    stage::Stage,
    wait::until,
};

/// How long a step may take that depends on the size of the data.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Synthetic persons per teacher; a fifth of them goes to the round's instances and the student's test. A person has a bundle
/// branch block or has none, so a teacher that saw few persons would never have seen some classes.
const PERSONS_PER_TEACHER: u32 = 24;
/// Synthetic beats or transactions of each person.
const RECORDS_PER_PERSON: u32 = 10;

/// Report of `coordinator student train`.
#[derive(Debug, Deserialize)]
struct StudentReport {
    evaluation: Option<StudentEvaluation>,
}

#[derive(Debug, Deserialize)]
struct StudentEvaluation {
    accuracy: f64,
}

/// Data of a demo, split over everybody.
struct Material {
    description: Description,
    split: PathBuf,
    round: PathBuf,
}

/// Runs the whole demo on a stage, reports what was measured, and hands over the federation as it runs.
pub fn tell(arguments: &Arguments, stage: &Stage) -> anyhow::Result<(Report, Federation)> {
    let Stage { folder, programs, processes, steps } = stage;
    let mut federation = Federation::open(folder, programs, processes)?;
    // A failure is told in one line with the place of the logs; the logs themselves would drown it.
    federation.keep_quiet();
    let material = prepare_data(arguments, &federation, steps)?;
    found(arguments, &mut federation, &material, steps)?;
    teach(arguments, &federation, steps)?;
    let ceremony = key(arguments, &mut federation, steps)?;
    let (view, taken) = vote(arguments, &mut federation, &material, steps)?;
    let labels: Labels = federation.ask(&["round", "labels", &view.round.to_string()])?;
    let student = train_student(arguments, &federation, &material, steps)?;
    let truth = load_labels(&material.round.join("truth.npy"), None)?;
    let label_accuracy = agreement(&labels.labels, &truth)?;
    steps.say("exporting the transcript and verifying it");
    let checks = federation.verify(&federation.export("transcript")?, &[])?.checks;
    let trustees = usize::from(arguments.trustees().count);
    let peak = meter::trustee_peak(&federation, trustees)?;
    federation.check_logs()?;
    let outcome = Outcome { view, checks, label_accuracy, student_accuracy: student, ceremony, taken, peak };
    let report = Report::new(arguments, &material.description, outcome, steps.elapsed());
    Ok((report, federation))
}

/// Prints where the dashboard is, and leaves everything running until a signal ends this program.
pub fn keep(federation: &Federation, steps: &Steps) -> anyhow::Result<()> {
    let issued: IssuedToken = federation.ask(&["token", "create", "demo", "--expires", "1d"])?;
    let url = federation.url();
    steps.say("everything goes on running; Ctrl-C ends it");
    steps.say(&format!("dashboard     {url}"));
    steps.say(&format!("viewer token  {}", issued.token));
    steps.say(&format!("both in one   {url}/login#{}", issued.token));
    while federation.coordinator().is_some_and(|service| federation.processes().is_running(service)) {
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("the coordinator ended: see {}", federation.log("coordinator").display())
}

fn prepare_data(arguments: &Arguments, federation: &Federation, steps: &Steps) -> anyhow::Result<Material> {
    let folder = &federation.folder;
    let seed = arguments.seed.to_string();
    let source = match &arguments.data {
        Some(path) => path.clone(),
        None => generate(arguments, federation, steps)?,
    };
    steps.say(&format!("splitting {} over {} participants", source.display(), arguments.participants));
    let (split, round) = (folder.join("split"), folder.join("round"));
    let participants = arguments.participants.to_string();
    let mut command = vec!["data", "split", "--data", utf8(&source)?, "--participants", &participants];
    command.extend(["--seed", &seed, "--out", utf8(&split)?]);
    federation.participant(&command, LONGEST)?.success()?;
    let count = arguments.instances.to_string();
    let mut command = vec!["data", "draw", "--split", utf8(&split)?, "--count", &count];
    command.extend(["--seed", &seed, "--out", utf8(&round)?]);
    federation.participant(&command, LONGEST)?.success()?;
    let description = Description::read_beside(&split.join("unlabeled"))?;
    let description = description.context("the split has no description.json")?;
    Ok(Material { description, split, round })
}

fn generate(arguments: &Arguments, federation: &Federation, steps: &Steps) -> anyhow::Result<PathBuf> {
    let persons = arguments.participants * arguments.teachers * PERSONS_PER_TEACHER;
    // A tenth of all records are the pool that the round's instances are drawn from.
    let persons = persons.max((arguments.instances * 12).div_ceil(RECORDS_PER_PERSON)).max(100);
    let kind = arguments.data_kind;
    steps.say(&format!("making {} {persons} invented persons", kind.story()));
    let out = federation.folder.join("generated");
    let (persons, records) = (persons.to_string(), RECORDS_PER_PERSON.to_string());
    let seed = arguments.seed.to_string();
    let mut command =
        vec!["data", "generate", "--kind", kind.name(), "--out", utf8(&out)?, "--persons", &persons];
    command.extend(["--records", &records, "--seed", &seed]);
    federation.participant(&command, LONGEST)?.success()?;
    Ok(out)
}

fn config(arguments: &Arguments, description: &Description) -> anyhow::Result<FederationConfig> {
    let (sigma, coordinator_sigma) = arguments.sigmas();
    Ok(FederationConfig {
        name: "demo".to_owned(),
        classes: description.classes.clone(),
        instances: description.schema.clone(),
        trustees: arguments.trustees(),
        quorum: Quorum::All,
        noise: NoisePolicy {
            sigma,
            coordinator_sigma,
            honest_fraction: Decimal::from_float(0.7)?,
            mode: arguments.noise.mode(),
        },
        privacy: PrivacyPolicy {
            delta: Delta::try_from(1e-5)?,
            participants_per_person: 1,
            targets: targets(arguments)?,
        },
        argmax: None,
        threshold: None,
        transform: None,
        insecure_toy_parameters: arguments.insecure_toy_parameters,
    })
}

fn targets(arguments: &Arguments) -> anyhow::Result<PrivacyTargets> {
    let Some(epsilon) = arguments.promise else { return Ok(PrivacyTargets::default()) };
    let target =
        Target { epsilon, delta: Delta::try_from(1e-5)?, labels: arguments.instances, unit: Unit::Person };
    Ok(PrivacyTargets::only(View::Public, target))
}

fn found(
    arguments: &Arguments,
    federation: &mut Federation,
    material: &Material,
    steps: &Steps,
) -> anyhow::Result<()> {
    steps.say(&format!("founding the federation at {}", federation.url()));
    // The demo's trustees sit on one machine: who is silent for some seconds was stopped.
    federation.serve_with(&["--online-within", "10s", "--turn", "10s"]);
    federation.serve()?;
    let view = federation.create(&config(arguments, &material.description)?)?;
    for name in &view.insecure {
        steps.warn(name);
    }
    let TrusteePolicy { count, threshold } = arguments.trustees();
    let who = match count {
        1 => "the first is the trustee".to_owned(),
        _ => format!("the first {count} are trustees, {threshold} of them may be corrupt"),
    };
    steps.say(&format!("enrolling {} participants; {who}", arguments.participants));
    for number in 1..=arguments.participants {
        let data = material.split.join(format!("participant-{number}"));
        let seed = (u64::from(arguments.seed) * 1000 + u64::from(number)) & u64::from(u32::MAX);
        let options = ["--poll-seconds", "0.25", "--seed", &seed.to_string()].map(str::to_owned);
        let name = format!("{}-{number}", arguments.data_kind.institution());
        federation.enrol(&name, &data, arguments.teachers, number <= u32::from(count), &options)?;
    }
    steps.say("every participant approves the federation and its roster");
    federation.approve_all()?;
    federation.approve_trustees(arguments.trustees())
}

fn teach(arguments: &Arguments, federation: &Federation, steps: &Steps) -> anyhow::Result<()> {
    let Arguments { participants, teachers, .. } = arguments;
    steps.say(&format!("training {} teachers on disjoint shards", participants * teachers));
    let bar = steps.bar("trained participants", u64::from(*participants));
    // One after the other: each training uses every core.
    for member in &federation.members {
        federation.train(member)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Starts the agents and waits until a known answer has proven the keys.
fn key(arguments: &Arguments, federation: &mut Federation, steps: &Steps) -> anyhow::Result<Duration> {
    steps.say(match arguments.trustees().is_sole() {
        true => "starting the agents; the trustee makes the keys, and a known answer proves them",
        false => {
            "starting the agents; the trustees make a key together, without a dealer, and tally a known answer with it"
        }
    });
    federation.start_agents()?;
    let began = Instant::now();
    let mut said = String::new();
    until("the trustees' keys", LONGEST, || {
        let view = federation.view()?;
        let waits_for = view.ceremony.and_then(|ceremony| ceremony.waits_for).unwrap_or_default();
        if waits_for != said && !waits_for.is_empty() {
            steps.say(&format!("the ceremony waits for {waits_for}"));
        }
        said = waits_for;
        Ok((view.state == FederationState::Keyed).then_some(()))
    })?;
    Ok(began.elapsed())
}

fn vote(
    arguments: &Arguments,
    federation: &mut Federation,
    material: &Material,
    steps: &Steps,
) -> anyhow::Result<(RoundView, Option<Taken>)> {
    steps.say(&format!(
        "announcing a round of {} instances; {} ballots are needed",
        arguments.instances, arguments.participants
    ));
    let instances = material.round.join("instances.npy");
    let view: RoundView =
        federation.ask(&["round", "create", "--instances", utf8(&instances)?, "--window", "1h"])?;
    let mut said = String::new();
    let mut stopped = Stopped::new(arguments);
    let (mut meter, trustees) = (Meter::new(), usize::from(arguments.trustees().count));
    let bar = steps.bar("tallied labels", u64::from(arguments.instances));
    let ended = until("the labels", LONGEST, || {
        let view = show(federation, view.round)?;
        meter.follow(federation, trustees, &view.state)?;
        bar.suspend(|| stopped.follow(federation, &view, steps))?;
        let words = in_words(&view);
        if words != said {
            bar.suspend(|| steps.say(&words));
            said = words;
        }
        if let Some(progress) = view.progress {
            bar.set_length(u64::from(progress.total));
            bar.set_position(u64::from(progress.done));
        }
        Ok(view.state.is_final().then_some(view))
    })?;
    bar.finish_and_clear();
    let taken = meter.finish(federation, trustees)?;
    match &ended.state {
        state if released(state) => Ok((ended, taken.filter(|_| trustees > 1))),
        RoundState::Failed { reason, .. } => bail!("the round failed: {reason}"),
        other => bail!("the round ended as {}", other.name()),
    }
}

fn show(federation: &Federation, round: RoundId) -> anyhow::Result<RoundView> {
    let running = federation.coordinator().is_some_and(|service| federation.processes().is_running(service));
    ensure!(running, "the coordinator ended: see {}", federation.log("coordinator").display());
    federation.ask(&["round", "show", &round.to_string()])
}

/// Returns what a round's state means.
fn in_words(view: &RoundView) -> String {
    let cast = view.voters.iter().filter(|v| matches!(v.attendance, Attendance::Cast | Attendance::Counted));
    let cast = cast.count();
    match &view.state {
        RoundState::Announced => "the round is announced".to_owned(),
        RoundState::Voting => "voting: noise, predictions and encryption at every participant".to_owned(),
        RoundState::Tallying { summed: Some(_), .. } => match &view.session {
            Some(session) if session.attempt > 0 => {
                format!("the trustees tally together, attempt {}", session.attempt + 1)
            }
            _ => format!("{cast} ballots are in and added up; the trustees tally together"),
        },
        RoundState::Tallying { .. } => format!("{cast} ballots are in; adding them up"),
        RoundState::Opening { .. } => "the trustee opens the labels".to_owned(),
        RoundState::Released { corroboration, .. } => format!("the labels are released ({corroboration})"),
        other => format!("the round is {}", other.name()),
    }
}

fn train_student(
    arguments: &Arguments,
    federation: &Federation,
    material: &Material,
    steps: &Steps,
) -> anyhow::Result<Option<f64>> {
    steps.say("training the student on the released labels");
    let (held_out, out) = (material.split.join("held-out"), federation.folder.join("student"));
    let seed = arguments.seed.to_string();
    let mut command = vec!["student", "train", "--held-out", utf8(&held_out)?, "--out", utf8(&out)?];
    command.extend(["--seed", &seed, "--format", "json"]);
    let report: StudentReport = federation.operate(&command, LONGEST)?.facts()?;
    Ok(report.evaluation.map(|evaluation| evaluation.accuracy))
}

/// Returns the share of released labels that name the true class; `None` if every instance is an abstention.
fn agreement(labels: &[Option<u16>], truth: &[u16]) -> anyhow::Result<Option<f64>> {
    ensure!(labels.len() == truth.len(), "{} labels for {} instances", labels.len(), truth.len());
    let named: Vec<bool> =
        labels.iter().zip(truth).filter_map(|(label, truth)| label.map(|class| class == *truth)).collect();
    let right = named.iter().filter(|right| **right).count();
    Ok(NonZero::new(named.len()).map(|all| right as f64 / all.get() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_counts_released_labels_alone() -> anyhow::Result<()> {
        assert_eq!(agreement(&[Some(1), None, Some(0), Some(2)], &[1, 1, 1, 2])?, Some(2.0 / 3.0));
        assert_eq!(agreement(&[None], &[0])?, None);
        assert!(agreement(&[None], &[]).is_err());
        Ok(())
    }
}
