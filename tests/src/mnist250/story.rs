//! One run: data, fleet, keys, one round, the simulation in the clear, the student.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base::decimal::Decimal;
use fhe::{ArgmaxKind, ParameterSet};
use learning::{
    Dataset, Description,
    files::{write_folder, write_instances},
    load_source,
};
use participant::home::Home;
use privacy::{Delta, NoiseMode, NoisePolicy, PrivacyTargets};
use protocol::{
    federation::{FederationConfig, PrivacyPolicy, Quorum, TestNoise, ThresholdPolicy, TrusteePolicy},
    wire::{Labels, RoundView},
};
use serde::Deserialize;

use super::{
    Arguments, Circuit, Run,
    circuit::compare,
    clear::{Clear, simulate},
    report::Phases,
};
use crate::{
    Federation, Service,
    federation::{Followed, utf8},
    stage::Stage,
    wait::until,
};

/// How long a phase may take at most.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Images of the test part that are the unlabeled pool; the rest measures the student.
const POOL: usize = 9000;

/// MNIST in the roles of a federation.
struct Material {
    description: Description,
    /// The pool with its true labels, which only the measurement sees.
    pool: Dataset,
    pool_file: PathBuf,
    held_out: PathBuf,
}

#[derive(Debug, Deserialize)]
struct FleetFacts {
    training_cpu_seconds: f64,
    peak_memory_mib: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    indices: Vec<usize>,
}

#[derive(Debug, Deserialize)]
struct Taught {
    evaluation: Option<Accuracy>,
}

#[derive(Debug, Deserialize)]
struct Accuracy {
    accuracy: f64,
}

#[derive(Debug, Deserialize)]
struct Said {
    labels: Vec<String>,
}

/// Runs everything once and returns what was measured.
pub fn tell(arguments: &Arguments, seed: u32, stage: &Stage) -> anyhow::Result<Run> {
    let begun = Instant::now();
    let mut seconds = Phases::default();
    let say = |text: &str| stage.steps.say(&format!("seed {seed}: {text}"));
    let mut federation = Federation::open(&stage.folder, &stage.programs, &stage.processes)?;
    federation.keep_quiet();
    let material = prepare(arguments, &stage.folder)?;
    say("founding the federation and preparing the fleet: enrolling, training, approving");
    let clock = Instant::now();
    let facts = prepare_fleet(arguments, seed, &mut federation, &material)?;
    seconds.fleet = lap(clock);
    say("the agents start; the trustee makes the keys");
    let clock = Instant::now();
    let fleet = start_fleet(arguments, seed, &federation)?;
    federation.wait_for_keys(fleet, LONGEST)?;
    seconds.keys = lap(clock);
    let clock = Instant::now();
    let (asked, chosen) = choose(arguments, seed, &federation, &material)?;
    seconds.selection = lap(clock);
    say("one round: every participant votes");
    let clock = Instant::now();
    let create = ["round", "create", "--instances", utf8(&chosen)?, "--window", "2h"];
    let announced: RoundView = federation.ask(&create)?;
    let Followed { view, voting, tally, opening } = federation.follow(announced.round, clock, LONGEST)?;
    (seconds.voting, seconds.tally) = (voting.as_secs_f64(), (tally + opening).as_secs_f64());
    let labels: Labels = federation.ask(&["round", "labels", &view.round.to_string()])?;
    let fleet_peak_mib = fleet.peak_mib()?.max(facts.peak_memory_mib.unwrap_or(0));
    federation.processes().signal(fleet, "TERM")?;
    until("the end of the fleet", LONGEST, || Ok(federation.processes().ended(fleet)?.map(drop)))?;
    say("asking every teacher about the whole pool, in the clear");
    let clock = Instant::now();
    let homes: Vec<Home> = homes(arguments, &stage.folder);
    let classes = material.description.classes.len() as u16;
    let clear = simulate(&homes, &material.pool, classes, arguments.sigma.to_f64())?;
    seconds.simulation = lap(clock);
    let circuit = circuit(arguments, &clear, &say)?;
    say("the student learns");
    let clock = Instant::now();
    let student = teach(arguments, seed, &federation, &material)?;
    seconds.student = lap(clock);
    let (label_accuracy, labelled, abstained) = agreement(&labels, &asked, &material)?;
    let coordinator = federation.coordinator().context("the coordinator does not run")?;
    let coordinator_peak_mib = coordinator.peak_mib()?;
    federation.finish()?;
    seconds.all = lap(begun);
    let run = Run {
        seed,
        teacher_accuracy_mean: clear.teacher_accuracy_mean,
        label_accuracy,
        labelled,
        abstained,
        label_accuracy_all: clear.label_accuracy_all,
        plurality_accuracy_all: clear.plurality_accuracy_all,
        circuit,
        student_accuracy: student.0,
        student_accuracy_unlabeled: student.1,
        epsilon: labels.epsilon.person.public,
        seconds,
        training_cpu_seconds: facts.training_cpu_seconds,
        fleet_peak_mib,
        coordinator_peak_mib,
    };
    // An interrupted run of several seeds has told what the finished ones reached.
    say(&serde_json::to_string(&run)?);
    Ok(run)
}

/// Compares the encrypted argmax with the plain one, if that was asked for.
fn circuit(arguments: &Arguments, clear: &Clear, say: &dyn Fn(&str)) -> anyhow::Result<Option<Circuit>> {
    if arguments.circuit == 0 {
        return Ok(None);
    }
    say("comparing the encrypted argmax with the plain one on all votes");
    let set = match arguments.insecure_toy_parameters {
        true => ParameterSet::InsecureToy,
        false => ParameterSet::of(ArgmaxKind::Tournament),
    };
    compare(clear, arguments.participants, arguments.sigma.to_f64(), arguments.circuit, set).map(Some)
}

fn lap(clock: Instant) -> f64 {
    clock.elapsed().as_secs_f64()
}

/// Splits the test part and stores what the command lines read.
fn prepare(arguments: &Arguments, folder: &Path) -> anyhow::Result<Material> {
    let source = load_source(&arguments.data)?;
    let test = source.test.with_context(|| format!("{} has no test part", arguments.data.display()))?;
    ensure!(test.len() > POOL, "the test part has {} images, more than {POOL} are needed", test.len());
    let pool = test.select(&(0..POOL).collect::<Vec<_>>());
    let rest = test.select(&(POOL..test.len()).collect::<Vec<_>>());
    let (pool_file, held_out) = (folder.join("pool.npy"), folder.join("held-out"));
    write_instances(&pool_file, &pool.clone().unlabeled())?;
    write_folder(&held_out, &rest, &source.description)?;
    Ok(Material { description: source.description, pool, pool_file, held_out })
}

fn config(arguments: &Arguments, description: &Description) -> anyhow::Result<FederationConfig> {
    let threshold = arguments.threshold.map(|votes| ThresholdPolicy {
        votes,
        test: arguments.test_sigma.map(|sigma| TestNoise { sigma, coordinator_sigma: Decimal::ZERO }),
    });
    Ok(FederationConfig {
        name: "handwritten digits".to_owned(),
        classes: description.classes.clone(),
        instances: description.schema.clone(),
        trustees: TrusteePolicy::default(),
        quorum: Quorum::All,
        noise: NoisePolicy {
            sigma: arguments.sigma,
            coordinator_sigma: Decimal::ZERO,
            // Nobody is taken to collude, so that exactly σ is drawn, as PATE counts it.
            honest_fraction: Decimal::ONE,
            mode: NoiseMode::Participants,
        },
        privacy: PrivacyPolicy {
            delta: Delta::try_from(1e-5)?,
            participants_per_person: 1,
            targets: PrivacyTargets::default(),
        },
        argmax: None,
        threshold,
        transform: None,
        insecure_toy_parameters: arguments.insecure_toy_parameters,
    })
}

/// Returns the fleet's command line.
fn fleet(arguments: &Arguments, seed: u32, federation: &Federation) -> anyhow::Result<Vec<String>> {
    let data = std::path::absolute(&arguments.data)?;
    let (homes, invites) = (federation.folder.join("homes"), federation.folder.join("invites.json"));
    let mut command = vec!["fleet".to_owned()];
    let options = [
        ("--coordinator", federation.url()),
        ("--homes", utf8(&homes)?.to_owned()),
        ("--data", utf8(&data)?.to_owned()),
        ("--participants", arguments.participants.to_string()),
        ("--invites", utf8(&invites)?.to_owned()),
        ("--partition", arguments.partition.clone()),
        ("--seed", seed.to_string()),
        ("--format", "json".to_owned()),
    ];
    command.extend(options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
    command
        .extend(arguments.epochs.into_iter().flat_map(|epochs| ["--epochs".to_owned(), epochs.to_string()]));
    Ok(command)
}

fn prepare_fleet(
    arguments: &Arguments,
    seed: u32,
    federation: &mut Federation,
    material: &Material,
) -> anyhow::Result<FleetFacts> {
    federation.serve()?;
    federation.create(&config(arguments, &material.description)?)?;
    let count = arguments.participants.to_string();
    let invite = ["invite", "--count", &count, "--prefix", "participant", "--format", "json"];
    let invites = federation.operate(&invite, LONGEST)?;
    std::fs::write(federation.folder.join("invites.json"), &invites.success()?.stdout)?;
    let mut command = fleet(arguments, seed, federation)?;
    command.extend(["--approve", "--prepare-only"].map(str::to_owned));
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    federation.participant(&command, LONGEST)?.facts()
}

fn start_fleet(arguments: &Arguments, seed: u32, federation: &Federation) -> anyhow::Result<Service> {
    federation.start_participant(&fleet(arguments, seed, federation)?, "fleet")
}

/// Chooses what to ask, from the unlabeled pool alone; returns places and the file of the instances.
fn choose(
    arguments: &Arguments,
    seed: u32,
    federation: &Federation,
    material: &Material,
) -> anyhow::Result<(Vec<usize>, PathBuf)> {
    let out = federation.folder.join("chosen.npy");
    let (count, seed) = (arguments.labels.to_string(), seed.to_string());
    let mut command = vec!["round", "select", "--unlabeled", utf8(&material.pool_file)?, "--count", &count];
    command.extend(["--selection", arguments.selection.name(), "--seed", &seed, "--out", utf8(&out)?]);
    command.extend(["--format", "json"]);
    let choice: Choice = federation.operate(&command, LONGEST)?.facts()?;
    Ok((choice.indices, out))
}

fn homes(arguments: &Arguments, folder: &Path) -> Vec<Home> {
    let digits = arguments.participants.to_string().len().max(3);
    let home = |number: u32| Home::at(folder.join("homes").join(format!("participant-{number:0digits$}")));
    (1..=arguments.participants).map(home).collect()
}

/// Trains the student; returns its accuracy on the held-out images and on the pool.
fn teach(
    arguments: &Arguments,
    seed: u32,
    federation: &Federation,
    material: &Material,
) -> anyhow::Result<(f64, f64)> {
    let (out, seed) = (federation.folder.join("student"), seed.to_string());
    let mut command = vec!["student", "train", "--unlabeled", utf8(&material.pool_file)?];
    command.extend(["--held-out", utf8(&material.held_out)?, "--out", utf8(&out)?, "--seed", &seed]);
    if let Some(recipe) = &arguments.recipe {
        command.extend(["--recipe", utf8(recipe)?]);
    }
    command.extend(["--format", "json"]);
    let taught: Taught = federation.operate(&command, LONGEST)?.facts()?;
    let held_out = taught.evaluation.context("the student was not measured")?.accuracy;
    let pool = utf8(&material.pool_file)?;
    let ask = ["student", "predict", "--student", utf8(&out)?, "--instances", pool, "--format", "json"];
    let said: Said = federation.operate(&ask, LONGEST)?.facts()?;
    let (classes, truth) = (&material.description.classes, material.pool.labels().unwrap_or_default());
    ensure!(said.labels.len() == truth.len(), "{} answers for {} images", said.labels.len(), truth.len());
    let is_right = |(said, truth): &(&String, &u16)| classes.get(usize::from(**truth)) == Some(*said);
    let right = said.labels.iter().zip(truth).filter(is_right).count();
    Ok((held_out, right as f64 / truth.len() as f64))
}

/// Returns the share of released labels that are right, their number, and the number of abstentions.
fn agreement(labels: &Labels, asked: &[usize], material: &Material) -> anyhow::Result<(f64, usize, usize)> {
    let released = labels.submitted.as_ref().unwrap_or(&labels.labels);
    ensure!(released.len() == asked.len(), "{} labels for {} images", released.len(), asked.len());
    let truth = material.pool.labels().unwrap_or_default();
    let answered =
        released.iter().zip(asked).filter_map(|(label, place)| Some(((*label)?, truth.get(*place)?)));
    let answered: Vec<bool> = answered.map(|(label, truth)| label == *truth).collect();
    let right = answered.iter().filter(|right| **right).count();
    let labelled = answered.len();
    Ok((right as f64 / labelled.max(1) as f64, labelled, released.len() - labelled))
}
