//! Bearer tokens.

use std::fmt;

use zeroize::Zeroizing;

/// A bearer token; it wipes itself and never prints.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

impl Token {
    /// Wraps the token's text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text, for the `Authorization` header alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
