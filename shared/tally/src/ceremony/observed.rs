//! What whoever carries the messages of a ceremony can read in them: how far it is, and how it ended.

use std::collections::BTreeMap;

use base::identity::{PublicIdentity, Signed};
use base::ids::Digest;

use super::blame::{self, Said};
use super::message::{Letter, Speech};
use super::{Certificate, Reason};
use crate::session::message::seen_after;
use crate::sharing::{Group, Piece, Sharing, Trustee};

/// A certificate, the signatures of all trustees under it, and the shares of the public key per piece.
pub type Certified = (Certificate, Vec<Signed<Certificate>>, Vec<Vec<u8>>);

/// A ceremony as its board shows it.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The certificate, once it is complete.
    pub certified: Option<Certified>,
    /// Who signed that it is dead, and why.
    pub dead: Vec<(Trustee, Reason)>,
    /// Who lied, once all have signed that it is dead and shown their contributions; nobody if it was not a lie.
    pub named: Option<Vec<Trustee>>,
    /// How many messages each trustee has sent, from none to four where all goes well.
    pub said: BTreeMap<Trustee, usize>,
}

/// Place and sender of a message; nothing if it is no message of this ceremony, or not signed by a trustee.
#[must_use]
pub fn place_of(
    bytes: &[u8],
    (federation, ceremony): (&Digest, &Digest),
    trustees: &[PublicIdentity],
) -> Option<(Trustee, u8)> {
    let letter = Letter::from_bytes(bytes)?;
    let claimed = letter.signed.unverified().ok()?;
    let spoken = letter.signed.verify(trustees.get(claimed.sender.index())?).ok()?;
    let here = (&spoken.federation, &spoken.ceremony) == (federation, ceremony);
    here.then(|| (spoken.sender, spoken.body.place()))
}

/// Returns whether a message carries what it states: the shares of the pieces that its sender publishes, and no others.
///
/// Shares lie beside the signature. Whoever filled a place with others would stall the ceremony, and it would be the
/// others who seem to be silent; so whoever carries messages refuses it.
#[must_use]
pub fn is_whole(bytes: &[u8], sharing: Sharing) -> bool {
    let Some(letter) = Letter::from_bytes(bytes) else { return false };
    let Ok(spoken) = letter.signed.unverified() else { return false };
    match &spoken.body {
        Speech::Pieces(named) => super::carries_its_shares(sharing, spoken.sender, named, &letter.shares),
        _ => letter.shares.is_empty(),
    }
}

/// Reads the messages of a ceremony; what is not of it, or not signed, is passed over, and so is a second one in a place.
#[must_use]
pub fn observe(
    (federation, ceremony): (&Digest, &Digest),
    sharing: Sharing,
    trustees: &[PublicIdentity],
    messages: &[Vec<u8>],
) -> Observed {
    let mut heard: BTreeMap<(u8, Trustee), Vec<u8>> = BTreeMap::new();
    let (mut said, mut shares, mut certified) = (Said::default(), BTreeMap::new(), BTreeMap::new());
    for bytes in messages {
        let Some((sender, place)) = place_of(bytes, (federation, ceremony), trustees) else { continue };
        let Some(letter) = Letter::from_bytes(bytes).filter(|_| !heard.contains_key(&(place, sender))) else {
            continue;
        };
        let Ok(spoken) = letter.signed.unverified() else { continue };
        heard.insert((place, sender), base::ids::canonical(&letter.signed));
        match spoken.body {
            Speech::Key(key) => drop(said.keys.insert(sender, key)),
            Speech::Boxes(boxes) => drop(said.boxes.insert(sender, boxes)),
            Speech::Pieces(named) => {
                let first = |piece: Piece| sharing.set(piece).members().next() == Some(sender);
                let published = named.iter().map(|named| named.piece).filter(|piece| first(*piece));
                shares.extend(published.zip(letter.shares));
                said.pieces.insert(sender, named);
            }
            Speech::Certified(signed) => drop(certified.insert(sender, *signed)),
            Speech::Dead(reason) => drop(said.dead.insert(sender, (spoken.seen, reason))),
            Speech::Shown(shown) => drop(said.shown.insert(sender, shown)),
        }
    }
    let everyone = sharing.everyone();
    let all = |place: u8| everyone.members().all(|trustee| heard.contains_key(&(place, trustee)));
    let through = |place: u8, before: &Digest| {
        let of_place = heard.iter().filter(|((other, _), _)| *other == place);
        seen_after(before, of_place.map(|(_, signed)| signed.as_slice()))
    };
    let first = (all(0) && all(1)).then(|| through(1, &through(0, ceremony)));
    let named = all(5)
        .then(|| blame::liars((federation, ceremony), sharing, first.as_ref(), &said).into_iter().collect());
    Observed {
        certified: complete((federation, trustees), everyone, certified, shares),
        dead: said.dead.iter().map(|(trustee, (_, reason))| (*trustee, *reason)).collect(),
        named,
        said: everyone
            .members()
            .map(|trustee| (trustee, heard.keys().filter(|(_, sender)| *sender == trustee).count()))
            .collect(),
    }
}

/// Returns the certificate if all have signed the same one and its shares make the key that it says.
fn complete(
    roster: (&Digest, &[PublicIdentity]),
    everyone: Group,
    certified: BTreeMap<Trustee, Signed<Certificate>>,
    shares: BTreeMap<Piece, Vec<u8>>,
) -> Option<Certified> {
    if certified.len() != everyone.size() {
        return None;
    }
    let signatures: Vec<Signed<Certificate>> = certified.into_values().collect();
    let shares: Vec<Vec<u8>> = shares.into_values().collect();
    let certificate = signatures.first()?.unverified().ok()?;
    certificate.public_key(roster, &signatures, &shares).ok()?;
    Some((certificate, signatures, shares))
}
