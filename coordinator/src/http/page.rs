//! How a list is asked for page by page: `?limit=&after=`.

use base::problem::Code;

use super::{Answer, ApiError};

/// Returns how many entries a page has; refuses none and more than `largest`.
pub(crate) fn page_limit(asked: Option<u32>, usual: u32, largest: u32) -> Answer<u32> {
    let limit = asked.unwrap_or(usual);
    if !(1..=largest).contains(&limit) {
        let detail = format!("limit = {limit} is out of range: ask for 1 to {largest} at a time");
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    Ok(limit)
}
