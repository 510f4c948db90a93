//! Schemas as tables, and values made up as examples of them.

use serde_json::{Map, Value};

use super::{escaped, list, object, push};

/// Shows every component.
pub(super) fn all(page: &mut String, document: &Value) {
    page.push_str("<section id=\"schemas\"><h2>schemas</h2>");
    for (name, schema) in object(document, "/components/schemas") {
        let about = escaped(schema.get("description").and_then(Value::as_str).unwrap_or_default());
        let name = escaped(name);
        push(page, format_args!("<article id=\"schema-{name}\"><h3><code>{name}</code></h3><p>{about}</p>"));
        fields(page, schema);
        page.push_str("</article>");
    }
    page.push_str("</section>");
}

fn fields(page: &mut String, schema: &Value) {
    for variant in list(schema, "/oneOf") {
        fields(page, variant);
    }
    let properties = object(schema, "/properties").collect::<Vec<_>>();
    if properties.is_empty() {
        push(page, format_args!("<p>{}</p>", kind(schema)));
        return;
    }
    page.push_str("<table><tr><th>field</th><th>type</th><th>meaning</th></tr>");
    for (name, field) in properties {
        let about = escaped(field.get("description").and_then(Value::as_str).unwrap_or_default());
        push(
            page,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{about}</td></tr>",
                escaped(name),
                kind(field)
            ),
        );
    }
    page.push_str("</table>");
}

/// Names the type of a schema, with a link where it is a component.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escaped(name));
    }
    for word in ["oneOf", "allOf", "anyOf"] {
        if let Some(choices) = schema.get(word).and_then(Value::as_array) {
            return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return choices.iter().map(|choice| escaped(&choice.to_string())).collect::<Vec<_>>().join(", ");
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any value"],
    };
    let of = schema.get("items").map(|items| format!(" of {}", kind(items))).unwrap_or_default();
    format!("{}{of}", escaped(&types.join(" or ")))
}

/// Makes a value of a schema up; too deep a nesting ends in an empty object.
pub(super) fn example(document: &Value, schema: &Value, depth: u8) -> Value {
    if depth > 8 {
        return Value::Object(Map::new());
    }
    if let Some(name) = reference(schema) {
        let component = document.pointer(&format!("/components/schemas/{name}"));
        return component.map_or(Value::Null, |schema| example(document, schema, depth + 1));
    }
    let choices = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|word| schema.get(word)?.as_array());
    if let Some(choices) = choices {
        let choice = choices.iter().find(|choice| choice.get("type") != Some(&Value::from("null")));
        return choice.map_or(Value::Null, |choice| example(document, choice, depth + 1));
    }
    if let Some(first) = list(schema, "/enum").first() {
        return first.clone();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(several)) => several.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    match kind {
        Some("object") => {
            let fields = object(schema, "/properties");
            let fields = fields.map(|(name, field)| (name.to_owned(), example(document, field, depth + 1)));
            Value::Object(fields.collect())
        }
        Some("array") => Value::Array(
            schema.get("items").map(|one| example(document, one, depth + 1)).into_iter().collect(),
        ),
        Some("integer") => schema.get("minimum").cloned().unwrap_or(Value::from(1)),
        Some("number") => Value::from(0.5),
        Some("boolean") => Value::Bool(false),
        Some("string") => Value::from(made_up(schema)),
        _ => Value::Null,
    }
}

/// Makes a text up; where a pattern asks for so many hexadecimal digits, these.
fn made_up(schema: &Value) -> String {
    let pattern = schema.get("pattern").and_then(Value::as_str).unwrap_or_default();
    let digits = pattern.strip_prefix("^[0-9a-f]{").and_then(|rest| rest.strip_suffix("}$"));
    match digits.and_then(|digits| digits.parse::<usize>().ok()) {
        Some(digits) => "0123456789abcdef".chars().cycle().take(digits).collect(),
        None if pattern.is_empty() => "text".to_owned(),
        None => "0".to_owned(),
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}
