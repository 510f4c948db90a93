//! Schemas of the values whose JSON form is written by hand.

use base::{component, openapi::described};
use utoipa::openapi::schema::Type;

use crate::{Delta, Rho, ShareSize};

component!(
    ShareSize,
    "ShareSize",
    described(Type::Integer, "The scale of a noise share in votes, times 2^20.")
        .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Int64)))
        .minimum(Some(0))
);
component!(
    Rho,
    "Rho",
    described(Type::String, "A privacy loss ρ in units of 2^-50, as a string of digits.")
        .pattern(Some("^[0-9]+$"))
);
component!(
    Delta,
    "Delta",
    described(Type::Number, "A δ above 0 and below 1.").exclusive_minimum(Some(0)).exclusive_maximum(Some(1))
);
