//! Who lied in a dead ceremony, once everybody has shown its contributions.

use std::collections::{BTreeMap, BTreeSet};

use base::ids::Digest;

use super::message::{Boxed, Named, Reason};
use super::public_key;
use super::seal::{self, Address};
use crate::draw::Root;
use crate::hidden;
use crate::sharing::{Piece, Sharing, Trustee};

/// What was said in a ceremony, as far as it went.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) keys: BTreeMap<Trustee, [u8; 32]>,
    pub(crate) boxes: BTreeMap<Trustee, Vec<Boxed>>,
    pub(crate) pieces: BTreeMap<Trustee, Vec<Named>>,
    /// With what each had seen then.
    pub(crate) dead: BTreeMap<Trustee, (Digest, Reason)>,
    pub(crate) shown: BTreeMap<Trustee, Vec<(Piece, [u8; 32])>>,
}

/// Derives the root of a piece from the contributions of its members, in their order.
pub(crate) fn root(
    (federation, ceremony): (&Digest, &Digest),
    sharing: Sharing,
    piece: Piece,
    contributions: &[[u8; 32]],
) -> Root {
    let all = (federation, ceremony, sharing, piece, contributions);
    Root::new(*hidden::digest("tally root", &all).as_bytes())
}

/// Whether a trustee sent one box for each of its pieces and each other member, in their order, and no other.
pub(crate) fn addressed(sharing: Sharing, sender: Trustee, boxes: &[Boxed]) -> bool {
    let of_piece = |piece: Piece| {
        let others = sharing.set(piece).members().filter(move |other| *other != sender);
        others.map(move |receiver| (piece, receiver))
    };
    let wanted = sharing.held(sender).into_iter().flat_map(of_piece);
    boxes.iter().map(|boxed| (boxed.piece, boxed.receiver)).eq(wanted)
}

/// Recomputes everything from what was shown and names those whose messages do not follow from it.
pub(crate) fn liars(
    (federation, ceremony): (&Digest, &Digest),
    sharing: Sharing,
    first: Option<&Digest>,
    said: &Said,
) -> BTreeSet<Trustee> {
    let mut liars = BTreeSet::new();
    let shown = |trustee: Trustee, piece: Piece| {
        let all = said.shown.get(&trustee)?;
        all.iter().find(|(shown, _)| *shown == piece).map(|(_, contribution)| *contribution)
    };
    let right_box = |sender: Trustee, receiver: Trustee, piece: Piece| {
        let address = Address { federation: *federation, ceremony: *ceremony, sender, receiver, piece };
        let made = seal::seal(&address, said.keys.get(&receiver)?, &Root::new(shown(sender, piece)?))?;
        let boxes = said.boxes.get(&sender)?;
        let mut at = boxes.iter().filter(|boxed| (boxed.piece, boxed.receiver) == (piece, receiver));
        Some(at.next().is_some_and(|boxed| boxed.sealed == made) && at.next().is_none())
    };
    for piece in sharing.all_pieces() {
        let members: Vec<Trustee> = sharing.set(piece).members().collect();
        for sender in &members {
            let others = members.iter().filter(|receiver| *receiver != sender);
            if others.into_iter().any(|receiver| right_box(*sender, *receiver, piece) == Some(false)) {
                liars.insert(*sender);
            }
        }
        let contributions: Option<Vec<[u8; 32]>> =
            members.iter().map(|member| shown(*member, piece)).collect();
        let (Some(contributions), Some(first)) = (contributions, first) else { continue };
        let root = root((federation, ceremony), sharing, piece, &contributions);
        let mask = public_key::mask(first);
        let share = public_key::digest(&public_key::share(&root, ceremony, first, piece, &mask));
        let right = Named { piece, name: public_key::name(&root, ceremony, first, piece), share };
        for (member, stated) in said.pieces.iter().filter(|(member, _)| members.contains(member)) {
            // Who was sent another contribution than was shown could not state what follows from the latter.
            let mut others = members.iter().filter(|sender| *sender != member);
            let well_sent = others.all(|sender| right_box(*sender, *member, piece) == Some(true));
            if well_sent && stated.iter().find(|named| named.piece == piece) != Some(&right) {
                liars.insert(*member);
            }
        }
    }
    liars.extend(
        said.boxes
            .iter()
            .filter(|(sender, boxes)| !addressed(sharing, **sender, boxes))
            .map(|(sender, _)| *sender),
    );
    liars.extend(said.keys.iter().filter(|(_, key)| seal::is_weak(key)).map(|(owner, _)| *owner));
    // a complaint about a box that is right, from somebody for whom it was meant and who was shown this box: the same V₁
    for (by, (seen, reason)) in &said.dead {
        if let Reason::Box { sender, piece } = reason
            && Some(seen) == first
            && right_box(*sender, *by, *piece) == Some(true)
        {
            liars.insert(*by);
        }
    }
    liars
}
