//! The command lines as a contract: every verb explains itself with an example, and what it prints as JSON stays.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use protocol::wire::RoundView;
use serde_json::{Value, json};
use tests::{
    Federation, Member, Plan, data,
    federation::utf8,
    wait::{PATIENCE, until},
};

/// Returns every verb below a command with its path, the command itself first.
fn verbs(command: &Command, path: &str) -> Vec<(String, Command)> {
    let path = format!("{path} {}", command.get_name()).trim().to_owned();
    let named = command.clone().bin_name(path.clone());
    let shown = command.get_subcommands().filter(|verb| verb.get_name() != "help");
    let below = shown.flat_map(|verb| verbs(verb, &path));
    std::iter::once((path.clone(), named)).chain(below).collect()
}

/// Returns both programs, with what is global passed down.
fn programs() -> [Command; 2] {
    [coordinator::cli::Cli::command(), participant::cli::Cli::command()].map(|program| {
        let mut program = plain(program);
        program.build();
        program
    })
}

/// Leaves out what the environment of a person would show.
fn plain(command: Command) -> Command {
    command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(plain)
}

fn is_leaf(verb: &Command) -> bool {
    !verb.has_subcommands() || !verb.is_subcommand_required_set()
}

#[test]
fn every_verb_has_an_example_and_prints_json() {
    let all: Vec<(String, Command)> = programs().iter().flat_map(|program| verbs(program, "")).collect();
    let leaves: Vec<_> = all.into_iter().filter(|(_, verb)| is_leaf(verb)).collect();
    assert!(leaves.len() > 30, "{}", leaves.len());
    for (path, verb) in leaves {
        let help = verb.clone().render_long_help().to_string();
        let example = help.split("Example:").nth(1).unwrap_or_default();
        assert!(example.contains(&path), "{path} has no example:\n{help}");
        let format = verb.get_arguments().find(|arg| arg.get_id() == "format");
        let forms = format.map(|arg| arg.get_possible_values()).unwrap_or_default();
        assert!(forms.iter().any(|form| form.get_name() == "json"), "{path} does not take --format json");
    }
}

#[test]
fn help_says_what_it_said() {
    for program in programs() {
        let pages = verbs(&program, "").into_iter().map(|(path, mut verb)| {
            format!("$ {path} --help\n\n{}\n", verb.render_long_help().to_string().trim_end())
        });
        insta::assert_snapshot!(program.get_name().to_owned(), pages.collect::<Vec<_>>().join("\n"));
    }
}

/// What the verbs printed, by their words.
type Printed = BTreeMap<String, Value>;

#[test]
fn json_says_what_it_said() -> anyhow::Result<()> {
    let mut federation = Federation::assemble(&Plan::toy()?)?;
    let (mut operator, mut institution) = (Printed::new(), Printed::new());
    let guest = joined(&mut federation, &mut operator, &mut institution)?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    voted(&federation, &guest, &mut operator, &mut institution)?;
    studied(&federation, &mut operator)?;
    checked(&federation, &guest, &mut operator, &mut institution)?;
    dealt(&federation, &mut institution)?;
    ended(&mut federation, &mut operator)?;
    for (name, printed) in [("coordinator json", operator), ("participant json", institution)] {
        let redacted = redacted(&serde_json::to_value(printed)?, "", &federation.folder);
        insta::assert_json_snapshot!(name, redacted);
    }
    federation.finish()
}

#[test]
fn a_trustee_among_several_approves_in_json() -> anyhow::Result<()> {
    let federation = Federation::assemble(&Plan::toy()?.with_trustees(3, 1))?;
    let member = federation.members.first().context("nobody")?;
    let mut printed = Printed::new();
    of_member(&federation, member, &["trustee", "approve", "--yes"], &mut printed)?;
    operate(&federation, &["federation", "show"], &mut printed)?;
    let redacted = redacted(&serde_json::to_value(printed)?, "", &federation.folder);
    insta::assert_json_snapshot!("trustee json", redacted);
    federation.finish()
}

/// Runs a command of the operator and keeps what it printed.
fn operate(federation: &Federation, words: &[&str], printed: &mut Printed) -> anyhow::Result<Value> {
    let value: Value = federation.ask(words)?;
    printed.insert(title(words), value.clone());
    Ok(value)
}

/// Runs a command in a participant's home and keeps what it printed.
fn of_member(
    federation: &Federation,
    member: &Member,
    words: &[&str],
    printed: &mut Printed,
) -> anyhow::Result<Value> {
    let all: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
    let value: Value = federation.member(member, &all)?.facts()?;
    printed.insert(title(words), value.clone());
    Ok(value)
}

/// Names a command by its verbs.
fn title(words: &[&str]) -> String {
    words
        .iter()
        .take_while(|word| !word.starts_with('-') && word.len() < 20)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

/// One more institution joins, which asks a person before each round.
fn joined(
    federation: &mut Federation,
    operator: &mut Printed,
    institution: &mut Printed,
) -> anyhow::Result<Member> {
    operate(federation, &["federation", "show"], operator)?;
    let many = ["invite", "--count", "2", "--prefix", "bank", "--trustees", "0"];
    let several = federation.ask(&many)?;
    operator.insert("invite --count".to_owned(), several);
    let invite = operate(federation, &["invite", "guest"], operator)?;
    let secret = federation.folder.join("invite-guest");
    std::fs::write(&secret, invite["invite"].as_str().context("no secret")?)?;
    let guest = Member::new(&federation.folder, "guest");
    let (url, data) = (federation.url(), federation.folder.join("data-1"));
    let mut init = vec!["init", "--name", "guest", "--coordinator", &url, "--data", utf8(&data)?];
    init.extend(["--teachers", "2", "--seed", "1", "--ask", "--poll-seconds", "0.1"]);
    of_member(federation, &guest, &init, institution)?;
    of_member(federation, &guest, &["enroll", "--invite-file", utf8(&secret)?], institution)?;
    of_member(federation, &guest, &["approve", "--yes"], institution)?;
    of_member(federation, &guest, &["train"], institution)?;
    federation.members.push(Member::new(&federation.folder, "guest"));
    federation.approve_all()?;
    operate(federation, &["roster", "show"], operator)?;
    Ok(guest)
}

/// A round in which the guest's person is asked, and another one that the guest refuses and the operator ends.
fn voted(
    federation: &Federation,
    guest: &Member,
    operator: &mut Printed,
    institution: &mut Printed,
) -> anyhow::Result<()> {
    let [first, second] = [(8, 1), (4, 2)].map(|(count, seed)| instances(federation, count, seed));
    let (first, second) = (first?, second?);
    let create = |path: &str| ["round", "create", "--instances", path].map(str::to_owned);
    let created = create(&first);
    let words: Vec<&str> = created.iter().map(String::as_str).collect();
    let view: RoundView = serde_json::from_value(operate(federation, &words, operator)?)?;
    let round = view.round.to_string();
    wait_for_question(federation, guest, &round)?;
    of_member(federation, guest, &["rounds", "list"], institution)?;
    of_member(federation, guest, &["rounds", "approve", &round], institution)?;
    operate(federation, &["round", "watch", &round], operator)?;
    for verb in ["show", "labels"] {
        operate(federation, &["round", verb, &round], operator)?;
    }
    operate(federation, &["round", "answers", "--instances", &first], operator)?;
    let view: RoundView = federation.ask(&["round", "create", "--instances", &second])?;
    let round = view.round.to_string();
    wait_for_question(federation, guest, &round)?;
    of_member(federation, guest, &["rounds", "refuse", &round], institution)?;
    until("the agent to hear of the refusal", PATIENCE, || {
        let status: Value = federation.member(guest, &["status", "--format", "json"])?.facts()?;
        Ok((status["rounds_waiting"] == json!(0)).then_some(()))
    })?;
    federation.wait_for(view.round, "three ballots", |view| {
        view.voters.iter().filter(|voter| voter.attendance == protocol::wire::Attendance::Cast).count() == 3
    })?;
    operate(federation, &["round", "cancel", &round], operator)?;
    operate(federation, &["round", "list"], operator)?;
    operate(federation, &["ledger", "show"], operator)?;
    Ok(())
}

/// Waits until the guest's agent asks its person about a round.
fn wait_for_question(federation: &Federation, guest: &Member, round: &str) -> anyhow::Result<()> {
    until("the guest's question", PATIENCE, || {
        let listed = federation.member(guest, &["rounds", "list", "--format", "json"])?;
        Ok(String::from_utf8_lossy(&listed.success()?.stdout).contains(round).then_some(()))
    })
}

/// Writes instances to a file and returns its path.
fn instances(federation: &Federation, count: usize, seed: u64) -> anyhow::Result<String> {
    let path = federation.folder.join(format!("pool-{seed}.npy"));
    std::fs::write(&path, data::instances(Plan::toy()?.classes(), count, seed)?)?;
    Ok(utf8(&path)?.to_owned())
}

fn studied(federation: &Federation, operator: &mut Printed) -> anyhow::Result<()> {
    let pool = instances(federation, 30, 3)?;
    let (chosen, student) = (federation.folder.join("chosen.npy"), federation.folder.join("student"));
    let select = ["round", "select", "--unlabeled", &pool, "--count", "4", "--out", utf8(&chosen)?];
    operate(federation, &select, operator)?;
    let plan =
        ["federation", "plan", "--participants", "250", "--classes", "10", "--epsilon", "1", "--labels", "9"];
    operate(federation, &plan, operator)?;
    operate(federation, &["student", "train", "--unlabeled", &pool, "--out", utf8(&student)?], operator)?;
    let predict = ["student", "predict", "--student", utf8(&student)?, "--instances", &pool];
    operate(federation, &predict, operator)?;
    Ok(())
}

fn checked(
    federation: &Federation,
    guest: &Member,
    operator: &mut Printed,
    institution: &mut Printed,
) -> anyhow::Result<()> {
    let out = federation.folder.join("export");
    operate(federation, &["transcript", "export", "--out", utf8(&out)?, "--with-ballots"], operator)?;
    of_member(federation, guest, &["receipt", "verify"], institution)?;
    of_member(federation, guest, &["ledger", "show"], institution)?;
    of_member(federation, guest, &["status"], institution)?;
    let verify = ["verify", utf8(&out)?];
    let all: Vec<&str> = verify.iter().copied().chain(["--format", "json"]).collect();
    institution.insert("verify".to_owned(), federation.member(guest, &all)?.facts()?);
    Ok(())
}

fn dealt(federation: &Federation, institution: &mut Printed) -> anyhow::Result<()> {
    let path = |name: &str| -> anyhow::Result<String> { Ok(utf8(&federation.folder.join(name))?.to_owned()) };
    let (beats, split, drawn) = (path("beats")?, path("split")?, path("drawn")?);
    let generate = ["data", "generate", "--persons", "40", "--beats", "4", "--out", &beats];
    let parts = ["data", "split", "--data", &beats, "--participants", "2", "--out", &split];
    let draw = ["data", "draw", "--split", &split, "--count", "5", "--out", &drawn];
    let describe = ["data", "describe", "--data", &beats];
    for words in [&generate[..], &describe, &parts, &draw] {
        let all: Vec<&str> = words.iter().copied().chain(["--format", "json"]).collect();
        institution.insert(title(words), federation.participant(&all, PATIENCE)?.facts()?);
    }
    Ok(())
}

fn ended(federation: &mut Federation, operator: &mut Printed) -> anyhow::Result<()> {
    operate(federation, &["roster", "revoke", "4", "--reason", "the story ends"], operator)?;
    operate(federation, &["federation", "close"], operator)?;
    Ok(())
}

/// Numbers that another run or machine gives otherwise.
const MEASURED: [&str; 8] =
    ["cpu_ms", "wall_ms", "seconds", "free", "bytes", "last_seen", "transcript", "elapsed_seconds"];

/// Replaces what differs from run to run: times, digests, ids, keys, secrets, paths, labels under noise, fractions.
fn redacted(value: &Value, name: &str, folder: &Path) -> Value {
    match value {
        Value::Object(object) => {
            let field = |(name, value): (&String, &Value)| (name.clone(), redacted(value, name, folder));
            Value::Object(object.iter().map(field).collect())
        }
        Value::Array(list) if list.len() > 3 && list.iter().all(|one| one.is_number() || one.is_null()) => {
            json!(format!("[{} numbers]", list.len()))
        }
        // Noise decides them.
        Value::Array(list) if name == "labels" => json!(format!("[{} labels]", list.len())),
        // The federation's hash decides into which shard a person falls.
        Value::Array(list) if name == "records" => json!(format!("[{} shards]", list.len())),
        Value::Number(_) if name == "label" || name == "contradicted" => json!("[noisy]"),
        Value::Array(list) => list.iter().map(|one| redacted(one, name, folder)).collect(),
        Value::Number(_) if MEASURED.contains(&name) => json!("[measured]"),
        Value::Number(number) if number.as_i64().is_some_and(|n| n > 1_600_000_000_000) => json!("[time]"),
        Value::Number(number) if number.is_f64() => json!("[fraction]"),
        Value::String(text) => json!(words_redacted(&text.replace(&*folder.to_string_lossy(), "[folder]"))),
        other => other.clone(),
    }
}

/// Replaces runs of twelve hexadecimal digits and more, and moments in time.
fn words_redacted(text: &str) -> String {
    let is_hex = |word: &str| word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_time = |word: &str| word.len() >= 19 && word.ends_with('Z') && word.starts_with("20");
    let replace = |word: &str| match word {
        word if is_hex(word) => "[hex]".to_owned(),
        word if is_time(word) => "[time]".to_owned(),
        word if word.starts_with("127.0.0.1:") => "[address]".to_owned(),
        word => word.to_owned(),
    };
    let is_break = |c: char| c.is_whitespace() || "\"'(),;/=".contains(c);
    text.split_inclusive(is_break)
        .map(|piece| {
            let word = piece.trim_end_matches(is_break);
            format!("{}{}", replace(word), piece.get(word.len()..).unwrap_or_default())
        })
        .collect()
}
