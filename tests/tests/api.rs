//! The API keeps its word: every answer of a story is as its description says, and the metrics agree with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, ensure};
use base::{Step, decimal::Decimal, ids::RoundId, problem::Code};
use fhe::effort;
use privacy::{Delta, PrivacyTargets, Target, Unit, View};
use protocol::wire::{
    Attendance, IssuedToken, LedgerView, LogFilterView, RosterView, RoundSummary, RoundsPage, StudentView,
    TokenView,
};
use reqwest::Method;
use serde_json::Value;
use tests::{
    Federation, Plan, data,
    federation::{Candidate, utf8},
    openapi::Description,
    recorder::Exchange,
    scrape::{Scrape, metrics_in},
    wait::PATIENCE,
};

/// What is not played here: one trustee has no board to share, and a stream does not end (the
/// coordinator's own tests read it).
const NOT_PLAYED: [&str; 4] = [
    "get /api/v1/boards/{board}",
    "get /api/v1/events",
    "post /api/v1/boards/{board}",
    "put /api/v1/trustees/{participant}/approval",
];

/// Returns a recorded federation with a promise, so that the ledger has something left.
fn plan() -> anyhow::Result<Plan> {
    let mut plan = Plan::toy()?.recorded();
    let target = Target {
        epsilon: Decimal::from_whole(60)?,
        delta: Delta::try_from(1e-5)?,
        labels: 1000,
        unit: Unit::Person,
    };
    plan.config.privacy.targets = PrivacyTargets::only(View::Public, target);
    Ok(plan)
}

fn candidate(instances: usize, seed: u64) -> anyhow::Result<Candidate> {
    Ok(Candidate::over(data::instances(Plan::toy()?.classes(), instances, seed)?))
}

#[test]
fn every_answer_of_a_story_is_as_described_and_the_metrics_agree() -> anyhow::Result<()> {
    let mut federation = Federation::found(&plan()?)?;
    let round = federation.announce(&candidate(12, 1)?)?;
    federation.wait_for_labels(round)?;
    federation.halt_agent(2)?;
    let cancelled = federation.announce(&candidate(6, 2)?)?;
    federation.cancel(cancelled)?;
    federation.resume_agent(2)?;

    read_the_rest(&federation, round)?;
    watch(&federation)?;
    refusals(&federation, (round, cancelled))?;
    pages(&federation, &[round, cancelled])?;
    tags(&federation, round)?;
    for index in 0..federation.members.len() {
        federation.kill_agent(index);
    }
    metrics(&federation, round)?;
    federation.operate(&["roster", "revoke", "3", "--reason", "the story ends"], PATIENCE)?.success()?;
    federation.operate(&["federation", "close"], PATIENCE)?.success()?;

    let document = federation.api.send(&Method::GET, "/openapi.json", None, Vec::new())?;
    let description = Description::new(document.json()?)?;
    let exchanges = federation.exchanges();
    let wrong: Vec<String> =
        exchanges.iter().filter_map(|one| description.check(one).err()).map(|e| format!("{e:#}")).collect();
    assert_eq!(wrong, [] as [&str; 0], "of {} exchanges", exchanges.len());
    assert_eq!(unseen(&description, &exchanges), NOT_PLAYED.map(str::to_owned));
    assert!(breaking_any_field_is_seen(&description, &exchanges)? > 100);
    no_secret_is_logged(&federation)?;
    federation.finish()
}

/// Reads what neither agents nor the story's own steps read.
fn read_the_rest(federation: &Federation, round: RoundId) -> anyhow::Result<()> {
    let operator = federation.operator_token()?;
    let get = |path: &str, token: &str| federation.api.get(path, token);
    for path in ["/roster", "/ledger", "/transcript?from=1"] {
        ensure!(get(path, &operator)?.status == 200, "{path}");
    }
    for part in ["roster", "instances", "labels"] {
        ensure!(get(&format!("/rounds/{round}/{part}"), &operator)?.status == 200, "{part}");
    }
    let instances = data::instances(Plan::toy()?.classes(), 12, 1)?;
    let answers = federation.api.send(&Method::POST, "/answers", Some(&operator), instances)?;
    ensure!(answers.status == 200);
    let digest = federation.round(round)?.announcement.instances;
    ensure!(get(&format!("/blobs/{digest}"), &operator)?.status == 200);
    let page = federation.api.beside("/api/docs", None)?;
    ensure!(page.status == 200 && page.media_type.starts_with("text/html"));
    Ok(())
}

/// Does what operators and watchers do: a student is reported, a token made, used and revoked, the transcript checked.
fn watch(federation: &Federation) -> anyhow::Result<()> {
    let operator = federation.operator_token()?;
    let student = federation.folder.join("student");
    federation.operate(&["student", "train", "--out", utf8(&student)?], PATIENCE)?.success()?;
    let students: Vec<StudentView> = federation.api.get("/students", &operator)?.json()?;
    let [student] = students.as_slice() else { anyhow::bail!("{} students", students.len()) };
    let token: IssuedToken = federation.ask(&["token", "create", "ethics board", "--expires", "1d"])?;
    let paths = ["/privacy", "/operations", "/transcript/events?limit=2", "/transcript/archive"];
    let student = format!("/students/{}", student.student);
    for path in paths.into_iter().chain(["/transcript/checks", &student]) {
        ensure!(federation.api.get(path, &token.token)?.status == 200, "{path}");
    }
    assert_eq!(federation.api.get("/tokens", &token.token)?.code()?, Code::Forbidden);
    let checked = federation.api.send(&Method::POST, "/transcript/checks", Some(&operator), Vec::new())?;
    ensure!(checked.status == 200);
    federation.operate(&["token", "revoke", &token.view.id.to_string()], PATIENCE)?.success()?;
    assert_eq!(federation.api.get("/privacy", &token.token)?.code()?, Code::Unauthorized);
    let all: Vec<TokenView> = federation.ask(&["token", "list"])?;
    ensure!(all.len() == 1 && all.iter().all(|token| token.revoked_at.is_some()));
    let filter: LogFilterView = federation.ask(&["log-filter"])?;
    let same: LogFilterView = federation.ask(&["log-filter", &filter.filter])?;
    assert_eq!(same, filter);
    Ok(())
}

/// Asks for what is refused, at every kind of door.
fn refusals(federation: &Federation, (round, cancelled): (RoundId, RoundId)) -> anyhow::Result<()> {
    let operator = federation.operator_token()?;
    let (trustee, member) = (federation.members[0].token()?, federation.members[1].token()?);
    let api = &federation.api;
    let of = |path: &str, token: &str| -> anyhow::Result<Code> { api.get(path, token)?.code() };
    assert_eq!(of("/roster", "no such token")?, Code::Unauthorized);
    assert_eq!(of(&format!("/rounds/{}", "0".repeat(32)), &member)?, Code::NotFound);
    assert_eq!(of("/rounds/1", &member)?, Code::InvalidRequest);
    assert_eq!(of(&format!("/rounds/{cancelled}/labels"), &member)?, Code::WrongRoundState);
    for query in ["limit=0", "limit=501", "limit=many", "page=1"] {
        assert_eq!(of(&format!("/rounds?{query}"), &member)?, Code::InvalidRequest, "{query}");
    }
    assert_eq!(of("/roster?limit=1001", &member)?, Code::InvalidRequest);
    assert_eq!(of(&format!("/rounds?after={}", "0".repeat(32)), &member)?, Code::NotFound);
    let put = |path: String, token: &str, body: &[u8]| api.put(&path, token, body.to_vec())?.code();
    let ballot = format!("/rounds/{round}/ballots/{}", "1".repeat(32));
    assert_eq!(put(ballot, &member, b"no ballot")?, Code::BallotLength);
    assert_eq!(put("/rounds/".to_owned() + &"2".repeat(32), &operator, b"")?, Code::InvalidInstances);
    assert_eq!(
        put(format!("/blobs/{}/upload/0", "3".repeat(64)), &trustee, b"")?,
        Code::WrongFederationState
    );
    let nothing = serde_json::json!({});
    let post = |path: &str, token: &str| api.post(path, token, &nothing)?.code();
    assert_eq!(post("/invites", &operator)?, Code::InvalidRequest);
    assert_eq!(post("/invites", &member)?, Code::Forbidden);
    assert_eq!(post("/enrolments", "")?, Code::InvalidRequest);
    assert_eq!(post(&format!("/rounds/{cancelled}/cancel"), &operator)?, Code::WrongRoundState);
    let revoke = serde_json::json!({ "reason": "a story" });
    assert_eq!(api.post("/roster/1/revoke", &operator, &revoke)?.code()?, Code::Conflict);
    assert_eq!(api.post("/roster/9/revoke", &operator, &revoke)?.code()?, Code::NotFound);
    let closed = federation.operate(&["round", "create", "--instances", "nowhere.npy"], PATIENCE)?;
    assert_eq!(closed.code, Some(4), "a file that is not there is a wrong argument");
    Ok(())
}

/// Follows pages of one entry, which together are the whole list.
fn pages(federation: &Federation, rounds: &[RoundId]) -> anyhow::Result<()> {
    let token = federation.operator_token()?;
    let (mut seen, mut path) = (Vec::new(), "/rounds?limit=1".to_owned());
    loop {
        let page: RoundsPage = federation.api.get(&path, &token)?.json()?;
        assert_eq!(page.rounds.len(), 1);
        seen.extend(page.rounds.iter().map(|round| round.round));
        let Some(next) = page.next else { break };
        path = format!("/rounds?limit=1&after={next}");
    }
    assert_eq!(seen, rounds);
    let whole: RosterView = federation.api.get("/roster", &token)?.json()?;
    let mut pieces: RosterView = federation.api.get("/roster?limit=2", &token)?.json()?;
    assert_eq!((pieces.roster.members.len(), pieces.next.map(|id| id.get())), (2, Some(2)));
    pieces.append(federation.api.get("/roster?limit=2&after=2", &token)?.json()?)?;
    assert_eq!((pieces.roster.digest(), pieces.next), (whole.hash, None));
    Ok(())
}

/// Reads again what did not change, and what did.
fn tags(federation: &Federation, round: RoundId) -> anyhow::Result<()> {
    let token = federation.operator_token()?;
    for path in ["/federation", "/rounds", "/ledger", "/transcript", &format!("/rounds/{round}")] {
        let first = federation.api.get(path, &token)?;
        let again = federation.api.get_unless(path, &token, &first.tag)?;
        assert_eq!((again.status, again.body.len(), &again.tag), (304, 0, &first.tag), "{path}");
        let other = federation.api.get_unless(path, &token, "\"another\"")?;
        assert_eq!((other.status, &other.body, &other.tag), (200, &first.body, &first.tag), "{path}");
    }
    let before = federation.api.get("/transcript", &token)?;
    federation.invite("late-hospital", false)?;
    let same = federation.api.get_unless("/transcript", &token, &before.tag)?;
    assert_eq!(same.status, 304, "an invite is no event");
    let refused = federation.api.get_unless("/transcript", "wrong", &before.tag)?;
    assert_eq!(refused.status, 401, "a tag opens no door");
    Ok(())
}

/// Compares the metrics with what the API says, and with the documents that name them.
fn metrics(federation: &Federation, round: RoundId) -> anyhow::Result<()> {
    let operator = federation.operator_token()?;
    assert_eq!(federation.api.beside("/metrics", None)?.code()?, Code::Unauthorized);
    let member = federation.members[1].token()?;
    assert_eq!(federation.api.beside("/metrics", Some(&member))?.code()?, Code::Forbidden);
    let rounds: Vec<RoundSummary> = federation.rounds()?;
    let (view, ledger): (_, LedgerView) = (federation.round(round)?, federation.ledger()?);
    let exchanges = federation.exchanges();
    let page = federation.api.beside("/metrics", Some(&operator))?;
    let scrape = Scrape::read(std::str::from_utf8(&page.body)?)?;
    for phase in ["released", "cancelled"] {
        let rounds = rounds.iter().filter(|round| round.phase == phase).count();
        assert_eq!(scrape.value(&format!("psephos_rounds{{phase=\"{phase}\"}}"))?, rounds as f64);
    }
    let counted = view.voters.iter().filter(|voter| voter.attendance == Attendance::Counted).count();
    assert_eq!(scrape.value("psephos_ballots_counted_total")?, counted as f64);
    assert_eq!(Some(scrape.value("psephos_labels_released_total")?), view.labelled.map(f64::from));
    assert_eq!(scrape.value("psephos_label_ciphertexts_total")?, 12.0);
    let resolution = view.announcement.resolution(
        &federation.view()?.founding,
        &federation.roster()?.roster,
        Step::Label,
    )?;
    let work = effort(&resolution)?.times(12);
    assert_eq!(scrape.value("psephos_bootstraps_total")?, work.bootstraps as f64);
    assert_eq!(scrape.value("psephos_keyswitches_total")?, work.keyswitches as f64);
    let spent = scrape.value("psephos_epsilon_spent{unit=\"person\",view=\"public\"}")?;
    assert_eq!(Some(spent), ledger.spent.person.public);
    let promise = ledger.promises.first().context("no promise")?;
    let left = scrape.value("psephos_epsilon_left{unit=\"person\",view=\"public\"}")?;
    assert_eq!(Some(left), promise.committed.map(|committed| promise.epsilon - committed));
    assert_eq!(scrape.sum("psephos_participant_online", "participant="), 3.0);
    let blobs = scrape.value("psephos_storage_bytes{kind=\"blobs\"}")?;
    assert_eq!(blobs, bytes_in(&federation.coordinator_home().join("blobs"))? as f64);
    counts(&scrape, &exchanges)?;
    named_in_documents(&scrape)
}

/// Everything went through the recorder, so the coordinator's counts are its own.
fn counts(scrape: &Scrape, exchanges: &[Exchange]) -> anyhow::Result<()> {
    let mut codes: BTreeMap<String, f64> = BTreeMap::new();
    for exchange in exchanges {
        let code = exchange.answered.json.as_ref().and_then(|json| json.get("code")?.as_str());
        *codes.entry(code.unwrap_or_default().to_owned()).or_default() += 1.0;
    }
    codes.remove("");
    assert!(codes.len() > 5, "{codes:?}");
    for (code, seen) in codes {
        assert_eq!(scrape.value(&format!("psephos_problems_total{{code=\"{code}\"}}"))?, seen, "{code}");
    }
    let of = |pick: fn(&Exchange) -> usize| exchanges.iter().map(pick).sum::<usize>() as f64;
    let direction =
        |name: &str| scrape.value(&format!("psephos_http_body_bytes_total{{direction=\"{name}\"}}"));
    // Nobody reads the body of a request that is turned away, or that needs none.
    let needs_none = |path: &str| path.ends_with("/cancel") || path.contains("/tokens/");
    let is_read = |exchange: &Exchange| !matches!(exchange.status, 401 | 403) && !needs_none(&exchange.path);
    let read = exchanges.iter().filter(|exchange| is_read(exchange)).map(|exchange| exchange.sent.length);
    assert_eq!(direction("in")?, read.sum::<usize>() as f64);
    assert_eq!(direction("out")?, of(|exchange| exchange.answered.length));
    let ballots = |exchange: &&Exchange| exchange.path.contains("/ballots/") && exchange.status == 200;
    let taken = scrape.sum("psephos_requests_total", "/ballots/{ballot}\",status=\"200\"");
    assert_eq!(taken, exchanges.iter().filter(ballots).count() as f64);
    Ok(())
}

/// The dashboard asks for nothing that there is not, and the documentation names everything that there is.
fn named_in_documents(scrape: &Scrape) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let dashboard = std::fs::read_to_string(root.join("deploy/grafana-dashboard.json"))?;
    let _: Value = serde_json::from_str(&dashboard)?;
    let asked = metrics_in(&dashboard);
    assert!(asked.len() > 10, "{asked:?}");
    let missing: Vec<_> = asked.difference(scrape.names()).collect();
    assert_eq!(missing, [] as [&str; 0], "asked for by the dashboard");
    let documented = metrics_in(&std::fs::read_to_string(root.join("docs/METRICS.md"))?);
    assert_eq!(&documented, scrape.names(), "docs/METRICS.md");
    Ok(())
}

fn bytes_in(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Returns the operations that no exchange was about.
fn unseen(description: &Description, exchanges: &[Exchange]) -> Vec<String> {
    let name = |method: &str, path: &str| format!("{} {path}", method.to_lowercase());
    let seen: BTreeSet<String> = exchanges
        .iter()
        .filter(|exchange| exchange.status < 400)
        .filter_map(|exchange| Some(name(&exchange.method, description.template(&exchange.path)?)))
        .collect();
    let paths = description.document().pointer("/paths").and_then(Value::as_object);
    let all = paths.into_iter().flatten().flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, _)| name(method, path))
    });
    all.collect::<BTreeSet<_>>().difference(&seen).cloned().collect()
}

/// Renames each field of one JSON answer of every operation in turn, and counts how many there were.
fn breaking_any_field_is_seen(description: &Description, exchanges: &[Exchange]) -> anyhow::Result<usize> {
    let mut tried = BTreeSet::new();
    let mut broken = 0;
    for exchange in exchanges.iter().filter(|exchange| exchange.status == 200) {
        let template = description.template(&exchange.path).context("no template")?;
        let Some(json) = &exchange.answered.json else { continue };
        if template.ends_with("openapi.json") || !tried.insert((exchange.method.clone(), template.to_owned()))
        {
            continue;
        }
        for place in fields(json, "") {
            let mut forged = exchange.clone();
            forged.answered.json = Some(renamed(json, &place)?);
            ensure!(
                description.check(&forged).is_err(),
                "{} {}: {place} renamed",
                exchange.method,
                exchange.path
            );
            broken += 1;
        }
    }
    Ok(broken)
}

/// Returns pointers to every field of a value; of lists only those of the first entry.
fn fields(value: &Value, at: &str) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| {
                let place = format!("{at}/{name}");
                let inner = fields(value, &place);
                std::iter::once(place).chain(inner)
            })
            .collect(),
        Value::Array(list) => list.first().map(|value| fields(value, &format!("{at}/0"))).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn renamed(json: &Value, place: &str) -> anyhow::Result<Value> {
    let mut forged = json.clone();
    let (parent, name) = place.rsplit_once('/').context("no field")?;
    let object = forged.pointer_mut(parent).and_then(Value::as_object_mut).context("no object")?;
    let value = object.remove(name).context("no field")?;
    object.insert(format!("{name}_"), value);
    Ok(forged)
}

/// Looks for tokens and invites in everything that any process logged.
fn no_secret_is_logged(federation: &Federation) -> anyhow::Result<()> {
    let mut secrets = vec![federation.operator_token()?];
    for member in &federation.members {
        secrets.push(member.token()?);
    }
    for name in ["hospital-1", "late-hospital"] {
        secrets.push(std::fs::read_to_string(federation.folder.join(format!("invite-{name}")))?);
    }
    let logs = federation.logs()?;
    let (_, own) = logs.iter().find(|(name, _)| name == "coordinator.log").context("no log")?;
    let request =
        own.lines().find(|line| line.contains("/ballots/{ballot}")).context("no request was logged")?;
    let line: Value = serde_json::from_str(request)?;
    for field in ["method", "route", "round", "caller"] {
        ensure!(line.pointer(&format!("/span/{field}")).is_some(), "no {field} in {line}");
    }
    for (name, text) in &logs {
        ensure!(secrets.iter().all(|secret| !text.contains(secret.trim())), "{name} holds a secret");
        ensure!(!text.to_lowercase().contains("bearer"), "{name} holds a header");
    }
    Ok(())
}
