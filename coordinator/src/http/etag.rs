//! Entity tags: a JSON answer to a read carries the digest of its content, and one that the caller has is not sent
//! again.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base::{ids::Digest, problem::Code};

use super::ApiError;

/// Tags JSON answers to GET with the digest of their bytes, and answers 304 where the caller names that tag.
pub(super) async fn revalidate(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET;
    let known = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let response = next.run(request).await;
    if !is_read || response.status() != StatusCode::OK || !is_json(response.headers()) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // A handler made this JSON in memory, so its length is bounded already.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return ApiError::new(Code::Internal, "the answer broke off").into_response();
    };
    let tag = format!("\"{}\"", Digest::of(&bytes));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        head.headers.insert(ETAG, value);
    }
    // Answers depend on the token, and every use of a stored one asks first.
    head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if known.iter().any(|value| names(value, &tag)) {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(CONTENT_TYPE);
        head.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(bytes))
}

fn is_json(head: &HeaderMap) -> bool {
    head.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// Returns whether an `If-None-Match` names the tag; weak forms are compared by what they hold (RFC 9110, 13.1.2).
fn names(value: &HeaderValue, tag: &str) -> bool {
    let Ok(list) = value.to_str() else { return false };
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_a_list_and_in_its_weak_form() {
        let names = |list: &'static str| names(&HeaderValue::from_static(list), "\"ab\"");
        assert!(names("\"ab\"") && names("\"x\", \"ab\"") && names("W/\"ab\"") && names("*"));
        assert!(!names("\"abc\"") && !names("ab") && !names(""));
    }
}
