//! `/log-filter`: which lines the running service logs.

use axum::{Extension, extract::State};
use base::problem::Code;
use protocol::wire::LogFilterView;

use super::openapi::OPERATOR;
use crate::{
    app::App,
    http::{Answer, ApiError, Json, Operator},
    telemetry::{LogFilter, LogFilterError},
};

/// The filter of this process's log; absent where the service was started without one of its own.
type Filter = Option<Extension<LogFilter>>;

fn of(filter: Filter) -> Answer<LogFilter> {
    let none = || ApiError::new(Code::NotFound, "this process has no log of its own");
    filter.map(|Extension(filter)| filter).ok_or_else(none)
}

fn failed(error: &LogFilterError) -> ApiError {
    let code = match error {
        LogFilterError::Syntax(..) => Code::InvalidRequest,
        LogFilterError::Gone(_) => Code::Internal,
    };
    ApiError::new(code, error.to_string())
}

/// Shows which lines the service logs.
#[utoipa::path(
    get,
    path = "/log-filter",
    tag = "service",
    responses((status = 200, description = "The filter", body = LogFilterView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn show_log_filter(
    _: Operator,
    State(_): State<App>,
    filter: Filter,
) -> Answer<Json<LogFilterView>> {
    let filter = of(filter)?.current().map_err(|e| failed(&e))?;
    Ok(Json(LogFilterView { filter }))
}

/// Changes which lines the service logs, until it starts again.
#[utoipa::path(
    put,
    path = "/log-filter",
    tag = "service",
    request_body = LogFilterView,
    responses((status = 200, description = "The filter from now on", body = LogFilterView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn replace_log_filter(
    _: Operator,
    State(_): State<App>,
    filter: Filter,
    Json(wanted): Json<LogFilterView>,
) -> Answer<Json<LogFilterView>> {
    let filter = of(filter)?;
    let before = filter.current().map_err(|e| failed(&e))?;
    filter.replace(&wanted.filter).map_err(|e| failed(&e))?;
    let now = filter.current().map_err(|e| failed(&e))?;
    tracing::warn!(before, now, "the operator changed the log filter");
    Ok(Json(LogFilterView { filter: now }))
}
