//! Schemas of the values whose JSON form is written by hand: digests, ids, keys and exact numbers.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

use crate::{
    clock::Millis,
    decimal::Decimal,
    federation::Quorum,
    identity::{PublicIdentity, SealingKey, Signature},
    ids::{BallotId, Digest, ParticipantId, RoundId, StudentId},
    privacy::{Delta, Rho, ShareSize},
};

/// Gives a type a component of its own.
macro_rules! component {
    ($type:ty, $name:literal, $schema:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    };
}

fn described(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind).description(Some(description))
}

fn hex(bytes: usize, description: &str) -> ObjectBuilder {
    described(Type::String, description).pattern(Some(format!("^[0-9a-f]{{{}}}$", 2 * bytes)))
}

fn integer(description: &str) -> ObjectBuilder {
    described(Type::Integer, description).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

component!(Digest, "Digest", hex(32, "A SHA-256 digest in hexadecimal."));
component!(RoundId, "RoundId", hex(16, "The id of a round; the operator's client draws it."));
component!(BallotId, "BallotId", hex(16, "The id of a ballot; the participant draws it."));
component!(StudentId, "StudentId", hex(16, "The id of a student; the operator's client draws it."));
component!(PublicIdentity, "PublicIdentity", hex(32, "An ed25519 key that verifies signatures."));
component!(SealingKey, "SealingKey", hex(32, "An X25519 key to which messages are sealed."));
component!(Signature, "Signature", hex(64, "An ed25519 signature."));
component!(ParticipantId, "ParticipantId", integer("The number of a participant, from 1.").minimum(Some(1)));
component!(Millis, "Millis", integer("A moment in milliseconds since 1970-01-01 UTC."));
component!(
    ShareSize,
    "ShareSize",
    integer("The scale of a noise share in votes, times 2^20.").minimum(Some(0))
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
component!(
    Decimal,
    "Decimal",
    described(Type::Number, "A decimal from 0 to below 1000000000 with at most six digits after the point.")
        .minimum(Some(0))
);
component!(
    Quorum,
    "Quorum",
    OneOfBuilder::new()
        .description(Some("The number of ballots a round needs, or \"all\"."))
        .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["all"])))
        .item(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)))
);
