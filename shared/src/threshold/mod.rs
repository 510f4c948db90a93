//! Threshold decryption: pieces of the key, openings from them, and how openings combine to labels.

mod stub;
pub use stub::*;
