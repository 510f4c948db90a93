//! `GET /api/docs`: the API's description as a page for people, made of the same document; it needs no script and
//! asks nobody else for anything.

mod schema;

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    http::{HeaderName, header::CONTENT_SECURITY_POLICY},
    response::{Html, IntoResponse},
};
use schema::{example, kind};
use serde_json::Value;

use super::openapi::{ANYONE, CODES, LARGEST_BODY, ROLES};

const STYLE: &str = include_str!("style.css");

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

/// Renders a document.
fn render(document: &Value) -> String {
    let text = |pointer: &str| escaped(document.pointer(pointer).and_then(Value::as_str).unwrap_or_default());
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head><body>\
         <header><h1>{title} <small>{version}</small></h1><p>{about}</p>\
         <p>For programs: <a href=\"/api/v1/openapi.json\">openapi.json</a></p></header>",
        title = text("/info/title"),
        version = text("/info/version"),
        about = text("/info/description"),
    );
    let tags = list(document, "/tags");
    page.push_str("<nav aria-label=\"Resources\"><ul>");
    for name in tags.iter().filter_map(|tag| tag.get("name")?.as_str()) {
        push(&mut page, format_args!("<li><a href=\"#{name}\">{name}</a></li>"));
    }
    page.push_str("<li><a href=\"#schemas\">schemas</a></li></ul></nav><main>");
    for tag in tags {
        resource(&mut page, document, tag);
    }
    schema::all(&mut page, document);
    page.push_str("</main></body></html>");
    page
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(text);
}

fn resource(page: &mut String, document: &Value, tag: &Value) {
    let word = |name: &str| escaped(tag.get(name).and_then(Value::as_str).unwrap_or_default());
    let name = word("name");
    push(page, format_args!("<section id=\"{name}\"><h2>{name}</h2><p>{}</p>", word("description")));
    for (path, item) in object(document, "/paths") {
        for method in ["get", "put", "post", "delete"] {
            let Some(operation) = item.get(method) else { continue };
            if operation.pointer("/tags/0") == tag.get("name") {
                self::operation(page, document, (method, path), operation);
            }
        }
    }
    page.push_str("</section>");
}

fn operation(page: &mut String, document: &Value, (method, path): (&str, &str), operation: &Value) {
    let word = |name: &str| escaped(operation.get(name).and_then(Value::as_str).unwrap_or_default());
    push(
        page,
        format_args!(
            "<article id=\"{}\"><h3><code><b>{}</b> {}</code></h3><p>{}</p><p>{}</p>",
            word("operationId"),
            method.to_uppercase(),
            escaped(path),
            word("summary"),
            word("description")
        ),
    );
    let roles = words(operation, ROLES);
    let who = if roles.is_empty() { "anyone, without a token".to_owned() } else { roles.join(", ") };
    push(page, format_args!("<p>May call: {}.</p>", escaped(&who)));
    parameters(page, operation);
    if let Some(body) = operation.get("requestBody") {
        page.push_str("<h4>Body</h4>");
        content(page, document, body);
        if let Some(largest) = operation.get(LARGEST_BODY).and_then(Value::as_u64) {
            push(page, format_args!("<p>At most {largest} bytes.</p>"));
        }
    }
    page.push_str("<h4>Answers</h4><dl>");
    for (status, response) in object(operation, "/responses") {
        push(page, format_args!("<dt>{}</dt><dd>", escaped(status)));
        content(page, document, response);
        page.push_str("</dd>");
    }
    page.push_str("</dl>");
    let codes = words(operation, CODES);
    if !codes.is_empty() {
        push(page, format_args!("<p>Codes of refusals: {}.</p>", escaped(&codes.join(", "))));
    }
    page.push_str("</article>");
}

fn parameters(page: &mut String, operation: &Value) {
    let parameters = list(operation, "/parameters");
    if parameters.is_empty() {
        return;
    }
    page.push_str("<h4>Parameters</h4><table><tr><th>name</th><th>in</th><th>type</th><th>meaning</th></tr>");
    for parameter in parameters {
        let word = |name: &str| escaped(parameter.get(name).and_then(Value::as_str).unwrap_or_default());
        let kind = parameter.get("schema").map(kind).unwrap_or_default();
        push(
            page,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{kind}</td><td>{}</td></tr>",
                word("name"),
                word("in"),
                word("description")
            ),
        );
    }
    page.push_str("</table>");
}

/// Describes a body: what it means, its media type, its schema and an example.
fn content(page: &mut String, document: &Value, body: &Value) {
    let about = escaped(body.get("description").and_then(Value::as_str).unwrap_or_default());
    push(page, format_args!("<p>{about}</p>"));
    for (media, content) in object(body, "/content") {
        let Some(schema) = content.get("schema") else { continue };
        push(page, format_args!("<p><code>{}</code>: {}</p>", escaped(media), kind(schema)));
        if media == "application/json" {
            let example = example(document, schema, 0);
            let example = serde_json::to_string_pretty(&example).unwrap_or_default();
            push(
                page,
                format_args!("<details><summary>Example</summary><pre>{}</pre></details>", escaped(&example)),
            );
        }
    }
}

fn object<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let object = value.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn words(operation: &Value, name: &str) -> Vec<String> {
    let words = operation.get(name).and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_operation_and_asks_nobody_else() {
        let document: Value = serde_json::from_str(crate::api::description()).unwrap();
        let page = render(&document);
        for (path, item) in object(&document, "/paths") {
            for method in ["get", "put", "post", "delete"].into_iter().filter(|m| item.get(m).is_some()) {
                let heading = format!("<b>{}</b> {}</code>", method.to_uppercase(), escaped(path));
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
        assert!(render(&document).contains("&lt;script&gt;&quot;&amp;"));
    }
}
