//! Reading a command's answer: one class index per line.

use zeroize::Zeroizing;

use super::CommandError;

/// Longest piece of a wrong line that an error repeats, in characters.
const SHOWN: usize = 40;

/// Reads one class index per instance; spaces around a number and a newline at the end are fine, all else is not.
pub(super) fn parse(
    output: &[u8],
    instances: usize,
    classes: usize,
) -> Result<Zeroizing<Vec<u16>>, CommandError> {
    let body = output.strip_suffix(b"\n").unwrap_or(output);
    let found = if body.is_empty() { 0 } else { body.split(|byte| *byte == b'\n').count() };
    if found != instances {
        return Err(CommandError::Lines { found, expected: instances });
    }
    let mut labels = Zeroizing::new(Vec::with_capacity(instances));
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate().take(instances) {
        labels.push(class(line, classes).ok_or_else(|| wrong(index, line, classes))?);
    }
    Ok(labels)
}

fn class(line: &[u8], classes: usize) -> Option<u16> {
    let digits = line.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let class: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (usize::from(class) < classes).then_some(class)
}

fn wrong(index: usize, line: &[u8], classes: usize) -> CommandError {
    let text = String::from_utf8_lossy(line).trim().chars().take(SHOWN).collect();
    CommandError::Label { line: index + 1, text, last: classes.saturating_sub(1) }
}
