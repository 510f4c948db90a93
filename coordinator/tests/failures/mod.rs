//! Rounds that end without labels, each way: the command line, the API and the dashboard say why, and what it costs.

use std::{
    fmt::Debug,
    sync::{Mutex, Once, PoisonError},
};

use anyhow::{Result, bail, ensure};
use base::ids::{Digest, RoundId};
use coordinator::{config::FileSettings, storage::Blobs};
use protocol::{
    round::{FailureReason, RoundState},
    transcript::EventKind,
    wire::RoundView,
};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _, registry::LookupSpan};

use crate::service::{CONFIG, Keyed, Service, granted, round_id};

/// What the planted panic says.
const WORDS: &str = "the sum of digit 3 has <no> carry";
/// The round in whose tally the pool panics.
const PANICS_IN_TALLY: u8 = 0xba;
/// The round at whose release the pool panics, after its opening is in.
const PANICS_AT_RELEASE: u8 = 0xbb;

const RETURNED: &str = "returned: nothing was tallied or opened";
const CHARGED: &str = "charged, because its tally had begun";

/// Round, what was due in it, and the step of its tally, as a span names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Named {
    round: String,
    due: String,
    step: Option<String>,
}

impl Visit for Named {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}").trim_matches('"').to_owned();
        match field.name() {
            "round" => self.round = value,
            "due" => self.due = value,
            "step" => self.step = Some(value),
            _ => {}
        }
    }
}

static SPANS: Mutex<Vec<Named>> = Mutex::new(Vec::new());

/// Remembers the spans of steps, and panics where the pool enters that of a round which is to fail by a bug.
struct Saboteur;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Saboteur {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != "step" {
            return;
        }
        let mut named = Named::default();
        attributes.record(&mut named);
        SPANS.lock().unwrap_or_else(PoisonError::into_inner).push(named.clone());
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(named);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let on_pool = std::thread::current().name().is_some_and(|name| name.starts_with("compute-"));
        let span = context.span(id).filter(|_| on_pool);
        let named = span.and_then(|span| span.extensions().get::<Named>().cloned()).unwrap_or_default();
        let planted = [(PANICS_IN_TALLY, "tally"), (PANICS_AT_RELEASE, "settle")];
        let is_planted =
            |(round, due): &(u8, &str)| named.round == round_id(*round).to_string() && named.due == *due;
        assert!(!planted.iter().any(is_planted), "{WORDS}");
    }
}

fn sabotage() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Saboteur);
        assert!(tracing::subscriber::set_global_default(subscriber).is_ok(), "somebody else watches");
    });
}

/// Returns what `coordinator round show` prints for people.
async fn printed(service: &Service, id: RoundId) -> Result<String> {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_coordinator"));
    program.args(["--url", &service.url, "--token", &service.operator, "round", "show", &id.to_string()]);
    let output = tokio::task::spawn_blocking(move || program.output()).await??;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the text of the round's page on the dashboard.
async fn page(service: &Service, id: RoundId) -> Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let page = client.get(format!("{}/rounds/{id}", service.url)).bearer_auth(&service.operator);
    let escaped = page.send().await?.error_for_status()?.text().await?;
    let signs = [("&#39;", "'"), ("&#34;", "\""), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    Ok(signs.into_iter().fold(escaped, |text, (escape, sign)| text.replace(escape, sign)))
}

/// Fails unless text, JSON and page say why a round ended, what becomes of its cost, and how it came to that.
async fn assert_told(
    service: &Service,
    id: RoundId,
    reason: Option<&str>,
    charge: &str,
) -> Result<RoundView> {
    let view: RoundView = granted(service.get(&format!("/rounds/{id}"), &service.operator).await?)?;
    let ended = match reason {
        Some(_) => EventKind::Failed,
        None => EventKind::Cancelled,
    };
    let charged = charge == CHARGED;
    match (&view.state, reason) {
        (RoundState::Failed { reason: found, charged: of }, Some(reason)) => {
            assert_eq!((found.to_string().as_str(), *of), (reason, charged));
        }
        (RoundState::Cancelled { charged: of }, None) => assert_eq!(*of, charged),
        (other, _) => bail!("{other:?}"),
    }
    assert_eq!(view.timeline.last().map(|line| line.kind.as_str()), Some(ended.name()));

    let (text, page) = (printed(service, id).await?, page(service, id).await?);
    assert!(text.contains(&format!("charge      {charge}\n")), "{text}");
    assert!(page.contains(charge), "{page}");
    match reason {
        Some(reason) => {
            assert!(text.contains(&format!("reason      {reason}\n")), "{text}");
            assert!(page.contains(reason), "{page}");
        }
        None => assert!(!text.contains("reason  "), "{text}"),
    }
    for line in &view.timeline {
        let words = format!("{}  {:13} {}", line.at, line.kind, line.words);
        assert!(text.lines().any(|printed| printed == words), "{words} is not in\n{text}");
    }
    let last = view.timeline.last().map(|line| line.words.clone()).unwrap_or_default();
    assert!(page.contains(&last), "{last} is not on\n{page}");
    Ok(view)
}

#[tokio::test]
async fn a_round_without_its_quorum_says_so() -> Result<()> {
    let keyed = Keyed::new().await?;
    let id = round_id(1);
    let view = keyed.vote_on(id, 1).await?;
    granted(keyed.cast(1, id, keyed.ballot(1, &view, 0).await?).await?)?;
    keyed.service.wait_for(id, "failed").await?;
    let reason = "1 ballots came, 3 were needed; nothing was opened";
    assert_told(&keyed.service, id, Some(reason), RETURNED).await?;
    Ok(())
}

#[tokio::test]
async fn a_round_that_nobody_opens_says_so() -> Result<()> {
    let settings = FileSettings { opening_window: Some("1s".to_owned()), ..FileSettings::default() };
    let keyed = Keyed::of(Service::start_with(settings).await?, CONFIG).await?;
    let id = round_id(2);
    keyed.vote_all(&keyed.vote_on(id, 600).await?, 1).await?;
    keyed.service.wait_for(id, "failed").await?;
    let reason = FailureReason::OpeningTimedOut.to_string();
    let view = assert_told(&keyed.service, id, Some(&reason), RETURNED).await?;
    assert!(view.timeline.iter().any(|line| line.kind == EventKind::Tallied.name()));
    Ok(())
}

#[tokio::test]
async fn a_round_whose_ballot_is_gone_names_it() -> Result<()> {
    let keyed = Keyed::new().await?;
    let view = keyed.vote_on(round_id(3), 600).await?;
    let ballot = keyed.ballot(0, &view, 0).await?;
    let digest = Digest::of(&ballot);
    granted(keyed.cast(0, view.round, ballot).await?)?;
    std::fs::remove_file(Blobs::new(keyed.service.folder().join("blobs")).path(&digest))?;
    // The sum in memory is forgotten, and the ballot is not where it was.
    let keyed = keyed.restart().await?;
    for member in [1, 2] {
        granted(keyed.cast(member, view.round, keyed.ballot(member, &view, 0).await?).await?)?;
    }
    let failed = keyed.service.wait_for(view.round, "failed").await?;
    let RoundState::Failed { reason: FailureReason::Damaged { detail }, .. } = failed.state else {
        bail!("{:?}", failed.state)
    };
    assert!(detail.contains(&digest.to_string()), "{detail}");
    assert_told(&keyed.service, view.round, Some(&detail), RETURNED).await?;
    Ok(())
}

#[tokio::test]
async fn a_panic_on_the_pool_fails_the_round_with_its_words() -> Result<()> {
    sabotage();
    let keyed = Keyed::new().await?;
    let reason = format!("a computation failed by a bug of this program: {WORDS}");
    let id = round_id(PANICS_IN_TALLY);
    let view = keyed.vote_on(id, 600).await?;
    for member in 0..3 {
        granted(keyed.cast(member, id, keyed.ballot(member, &view, 0).await?).await?)?;
    }
    keyed.service.wait_for(id, "failed").await?;
    assert_told(&keyed.service, id, Some(&reason), RETURNED).await?;

    // The service goes on: the next round is tallied and opened, and only its release hits the bug.
    let id = round_id(PANICS_AT_RELEASE);
    let view = keyed.vote_all(&keyed.vote_on(id, 600).await?, 1).await?;
    let opening = keyed.opening(&view).await?;
    granted(keyed.post_opening(id, keyed.members[0].identity.sign(&opening)).await?)?;
    keyed.service.wait_for(id, "failed").await?;
    assert_told(&keyed.service, id, Some(&reason), CHARGED).await?;

    let spans = SPANS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let steps = [
        ("open", None),
        ("close", None),
        ("noise", None),
        ("tally", Some("label")),
        ("settle", Some("label")),
    ];
    for (due, step) in steps {
        let expected = Named { round: id.to_string(), due: due.to_owned(), step: step.map(str::to_owned) };
        assert!(spans.contains(&expected), "{expected:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_round_says_what_it_costs() -> Result<()> {
    let keyed = Keyed::new().await?;
    let (before, after) = (round_id(5), round_id(6));
    keyed.vote_on(before, 600).await?;
    keyed.vote_all(&keyed.vote_on(after, 600).await?, 1).await?;
    for (id, is_tallied) in [(before, false), (after, true)] {
        let service = &keyed.service;
        let path = format!("/rounds/{id}/cancel");
        granted(service.post::<RoundView>(&path, &service.operator, &serde_json::json!({})).await?)?;
        let view = assert_told(service, id, None, RETURNED).await?;
        let tallied = view.timeline.iter().any(|line| line.kind == EventKind::Tallied.name());
        assert_eq!(tallied, is_tallied);
    }
    Ok(())
}
