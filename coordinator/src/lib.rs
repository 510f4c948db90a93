//! The coordinator of a federation: a service, its conductor and the operator's command line.

pub mod api;
pub mod app;
pub mod backup;
pub mod cli;
pub mod config;
mod dashboard;
pub mod doctor;
pub mod home;
mod http;
pub mod metrics;
pub mod rounds;
pub mod storage;
pub mod student;
pub mod tally;
pub mod telemetry;
pub mod tls;
pub mod watch;

mod serve;

pub use serve::{ServeError, router, serve};
