//! Who needs which part of a message: for whoever carries them.

use base::identity::PublicIdentity;
use base::ids::Digest;

use super::message::{Body, Message, Said};
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

/// Where a message of a session belongs. Its signature was checked, its content was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The session.
    pub session: Digest,
    /// The attempt.
    pub attempt: u32,
    /// The batch; 0 for a first message and for a stop.
    pub batch: u32,
    /// The exchange: 0 for a first message, then from 1.
    pub exchange: u32,
    /// Who signed it.
    pub sender: Trustee,
    /// Whom the sender names, if it ends the attempt with this message.
    pub stops: Option<Group>,
}

/// Returns where a message belongs; nothing if it is no message, or not signed by the trustee that it names.
#[must_use]
pub fn place(bytes: &[u8], trustees: &[PublicIdentity]) -> Option<Place> {
    let signed = Message::from_bytes(bytes)?.signed;
    let claimed = signed.unverified().ok()?;
    let said = signed.verify(trustees.get(claimed.sender.index())?).ok()?;
    let stops = match said.body {
        Body::Stop(names) => Some(names),
        _ => None,
    };
    let Said { session, attempt, batch, exchange, sender, .. } = said;
    Some(Place { session, attempt, batch, exchange, sender, stops })
}

/// Returns whether a message carries what it states: a correction its whole ciphertext, any other message none.
///
/// The ciphertext lies beside the signature. Whoever filled a place with another one would stall all who read it, and it
/// would be they who seem to be silent; so whoever carries messages refuses it.
#[must_use]
pub fn is_whole(bytes: &[u8]) -> bool {
    let Some(message) = Message::from_bytes(bytes) else { return false };
    let Ok(said) = message.signed.unverified() else { return false };
    match said.body {
        Body::Correction { digest, bytes } => {
            message.sealed.len() == bytes as usize && Digest::of(&message.sealed) == digest
        }
        _ => message.sealed.is_empty(),
    }
}
