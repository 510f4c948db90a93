//! Invites from a file: one secret per line, or JSON as `coordinator invite --format json` prints it.

use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::FleetError;

/// An invite and whom it is for.
#[derive(Clone)]
pub(super) struct Entry {
    /// Name that the operator gave, where the file says it.
    pub(super) name: Option<String>,
    /// The secret.
    pub(super) secret: Zeroizing<String>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({:?}, secret)", self.name)
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
    invite: String,
}

/// Reads every invite of a file, in order.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, FleetError> {
    let refuse = |problem: String| FleetError::Invites { path: path.to_owned(), problem };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?);
    let entries = parse(&text).map_err(refuse)?;
    match entries.is_empty() {
        true => Err(refuse("it holds no invite".to_owned())),
        false => Ok(entries),
    }
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    if text.trim_start().starts_with('[') {
        let named: Vec<Named> = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let entry = |one: Named| Entry { name: Some(one.name), secret: Zeroizing::new(one.invite) };
        return Ok(named.into_iter().map(entry).collect());
    }
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(index, line)| match line.contains(char::is_whitespace) {
            true => Err(format!("line {} is not a secret: a secret has no spaces", index + 1)),
            false => Ok(Entry { name: None, secret: Zeroizing::new(line.to_owned()) }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_json_are_read_in_order_and_secrets_never_printed() {
        let lines = parse("# three\nabc\n\n  def  \n").unwrap();
        assert_eq!(lines.iter().map(|e| e.secret.as_str()).collect::<Vec<_>>(), ["abc", "def"]);
        let json = parse(r#" [{"name": "h-1", "invite": "xyz"}]"#).unwrap();
        assert_eq!((json[0].name.as_deref(), json[0].secret.as_str()), (Some("h-1"), "xyz"));
        assert!(!format!("{json:?}").contains("xyz"));
        assert!(parse("abc\nnot a secret").unwrap_err().starts_with("line 2 is not a secret"));
        assert!(parse("[{}]").unwrap_err().contains("missing field"));
    }
}
