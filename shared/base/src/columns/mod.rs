//! The typed columns of a table; part of a federation's config, so that every institution encodes a cell alike and
//! nothing is fitted to anybody's data.

mod constant;
mod written;

pub use constant::Constant;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use written::WrittenColumn;

/// The name of the column with the class; no column of values may have it.
pub const LABEL: &str = "label";
/// The name of the column with the person's key; no column of values may have it.
pub const PERSON: &str = "person";
/// The name of the value that stands for every category that the federation does not name.
pub const OTHER: &str = "other";
/// The most characters of a name.
const MAX_NAME: usize = 80;
/// The most categories that an error lists.
const LISTED: usize = 12;

/// One column of a table: its name, and how a cell becomes values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
#[serde(try_from = "WrittenColumn", into = "WrittenColumn")]
pub struct Column {
    name: String,
    content: Content,
}

/// How a cell becomes values.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Content {
    /// A number becomes one value, (cell − offset) · factor.
    Number {
        /// Whether the cell's decimal logarithm is scaled in its place.
        log10: bool,
        /// What is subtracted.
        offset: Constant,
        /// What the difference is multiplied by.
        factor: Constant,
        /// The number that stands in for an empty cell, before scaling; without it an empty cell is refused.
        missing: Option<Constant>,
    },
    /// A word becomes one value per category: 1 for its own, 0 for the others.
    Category {
        /// The words.
        categories: Vec<String>,
        /// Whether one value more stands for every other word.
        other: bool,
        /// The category that stands in for an empty cell; without it an empty cell is refused.
        missing: Option<String>,
    },
}

impl Column {
    /// Checks name and content together.
    ///
    /// # Errors
    /// In words, without the column's name.
    pub fn new(name: impl Into<String>, content: Content) -> Result<Self, String> {
        let column = Self { name: name.into(), content };
        column.check().map(|()| column)
    }

    /// Returns the column of a number that is scaled by (cell − `offset`) · `factor`.
    ///
    /// # Errors
    /// A name or constants that cannot be used.
    pub fn number(name: &str, offset: f64, factor: f64) -> Result<Self, String> {
        let (offset, factor) = (Constant::from_float(offset)?, Constant::from_float(factor)?);
        Self::new(name, Content::Number { log10: false, offset, factor, missing: None })
    }

    /// Returns the column of a word among `categories`.
    ///
    /// # Errors
    /// A name or categories that cannot be used.
    pub fn category(name: &str, categories: &[&str]) -> Result<Self, String> {
        let categories = categories.iter().map(|&c| c.to_owned()).collect();
        Self::new(name, Content::Category { categories, other: false, missing: None })
    }

    /// Returns the column's name in a file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how a cell becomes values.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Returns the number of values that a cell becomes.
    #[must_use]
    pub fn values(&self) -> usize {
        match &self.content {
            Content::Number { .. } => 1,
            Content::Category { categories, other, .. } => categories.len() + usize::from(*other),
        }
    }

    /// Returns whether an empty cell has a stand-in.
    #[must_use]
    pub fn bears_missing(&self) -> bool {
        match &self.content {
            Content::Number { missing, .. } => missing.is_some(),
            Content::Category { missing, .. } => missing.is_some(),
        }
    }

    /// Appends the values of a cell to `values`.
    ///
    /// # Errors
    /// What the cell would have to be, in words.
    pub fn encode(&self, cell: &str, values: &mut Vec<f32>) -> Result<(), String> {
        match &self.content {
            Content::Number { log10, offset, factor, missing } => {
                let number = match (cell.is_empty(), missing) {
                    (true, None) => return Err(no_stand_in("a number")),
                    (true, Some(missing)) => missing.to_f64(),
                    (false, _) => number(cell)?,
                };
                values.push(scaled(number, *log10, *offset, *factor)?);
            }
            Content::Category { missing, .. } => {
                let word = match (cell.is_empty(), missing) {
                    (true, None) => return Err(no_stand_in("a category")),
                    (true, Some(missing)) => missing,
                    (false, _) => cell,
                };
                let place = self.place(word).ok_or_else(|| format!("one of {}", self.listed()))?;
                values.extend((0..self.values()).map(|i| if i == place { 1.0 } else { 0.0 }));
            }
        }
        Ok(())
    }

    /// Returns the column in words, for whoever approves it.
    #[must_use]
    pub fn in_words(&self) -> String {
        let missing = |stand_in: Option<String>| match stand_in {
            Some(stand_in) => format!("; an empty cell counts as {stand_in}"),
            None => String::new(),
        };
        match &self.content {
            Content::Number { log10, offset, factor, missing: stand_in } => {
                let cell = if *log10 { "log10(cell)" } else { "cell" };
                let missing = missing(stand_in.map(|c| c.to_string()));
                format!("{}: ({cell} - {offset}) * {factor}{missing}", self.name)
            }
            Content::Category { other, missing: stand_in, .. } => {
                let other = if *other { ", or any other word" } else { "" };
                format!("{}: {}{other}{}", self.name, self.listed(), missing(stand_in.clone()))
            }
        }
    }

    /// Which of the values stands for a word.
    fn place(&self, word: &str) -> Option<usize> {
        let Content::Category { categories, other, .. } = &self.content else { return None };
        let known = categories.iter().position(|category| category == word);
        known.or_else(|| other.then_some(categories.len()))
    }

    fn listed(&self) -> String {
        let Content::Category { categories, .. } = &self.content else { return String::new() };
        let listed = categories.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        match categories.len() {
            all if all > LISTED => format!("{listed}, … ({all} categories)"),
            _ => listed,
        }
    }

    /// Checks what a config or bytes may get wrong.
    pub(super) fn check(&self) -> Result<(), String> {
        check_word(&self.name)?;
        if [LABEL, PERSON].contains(&self.name.as_str()) {
            return Err("the name is that of a column with another meaning; choose another".into());
        }
        match &self.content {
            Content::Number { log10, offset, factor, missing } => {
                let constants = [Some(*offset), Some(*factor), *missing];
                if constants.into_iter().flatten().any(|c| !c.is_in_range()) {
                    return Err("a constant is 1000000000 or more; use smaller ones".into());
                }
                if *factor == Constant::ZERO {
                    return Err("scale.factor = 0 would make every cell 0; use another factor".into());
                }
                let stand_in = missing.map(|c| scaled(c.to_f64(), *log10, *offset, *factor));
                stand_in.transpose().map(drop).map_err(|wanted| format!("missing is not {wanted}"))
            }
            Content::Category { categories, other, missing } => {
                let mut seen = BTreeSet::new();
                if let Some(twice) = categories.iter().find(|c| !seen.insert(c.as_str())) {
                    return Err(format!("category `{twice}` appears twice; keep one"));
                }
                categories.iter().try_for_each(|category| check_word(category))?;
                if categories.is_empty() {
                    return Err("categories is empty; name at least one, or leave it out for a number".into());
                }
                if *other && seen.contains(OTHER) {
                    return Err("`other` is a category and other = true; keep one of them".into());
                }
                let is_known = |word: &str| seen.contains(word) || (*other && word == OTHER);
                match missing.as_deref().filter(|word| !is_known(word)) {
                    Some(word) => {
                        Err(format!("missing = \"{word}\" is not a category; use one of {}", self.listed()))
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

/// Checks the columns of a table together; the error names the column.
pub(super) fn check_all(columns: &[Column]) -> Result<(), (String, String)> {
    let mut seen = BTreeSet::new();
    for column in columns {
        column.check().map_err(|problem| (column.name.clone(), problem))?;
        if !seen.insert(column.name.as_str()) {
            return Err((column.name.clone(), "appears twice; every column needs a name of its own".into()));
        }
    }
    Ok(())
}

/// Reads a finite number.
pub fn number(cell: &str) -> Result<f64, String> {
    cell.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| "a finite number".into())
}

fn scaled(number: f64, log10: bool, offset: Constant, factor: Constant) -> Result<f32, String> {
    if log10 && number <= 0.0 {
        return Err("a number above 0, of which a logarithm can be taken".into());
    }
    let number = if log10 { number.log10() } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "networks compute in f32")]
    let value = ((number - offset.to_f64()) * factor.to_f64()) as f32;
    match value.is_finite() {
        true => Ok(value),
        false => Err("a number of usable size after scaling".into()),
    }
}

fn no_stand_in(what: &str) -> String {
    format!(
        "{what} (the cell is empty, and the federation's config names no stand-in, `missing`, for this column)"
    )
}

fn check_word(word: &str) -> Result<(), String> {
    if word.trim() != word || !(1..=MAX_NAME).contains(&word.chars().count()) {
        return Err(format!(
            "names must have 1 to {MAX_NAME} characters and no space around them, and `{word}` is none"
        ));
    }
    match word.chars().find(|c| c.is_control()) {
        Some(_) => Err(format!("names must have no control characters, and {word:?} has one")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
