//! What must not be seen: a container that wipes its content and cannot be printed.

use std::ops::{Deref, DerefMut};

use base::ids::Digest;
use borsh::BorshSerialize;
use zeroize::Zeroize;

/// A secret that is overwritten when dropped. It has no `Debug`, so neither has anything that contains it.
pub(crate) struct Hidden<T: Zeroize>(T);

impl<T: Zeroize> Hidden<T> {
    /// Takes a secret over.
    pub(crate) const fn new(secret: T) -> Self {
        Self(secret)
    }
}

impl<T: Zeroize + Clone> Clone for Hidden<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Deref for Hidden<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> DerefMut for Hidden<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Hidden<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Secret words of 64 bits each; their number never changes, so nothing is left behind by growing.
pub(crate) type Words = Hidden<Vec<u64>>;

/// Returns so many secret words, all zero.
pub(crate) fn zero_words(count: usize) -> Words {
    Hidden::new(vec![0; count])
}

/// Returns [`Digest::of_value`] of a secret value, and leaves no copy of its bytes in memory.
pub(crate) fn digest<T: BorshSerialize>(domain: &str, value: &T) -> Digest {
    let mut bytes = final_size(8 + domain.len() + borsh::object_length(value).unwrap_or(0));
    bytes.extend_from_slice(&(domain.len() as u64).to_le_bytes());
    bytes.extend_from_slice(domain.as_bytes());
    write(value, &mut bytes);
    Digest::of(&bytes)
}

/// Returns the canonical bytes of a secret value.
pub(crate) fn canonical<T: BorshSerialize>(value: &T) -> Hidden<Vec<u8>> {
    let mut bytes = final_size(borsh::object_length(value).unwrap_or(0));
    write(value, &mut bytes);
    bytes
}

/// Room for so many secret bytes: a vector that grows leaves its former content behind.
fn final_size(length: usize) -> Hidden<Vec<u8>> {
    Hidden::new(Vec::with_capacity(length))
}

/// As [`base::ids::canonical`] does, which cannot fail either.
fn write<T: BorshSerialize>(value: &T, bytes: &mut Vec<u8>) {
    if value.serialize(bytes).is_err() {
        bytes.zeroize();
    }
}

/// Adds words modulo 2, one by one; both are equally many.
pub(crate) fn xor_into(sum: &mut [u64], words: &[u64]) {
    for (sum, word) in sum.iter_mut().zip(words) {
        *sum ^= word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two implementations for what can be printed, one for everything else: naming it is ambiguous for the former and does
    /// not compile.
    trait Unprintable<Marker> {
        fn is_unprintable() -> bool {
            true
        }
    }
    impl<T: ?Sized> Unprintable<()> for T {}
    impl<T: ?Sized + std::fmt::Debug> Unprintable<u8> for T {}

    #[test]
    fn secrets_cannot_be_printed() {
        assert!(<Words as Unprintable<_>>::is_unprintable());
        assert!(<crate::draw::Root as Unprintable<_>>::is_unprintable());
        assert!(<crate::keyring::Keyring as Unprintable<_>>::is_unprintable());
        assert!(<crate::phase::product::KeyPiece as Unprintable<_>>::is_unprintable());
        assert!(<crate::shares::wires::Wires as Unprintable<_>>::is_unprintable());
        assert!(<crate::shares::reshare::Pending as Unprintable<_>>::is_unprintable());
        assert!(<crate::check::Claim as Unprintable<_>>::is_unprintable());
        assert!(<crate::session::Session as Unprintable<_>>::is_unprintable());
        assert!(<crate::ceremony::Ceremony as Unprintable<_>>::is_unprintable());
        assert!(<crate::ceremony::SecretBytes as Unprintable<_>>::is_unprintable());
        assert!(<crate::ceremony::Keyed as Unprintable<_>>::is_unprintable());
    }

    #[test]
    fn a_wiped_digest_is_the_digest_of_the_value() {
        let value = (Digest::of(b"place"), vec![[3_u8; 32], [4; 32]], 5_u8);
        assert_eq!(digest("a domain", &value), Digest::of_value("a domain", &value));
        assert_eq!(*canonical(&value), base::ids::canonical(&value));
        assert_eq!(canonical(&value).capacity(), canonical(&value).len());
    }

    #[test]
    fn a_dropped_secret_is_overwritten() {
        struct Witness(std::rc::Rc<std::cell::Cell<bool>>);
        impl Zeroize for Witness {
            fn zeroize(&mut self) {
                self.0.set(true);
            }
        }
        let wiped = std::rc::Rc::new(std::cell::Cell::new(false));
        let secret = Hidden::new(Witness(wiped.clone()));
        assert!(!wiped.get());
        drop(secret);
        assert!(wiped.get());
    }
}
