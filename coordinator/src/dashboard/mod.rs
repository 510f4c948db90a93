//! The dashboard: pages for people who watch. Every figure on them is in the API too, by the same function.
//!
//! Pages are whole without JavaScript; with it they follow the stream of events. Nothing on them changes anything but
//! logging in and out.

mod assets;
mod frame;
mod pages;
mod session;
mod words;

use axum::{
    Router,
    http::{
        HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::map_response,
    response::{Redirect, Response},
    routing::{get, post},
};

use crate::app::App;

/// What a browser may load: this service's own files, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Returns the dashboard's pages.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(async || Redirect::to("/rounds")))
        .route("/federation", get(pages::federation))
        .route("/rounds", get(pages::rounds))
        .route("/rounds/{round}", get(pages::round))
        .route("/privacy", get(pages::privacy))
        .route("/student", get(pages::student))
        .route("/transcript", get(pages::transcript))
        .route("/operations", get(pages::operations))
        .route("/login", get(session::form).post(session::log_in))
        .route("/logout", post(session::log_out))
        .route("/assets/dashboard.css", get(assets::style))
        .route("/assets/dashboard.js", get(assets::script))
        .route("/assets/icon.svg", get(assets::icon))
        .layer(map_response(guard))
}

/// Tells the browser what it may do with a page.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Without any referrer a browser would not say where a form comes from either.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
