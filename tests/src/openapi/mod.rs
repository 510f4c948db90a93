//! Checks requests and answers against the API's own description.

mod schema;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::recorder::{Content, Exchange};

/// An OpenAPI document to check against.
#[derive(Debug)]
pub struct Description {
    document: Value,
}

impl Description {
    /// Takes a document as it was served.
    pub fn new(document: Value) -> anyhow::Result<Self> {
        let version = document.get("openapi").and_then(Value::as_str);
        ensure!(
            version.is_some_and(|version| version.starts_with("3.1.")),
            "openapi is {version:?}, not 3.1"
        );
        Ok(Self { document })
    }

    /// Returns the document.
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the template that a path belongs to; of several the one with the most fixed parts.
    pub fn template(&self, path: &str) -> Option<&str> {
        let paths = self.document.pointer("/paths").and_then(Value::as_object)?;
        let fitting = paths.keys().filter_map(|template| Some((fixed_parts(template, path)?, template)));
        fitting.max_by_key(|(fixed, _)| *fixed).map(|(_, template)| template.as_str())
    }

    /// Checks one exchange: path, method, status, media type, every field, and the code of a refusal.
    pub fn check(&self, exchange: &Exchange) -> anyhow::Result<()> {
        let Exchange { method, path, status, sent, answered, .. } = exchange;
        self.operation(method, path)
            .and_then(|operation| {
                self.check_answer(operation, *status, answered)?;
                // What was refused need not have been asked for rightly.
                if *status >= 400 {
                    return Ok(());
                }
                self.check_query(operation, &exchange.query)?;
                self.check_request(operation, sent)
            })
            .with_context(|| format!("{method} {path} answered {status}"))
    }

    fn operation(&self, method: &str, path: &str) -> anyhow::Result<&Value> {
        let template = self.template(path).context("the path is not documented")?;
        let item = self.document.get("paths").and_then(|paths| paths.get(template));
        item.and_then(|item| item.get(method.to_lowercase())).context("the method is not documented")
    }

    fn check_answer(&self, operation: &Value, status: u16, answered: &Content) -> anyhow::Result<()> {
        let response = operation.get("responses").and_then(|all| all.get(status.to_string()));
        let response = response.context("the status is not documented")?;
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            ensure!(answered.length == 0, "a body of {} bytes is not documented", answered.length);
            return Ok(());
        };
        // Parameters of a media type do not tell bodies apart.
        let described =
            content.iter().find(|(media, _)| media.split(';').next() == Some(&answered.media_type));
        let (_, body) = described
            .with_context(|| format!("the media type \"{}\" is not documented", answered.media_type))?;
        self.check_json(body, answered)?;
        if answered.media_type == base::problem::MEDIA_TYPE {
            return check_code(operation, status, answered);
        }
        Ok(())
    }

    fn check_request(&self, operation: &Value, sent: &Content) -> anyhow::Result<()> {
        let Some(body) = operation.get("requestBody") else { return Ok(()) };
        let content = body.get("content").and_then(Value::as_object).context("a body of no media type")?;
        if let Some(body) = content.get("application/json") {
            self.check_json(body, sent).context("its request")?;
        }
        Ok(())
    }

    fn check_query(&self, operation: &Value, query: &str) -> anyhow::Result<()> {
        let parameters = operation.get("parameters").and_then(Value::as_array);
        let known = |name: &str| {
            parameters.into_iter().flatten().any(|parameter| {
                parameter.get("in") == Some(&Value::from("query"))
                    && parameter.get("name") == Some(&Value::from(name))
            })
        };
        let names =
            query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
        match names.into_iter().find(|name| !known(name)) {
            Some(name) => bail!("the parameter \"{name}\" is not documented"),
            None => Ok(()),
        }
    }

    fn check_json(&self, body: &Value, seen: &Content) -> anyhow::Result<()> {
        let Some(json) = &seen.json else {
            let is_json = seen.media_type.ends_with("json");
            ensure!(!is_json, "{} bytes that call themselves JSON are none", seen.length);
            return Ok(());
        };
        let schema = body.get("schema").context("a body without a schema")?;
        schema::check(&self.document, schema, json, "$")
    }
}

/// Counts the parts of a path that a template fixes; `None` if the path is not of it.
fn fixed_parts(template: &str, path: &str) -> Option<usize> {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let fits = |(template, part): (&&str, &&str)| template.starts_with('{') || template == part;
    let all = template.len() == path.len() && template.iter().zip(&path).all(fits);
    all.then(|| template.iter().filter(|part| !part.starts_with('{')).count())
}

/// A refusal must be one of those that the operation names, with the status that belongs to it.
fn check_code(operation: &Value, status: u16, answered: &Content) -> anyhow::Result<()> {
    let problem: base::problem::Problem =
        serde_json::from_value(answered.json.clone().context("no problem document")?)?;
    // A range that begins after the end has a status of its own.
    ensure!(
        problem.status == status && (status == 416 || problem.code.status() == status),
        "{:?} does not go with this status",
        problem.code
    );
    let named = operation.get("x-codes").and_then(Value::as_array).into_iter().flatten();
    let code = serde_json::to_value(problem.code)?;
    ensure!(named.into_iter().any(|one| *one == code), "the code {code} is not documented");
    Ok(())
}
