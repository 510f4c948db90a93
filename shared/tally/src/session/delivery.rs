//! Who needs which part of a message: for whoever carries them.

use super::message::Message;
use crate::assignment::Assignment;
use crate::sharing::{Group, Sharing, Trustee};

/// Returns the present trustees that need the ciphertexts of a sender in an attempt; to the others its messages may come
/// without.
#[must_use]
pub fn readers(sharing: Sharing, attempt: u32, sender: Trustee) -> Group {
    let present = sharing.group(attempt);
    let assignment = Assignment::new(sharing, present);
    let piece = assignment.of(sender).map(|work| work.corrects);
    let holders = piece.map_or(Group::of([]), |piece| sharing.set(piece).and(present));
    Group::of(holders.members().filter(|holder| *holder != sender))
}

/// Returns a message without its ciphertext; nothing if it is no message.
#[must_use]
pub fn without_ciphertext(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_bytes(bytes)?;
    message.sealed.clear();
    Some(message.to_bytes())
}
