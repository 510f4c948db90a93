//! `GET /metrics`: what Prometheus scrapes.

mod figures;

use axum::{
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
};
use base::problem::Code;
use figures::Figures;
use privacy::{Epsilon, Unit, View};
use protocol::wire::LedgerView;

use super::openapi::WATCHERS;
use crate::{
    app::App,
    http::{Answer, ApiError, Reader},
    metrics::Page,
    watch,
};

/// The media type of the text format that the page is written in.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A page of metrics on its way out.
type Scraped = ([(HeaderName, &'static str); 1], String);

/// Shows the metrics of the service, its rounds and its ledger, in the text format of Prometheus.
///
/// A token is needed from everywhere, the loopback too: behind a proxy on the same machine every request comes from
/// there.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((
        status = 200,
        description = "The metrics",
        body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    )),
    extensions(("x-roles" = json!(WATCHERS)))
)]
pub(super) async fn scrape(reader: Reader, State(app): State<App>) -> Answer<Scraped> {
    if matches!(reader, Reader::Participant(_)) {
        let detail = "metrics are for the operator and whoever it gave a token to watch";
        return Err(ApiError::new(Code::Forbidden, detail));
    }
    let mut page = Page::default();
    service(&app, &mut page);
    storage(&app, &mut page).await?;
    participants(&app, &mut page).await?;
    let mut tx = app.storage.read().await?;
    let figures = tx.replay(|replay| Figures::of(&app, replay)).await?;
    let transcript = tx.transcript_length().await?;
    let ledger = match tx.federation().await? {
        Some(_) => Some(watch::ledger(&app, &mut tx).await?),
        None => None,
    };
    drop(tx);
    page.value("psephos_transcript_events", "Events of the transcript", transcript as f64);
    figures.unwrap_or_default().write(&mut page);
    privacy(ledger.as_ref(), &mut page);
    let text = page.text(&app.metrics);
    let text =
        text.map_err(|e| ApiError::new(Code::Internal, format!("the metrics cannot be written: {e}")))?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text))
}

fn service(app: &App, page: &mut Page) {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    page.gauge("psephos_build_info", "Version of the coordinator; always 1", [(version, 1.0)]);
    let jobs = app.pool.jobs();
    let state = |name: &str, jobs: usize| (vec![("state", name.to_owned())], jobs as f64);
    page.value("psephos_pool_threads", "Threads for processor work", jobs.threads as f64);
    page.gauge(
        "psephos_pool_jobs",
        "Pieces of processor work, by whether they run or wait for a thread",
        [state("running", jobs.running), state("waiting", jobs.waiting)],
    );
}

async fn storage(app: &App, page: &mut Page) -> Answer<()> {
    let usage = app.storage.usage().await;
    let kind = |name: &str, bytes: u64| (vec![("kind", name.to_owned())], bytes as f64);
    page.gauge(
        "psephos_storage_bytes",
        "Bytes on the disk",
        [kind("database", usage.database_bytes), kind("blobs", usage.blob_bytes)],
    );
    Ok(())
}

/// Returns who is online, by number; names stay out.
async fn participants(app: &App, page: &mut Page) -> Answer<()> {
    let mut tx = app.storage.read().await?;
    let members = tx.members().await?;
    let enrolled = members.iter().filter(|row| row.revoked_at.is_none());
    let online = enrolled.map(|row| {
        let number = vec![("participant", row.member.id.to_string())];
        (number, f64::from(u8::from(app.is_online(row.last_seen))))
    });
    page.gauge("psephos_participant_online", "Whether a participant's agent was heard of late", online);
    Ok(())
}

/// Writes the ledger: ε per unit and view, and what is left of each promise.
fn privacy(ledger: Option<&LedgerView>, page: &mut Page) {
    let samples = |epsilon: &Epsilon| {
        let mut samples = Vec::new();
        for (unit, views) in [("person", epsilon.person), ("participant", epsilon.participant)] {
            let views = [
                ("public", views.public),
                ("coordinator", views.coordinator),
                ("coalition", views.coalition),
                ("both", views.both),
            ];
            let known = views.into_iter().filter_map(|(view, epsilon)| Some((view, epsilon?)));
            samples.extend(known.map(|(view, epsilon)| (place(unit, view), epsilon)));
        }
        samples
    };
    let spent = ledger.map(|ledger| samples(&ledger.spent)).unwrap_or_default();
    let committed = ledger.map(|ledger| samples(&ledger.committed)).unwrap_or_default();
    page.gauge("psephos_epsilon_spent", "ε spent, by unit and view, at the federation's δ", spent);
    page.gauge(
        "psephos_epsilon_committed",
        "ε spent or reserved, by unit and view, at the federation's δ",
        committed,
    );
    let promises = ledger.map(|ledger| ledger.promises.as_slice()).unwrap_or_default();
    let at = |unit: Unit, view: View| place(unit.name(), view.name());
    page.gauge(
        "psephos_epsilon_promised",
        "ε that is never exceeded, by unit and view",
        promises.iter().map(|p| (at(p.unit, p.view), p.epsilon)),
    );
    let left = |p: &protocol::wire::Promise| Some((at(p.unit, p.view), (p.epsilon - p.committed?).max(0.0)));
    page.gauge(
        "psephos_epsilon_left",
        "ε promised less what is spent or reserved, at the promise's δ",
        promises.iter().filter_map(left),
    );
    page.gauge(
        "psephos_labels_left",
        "Labels that the promise still pays at the present roster and noise",
        promises.iter().filter_map(|p| Some((at(p.unit, p.view), p.labels_left? as f64))),
    );
}

fn place(unit: &str, view: &str) -> Vec<(&'static str, String)> {
    vec![("unit", unit.to_owned()), ("view", view.to_owned())]
}
