//! Those who watch: what a token opens and for how long, what the stream tells, and that names never become markup.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base::{
    ids::{Digest, StudentId},
    problem::Code,
};
use protocol::wire::{
    EventLines, IssuedToken, LedgerView, NewToken, OperationsView, Role, StudentResult, StudentView,
    TokenView,
};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use crate::service::{Keyed, Service, enrol_three, granted, refused, round_id};

async fn issue(service: &Service, role: Role, expires_in_seconds: Option<u64>) -> Result<IssuedToken> {
    let new = NewToken { name: "ward <display>".to_owned(), role, expires_in_seconds };
    granted(service.post("/tokens", &service.operator, &new).await?)
}

/// Returns why a token opens nothing, in words.
async fn refusal(service: &Service, token: &str) -> Result<String> {
    match service.get::<Value>("/federation", token).await? {
        Ok(_) => bail!("the token was accepted"),
        Err(problem) => {
            assert_eq!(problem.code, Code::Unauthorized);
            Ok(problem.detail)
        }
    }
}

#[tokio::test]
async fn a_viewer_reads_what_all_read_and_changes_nothing() -> Result<()> {
    let keyed = Keyed::new().await?;
    let service = &keyed.service;
    let id = round_id(7);
    keyed.vote_on(id, 600).await?;
    let IssuedToken { token, view } = issue(service, Role::Viewer, None).await?;
    assert_eq!((view.role, view.expires_at, view.last_used), (Role::Viewer, None, None));
    let open = [
        "/federation",
        "/roster",
        "/rounds",
        "/ledger",
        "/privacy",
        "/students",
        "/operations",
        "/transcript",
        "/transcript/events",
        "/transcript/checks",
        &format!("/rounds/{id}"),
        &format!("/rounds/{id}/roster"),
    ];
    for path in open {
        granted(service.get::<Value>(path, &token).await?).with_context(|| path.to_owned())?;
    }
    let instances = granted(service.get::<Value>(&format!("/rounds/{id}"), &token).await?)?;
    let digest = instances["announcement"]["keys"].as_str().context("keys")?.to_owned();
    let id = id.to_string();
    let mut refusals = 0;
    for Operation { method, path, is_open } in operations_with_a_token()? {
        let path = path.replace("{round}", &id).replace("{digest}", &digest);
        let answer = service.send(method.clone(), &plausible(&path), &token, Vec::new()).await?;
        let is_refused = answer.status() == StatusCode::FORBIDDEN;
        assert_eq!(is_refused, !is_open, "{method} {path}: {}", answer.status());
        refusals += u64::from(is_refused);
    }
    assert!(refusals > 15, "{refusals}");
    let operations: OperationsView = granted(service.get("/operations", &token).await?)?;
    let forbidden = operations.refusals.iter().find(|entry| entry.code == Code::Forbidden);
    assert_eq!(forbidden.map(|entry| entry.count), Some(refusals));
    Ok(())
}

/// One operation of the API's description and whether it says that viewers may call it.
struct Operation {
    method: Method,
    path: String,
    is_open: bool,
}

fn operations_with_a_token() -> Result<Vec<Operation>> {
    let description: Value = serde_json::from_str(coordinator::api::description())?;
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().context("no paths")? {
        // The stream never ends, and has tests of its own.
        let Some(path) = path.strip_prefix("/api/v1").filter(|path| *path != "/events") else { continue };
        for (method, operation) in item.as_object().context("no operations")? {
            let roles = operation["x-roles"].as_array().context("no roles")?;
            if roles.is_empty() {
                continue;
            }
            let method = method.to_uppercase().parse()?;
            let is_open = roles.iter().any(|role| role == "viewer");
            operations.push(Operation { method, path: path.to_owned(), is_open });
        }
    }
    Ok(operations)
}

/// Puts something that can be read in place of the variables of a path.
fn plausible(path: &str) -> String {
    let numbers = ["{participant}", "{trustee}", "{token}", "{offset}", "{height}", "{id}"];
    let path = numbers.iter().fold(path.to_owned(), |path, name| path.replace(name, "1"));
    let path = path.replace("{step}", "label").replace("{board}", "known-answer");
    ["{ballot}", "{student}"].iter().fold(path, |path, name| path.replace(name, &"ab".repeat(16)))
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_revoked_and_says_so() -> Result<()> {
    let service = Service::start().await?;
    granted(service.found().await?)?;
    let brief = issue(&service, Role::Viewer, Some(1)).await?;
    granted(service.get::<Value>("/federation", &brief.token).await?)?;
    let second = issue(&service, Role::Operator, Some(3600)).await?;
    granted(service.post::<Value>("/invites", &second.token, &invite("by-the-second")).await?)?;

    tokio::time::sleep(Duration::from_millis(1100)).await;
    let words = refusal(&service, &brief.token).await?;
    assert!(words.contains("token 1") && words.contains("expired at 20"), "{words}");
    let listed: Vec<TokenView> = granted(service.get("/tokens", &second.token).await?)?;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|token| token.last_used.is_some()));
    let raw = service.send(Method::GET, "/tokens", &service.operator, Vec::new()).await?.text().await?;
    assert!(!raw.contains(&second.token) && !raw.contains(&Digest::of(second.token.as_bytes()).to_string()));

    let path = format!("/tokens/{}/revoke", second.view.id);
    let revoked: TokenView = granted(service.post(&path, &service.operator, &()).await?)?;
    let again: TokenView = granted(service.post(&path, &service.operator, &()).await?)?;
    assert!(revoked.revoked_at.is_some() && revoked.revoked_at == again.revoked_at);
    let words = refusal(&service, &second.token).await?;
    assert!(words.contains("token 2") && words.contains("was revoked at 20"), "{words}");
    let service = service.restart().await?;
    assert!(refusal(&service, &second.token).await?.contains("was revoked"));
    assert_eq!(
        refused(service.post::<Value>("/tokens/9/revoke", &service.operator, &()).await?)?,
        Code::NotFound
    );
    let never = NewToken { name: "x".to_owned(), role: Role::Viewer, expires_in_seconds: Some(0) };
    let answer = service.post::<Value>("/tokens", &service.operator, &never).await?;
    assert_eq!(refused(answer)?, Code::InvalidRequest);
    Ok(())
}

fn invite(name: &str) -> protocol::wire::NewInvite {
    protocol::wire::NewInvite { name: name.to_owned(), trustee: false }
}

/// Sends the form of the dashboard.
async fn log_in(service: &Service, token: &str, origin: Option<&str>) -> Result<Response> {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut request = client.post(format!("{}/login", service.url));
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let body = format!("token={token}&next=%2Fprivacy");
    let form = "application/x-www-form-urlencoded";
    Ok(request.header("content-type", form).body(body).send().await?)
}

async fn page(service: &Service, path: &str, cookie: &str) -> Result<(StatusCode, String)> {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let response = client.get(format!("{}{path}", service.url)).header("cookie", cookie).send().await?;
    Ok((response.status(), response.text().await?))
}

#[tokio::test]
async fn a_browser_logs_in_with_a_token_and_only_reads() -> Result<()> {
    let service = Service::start().await?;
    enrol_three(&service).await?;
    granted(service.invite("<script>alert(1)</script>", false).await?)?;
    let viewer = issue(&service, Role::Viewer, None).await?;
    let wrong = log_in(&service, "wrong", None).await?;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(wrong.headers().get("set-cookie").is_none());
    assert!(wrong.text().await?.contains("the token is not known here"));
    let foreign = log_in(&service, &viewer.token, Some("http://evil.example")).await?;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);

    let right = log_in(&service, &viewer.token, Some(&service.url)).await?;
    assert_eq!(right.status(), StatusCode::SEE_OTHER);
    assert_eq!(right.headers()["location"], "/privacy");
    let cookie = right.headers()["set-cookie"].to_str()?.to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(&viewer.token), "{cookie}");
    let pair = cookie.split(';').next().context("cookie")?.to_owned();
    for path in
        ["/federation", "/rounds", "/privacy", "/student", "/transcript", "/operations", "/api/v1/roster"]
    {
        let (status, _) = page(&service, path, &pair).await?;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    // A cookie that comes along changes nothing, not even for an operator.
    let operator = log_in(&service, &service.operator, None).await?;
    let pair_of_operator =
        operator.headers()["set-cookie"].to_str()?.split(';').next().context("cookie")?.to_owned();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let post =
        client.post(format!("{}/api/v1/federation/close", service.url)).header("cookie", &pair_of_operator);
    assert_eq!(post.send().await?.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(page(&service, "/api/v1/tokens", &pair_of_operator).await?.0, StatusCode::UNAUTHORIZED);

    let path = format!("/tokens/{}/revoke", viewer.view.id);
    granted(service.post::<Value>(&path, &service.operator, &()).await?)?;
    let (status, _) = page(&service, "/rounds", &pair).await?;
    assert_eq!(status, StatusCode::SEE_OTHER, "the session outlived its token");
    let logout =
        client.post(format!("{}/logout", service.url)).header("cookie", &pair_of_operator).send().await?;
    assert!(logout.url().path() == "/login", "{}", logout.url());
    assert_eq!(page(&service, "/rounds", &pair_of_operator).await?.0, StatusCode::SEE_OTHER);
    Ok(())
}

#[tokio::test]
async fn names_never_become_markup() -> Result<()> {
    let service = Service::start().await?;
    granted(service.found().await?)?;
    let name = "<script>alert(1)</script>\"'&";
    let invite = granted(service.invite(name, true).await?)?;
    granted(service.enrol(&invite.invite, &base::identity::Identity::generate()?).await?)?;
    for path in ["/federation", "/transcript"] {
        let url = format!("{}{path}", service.url);
        let client = reqwest::Client::builder().no_proxy().build()?;
        let text = client.get(url).bearer_auth(&service.operator).send().await?.text().await?;
        assert!(!text.contains("<script>alert"), "{path}");
        assert!(text.contains("&#60;script&#62;alert(1)"), "{path} does not show the name");
    }
    Ok(())
}

/// One message of the stream.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    event: String,
    id: Option<u64>,
    data: Value,
}

/// Reads a stream until it has told something about the event at a height.
async fn read_until(response: &mut Response, height: u64) -> Result<Vec<Told>> {
    let (mut text, mut told): (String, Vec<Told>) = (String::new(), Vec::new());
    loop {
        let chunk = tokio::time::timeout(Duration::from_secs(20), response.chunk()).await??;
        let chunk = chunk.context("the stream ended")?;
        text.push_str(std::str::from_utf8(&chunk)?);
        while let Some((message, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                message.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
            };
            if let (Some(event), Some(data)) = (field("event"), field("data")) {
                let id = field("id").map(|id| id.parse()).transpose()?;
                told.push(Told { event, id, data: serde_json::from_str(&data)? });
            }
            text = rest.to_owned();
        }
        if told.iter().any(|told| told.event == "transcript" && told.data["height"] == height) {
            return Ok(told);
        }
    }
}

fn heights(told: &[Told]) -> Vec<u64> {
    let events = told.iter().filter(|told| told.event == "transcript");
    events.filter_map(|told| told.data["height"].as_u64()).collect()
}

#[tokio::test]
async fn a_broken_stream_is_resumed_and_nothing_is_lost_or_told_twice() -> Result<()> {
    let service = Service::start().await?;
    granted(service.found().await?)?;
    let token = issue(&service, Role::Viewer, None).await?.token;
    let mut stream = service.fetch("/events", &token, &[]).await?;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    for name in ["one", "two", "three"] {
        let invite = granted(service.invite(name, false).await?)?;
        granted(service.enrol(&invite.invite, &base::identity::Identity::generate()?).await?)?;
    }
    let first = read_until(&mut stream, 2).await?;
    assert_eq!(
        (first[0].event.as_str(), first[0].id, &first[0].data),
        ("begin", Some(1), &serde_json::json!({"length": 1}))
    );
    let last = first.iter().rev().find_map(|told| told.id).context("no id")?;
    drop(stream);
    for name in ["four", "five"] {
        let invite = granted(service.invite(name, false).await?)?;
        granted(service.enrol(&invite.invite, &base::identity::Identity::generate()?).await?)?;
    }
    let mut resumed = service.fetch("/events", &token, &[("last-event-id", &last.to_string())]).await?;
    let second = read_until(&mut resumed, 5).await?;
    let told: Vec<u64> = heights(&first).into_iter().chain(heights(&second)).collect();
    assert_eq!(told, [1, 2, 3, 4, 5], "resumed after {last}");
    assert!(
        second
            .iter()
            .filter(|told| told.event == "transcript")
            .all(|told| { told.id == told.data["height"].as_u64().map(|height| height + 1) })
    );
    let whole: EventLines = granted(service.get("/transcript/events", &token).await?)?;
    assert_eq!(whole.length, 6);
    let wrong = service.fetch("/events", &token, &[("last-event-id", "yesterday")]).await?;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn the_stream_tells_how_a_round_moves_and_the_page_agrees() -> Result<()> {
    let keyed = Keyed::new().await?;
    let service = &keyed.service;
    let mut stream = service.fetch("/events?from=0", &service.operator, &[]).await?;
    let id = round_id(3);
    let view = keyed.vote_on(id, 600).await?;
    let view = keyed.vote_all(&view, 1).await?;
    let opening = keyed.opening(&view).await?;
    // The noise decides: of five instances that all teachers call 1, now and then one is labelled otherwise.
    let mut expected = vec![0; 3];
    // Label 0 would be an abstention.
    opening.labels.iter().for_each(|label| expected[usize::from(*label) - 1] += 1);
    granted(keyed.post_opening(id, keyed.members[0].identity.sign(&opening)).await?)?;
    let released = service.wait_for(id, "released").await?;
    let height = released.timeline.last().context("no timeline")?.height;
    let told = read_until(&mut stream, height).await?;
    assert_eq!(heights(&told), (0..=height).collect::<Vec<_>>());
    let kinds: Vec<&str> = released.timeline.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["announced", "window_closed", "noise_ballot", "tallied", "opened", "released"]);
    assert_eq!(released.distribution, Some(expected));
    assert!(released.voters.iter().all(|voter| voter.at.is_some()));

    // The coordinator checks its own transcript when a round has ended.
    for _ in 0..300 {
        let checks: protocol::wire::ChecksView =
            granted(service.get("/transcript/checks", &service.operator).await?)?;
        if let Some(last) = checks.last.filter(|last| last.events == height + 1) {
            assert_eq!(last.lines.len(), 10);
            assert!(last.lines.iter().all(|line| line.verdict != "failed"), "{last:?}");
            assert!(last.lines.iter().any(|line| line.verdict == "passed"));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the transcript was not checked within half a minute")
}

#[tokio::test]
async fn a_student_is_told_once_and_rests_on_this_transcript() -> Result<()> {
    let service = Service::start().await?;
    granted(service.found().await?)?;
    let ledger: LedgerView = granted(service.get("/ledger", &service.operator).await?)?;
    let chain: EventLines = granted(service.get("/transcript/events", &service.operator).await?)?;
    let result = StudentResult {
        rounds: Vec::new(),
        labels: 5,
        unlabelled: 0,
        method: "plain".to_owned(),
        contradicted: 0,
        held_out: 4,
        accuracy: Some(0.75),
        recall: vec![Some(1.0), None, Some(0.5)],
        confusion: vec![vec![2, 0, 0], vec![0, 0, 0], vec![1, 0, 1]],
        calibration_error: None,
        epsilon: ledger.spent,
        events: 1,
        head: chain.events[0].digest,
    };
    let path = format!("/students/{}", StudentId::from_bytes([9; 16]));
    let put = |result: StudentResult| {
        let (service, path) = (&service, &path);
        async move { service.put::<StudentView>(path, &service.operator, &result).await }
    };
    let foreign = StudentResult { head: Digest::of(b"another"), ..result.clone() };
    assert_eq!(refused(put(foreign).await?)?, Code::Conflict);
    for wrong in [
        StudentResult { accuracy: Some(1.5), ..result.clone() },
        StudentResult { recall: vec![None], ..result.clone() },
        StudentResult { held_out: 5, ..result.clone() },
    ] {
        assert_eq!(refused(put(wrong).await?)?, Code::InvalidRequest);
    }
    let first = granted(put(result.clone()).await?)?;
    assert_eq!(granted(put(result.clone()).await?)?, first, "the same again");
    assert_eq!(refused(put(StudentResult { labels: 6, ..result }).await?)?, Code::Conflict);
    let all: Vec<StudentView> = granted(service.get("/students", &service.operator).await?)?;
    assert_eq!(all, [first]);
    Ok(())
}
