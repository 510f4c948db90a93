//! Sealed boxes whose ephemeral keys follow from what they contain, so that whoever is shown a content can judge its box.

use base::ids::Digest;
use borsh::{BorshDeserialize, BorshSerialize};
use crypto_box::aead::Aead as _;
use crypto_box::{Nonce, PublicKey, SalsaBox, SecretKey};

use crate::draw::{Label, Purpose, Root};
use crate::hidden::{self, Hidden};
use crate::sharing::{Piece, Trustee};

/// Where a contribution goes: all of it stands inside the box as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Address {
    pub(crate) federation: Digest,
    pub(crate) ceremony: Digest,
    pub(crate) sender: Trustee,
    pub(crate) receiver: Trustee,
    pub(crate) piece: Piece,
}

/// What a box holds.
#[derive(BorshSerialize, BorshDeserialize)]
struct Content {
    address: Address,
    contribution: [u8; 32],
}

/// Seals a contribution to a receiver's box key. The same contribution makes the same bytes; nothing for a weak key.
pub(crate) fn seal(address: &Address, to: &[u8; 32], contribution: &Root) -> Option<Vec<u8>> {
    let receiver = PublicKey::from_bytes(*to);
    if is_weak(to) {
        return None;
    }
    let parties = (Some(address.sender), Some(address.receiver));
    let label = Label::ceremony(&address.ceremony, Purpose::Box, &address.federation, parties, address.piece);
    let secret = SecretKey::from_bytes(*contribution.draw(&label));
    let content = Content { address: *address, contribution: *contribution.bytes() };
    let plain = hidden::canonical(&content);
    #[cfg(test)]
    crate::draw::log::note(contribution, &label, &plain);
    // The key pair is used for this content alone, so the nonce may be constant.
    let sealed = SalsaBox::new(&receiver, &secret).encrypt(&Nonce::default(), plain.as_slice()).ok()?;
    Some([secret.public_key().as_bytes().as_slice(), &sealed].concat())
}

/// Opens a box and compares its address; nothing if it does not open or is meant for another place.
pub(crate) fn open(address: &Address, secret: &[u8; 32], sealed: &[u8]) -> Option<Root> {
    let (ephemeral, sealed) = sealed.split_first_chunk::<32>()?;
    let key = SalsaBox::new(&PublicKey::from_bytes(*ephemeral), &SecretKey::from_bytes(*secret));
    let plain = Hidden::new(key.decrypt(&Nonce::default(), sealed).ok()?);
    let content = Content::try_from_slice(&plain).ok()?;
    (content.address == *address).then(|| Root::new(content.contribution))
}

/// Returns the public half of a box key.
pub(crate) fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    *SecretKey::from_bytes(*secret).public_key().as_bytes()
}

/// Whether a key is a point of small order, which shares the same secret with every other key.
pub(crate) fn is_weak(key: &[u8; 32]) -> bool {
    let key = PublicKey::from_bytes(*key);
    let sealed = |secret: u8| {
        SalsaBox::new(&key, &SecretKey::from_bytes([secret; 32]))
            .encrypt(&Nonce::default(), [].as_slice())
            .ok()
    };
    sealed(1) == sealed(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sharing::Sharing;

    fn address() -> Address {
        let trustee = |number| Sharing::ThreeOne.trustee(number).unwrap();
        let (federation, ceremony) = (Digest::of(b"f"), Digest::of(b"c"));
        let piece = Sharing::ThreeOne.all_pieces()[1];
        Address { federation, ceremony, sender: trustee(1), receiver: trustee(3), piece }
    }

    #[test]
    fn a_box_opens_at_its_address_alone_and_is_the_same_each_time() {
        let (secret, contribution) = ([9; 32], Root::new([8; 32]));
        let sealed = seal(&address(), &public_key(&secret), &contribution).unwrap();
        assert_eq!(seal(&address(), &public_key(&secret), &contribution).unwrap(), sealed);
        let opened = open(&address(), &secret, &sealed);
        assert!(opened.is_some_and(|root| root.bytes() == contribution.bytes()));
        assert!(open(&address(), &[7; 32], &sealed).is_none());
        let elsewhere = Address { ceremony: Digest::of(b"other"), ..address() };
        assert!(open(&elsewhere, &secret, &sealed).is_none());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            // the highest bit of a point is no part of it
            let same = place == 31 && changed[place] ^ sealed[place] == 128;
            assert!(same || open(&address(), &secret, &changed).is_none(), "byte {place}");
            assert!(open(&address(), &secret, &sealed[..place]).is_none());
        }
    }

    #[test]
    fn nothing_is_sealed_to_a_weak_key() {
        for first in [0, 1] {
            let mut point = [0; 32];
            point[0] = first;
            assert!(seal(&address(), &point, &Root::new([1; 32])).is_none());
        }
    }
}
