//! What stands around every page, and how a page that cannot be shown says so.

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use base::problem::{Code, Problem};

use super::words::Moment;
use crate::{
    app::App,
    http::{ApiError, Reader, federation},
    storage::{FederationRow, ReadTx},
    watch,
};

/// What stands around a page.
pub(super) struct Frame {
    pub(super) title: String,
    /// Path of the page's entry in the navigation.
    pub(super) place: &'static str,
    /// Name of the federation, once founded.
    pub(super) federation: Option<String>,
    /// Who is logged in.
    pub(super) who: String,
    /// Every setting that weakens security.
    pub(super) weakenings: Vec<String>,
    /// When the page was made.
    pub(super) now: Moment,
    /// After how many seconds the page looks for news that no event tells; 0 if never.
    pub(super) refresh: u32,
}

/// One entry of the navigation.
pub(super) struct Entry {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
}

impl Frame {
    /// Lists the pages.
    pub(super) const ENTRIES: [Entry; 7] = [
        Entry { path: "/federation", name: "Federation" },
        Entry { path: "/rounds", name: "Rounds" },
        Entry { path: "/privacy", name: "Privacy" },
        Entry { path: "/student", name: "Student" },
        Entry { path: "/transcript", name: "Transcript" },
        Entry { path: "/operations", name: "Operations" },
        Entry { path: "/login", name: "Log in" },
    ];

    /// Makes the frame of a page.
    pub(super) async fn new(
        app: &App,
        tx: &mut ReadTx,
        visitor: &Visitor,
        (place, title): (&'static str, String),
    ) -> Result<Self, ApiError> {
        let row = tx.federation().await?;
        Ok(Self {
            title,
            place,
            federation: row.map(|row| row.founding.config.name),
            who: visitor.0.name(),
            weakenings: watch::weakenings(app, tx).await?,
            now: Moment(app.now()),
            refresh: 0,
        })
    }

    /// Makes the frame of a page that nobody is logged in for.
    pub(super) fn outside(app: &App, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            place: "/login",
            federation: None,
            who: String::new(),
            weakenings: Vec::new(),
            now: Moment(app.now()),
            refresh: 0,
        }
    }

    /// Lists the entries of the navigation for whoever is logged in.
    pub(super) fn entries(&self) -> &'static [Entry] {
        let all: &'static [Entry] = &Self::ENTRIES;
        let (pages, login) = all.split_at(all.len() - 1);
        if self.who.is_empty() { login } else { pages }
    }
}

/// Somebody who is logged in; whoever is not is led to the form.
pub(super) struct Visitor(pub(super) Reader);

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match Reader::from_request_parts(parts, app).await {
            Ok(reader) => Ok(Self(reader)),
            Err(ApiError(problem)) if problem.code == Code::Unauthorized => {
                Err(Redirect::to(&format!("/login?next={}", parts.uri.path())).into_response())
            }
            Err(ApiError(problem)) => Err(PageError(problem).into_response()),
        }
    }
}

/// A page that cannot be shown.
pub(super) struct PageError(Problem);

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        let ApiError(problem) = error.into();
        Self(problem)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    problem: Problem,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let page = ErrorPage { problem: self.0 }.render();
        (status, Html(page.unwrap_or_else(|_| "this page cannot be shown".to_owned()))).into_response()
    }
}

/// What a page's handler returns.
pub(super) type Page = Result<Html<String>, PageError>;

/// Writes a page.
pub(super) fn show(page: &impl Template) -> Page {
    let unwritten = |error: askama::Error| {
        tracing::error!(%error, "a page cannot be written");
        ApiError::new(Code::Internal, "the coordinator's log says more")
    };
    Ok(Html(page.render().map_err(unwritten)?))
}

/// Returns the federation, or nothing where none was founded yet.
pub(super) async fn founded(tx: &mut ReadTx) -> Result<Option<FederationRow>, ApiError> {
    match federation(tx).await {
        Ok(row) => Ok(Some(row)),
        Err(ApiError(problem)) if problem.code == Code::NoFederation => Ok(None),
        Err(error) => Err(error),
    }
}
