//! The dashboard in a real browser: a round of real processes appears, moves and ends on the page while it is looked at.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use base::{
    decimal::Decimal,
    ids::{Digest, RoundId},
};
use participant::home::Home;
use privacy::{Delta, PrivacyTargets, Target, Unit, View};
use protocol::wire::{IssuedToken, LedgerView, StudentView};
use reqwest::Method;
use serde_json::Value;
use tests::{
    Browser, Federation, Look, Plan,
    browser::is_there,
    data,
    federation::{Candidate, utf8},
    wait::{PATIENCE, until},
};

/// Finds faults that keep people from reading a page.
const ACCESSIBILITY: &str = include_str!("../src/accessibility.js");
const LOOKS: [Look; 4] = [
    Look { width: 1280, height: 900, is_dark: false },
    Look { width: 1280, height: 900, is_dark: true },
    Look { width: 360, height: 780, is_dark: false },
    Look { width: 360, height: 780, is_dark: true },
];

/// A name that would be markup where it is not escaped.
const HOSTILE: &str = "<script>window.hit = 1</script><b>";

fn plan() -> anyhow::Result<Plan> {
    let mut plan = Plan::toy()?.with_quorum(3).serving(&["--online-within", "4s"]);
    let target = Target {
        epsilon: Decimal::from_whole(40)?,
        delta: Delta::try_from(1e-5)?,
        labels: 12,
        unit: Unit::Person,
    };
    plan.config.privacy.targets = PrivacyTargets::only(View::Public, target);
    Ok(plan)
}

/// Enrols one more participant, whose name is markup, and which never votes.
fn enrol_hostile(federation: &mut Federation) -> anyhow::Result<()> {
    let folder = federation.folder.join("data-hostile");
    data::write(&folder, &data::rows(5, 20, 4, 99)?, 5)?;
    let invite: protocol::wire::Invite = federation.ask(&["invite", HOSTILE])?;
    let path = federation.folder.join("invite-hostile");
    std::fs::write(&path, invite.invite)?;
    let home = federation.folder.join("hostile");
    let home = utf8(&home)?;
    let url = federation.url();
    let init = [
        "init",
        "--home",
        home,
        "--name",
        "hostile",
        "--coordinator",
        &url,
        "--data",
        utf8(&folder)?,
        "--teachers",
        "3",
    ];
    federation.participant(&init, PATIENCE)?.success()?;
    let enrol = ["enroll", "--home", home, "--invite-file", utf8(&path)?];
    federation.participant(&enrol, PATIENCE)?.success()?;
    federation.approve_all()
}

fn watcher(federation: &Federation) -> anyhow::Result<String> {
    let issued: IssuedToken = federation.ask(&["token", "create", "reader", "--expires", "1h"])?;
    Ok(issued.token)
}

/// Waits for words in a part of the page that nobody reloads.
fn appears(browser: &Browser, selector: &str, words: &str) -> anyhow::Result<()> {
    let script = format!(
        "return (document.querySelector({})?.innerText ?? '').toLowerCase().includes({});",
        serde_json::json!(selector),
        serde_json::json!(words.to_lowercase())
    );
    browser
        .wait_for(&format!("\"{words}\" in {selector}"), &script)
        .with_context(|| browser.text("main").unwrap_or_default())
}

fn follows(browser: &Browser) -> anyhow::Result<()> {
    let script = "return document.getElementById('following')?.classList.contains('live') ?? false;";
    browser.wait_for("the page's stream", script)
}

/// Fails if a page asked for anything but this coordinator, or complained.
fn is_clean(browser: &Browser, federation: &Federation) -> anyhow::Result<()> {
    let requests = browser.requests()?;
    ensure!(!requests.is_empty(), "the browser's log of requests is empty, so nothing was asserted");
    let own = federation.url();
    let inside = [&format!("{own}/"), "about:", "data:"];
    let is_own = |url: &&String| inside.iter().any(|beginning| url.starts_with(beginning));
    let foreign: Vec<_> = requests.iter().filter(|url| !is_own(url)).collect();
    ensure!(foreign.is_empty(), "requests left the host: {foreign:?}");
    let told = browser.console()?;
    ensure!(told.is_empty(), "the console was told: {told:?}");
    Ok(())
}

/// Looks at a page in every way and gathers what keeps people from reading it.
fn faults_of(browser: &Browser, url: &str) -> anyhow::Result<Vec<String>> {
    let mut faults = Vec::new();
    for look in LOOKS {
        browser.look(look)?;
        browser.open(url)?;
        let found = browser.run(ACCESSIBILITY)?;
        let found = found.as_array().context("no list of faults")?;
        faults.extend(found.iter().map(|fault| format!("{url} {look:?}: {fault}")));
    }
    Ok(faults)
}

#[test]
fn a_round_appears_moves_and_ends_on_the_page_while_it_is_looked_at() -> anyhow::Result<()> {
    if !is_there("the browser test of the dashboard")? {
        return Ok(());
    }
    let mut federation = Federation::assemble(&plan()?)?;
    enrol_hostile(&mut federation)?;
    federation.start_agents()?;
    federation.wait_until_keyed()?;
    let url = federation.url();
    let browser = Browser::start(&federation.folder)?;
    empty_pages_say_what_to_do(&browser, &federation)?;

    browser.open(&format!("{url}/rounds"))?;
    follows(&browser)?;
    // A mark that only a reload would take away.
    browser.run("window.mark = 'not reloaded';")?;
    let round = federation.announce(&Candidate::over(data::instances(5, 12, 5)?).within_seconds(20))?;
    let short: String = round.to_string().chars().take(8).collect();
    appears(&browser, "#rounds", &short)?;
    refuse_a_ballot(&federation, round)?;
    appears(&browser, "#rounds", "released")?;
    ensure!(browser.run("return window.mark;")? == "not reloaded", "the page was reloaded");

    browser.open(&format!("{url}/rounds/{round}"))?;
    for (selector, words) in [
        ("#phase", "released"),
        ("#voters", "counted"),
        ("#voters", "refused"),
        ("#labels", "12 instances have a label"),
        ("#cost", "One person"),
        ("#stages", "Tallying"),
        ("#openings", "opened"),
    ] {
        appears(&browser, selector, words)?;
    }
    the_page_says_what_the_api_says(&browser, &federation, round)?;
    names_are_never_markup(&browser, &federation)?;
    a_student_is_shown(&browser, &federation, round)?;
    every_page_can_be_read(&browser, &federation, round)?;
    is_clean(&browser, &federation)?;
    federation.finish()
}

fn empty_pages_say_what_to_do(browser: &Browser, federation: &Federation) -> anyhow::Result<()> {
    let url = federation.url();
    browser.log_in(&url, &watcher(federation)?)?;
    appears(browser, "#rounds", "coordinator round create")?;
    for (page, words) in [("student", "coordinator student train"), ("operations", "Nothing is under way")] {
        browser.open(&format!("{url}/{page}"))?;
        appears(browser, "main", words)?;
    }
    appears(browser, "aside.insecure", "insecure_toy_parameters")
}

/// Sends, as a member of the roster, bytes that are no ballot.
fn refuse_a_ballot(federation: &Federation, round: RoundId) -> anyhow::Result<()> {
    let token = participant::identity::load_token(&Home::at(federation.folder.join("hostile")))?
        .context("the participant has no token")?;
    let ballot = format!("/rounds/{round}/ballots/{}", "ab".repeat(16));
    let answer = federation.api.send(&Method::PUT, &ballot, Some(token.expose()), vec![1, 2, 3])?;
    ensure!(answer.status == 422 || answer.status == 409, "status {}", answer.status);
    Ok(())
}

fn the_page_says_what_the_api_says(
    browser: &Browser,
    federation: &Federation,
    round: RoundId,
) -> anyhow::Result<()> {
    let view = federation.round(round)?;
    let voters = browser.text("#voters")?;
    for voter in &view.voters {
        ensure!(voters.contains(&voter.name), "{} is not on the page: {voters}", voter.name);
    }
    let refused = view.voters.iter().find(|voter| voter.name == HOSTILE).context("the fourth participant")?;
    let code = refused.code.context("the refusal has no code")?;
    ensure!(voters.contains(&code.name()), "{} is not on the page: {voters}", code.name());
    ensure!(refused.at.is_some() && view.timeline.len() >= 5, "{view:?}");
    let shown = view.epsilon.person.public.map(|epsilon| format!("{epsilon:.3}")).context("no ε")?;
    ensure!(browser.text("#cost")?.contains(&shown), "ε = {shown} is not on the page");
    let counts = view.distribution.context("no labels by class")?;
    ensure!(counts.iter().sum::<u32>() + view.abstained.unwrap_or(0) == 12, "{counts:?}");

    let ledger: LedgerView = federation.ledger()?;
    let left = ledger.promises[0].labels_left.context("labels left")?;
    browser.open(&format!("{}/privacy", federation.url()))?;
    appears(browser, "#budget", &left.to_string())?;
    appears(browser, "main", "Who learns what")?;
    browser.open(&format!("{}/transcript", federation.url()))?;
    appears(browser, "#checks", "The coordinator checked its own transcript")?;
    appears(browser, "#checks", "ledger events add up")?;
    appears(browser, "#events", "labels and 0 abstentions were released")
}

/// Looks for a participant's name as text, and for the element it would have become.
fn names_are_never_markup(browser: &Browser, federation: &Federation) -> anyhow::Result<()> {
    browser.open(&format!("{}/federation", federation.url()))?;
    appears(browser, "#members", HOSTILE)?;
    let found = browser.run("return [window.hit ?? null, document.querySelectorAll('main b').length];")?;
    ensure!(found == serde_json::json!([null, 0]), "the name became markup: {found}");
    Ok(())
}

fn a_student_is_shown(browser: &Browser, federation: &Federation, round: RoundId) -> anyhow::Result<()> {
    browser.open(&format!("{}/student", federation.url()))?;
    follows(browser)?;
    let held_out = federation.folder.join("held-out");
    data::write(&held_out, &data::rows(5, 30, 2, 77)?, 5)?;
    let out = federation.folder.join("student");
    let train = ["student", "train", "--held-out", utf8(&held_out)?, "--out", utf8(&out)?];
    federation.operate(&train, PATIENCE)?.success()?;
    browser.open(&format!("{}/student", federation.url()))?;
    appears(browser, "#students", "What it confuses")?;
    let token = federation.operator_token()?;
    let students: Vec<StudentView> = federation.api.get("/students", &token)?.json()?;
    ensure!(students.len() == 1 && students[0].result.rounds == [round], "{students:?}");
    let accuracy = students[0].result.accuracy.context("no accuracy")?;
    appears(browser, "#students", &format!("{:.1} %", 100.0 * accuracy))
}

fn every_page_can_be_read(browser: &Browser, federation: &Federation, round: RoundId) -> anyhow::Result<()> {
    let url = federation.url();
    let pages = ["federation", "rounds", "privacy", "student", "transcript", "operations"];
    let mut faults = faults_of(browser, &format!("{url}/rounds/{round}"))?;
    for page in pages {
        faults.extend(faults_of(browser, &format!("{url}/{page}"))?);
    }
    is_clean(browser, federation)?;
    browser.run("document.querySelector('form[action=\"/logout\"]').submit();")?;
    browser.wait_for("the end of the session", "return location.pathname === '/login';")?;
    browser.open(&format!("{url}/privacy"))?;
    ensure!(browser.url()?.contains("/login?next=/privacy"), "a page without a session: {}", browser.url()?);
    faults.extend(faults_of(browser, &format!("{url}/login"))?);
    ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Ok(())
}

#[test]
fn a_page_without_javascript_is_whole_and_forbids_what_is_not_its_own() -> anyhow::Result<()> {
    let federation = Federation::found(&plan()?)?;
    let round = federation.announce(&Candidate::over(data::instances(5, 6, 8)?))?;
    federation.wait_for_labels(round)?;
    let token = watcher(&federation)?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let get = |path: &str, token: Option<&str>| {
        let mut request = client.get(format!("{}{path}", federation.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        runtime.block_on(async {
            let response = request.send().await?;
            let policy = response.headers().get("content-security-policy").cloned();
            let place = response.headers().get("location").cloned();
            let status = response.status().as_u16();
            Ok::<_, anyhow::Error>((status, policy, place, response.text().await?))
        })
    };
    let (status, policy, _, page) = get(&format!("/rounds/{round}"), Some(&token))?;
    let policy = policy.context("no policy")?.to_str()?.to_owned();
    ensure!(
        status == 200 && policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    for words in ["released", "hospital-1", "counted", "<svg", "datetime=\"2"] {
        ensure!(page.contains(words), "{words} is missing without JavaScript");
    }
    let addresses = page.matches("http://").count() + page.matches("https://").count();
    let drawings = page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count();
    ensure!(!page.contains("style=") && !page.contains("<style"), "the page brings a style of its own");
    ensure!(addresses == drawings, "the page names another address: {page}");
    let (status, _, place, _) = get("/rounds", None)?;
    ensure!(status == 303 && place.is_some_and(|place| place == "/login?next=/rounds"), "status {status}");
    let (status, ..) = get("/rounds/00000000000000000000000000000000", Some(&token))?;
    ensure!(status == 404, "status {status}");
    let digest = Digest::of(b"nothing");
    let refused = federation.api.get(&format!("/blobs/{digest}"), &token)?;
    ensure!(refused.status == 403, "a viewer asked for a blob: status {}", refused.status);
    let lines: Value = federation.api.get("/transcript/events", &token)?.json()?;
    ensure!(lines["length"].as_u64().is_some_and(|length| length > 8), "{lines}");
    the_stream_ends_with_the_service(&federation, &token)?;
    federation.finish()
}

/// Holds a stream open while the coordinator is asked to stop: it ends at once and keeps nobody waiting.
fn the_stream_ends_with_the_service(federation: &Federation, token: &str) -> anyhow::Result<()> {
    let service = federation.coordinator().context("no coordinator runs")?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let request = client.get(format!("{}/api/v1/events", federation.url())).bearer_auth(token);
    let mut stream = runtime.block_on(async { request.send().await })?;
    ensure!(stream.status().is_success(), "status {}", stream.status());
    federation.processes().signal(service, "TERM")?;
    let began = std::time::Instant::now();
    let ended = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async { while let Ok(Some(_)) = stream.chunk().await {} }).await
    });
    ended.context("the stream outlived the service")?;
    let status = until("the coordinator's end", PATIENCE, || federation.processes().ended(service))?;
    ensure!(status.success(), "the coordinator ended with {status}");
    // A request that is never answered would hold it for the whole grace of five seconds.
    ensure!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    Ok(())
}
