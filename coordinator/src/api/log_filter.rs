//! `/log-filter`: which lines the running service logs.

use axum::{Extension, extract::State};
use shared::{problem::Code, wire::LogFilterView};

use super::{Answer, ApiError, auth::Operator, error::Json};
use crate::{
    app::App,
    telemetry::{LogFilter, LogFilterError},
};

/// Is the filter of this process's log; absent where the service was started without one of its own.
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

/// Shows the filter.
pub(super) async fn show(_: Operator, State(_): State<App>, filter: Filter) -> Answer<Json<LogFilterView>> {
    let filter = of(filter)?.current().map_err(|e| failed(&e))?;
    Ok(Json(LogFilterView { filter }))
}

/// Replaces the filter until the service starts again.
pub(super) async fn replace(
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
