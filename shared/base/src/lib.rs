//! What every room of Psephos speaks with: ids, identities, exact decimals, time, schemas and problems.

pub mod bug;
pub mod clock;
pub mod columns;
pub mod decimal;
pub mod fingerprint;
pub mod identity;
pub mod ids;
pub mod openapi;
pub mod problem;
pub mod schema;
mod step;

pub use columns::Column;
pub use schema::{InstanceKind, InstanceSchema, SchemaError};
pub use step::Step;
