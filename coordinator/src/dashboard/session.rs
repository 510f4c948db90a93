//! Logging in with a token, and out again.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{HOST, ORIGIN, SET_COOKIE},
        request::Parts,
    },
    response::{Html, IntoResponse as _, Redirect, Response},
};
use base::{ids::Digest, problem::Code};
use serde::Deserialize;

use super::frame::{Frame, PageError};
use crate::{
    app::App,
    home::random_token,
    http::{ApiError, COOKIE_NAME, holder_of, session_of},
};

/// How long a browser stays logged in, in seconds.
const LASTING: i64 = 12 * 3600;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    next: String,
    refusal: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// Returns a path of this service to go on to; anything else leads to the rounds.
fn local(next: &str) -> String {
    let is_path = next.starts_with('/')
        && next.chars().all(|c| c.is_ascii_alphanumeric() || "/-_".contains(c))
        && !next.starts_with("//")
        && !next.starts_with("/log");
    if is_path { next.to_owned() } else { "/rounds".to_owned() }
}

fn page(app: &App, status: StatusCode, next: String, refusal: Option<String>) -> Result<Response, PageError> {
    let page = LoginPage { frame: Frame::outside(app, "Log in"), next, refusal };
    let text = page.render().map_err(|_| ApiError::new(Code::Internal, "the form cannot be written"))?;
    Ok((status, Html(text)).into_response())
}

/// Shows the form.
pub(super) async fn form(
    State(app): State<App>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, PageError> {
    page(&app, StatusCode::OK, local(&next), None)
}

/// Returns whether the form was sent by a page of this service; a browser says where a form comes from.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(HOST)
}

/// Begins a session with a token.
pub(super) async fn log_in(
    State(app): State<App>,
    headers: HeaderMap,
    Form(Login { token, next }): Form<Login>,
) -> Result<Response, PageError> {
    let next = local(&next);
    if !is_own(&headers) {
        let refusal = "the form was sent from another site: log in here".to_owned();
        return page(&app, StatusCode::FORBIDDEN, next, Some(refusal));
    }
    let token = Digest::of(token.trim().as_bytes());
    if let Err(ApiError(problem)) = holder_of(&app, token).await {
        app.watch.refusals.count(problem.code, app.now());
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::UNAUTHORIZED);
        return page(&app, status, next, Some(problem.detail));
    }
    let session = random_token().map_err(ApiError::from)?;
    let now = app.now();
    let mut tx = app.storage.write().await?;
    let until = now.plus(LASTING * 1000);
    tx.begin_session(Digest::of(session.as_bytes()), token, (now, until)).await?;
    tx.commit().await?;
    let cookie = cookie(&headers, &session, LASTING);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&next)).into_response())
}

/// Ends the session.
pub(super) async fn log_out(
    State(app): State<App>,
    headers: HeaderMap,
    parts: Parts,
) -> Result<Response, PageError> {
    if let Some(session) = session_of(&parts).filter(|_| is_own(&headers)) {
        let mut tx = app.storage.write().await?;
        tx.end_session(session).await?;
        tx.commit().await?;
    }
    Ok(([(SET_COOKIE, cookie(&headers, "", 0))], Redirect::to("/login")).into_response())
}

/// Writes the cookie; only a browser that came by TLS, also through a proxy, is told to send it by TLS alone.
fn cookie(headers: &HeaderMap, session: &str, lasting: i64) -> String {
    let by_tls = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if by_tls { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={session}; Path=/; Max-Age={lasting}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        let allowed = ["/rounds", "/rounds/0123abcd", "/privacy"];
        assert!(allowed.iter().all(|path| local(path) == *path));
        let other =
            ["", "//evil.example", "https://evil.example", "/\\evil", "/rounds?x=1", "/logout", "rounds"];
        assert!(other.iter().all(|path| local(path) == "/rounds"));
    }

    #[test]
    fn forms_of_other_sites_are_told_apart() {
        let of = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("127.0.0.1:7400"));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            headers
        };
        assert!(is_own(&of("http://127.0.0.1:7400")) && is_own(&HeaderMap::new()));
        assert!(!is_own(&of("http://127.0.0.1:7401")) && !is_own(&of("null")));
        assert!(!cookie(&of("http://127.0.0.1:7400"), "x", 1).contains("Secure"));
        assert!(cookie(&of("https://127.0.0.1:7400"), "x", 1).ends_with("SameSite=Strict; Secure"));
    }
}
