//! What the API and the dashboard stand on: who calls, how requests are read, and how errors become answers.
//!
//! It decides nothing about rounds or the federation, and it knows neither of the two routers.

mod auth;
mod error;
mod etag;
mod find;
mod layers;
mod observe;
mod page;
mod read;

pub(crate) use auth::{COOKIE_NAME, Caller, Operator, Participant, Reader, Trustee, holder_of, session_of};
pub(crate) use error::ApiError;
pub(crate) use find::{federation, find_round, open_federation};
pub(crate) use layers::finish;
pub(crate) use page::page_limit;
pub(crate) use read::{Bytes, InPath, InQuery, Json};

/// Result of every handler.
pub(crate) type Answer<T> = Result<T, ApiError>;
