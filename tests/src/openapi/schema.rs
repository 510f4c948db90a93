//! JSON values against JSON schemas, as far as the API's description uses them.
//!
//! A keyword that is not known here is an error and never passed over. Objects with named fields are closed: a field
//! that no schema names is an error too, so that nothing is sent that is not documented.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

/// Keywords that say nothing about a value.
const SILENT: [&str; 6] = ["description", "title", "format", "default", "example", "examples"];

/// Checks a value; the error names the place.
pub(super) fn check(document: &Value, schema: &Value, value: &Value, place: &str) -> anyhow::Result<()> {
    let Some(keywords) = schema.as_object() else {
        ensure!(*schema == Value::Bool(true), "{place}: the schema {schema} is not understood");
        return Ok(());
    };
    for (keyword, rule) in keywords {
        match keyword.as_str() {
            "$ref" => check(document, component(document, rule)?, value, place)?,
            "type" => check_type(rule, value, place)?,
            "enum" => {
                let choices = rule.as_array().context("enum is no list")?;
                ensure!(choices.contains(value), "{place}: {value} is none of {rule}");
            }
            "properties" => check_fields(document, keywords, value, place)?,
            "required" => check_required(rule, value, place)?,
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, rule, item, &format!("{place}[{index}]"))?;
                }
            }
            "oneOf" => check_choice(document, rule, value, place)?,
            "pattern" => check_pattern(rule, value, place)?,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                check_bound(keyword, rule, value, place)?;
            }
            "additionalProperties" => {
                ensure!(*rule == Value::Bool(false), "additionalProperties = {rule} is not understood");
            }
            silent if SILENT.contains(&silent) || silent.starts_with("x-") => {}
            other => bail!("{place}: the keyword \"{other}\" is not understood"),
        }
    }
    Ok(())
}

fn component<'a>(document: &'a Value, reference: &Value) -> anyhow::Result<&'a Value> {
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    let found = pointer.and_then(|pointer| document.pointer(pointer));
    found.with_context(|| format!("{reference} leads nowhere"))
}

fn check_type(rule: &Value, value: &Value, place: &str) -> anyhow::Result<()> {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    let fits = rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is));
    ensure!(fits, "{place}: {value} is no {rule}");
    Ok(())
}

fn check_fields(
    document: &Value,
    keywords: &Map<String, Value>,
    value: &Value,
    place: &str,
) -> anyhow::Result<()> {
    let fields = keywords.get("properties").and_then(Value::as_object).context("properties is no object")?;
    for (name, field) in value.as_object().into_iter().flatten() {
        let schema =
            fields.get(name).with_context(|| format!("{place}: the field \"{name}\" is not documented"))?;
        check(document, schema, field, &format!("{place}.{name}"))?;
    }
    Ok(())
}

fn check_required(rule: &Value, value: &Value, place: &str) -> anyhow::Result<()> {
    let Some(object) = value.as_object() else { return Ok(()) };
    let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
    match names.into_iter().find(|name| !object.contains_key(*name)) {
        Some(name) => bail!("{place}: the field \"{name}\" is missing"),
        None => Ok(()),
    }
}

fn check_choice(document: &Value, rule: &Value, value: &Value, place: &str) -> anyhow::Result<()> {
    let choices = rule.as_array().context("oneOf is no list")?;
    let results: Vec<_> = choices.iter().map(|choice| check(document, choice, value, place)).collect();
    let fitting = results.iter().filter(|result| result.is_ok()).count();
    if fitting == 1 {
        return Ok(());
    }
    let reasons: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|e| format!("{e:#}")).collect();
    bail!("{place}: {fitting} of {} choices fit: {}", choices.len(), reasons.join("; "))
}

/// Patterns of the API ask for hexadecimal digits, so many of them, or for any number of decimal ones.
fn check_pattern(rule: &Value, value: &Value, place: &str) -> anyhow::Result<()> {
    let pattern = rule.as_str().context("a pattern is no text")?;
    let text = value.as_str().unwrap_or_default();
    let fits = if pattern == "^[0-9]+$" {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    } else {
        let length = pattern.strip_prefix("^[0-9a-f]{").and_then(|rest| rest.strip_suffix("}$"));
        let length: usize = length.and_then(|digits| digits.parse().ok()).context("an unknown pattern")?;
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    ensure!(fits, "{place}: \"{text}\" does not match {pattern}");
    Ok(())
}

fn check_bound(keyword: &str, rule: &Value, value: &Value, place: &str) -> anyhow::Result<()> {
    let bound = rule.as_f64().context("a bound is no number")?;
    let Some(number) = value.as_f64() else { return Ok(()) };
    let fits = match keyword {
        "minimum" => number >= bound,
        "maximum" => number <= bound,
        "exclusiveMinimum" => number > bound,
        _ => number < bound,
    };
    ensure!(fits, "{place}: {number} breaks {keyword} {bound}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(schema: &Value, value: &Value) -> Result<(), String> {
        let document = json!({ "components": { "schemas": { "Id": { "type": "string", "pattern": "^[0-9a-f]{4}$" } } } });
        check(&document, schema, value, "$").map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_changed_field_is_seen() {
        let schema = json!({
            "type": "object",
            "required": ["id", "count"],
            "properties": {
                "id": { "$ref": "#/components/schemas/Id" },
                "count": { "type": "integer", "minimum": 1 },
                "end": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Id" }] },
                "names": { "type": ["array", "null"], "items": { "type": "string", "enum": ["a"] } },
            },
        });
        let good = json!({ "id": "00ff", "count": 1, "end": null, "names": ["a"] });
        assert_eq!(verdict(&schema, &good), Ok(()));
        for (field, value) in [
            ("id", json!("00fg")),
            ("id", json!("00f")),
            ("id", json!(1)),
            ("count", json!(0)),
            ("count", json!(1.5)),
            ("count", json!(null)),
            ("end", json!("x")),
            ("names", json!(["b"])),
            ("other", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[field] = value.clone();
            assert!(verdict(&schema, &bad).is_err(), "{field} = {value}");
        }
        assert!(verdict(&schema, &json!({ "id": "00ff" })).is_err(), "a field is missing");
    }

    #[test]
    fn a_keyword_that_is_not_known_is_never_passed_over() {
        let said = verdict(&json!({ "minLength": 3 }), &json!("abc"));
        assert!(said.is_err_and(|said| said.contains("minLength")));
    }
}
