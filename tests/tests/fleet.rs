//! A fleet of participants in one process, and institutions that bring commands as teachers.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use base::decimal::Decimal;
use participant::{
    config::{CommandConfig, Config, TeacherConfig},
    home::Home,
};
use serde_json::Value;
use tests::{
    Federation, Member, Plan, Processes, Programs, Service, data,
    federation::{Candidate, utf8},
    oracle::{ClearTally, noise_of},
    wait::{PATIENCE, until},
};

const LONG: Duration = Duration::from_secs(600);
const MEMBERS: usize = 12;
const TEACHERS: usize = 2;

/// A coordinator with a fleet's invites and data; no fleet runs yet.
struct Scene {
    federation: Federation,
    processes: Processes,
    homes: PathBuf,
}

impl Scene {
    fn set(folder: &Path) -> anyhow::Result<Self> {
        let processes = Processes::default();
        let mut federation = Federation::open(folder, &Programs::find()?, &processes)?;
        federation.serve()?;
        let mut plan = Plan::toy()?;
        // Twelve shares need more noise in all than the three of other stories.
        plan.config.noise.sigma = Decimal::from_whole(6)?;
        federation.create(&plan.config)?;
        let rows = data::rows(plan.classes(), 40 * MEMBERS, 4, 3)?;
        data::write(&folder.join("rows"), &rows, plan.classes())?;
        let count = MEMBERS.to_string();
        let command = ["invite", "--count", &count, "--prefix", "hospital", "--format", "json"];
        let invites = federation.operate(&command, PATIENCE)?;
        std::fs::write(folder.join("invites.json"), &invites.success()?.stdout)?;
        Ok(Self { federation, processes, homes: folder.join("homes") })
    }

    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let folder = &self.federation.folder;
        let (url, members, teachers) = (self.federation.url(), MEMBERS.to_string(), TEACHERS.to_string());
        let (data, invites) = (folder.join("rows"), folder.join("invites.json"));
        let mut words = vec!["fleet", "--approve", "--seed", "11", "--poll", "0.3", "--format", "json"];
        words.extend(["--coordinator", &url, "--homes", utf8(&self.homes)?, "--data", utf8(&data)?]);
        words.extend(["--invites", utf8(&invites)?, "--participants", &members, "--teachers", &teachers]);
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// Makes, enrols, trains and approves everybody, and returns the facts.
    fn prepare(&self) -> anyhow::Result<Value> {
        let arguments = [self.arguments()?, vec!["--prepare-only".to_owned()]].concat();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.federation.participant(&arguments, LONG)?.facts()
    }

    /// Runs all agents.
    fn start(&self) -> anyhow::Result<Service> {
        let mut command = Command::new(Programs::find()?.participant);
        self.processes.start(command.args(self.arguments()?), &self.federation.log("fleet"))
    }

    /// The weights of every teacher of every member, in order.
    fn weights(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        for number in 1..=MEMBERS {
            let teachers = Home::at(self.homes.join(format!("participant-{number:03}"))).teachers();
            for teacher in 0..TEACHERS {
                all.push(std::fs::read(teachers.join(format!("teacher-{teacher:03}.safetensors")))?);
            }
        }
        Ok(all)
    }
}

#[test]
fn a_fleet_of_twelve_labels_a_round_and_the_same_seed_gives_the_same_teachers_bit_for_bit()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Scene::set(&folder.path().join("one"))?;
    let facts = scene.prepare()?;
    assert_eq!(facts["trained_teachers"], MEMBERS * TEACHERS);
    let weights = scene.weights()?;
    let differ = |i: usize| weights.iter().skip(i + 1).all(|other| *other != weights[i]);
    assert!((0..weights.len()).all(differ), "two teachers are the same");

    let fleet = scene.start()?;
    let federation = &scene.federation;
    federation.wait_until_keyed()?;
    let instances = data::instances(5, 6, 1)?;
    let round = federation.announce(&Candidate::over(instances))?;
    let labels = federation.wait_for_labels(round)?;
    assert_eq!(labels.labels.len(), 6);
    // Everybody voted with a ballot and noise of its own.
    let mut counted = federation.counted(round)?;
    assert_eq!(counted.len(), MEMBERS);
    counted.dedup_by_key(|(_, digest)| *digest);
    assert_eq!(counted.len(), MEMBERS);
    assert_eq!(scene.weights()?, weights, "a second start trained again");

    federation.operate(&["federation", "close"], PATIENCE)?.success()?;
    let ended = until("the fleet's end", PATIENCE, || scene.processes.ended(fleet))?;
    assert!(ended.success(), "the fleet ended with {ended}");
    scene.federation.finish()?;

    let again = Scene::set(&folder.path().join("two"))?;
    again.prepare()?;
    assert!(again.weights()? == weights, "the same seed gave other teachers");
    again.federation.finish()
}

/// Lets a member's teachers be this shell script from now on.
fn bring_command(federation: &Federation, member: &Member, script: &str) -> anyhow::Result<()> {
    std::fs::write(member.home.root().join("teacher.sh"), script)?;
    let mut config = Config::load(&member.home)?;
    config.teacher = TeacherConfig::Command(CommandConfig::new(vec!["sh".into(), "teacher.sh".into()]));
    std::fs::write(member.home.config(), config.to_toml()?)?;
    federation.train(member)
}

#[test]
fn a_mixed_federation_of_networks_and_scikit_learn_labels_together() -> anyhow::Result<()> {
    let python = std::env::var("PSEPHOS_PYTHON").unwrap_or_default();
    if python.is_empty() {
        let mut out = std::io::stderr().lock();
        writeln!(out, "NOT RUN: set PSEPHOS_PYTHON to the answer of scripts/python.sh")?;
        return Ok(());
    }
    let mut federation = Federation::assemble(&Plan::toy()?)?;
    let member = federation.members.last().cloned().context("three members")?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/teachers/sklearn_teacher.py");
    std::fs::copy(&example, member.home.root().join("sklearn_teacher.py"))?;
    let mut config = Config::load(&member.home)?;
    let words = vec![python, "sklearn_teacher.py".to_owned()];
    config.teacher = TeacherConfig::Command(CommandConfig::new(words));
    std::fs::write(member.home.config(), config.to_toml()?)?;
    federation.train(&member)?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    let round = federation.announce(&Candidate::over(data::instances(5, 20, 1)?))?;
    let labels = federation.wait_for_labels(round)?.labels;
    assert_eq!((labels.len(), federation.counted(round)?.len()), (20, 3));
    let clear = ClearTally::of(&federation, round)?;
    let view = federation.round(round)?;
    assert_eq!(clear.objections(&labels, view.resolution_votes), Vec::<String>::new());

    // What scikit-learn learned from a shard is worth a vote: three teachers, and far more right than one in five.
    let negated = noise_of(&federation, &member, &view, &vec![0; clear.totals.len()])?;
    let truth = data::rows(5, 20, 1, 1 ^ 0x5EED)?;
    let truth = truth.labels().context("generated rows have labels")?;
    let right: i64 =
        negated.chunks_exact(5).zip(truth).map(|(votes, class)| -votes[usize::from(*class)]).sum();
    assert!((36..=60).contains(&right), "{right} of 60 votes are right");
    federation.finish()
}

/// Votes for class 2 whatever is asked, and says so in as many lines as there are instances.
const HONEST: &str = r#"
    count=$(sed -n 's/.*"instances": *\([0-9]*\).*/\1/p' task.json)
    [ -s train-instances.npy ] && [ -s train-labels.npy ] && [ -s instances.npy ] || exit 9
    while [ "$count" -gt 0 ]; do echo 2; count=$((count - 1)); done
"#;

#[test]
fn a_command_votes_beside_networks_and_when_it_fails_that_is_told_and_the_others_go_on() -> anyhow::Result<()>
{
    let mut federation = Federation::assemble(&Plan::toy()?.with_quorum(2))?;
    let member = federation.members.last().cloned().context("three members")?;
    bring_command(&federation, &member, "echo 7")
        .expect_err("a command that is wrong about everything passed its rehearsal");
    bring_command(&federation, &member, HONEST)?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    let round = federation.announce(&Candidate::over(data::instances(5, 4, 1)?))?;
    federation.wait_for_labels(round)?;
    assert_eq!(federation.counted(round)?.len(), 3, "the command's ballot is counted");

    // It was fine when it rehearsed, and now it dies.
    std::fs::write(member.home.root().join("teacher.sh"), "echo 'out of luck' >&2; exit 3")?;
    let round = federation.announce(&Candidate::over(data::instances(5, 4, 2)?).within_seconds(30))?;
    federation.wait_for_labels(round)?;
    let voters: Vec<u32> = federation.counted(round)?.iter().map(|(voter, _)| *voter).collect();
    assert_eq!(voters, [1, 2], "the others did not go on");
    let status: Value = federation.member(&member, &["status", "--format", "json"])?.facts()?;
    let told = &status["not_voted"][0];
    assert_eq!((&told["round"], &told["stage"]), (&round.to_string().into(), &"lost".into()), "{status}");
    let reason = told["reason"].as_str().unwrap_or_default();
    let expected = ["after noise was drawn", "teacher ", "exit status: 3", "out of luck"];
    assert!(expected.iter().all(|words| reason.contains(words)), "{reason}");
    federation.finish()
}
