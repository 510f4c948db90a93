//! Schemas as tables, and values made up as examples of them.

use serde_json::{Map, Value};

use super::{list, object, word};

/// A named schema.
pub(super) struct Component<'a> {
    pub(super) name: &'a str,
    pub(super) about: &'a str,
    /// The forms of a value, one unless it is a choice.
    pub(super) forms: Vec<Form<'a>>,
}

/// One form of a value: the fields of an object, or a type.
pub(super) struct Form<'a> {
    pub(super) kind: Vec<Word<'a>>,
    pub(super) fields: Vec<Field<'a>>,
}

/// A field of an object, or a parameter.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Vec<Word<'a>>,
    pub(super) about: &'a str,
}

/// A piece of a type's name.
pub(super) struct Word<'a> {
    pub(super) text: std::borrow::Cow<'a, str>,
    /// Whether it names a component, to which it links.
    pub(super) is_component: bool,
}

/// Returns every component of a document.
pub(super) fn components(document: &Value) -> Vec<Component<'_>> {
    let component = |(name, schema)| {
        let mut forms = Vec::new();
        add_forms(&mut forms, schema);
        Component { name, about: word(schema, "description"), forms }
    };
    object(document, "/components/schemas").map(component).collect()
}

fn add_forms<'a>(forms: &mut Vec<Form<'a>>, schema: &'a Value) {
    list(schema, "/oneOf").iter().for_each(|variant| add_forms(forms, variant));
    let field = |(name, field)| Field { name, kind: kind(field), about: word(field, "description") };
    forms.push(Form { kind: kind(schema), fields: object(schema, "/properties").map(field).collect() });
}

/// Names the type of a schema.
pub(super) fn kind(schema: &Value) -> Vec<Word<'_>> {
    if let Some(name) = reference(schema) {
        return vec![Word { text: name.into(), is_component: true }];
    }
    for choice in ["oneOf", "allOf", "anyOf"] {
        if let Some(choices) = schema.get(choice).and_then(Value::as_array) {
            return joined(choices.iter().map(kind), " or ");
        }
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return joined(choices.iter().map(|choice| vec![plain(choice.to_string())]), ", ");
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any value"],
    };
    let mut words = vec![plain(types.join(" or "))];
    if let Some(items) = schema.get("items") {
        words.push(plain(" of "));
        words.extend(kind(items));
    }
    words
}

fn plain<'a>(text: impl Into<std::borrow::Cow<'a, str>>) -> Word<'a> {
    Word { text: text.into(), is_component: false }
}

fn joined<'a>(kinds: impl Iterator<Item = Vec<Word<'a>>>, by: &'static str) -> Vec<Word<'a>> {
    let mut words = Vec::new();
    for kind in kinds {
        if !words.is_empty() {
            words.push(plain(by));
        }
        words.extend(kind);
    }
    words
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
