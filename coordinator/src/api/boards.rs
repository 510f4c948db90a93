//! `/boards/{board}`: where several trustees leave each other messages, and wait for them.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header::CONTENT_TYPE},
};
use base::{ids::canonical, problem::Code};
use protocol::{
    federation::Member,
    wire::{BoardId, BoardPage, LONGEST_WAIT},
};
use serde::Deserialize;
use tally::plan::MAX_MESSAGE_BYTES;
use tokio::time::Instant;

use super::openapi::{Octets, TRUSTEES};
use crate::{
    app::App,
    http::{Answer, Bytes, InPath, InQuery, Trustee},
    rounds::{self, BoardRefusal},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct BoardQuery {
    /// The attempt whose messages are wanted; 0 in a ceremony, and by default.
    #[serde(default)]
    attempt: u32,
    /// What to begin after: `next` of the page before; 0 by default.
    #[serde(default)]
    #[param(minimum = 0)]
    after: u64,
    /// Seconds to wait for a message, at most 25; 0 by default.
    #[serde(default)]
    #[param(minimum = 0, maximum = 25)]
    wait: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AttemptQuery {
    /// The attempt of the message; 0 in a ceremony, and by default.
    #[serde(default)]
    attempt: u32,
}

/// Fetches messages of an attempt as they come: `BoardPage` in its canonical form (docs/API.md, boards).
///
/// Where another attempt is held the page says which, at once and without messages. Otherwise it waits until a message comes,
/// the attempt changes or the time is up; a second request of the same trustee for the same board ends the first.
#[utoipa::path(
    get,
    path = "/boards/{board}",
    tag = "boards",
    params(
        ("board" = String, Path, description = "`ceremony-DIGEST`, `known-answer`, `test-ROUND` or `label-ROUND`"),
        BoardQuery
    ),
    responses((status = 200, description = "A page of the board", body = Octets, content_type = "application/octet-stream")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NotFound, Code::WrongRoundState])))
)]
pub(super) async fn read(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    InPath(board): InPath<BoardId>,
    InQuery(query): InQuery<BoardQuery>,
) -> Answer<([(HeaderName, &'static str); 1], Vec<u8>)> {
    let page = next_page(&app, &trustee, board, query).await?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], canonical(&page)))
}

/// Waits for a page that says something, at most as long as asked.
async fn next_page(
    app: &App,
    trustee: &Member,
    board: BoardId,
    query: BoardQuery,
) -> Result<BoardPage, BoardRefusal> {
    let BoardQuery { attempt, after, wait } = query;
    let until = Instant::now() + Duration::from_secs(wait.min(LONGEST_WAIT));
    // Before the first look: what comes after it is not missed.
    let mut waiting = app.boards.wait(trustee.id, board);
    let mut ending = app.watch.ending.subscribe();
    loop {
        let page = rounds::board_page(app, trustee, board, (attempt, after)).await?;
        let is_news = !page.messages.is_empty() || page.attempt != attempt;
        if is_news || Instant::now() >= until || !waiting.is_last() || *ending.borrow() {
            return Ok(page);
        }
        tokio::select! {
            () = waiting.moved() => {}
            () = tokio::time::sleep_until(until) => {}
            _ = ending.changed() => {}
        }
    }
}

/// Leaves a message on a board, once in each place; the same message again changes nothing.
#[utoipa::path(
    post,
    path = "/boards/{board}",
    tag = "boards",
    params(
        ("board" = String, Path, description = "`ceremony-DIGEST`, `known-answer`, `test-ROUND` or `label-ROUND`"),
        AttemptQuery
    ),
    request_body(
        content = Octets,
        content_type = "application/octet-stream",
        description = "The message as the engine made it, signed by the caller"
    ),
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NotFound, Code::WrongRoundState, Code::Conflict])), ("x-largest-body" = json!(MAX_MESSAGE_BYTES)))
)]
pub(super) async fn post(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    InPath(board): InPath<BoardId>,
    InQuery(AttemptQuery { attempt }): InQuery<AttemptQuery>,
    Bytes(message): Bytes,
) -> Answer<StatusCode> {
    rounds::post_message(&app, &trustee, (board, attempt), &message).await?;
    Ok(StatusCode::NO_CONTENT)
}
