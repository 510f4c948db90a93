//! `GET /api/docs`: the API's description as a page for people, made of the same document; it needs no script and
//! asks nobody else for anything.

mod schema;

use std::sync::LazyLock;

use askama::Template;
use axum::{
    http::{HeaderName, header::CONTENT_SECURITY_POLICY},
    response::{Html, IntoResponse},
};
use schema::{Component, Field, Word, components, example, kind};
use serde_json::Value;

use super::openapi::{ANYONE, CODES, LARGEST_BODY, ROLES};

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::from_str(super::description()).unwrap_or_default();
    render(&document)
});

/// Shows this description to people.
#[utoipa::path(
    get,
    path = "/api/docs",
    tag = "service",
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
    extensions(("x-roles" = json!(ANYONE)))
)]
pub(super) async fn page() -> impl IntoResponse {
    let policy: [(HeaderName, &str); 1] =
        [(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")];
    (policy, Html(PAGE.as_str()))
}

/// The page; all its texts come from the document.
#[derive(Template)]
#[template(path = "api.html")]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    about: &'a str,
    style: &'static str,
    resources: Vec<Resource<'a>>,
    components: Vec<Component<'a>>,
}

/// The operations of one tag.
struct Resource<'a> {
    name: &'a str,
    about: &'a str,
    operations: Vec<Operation<'a>>,
}

/// One method of one path.
struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    about: &'a str,
    callers: String,
    parameters: Vec<Parameter<'a>>,
    body: Option<Content<'a>>,
    largest_body: Option<u64>,
    answers: Vec<Response<'a>>,
    codes: String,
}

/// A parameter, and where it stands in a request.
struct Parameter<'a> {
    place: &'a str,
    field: Field<'a>,
}

/// What is answered with one status.
struct Response<'a> {
    status: &'a str,
    content: Content<'a>,
}

/// A body: what it means, and the forms that it takes.
struct Content<'a> {
    about: &'a str,
    media: Vec<Media<'a>>,
}

/// A media type with its schema and, in JSON, an example.
struct Media<'a> {
    name: &'a str,
    kind: Vec<Word<'a>>,
    example: Option<String>,
}

/// Renders a document.
fn render(document: &Value) -> String {
    let info = document.get("info").unwrap_or(&Value::Null);
    let page = Page {
        title: word(info, "title"),
        version: word(info, "version"),
        about: word(info, "description"),
        style: include_str!("style.css"),
        resources: list(document, "/tags").iter().map(|tag| resource(document, tag)).collect(),
        components: components(document),
    };
    // A template without a filter that fails cannot fail.
    page.render().unwrap_or_default()
}

fn resource<'a>(document: &'a Value, tag: &'a Value) -> Resource<'a> {
    const METHODS: [&str; 4] = ["get", "put", "post", "delete"];
    let operations = object(document, "/paths").flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some(((method, path), item.get(method)?)))
    });
    let own = operations.filter(|(_, operation)| operation.pointer("/tags/0") == tag.get("name"));
    Resource {
        name: word(tag, "name"),
        about: word(tag, "description"),
        operations: own.map(|(place, found)| operation(document, place, found)).collect(),
    }
}

fn operation<'a>(
    document: &'a Value,
    (method, path): (&str, &'a str),
    operation: &'a Value,
) -> Operation<'a> {
    let roles = words(operation, ROLES);
    Operation {
        id: word(operation, "operationId"),
        method: method.to_uppercase(),
        path,
        summary: word(operation, "summary"),
        about: word(operation, "description"),
        callers: if roles.is_empty() { "anyone, without a token".to_owned() } else { roles.join(", ") },
        parameters: list(operation, "/parameters").iter().map(parameter).collect(),
        body: operation.get("requestBody").map(|body| content(document, body)),
        largest_body: operation.get(LARGEST_BODY).and_then(Value::as_u64),
        answers: object(operation, "/responses")
            .map(|(status, response)| Response { status, content: content(document, response) })
            .collect(),
        codes: words(operation, CODES).join(", "),
    }
}

fn parameter(parameter: &Value) -> Parameter<'_> {
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    Parameter {
        place: word(parameter, "in"),
        field: Field {
            name: word(parameter, "name"),
            kind: kind(schema),
            about: word(parameter, "description"),
        },
    }
}

fn content<'a>(document: &'a Value, body: &'a Value) -> Content<'a> {
    let media = |(name, content): (&'a str, &'a Value)| {
        let schema = content.get("schema")?;
        let example = (name == "application/json").then(|| example(document, schema, 0));
        let example = example.map(|value| serde_json::to_string_pretty(&value).unwrap_or_default());
        Some(Media { name, kind: kind(schema), example })
    };
    Content { about: word(body, "description"), media: object(body, "/content").filter_map(media).collect() }
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn object<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    let object = value.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn words<'a>(operation: &'a Value, name: &str) -> Vec<&'a str> {
    let words = operation.get(name).and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a path as the template writes it; it has nothing that is escaped.
    fn braced(path: &str) -> &str {
        assert!(!path.contains(['<', '>', '&', '"']), "{path}");
        path
    }

    #[test]
    fn the_page_names_every_operation_and_asks_nobody_else() {
        let document: Value = serde_json::from_str(crate::api::description()).unwrap();
        let page = render(&document);
        for (path, item) in object(&document, "/paths") {
            for method in ["get", "put", "post", "delete"].into_iter().filter(|m| item.get(m).is_some()) {
                let heading = format!("<b>{}</b> {}</code>", method.to_uppercase(), braced(path));
                assert_eq!(page.matches(&heading).count(), 1, "{heading}");
            }
        }
        for (name, _) in object(&document, "/components/schemas") {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        for outside in ["http://", "https://", "<script", "src=", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
        for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("id=\"{link}\"")), "a link to #{link} leads nowhere");
        }
    }

    #[test]
    fn markup_in_a_document_is_shown_and_not_carried_out() {
        let document = serde_json::json!({ "info": { "title": "<script>\"&" } });
        let page = render(&document);
        assert!(page.contains("&#60;script&#62;&#34;&#38;") && !page.contains("<script"), "{page}");
    }
}
