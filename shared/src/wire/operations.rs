//! What the operator changes about the running service.

use serde::{Deserialize, Serialize};

/// `GET` and `PUT /log-filter`: which lines the service logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFilterView {
    /// Directives such as `info,coordinator=debug`.
    pub filter: String,
}
