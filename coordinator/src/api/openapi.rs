//! The API's description of itself, OpenAPI 3.1: made of what stands at the handlers, and completed here with what
//! all of them share.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderName, header::CONTENT_TYPE},
    response::IntoResponse,
};
use base::{
    ids::Digest,
    problem::{Code, MEDIA_TYPE, Problem},
};
use protocol::wire::DIGEST_HEADER;
use serde_json::json;
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, Info, KnownFormat, ObjectBuilder, OpenApi, Ref, RefOr,
        ResponseBuilder, Schema, SchemaFormat,
        path::{Operation, PathItem},
        schema::{Components, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};

/// Names the list of roles that may call an operation; empty for anyone.
pub(super) const ROLES: &str = "x-roles";
/// Names the list of codes with which an operation refuses, besides those that follow from its form.
pub(super) const CODES: &str = "x-codes";
/// Names the largest body of an operation in bytes.
pub(super) const LARGEST_BODY: &str = "x-largest-body";

/// Nobody needs a token.
pub(super) const ANYONE: [&str; 0] = [];
/// Only the operator.
pub(super) const OPERATOR: [&str; 1] = ["operator"];
/// Whoever may look.
pub(super) const READERS: [&str; 4] = ["operator", "participant", "trustee", "viewer"];
/// Whoever may look, but those who only watch.
pub(super) const MEMBERS: [&str; 3] = ["operator", "participant", "trustee"];
/// Who may watch the service.
pub(super) const WATCHERS: [&str; 2] = ["operator", "viewer"];
/// Every participant, trustees among them.
pub(super) const PARTICIPANTS: [&str; 2] = ["participant", "trustee"];
/// Trustees alone.
pub(super) const TRUSTEES: [&str; 1] = ["trustee"];

/// The name of the one way to say who calls.
const BEARER: &str = "token";

const ABOUT: &str = "Institutions label data together by encrypted votes. Bodies are JSON unless they are bytes. \
    Refusals are problem documents (RFC 9457) with a stable `code`: decide by it, never by the text. Times are UTC \
    milliseconds, digests and ids lower-case hexadecimal. JSON reads carry an `ETag`; with `If-None-Match` they \
    answer 304 while nothing changed.";

/// Resources in the order in which they are shown, each with a sentence.
const TAGS: [(&str, &str); 12] = [
    ("federation", "The standing group: founding, invites, enrolment."),
    ("roster", "Who is enrolled, who approved, who is online."),
    ("ceremony", "How trustees share the decryption key, and how the keys are proven."),
    ("rounds", "Batches of instances, their ballots and their labels."),
    ("openings", "What a sole trustee opens of a tally."),
    ("boards", "Where several trustees leave each other messages of a ceremony or a tally."),
    ("ledger", "What all rounds cost, and what is left."),
    ("transcript", "The chain of signed events."),
    ("students", "What operators measured of the students they trained."),
    ("tokens", "Who else may look or operate, and until when."),
    ("blobs", "Large artefacts by their digest."),
    ("service", "The service itself."),
];

/// A body of raw bytes.
pub(super) struct Octets;

impl PartialSchema for Octets {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Octets {
    fn name() -> std::borrow::Cow<'static, str> {
        "Octets".into()
    }
}

/// An answer of raw bytes under their digest as the entity tag: all of them, or the range that was asked for.
pub(super) struct Streamed;

impl IntoResponses for Streamed {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let described = |status: &str, description: &str, (media_type, schema): (&str, RefOr<Schema>)| {
            let content = ContentBuilder::new().schema(Some(schema)).build();
            (status.to_owned(), ResponseBuilder::new().description(description).content(media_type, content))
        };
        let bytes = || ("application/octet-stream", Ref::from_schema_name(Octets::name()).into());
        let tagged = |schema: RefOr<Schema>| {
            HeaderBuilder::new().schema(schema).description(Some("Digest of the bytes")).build()
        };
        let (status, whole) = described("200", "The bytes", bytes());
        let whole = whole
            .header("etag", tagged(String::schema()))
            .header(DIGEST_HEADER, tagged(Ref::from_schema_name(Digest::name()).into()));
        let part = described("206", "The range that was asked for (`Range: bytes=N-`)", bytes());
        let problem = (MEDIA_TYPE, Ref::from_schema_name("Problem").into());
        let beyond = described("416", "The range begins after the end (`invalid_request`)", problem);
        [(status, whole), part, beyond].map(|(status, built)| (status, RefOr::T(built.build()))).into()
    }
}

/// Fetches this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "service",
    responses((status = 200, description = "The description of this API", body = serde_json::Value)),
    extensions(("x-roles" = json!(ANYONE)))
)]
pub(super) async fn document() -> impl IntoResponse {
    let head: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];
    (head, super::DOCUMENT.as_str())
}

/// Completes a document: title, tags, who may call, and every refusal that an operation can answer with.
pub(super) fn complete(mut document: OpenApi) -> OpenApi {
    let mut info = Info::new("Psephos coordinator", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    document.info = info;
    document.servers = None;
    let tag = |(name, about): (&str, &str)| TagBuilder::new().name(name).description(Some(about)).build();
    document.tags = Some(TAGS.into_iter().map(tag).collect());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some("The operator's token, or what enrolment answered."));
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    add_problem(components);
    for item in document.paths.paths.values_mut() {
        item.get.iter_mut().for_each(revalidated);
        operations(item).for_each(complete_operation);
    }
    document
}

/// Adds the schema of refusals, to which no handler refers by itself.
fn add_problem(components: &mut Components) {
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    components.schemas.extend(schemas);
}

/// Describes what every read of JSON has in common: its entity tag.
fn revalidated(read: &mut Operation) {
    let Some(RefOr::T(granted)) = read.responses.responses.get_mut("200") else { return };
    if !granted.content.contains_key("application/json") {
        return;
    }
    let tag = HeaderBuilder::new().description(Some("Digest of the answer"));
    granted.headers.insert("etag".to_owned(), tag.build());
    let unchanged =
        ResponseBuilder::new().description("The answer still has the tag that `If-None-Match` names.");
    read.responses.responses.insert("304".to_owned(), RefOr::T(unchanged.build()));
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, .. } = item;
    [get, put, post, delete].into_iter().flatten()
}

fn complete_operation(operation: &mut Operation) {
    // Handlers bear the names of what they do to their resource; operations need names of their own.
    let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|name| format!("{tag}_{name}"));
    let roles: Vec<String> = listed(operation, ROLES);
    let mut codes: Vec<Code> = listed(operation, CODES);
    if !roles.is_empty() {
        codes.extend([Code::Unauthorized, Code::Forbidden]);
        let alternatives = roles.iter().map(|role| SecurityRequirement::new(BEARER, [role]));
        operation.security = Some(alternatives.collect());
    }
    if operation.parameters.is_some() || operation.request_body.is_some() {
        codes.push(Code::InvalidRequest);
    }
    if operation.request_body.is_some() {
        codes.push(Code::TooLarge);
    }
    codes.push(Code::Internal);
    codes.sort_by_key(|code| (code.status(), Code::ALL.iter().position(|other| other == code)));
    codes.dedup();
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in &codes {
        refusals.entry(code.status()).or_default().push(*code);
    }
    for (status, codes) in refusals {
        operation.responses.responses.insert(status.to_string(), RefOr::T(refusal(&codes)));
    }
    let timed_out = ResponseBuilder::new().description("The request took longer than five minutes.");
    operation.responses.responses.insert("408".to_owned(), RefOr::T(timed_out.build()));
    if let Some(extensions) = &mut operation.extensions {
        extensions.insert(CODES.to_owned(), json!(codes));
    }
}

/// Reads a list that a handler's annotation gives.
fn listed<T: serde::de::DeserializeOwned>(operation: &Operation, name: &str) -> Vec<T> {
    let value = operation.extensions.as_ref().and_then(|extensions| extensions.get(name));
    value.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
}

/// Describes the refusals of one status; the code tells which it is.
fn refusal(codes: &[Code]) -> utoipa::openapi::Response {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", name(*code), code.title())).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(lines.join(" ")).content(MEDIA_TYPE, content).build()
}

fn name(code: Code) -> String {
    json!(code).as_str().unwrap_or_default().to_owned()
}
