//! Schemas of the values whose JSON form is written by hand: digests, ids, keys and exact numbers.

use utoipa::openapi::{
    ObjectBuilder,
    schema::{KnownFormat, SchemaFormat, Type},
};

use crate::{
    clock::Millis,
    decimal::Decimal,
    identity::{PublicIdentity, SealingKey, Signature},
    ids::{BallotId, Digest, ParticipantId, RoundId, StudentId},
};

/// Declares a component of its own for a type whose JSON form is written by hand.
#[macro_export]
macro_rules! component {
    ($type:ty, $name:literal, $schema:expr) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed($name)
            }
        }
    };
}

/// Begins a schema of this type with a description.
#[must_use]
pub fn described(kind: Type, description: &str) -> ObjectBuilder {
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
    Decimal,
    "Decimal",
    described(Type::Number, "A decimal from 0 to below 1000000000 with at most six digits after the point.")
        .minimum(Some(0))
);
