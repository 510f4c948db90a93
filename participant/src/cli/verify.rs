//! `participant verify`: one line per named check of a transcript, from an export or from the coordinator itself.

use std::{path::Path, sync::Arc};

use base::{identity::Signed, ids::Digest};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::transcript::{BlobError, Blobs, Check, Event, Folder, Line, Report, Verdict, verify};
use reqwest::Url;
use serde_json::json;

use super::{
    Failure,
    anchor::{Anchor, Anchored},
    arguments::VerifyArguments,
    block_on,
    output::Output,
};
use crate::identity::load_token;
use crate::{config::Config, home::Home};
use client::{Client, ClientError, Patience};

/// Most bytes of one artefact that is fetched from a coordinator.
const LARGEST_BLOB: usize = 1 << 30;

pub(super) fn run(root: &Path, arguments: &VerifyArguments, output: &Output) -> Result<(), Failure> {
    let anchor = Anchor::of(&Home::at(root), arguments.federation)?;
    let (anchored, report) = match remote(&arguments.source) {
        Some(url) => verify_served(root, &url, anchor, output)?,
        None => {
            let folder = Folder::open(Path::new(&arguments.source)).map_err(Failure::arguments)?;
            (anchor.hold(&folder.events)?, check(&folder.events, &folder, output))
        }
    };
    let value = json!({
        "federation": report.federation,
        "anchor": anchored,
        "events": report.events,
        "head": report.head,
        "passed": report.has_passed(),
        "checks": report.lines.iter().zip(1..).map(|(line, number)| json!({
            "number": number,
            "check": line.check,
            "name": line.check.name(),
            "verdict": line.verdict,
            "detail": line.detail,
            "proves": line.check.proves(),
        })).collect::<Vec<_>>(),
    });
    output.show(&in_words(anchored, &report), &value)?;
    if report.has_failed() {
        return Err(Failure::job("the transcript is not in order"));
    }
    if arguments.strict && !report.has_passed() {
        return Err(Failure::job("not every check could be made (--strict)"));
    }
    Ok(())
}

/// Returns the address of a coordinator, if the source is one.
fn remote(source: &str) -> Option<Url> {
    Url::parse(source).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn in_words(anchored: Anchored, report: &Report) -> String {
    let mut lines = vec![anchored.in_words(report.federation)];
    lines.extend(report.lines.iter().zip(1..).map(|(line, number)| row(number, line)));
    let count = |verdict| report.lines.iter().filter(|line| line.verdict == verdict).count();
    lines.push(format!(
        "\n{} passed, {} failed, {} not checked",
        count(Verdict::Passed),
        count(Verdict::Failed),
        count(Verdict::NotChecked)
    ));
    lines.join("\n")
}

fn row(number: usize, line: &Line) -> String {
    let verdict = match line.verdict {
        Verdict::Passed => "passed     ",
        Verdict::Failed => "FAILED     ",
        Verdict::NotChecked => "not checked",
    };
    let Line { check, detail, .. } = line;
    let shows = match line.verdict {
        Verdict::Passed => format!("\n                so {}", check.proves()),
        Verdict::Failed | Verdict::NotChecked => String::new(),
    };
    format!("{number:>2} {verdict}  {}: {detail}{shows}", check.name())
}

/// Checks with a bar that shows the sums and the sessions.
fn check(events: &[Signed<Event>], blobs: &dyn Blobs, output: &Output) -> Report {
    let bar = if output.is_text() { ProgressBar::new(1) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg:42} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let report = verify(events, blobs, &mut |check: Check, done, total| {
        bar.set_message(check.name());
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    report
}

/// Fetches the events from a coordinator and checks them, with the artefacts that it serves to this participant.
fn verify_served(
    root: &Path,
    url: &Url,
    anchor: Anchor,
    output: &Output,
) -> Result<(Anchored, Report), Failure> {
    let home = Home::open(root)?;
    // The home's own rule about plain HTTP holds for this address too.
    let mut config = Config::load(&home)?;
    config.coordinator = url.to_string();
    let client = Client::new(config.endpoint(&home.config())?, load_token(&home)?, Patience::PERSON)?;
    let output = *output;
    block_on(async move {
        let events = all_events(&client).await?;
        let anchored = anchor.hold(&events)?;
        let served = Served { client: Arc::new(client), runtime: tokio::runtime::Handle::current() };
        let checked = tokio::task::spawn_blocking(move || check(&events, &served, &output));
        Ok((anchored, checked.await.map_err(Failure::job)?))
    })?
}

async fn all_events(client: &Client) -> Result<Vec<Signed<Event>>, ClientError> {
    let mut events = Vec::new();
    loop {
        let page = client.transcript(events.len() as u64).await?;
        if page.events.is_empty() {
            return Ok(events);
        }
        events.extend(page.events);
    }
}

/// Artefacts as a coordinator serves them; what it does not serve to this participant is withheld.
struct Served {
    client: Arc<Client>,
    runtime: tokio::runtime::Handle,
}

impl Blobs for Served {
    fn blob(&self, digest: Digest) -> Result<Vec<u8>, BlobError> {
        self.runtime.block_on(self.client.artefact(digest, LARGEST_BLOB)).map_err(|error| {
            match error.status() {
                Some(403 | 404) => BlobError::Withheld,
                _ => BlobError::Damaged(error.to_string()),
            }
        })
    }
}
