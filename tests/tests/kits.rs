//! Kits over TLS: made on one side and opened on the other, with pins that hold, doctors that see, and silent logs.

use std::{collections::BTreeMap, fs};

use anyhow::Context as _;
use base::fingerprint::Fingerprint;
use tests::{
    Federation, Member, Plan, data,
    federation::{Candidate, utf8},
    processes::Finished,
    wait::{PATIENCE, until},
};

/// Everything that our own crates can say, and nothing of the libraries below them.
const LOUD: &str = "coordinator=trace,participant=trace,shared=trace,tower_http=trace,info";

#[derive(serde::Deserialize)]
struct Diagnosis {
    checks: Vec<Finding>,
}

#[derive(serde::Deserialize)]
struct Finding {
    check: String,
    verdict: String,
    found: String,
    remedy: Option<String>,
}

/// Returns the exit code, and what is not well with what was found.
fn diagnosis(finished: &Finished) -> anyhow::Result<(Option<i32>, BTreeMap<String, String>)> {
    let diagnosis: Diagnosis =
        serde_json::from_slice(&finished.stdout).with_context(|| finished.stderr.clone())?;
    let mut trouble = BTreeMap::new();
    for Finding { check, verdict, found, remedy } in diagnosis.checks {
        assert_eq!(remedy.is_none(), verdict == "ok", "{check} is {verdict}: {found}");
        if verdict != "ok" {
            trouble.insert(check, format!("{verdict}: {found}"));
        }
    }
    Ok((finished.code, trouble))
}

/// Asks the doctor of one participant; returns the exit code and the names of the checks that failed.
fn doctor(federation: &Federation, member: &Member) -> anyhow::Result<(Option<i32>, Vec<String>)> {
    let finished = federation.member(member, &["doctor", "--format", "json"])?;
    let (code, trouble) = diagnosis(&finished)?;
    let failed = trouble.into_iter().filter(|(_, found)| found.starts_with("fail"));
    Ok((code, failed.map(|(check, _)| check).collect()))
}

/// Changes the config of a member for as long as `during` runs.
fn with_config<T>(
    member: &Member,
    change: impl FnOnce(&str) -> String,
    during: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let path = member.home.config();
    let before = fs::read_to_string(&path)?;
    fs::write(&path, change(&before))?;
    let outcome = during();
    fs::write(&path, before)?;
    outcome
}

/// Every secret of this story, by name.
fn secrets(federation: &Federation) -> anyhow::Result<Vec<(String, String)>> {
    let mut secrets = vec![("operator's token".to_owned(), federation.operator_token()?)];
    for member in &federation.members {
        secrets.push((format!("token of {}", member.name), member.token()?));
        let kit = fs::read(federation.folder.join(format!("kits/{}.kit.tar.gz", member.name)))?;
        secrets.push((format!("invite of {}", member.name), protocol::kit::Kit::from_bytes(&kit)?.invite));
    }
    let key = fs::read_to_string(federation.coordinator_home().join("secret/tls.key"))?;
    secrets.push(("TLS key".to_owned(), key.lines().nth(1).unwrap_or_default().to_owned()));
    Ok(secrets)
}

#[test]
fn institutions_join_by_kits_over_tls_and_label_data() -> anyhow::Result<()> {
    let plan = Plan::toy()?;
    let mut federation = Federation::assemble_by_kits(&plan, LOUD)?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    let round = federation.announce(&Candidate::over(data::instances(plan.classes(), 20, 1)?))?;
    assert_eq!(federation.wait_for_labels(round)?.labels.len(), 20);

    // A renewed certificate is served after SIGHUP, and every pin holds.
    federation.operate(&["tls", "renew"], PATIENCE)?.success()?;
    let service = federation.coordinator().context("the coordinator runs")?;
    federation.processes().signal(service, "HUP")?;
    until("the renewed certificate", PATIENCE, || {
        let log = fs::read_to_string(federation.log("coordinator"))?;
        Ok(log.contains("read the certificate again").then_some(()))
    })?;
    federation.restart_agent(1)?;
    let round = federation.announce(&Candidate::over(data::instances(plan.classes(), 5, 2)?))?;
    federation.wait_for_labels(round)?;

    let secrets = secrets(&federation)?;
    assert_eq!(secrets.len(), 2 + 2 * plan.participants);
    for (name, text) in federation.logs()? {
        for (secret, value) in &secrets {
            assert!(value.len() >= 32 && !text.contains(value.as_str()), "{name} holds the {secret}");
        }
    }
    let log = fs::read_to_string(federation.log("coordinator"))?;
    assert!(
        log.contains("\"level\":\"TRACE\"") || log.contains("\"level\":\"DEBUG\""),
        "the log must be loud"
    );
    assert!(log.contains(&format!("\"round\":\"{round}\"")), "rounds are fields of the log");
    assert!(log.contains("\"participant\":\"2\""), "participants are fields of the log");
    federation.finish()
}

#[test]
fn the_operator_changes_what_a_running_service_logs() -> anyhow::Result<()> {
    let federation = Federation::assemble_by_kits(&Plan { participants: 0, ..Plan::toy()? }, "info")?;
    let answered = || {
        let log = fs::read_to_string(federation.log("coordinator"))?;
        anyhow::Ok(log.matches("request answered").count())
    };
    federation.view()?;
    assert!(answered()? > 0);
    federation.operate(&["log-filter", "warn,tower_http=debug"], PATIENCE)?.success()?;
    let quiet = answered()?;
    federation.view()?;
    let shown = federation.operate(&["log-filter"], PATIENCE)?;
    assert!(String::from_utf8_lossy(&shown.stdout).contains("tower_http=debug"));
    assert_eq!(answered()?, quiet, "the coordinator still says what it answers");
    federation.operate(&["log-filter", "info"], PATIENCE)?.success()?;
    federation.view()?;
    assert!(answered()? > quiet, "the coordinator stayed silent");
    let refused = federation.operate(&["log-filter", "coordinator=loud"], PATIENCE)?;
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    assert!(refused.stderr.contains("is no log filter"), "{}", refused.stderr);
    federation.finish()
}

#[test]
fn a_wrong_fingerprint_and_a_used_kit_are_refused_in_clear_words() -> anyhow::Result<()> {
    let plan = Plan { participants: 1, ..Plan::toy()? };
    let mut federation = Federation::assemble_by_kits(&plan, "info")?;
    let member = federation.members.first().context("one member")?.clone();
    let pin = fs::read_to_string(member.home.config())?;
    let expected = pin.lines().find_map(|line| line.strip_prefix("coordinator_fingerprint = "));
    let expected = expected.context("the kit pins")?.trim_matches('"').to_owned();
    let other = Fingerprint::of(b"another authority").to_string();

    let swap = |config: &str| config.replace(&expected, &other);
    let refused = with_config(&member, swap, || federation.member(&member, &["approve", "--yes"]))?;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for part in [expected.as_str(), other.as_str(), "by phone", "nothing was sent"] {
        assert!(refused.stderr.contains(part), "{part} is missing: {}", refused.stderr);
    }
    // Nor does the pin fall silent on plain http, or without it where only our authority vouches.
    let plain = |config: &str| config.replace("https://", "http://");
    let refused = with_config(&member, plain, || federation.member(&member, &["approve", "--yes"]))?;
    assert_eq!((refused.code, refused.stderr.contains("coordinator_fingerprint")), (Some(4), true));
    let unpinned = |config: &str| config.replace(&format!("coordinator_fingerprint = \"{expected}\"\n"), "");
    let refused = with_config(&member, unpinned, || federation.member(&member, &["approve", "--yes"]))?;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("no authority that this machine trusts"), "{}", refused.stderr);

    let kit = federation.folder.join("kits/hospital-1.kit.tar.gz");
    let folder = federation.folder.join("data-1");
    let again = federation.open_kit(&kit, "elsewhere", &folder, &plan).err().context("a second use")?;
    assert!(format!("{again:#}").contains("used by somebody else"), "{again:#}");
    let used =
        federation.operate(&["kit", "create", "hospital-1", "--out", utf8(&federation.folder)?], PATIENCE)?;
    assert_eq!((used.code, used.stderr.contains("invited already")), (Some(1), true), "{}", used.stderr);
    federation.finish()
}

#[test]
fn doctors_see_what_is_broken() -> anyhow::Result<()> {
    let plan = Plan::toy()?;
    let mut federation = Federation::assemble_by_kits(&plan, "info")?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    let member = federation.members.get(1).context("a member")?.clone();
    let healthy = federation.member(&member, &["doctor", "--format", "json"])?;
    assert_eq!(diagnosis(&healthy)?, (Some(0), BTreeMap::new()), "{}", healthy.stderr);
    assert!(String::from_utf8_lossy(&healthy.stdout).contains("a ballot of"), "it voted");
    let healthy = federation.operate(&["doctor", "--format", "json"], PATIENCE)?;
    let (code, trouble) = diagnosis(&healthy)?;
    let trouble: Vec<_> = trouble.into_iter().filter(|(check, _)| check != "disk").collect();
    assert_eq!((code, trouble), (Some(0), Vec::new()), "{}", healthy.stderr);

    let other = Fingerprint::of(b"another").to_string();
    let wrong_pin = |config: &str| {
        let line =
            config.lines().find(|line| line.starts_with("coordinator_fingerprint")).unwrap_or_default();
        config.replace(line, &format!("coordinator_fingerprint = \"{other}\""))
    };
    let seen = with_config(&member, wrong_pin, || doctor(&federation, &member))?;
    assert_eq!(seen, (Some(1), vec!["coordinator".to_owned()]));

    let (data, teachers) = (federation.folder.join("data-2"), member.home.teachers());
    let away = |path: &std::path::Path| path.with_extension("away");
    fs::rename(&data, away(&data))?;
    assert_eq!(doctor(&federation, &member)?, (Some(1), vec!["data".to_owned()]));
    fs::rename(away(&data), &data)?;
    fs::rename(&teachers, away(&teachers))?;
    let unlearned = vec!["teachers".to_owned(), "vote".to_owned()];
    assert_eq!(doctor(&federation, &member)?, (Some(1), unlearned));
    fs::rename(away(&teachers), &teachers)?;
    let token = member.home.secret().join("token");
    let kept = fs::read(&token)?;
    fs::write(&token, "0".repeat(64))?;
    assert_eq!(doctor(&federation, &member)?, (Some(1), vec!["token".to_owned()]));
    fs::write(&token, kept)?;
    // Another place than where the service listens: only the connection fails.
    let mut elsewhere = vec!["doctor", "--format", "json", "--home"];
    let home = federation.coordinator_home();
    elsewhere.extend([utf8(&home)?, "--url", "https://127.0.0.1:1"]);
    let lost = federation.operate_as_is(&elsewhere)?;
    assert_eq!(lost.code, Some(2), "{}", lost.stderr);
    let replay = protocol::transcript::Replay::of(&federation.signed_transcript()?)?;
    let keys = replay.ceremony().keys().context("keyed")?;
    let key = keys.sole().context("of a sole trustee")?.public_key;
    federation.kill_coordinator();
    assert_eq!(
        doctor(&federation, &member)?,
        (Some(2), vec!["coordinator".to_owned()]),
        "the rest still holds"
    );

    let name = key.to_string();
    fs::write(home.join("blobs").join(&name[..2]).join(&name), "another key")?;
    let seen = federation.operate_as_is(&["doctor", "--format", "json", "--home", utf8(&home)?])?;
    let (code, trouble) = diagnosis(&seen)?;
    assert_eq!(code, Some(1));
    assert!(trouble.get("keys").is_some_and(|found| found.starts_with("fail")), "{trouble:?}");
    fs::copy(federation.members[0].home.secret().join("identity"), home.join("secret/identity"))?;
    let (_, trouble) =
        diagnosis(&federation.operate_as_is(&["doctor", "--format", "json", "--home", utf8(&home)?])?)?;
    assert!(trouble.get("transcript").is_some_and(|found| found.starts_with("fail")), "{trouble:?}");
    federation.finish()
}
