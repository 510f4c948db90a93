//! Identities: ed25519 signatures over canonical statements, and the sealed-box key of each participant.

use std::{fmt, marker::PhantomData, str::FromStr};

use borsh::{BorshDeserialize, BorshSerialize};
use crypto_box::aead::Aead as _;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::{Zeroize, Zeroizing};

use crate::ids::{canonical, hex_newtype};

/// Why an identity or a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness: {0}")]
    Randomness(String),
    /// A stored identity has the wrong length.
    #[error("an identity file holds {found} bytes, expected {expected}: restore it from its backup")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// The public key is not a point of the curve, or a weak one.
    #[error("public key {0} is not a usable ed25519 key")]
    PublicKey(String),
    /// The signature does not match.
    #[error("the signature on \"{0}\" does not match the signer's public key")]
    Signature(&'static str),
    /// The signed bytes are not a statement of the expected kind.
    #[error("the signed bytes are not a well-formed \"{0}\"")]
    Malformed(&'static str),
    /// Anybody could open what is sealed to this key.
    #[error(
        "sealing key {0} is a weak point: what is sealed to it would be open to all; its owner must enrol anew"
    )]
    WeakSealingKey(String),
    /// A message is too long to be sealed.
    #[error("a message of {0} bytes is too long to be sealed")]
    TooLong(usize),
    /// A sealed message does not open.
    #[error("{0} sealed bytes do not open with this identity: they were changed, or sealed to another key")]
    Sealed(usize),
}

hex_newtype!(
    /// The public half of a signing identity: a compressed ed25519 point.
    PublicIdentity, 32, "a public key: 64 hexadecimal digits"
);
hex_newtype!(
    /// The public half of a sealed-box key (X25519).
    SealingKey, 32, "a sealing key: 64 hexadecimal digits"
);
hex_newtype!(
    /// A detached ed25519 signature.
    Signature, 64, "a signature: 128 hexadecimal digits"
);

/// Length of a signature in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// Something that is signed: its canonical bytes are bound to a domain of its own.
pub trait Statement: BorshSerialize + BorshDeserialize {
    /// The kind of statement, as part of the signed bytes.
    const DOMAIN: &'static str;
}

fn signed_bytes(domain: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + domain.len() + 16);
    bytes.extend_from_slice(b"psephos/1/");
    bytes.extend_from_slice(domain.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(body);
    bytes
}

/// Secret keys of a party: one to sign, one to receive sealed messages.
///
/// ```
/// use base::{identity::{Identity, Statement}, ids::Digest};
///
/// #[derive(borsh::BorshSerialize, borsh::BorshDeserialize)]
/// struct Seen(Digest);
/// impl Statement for Seen {
///     const DOMAIN: &'static str = "seen";
/// }
///
/// let (alice, bob) = (Identity::generate()?, Identity::generate()?);
/// let signed = alice.sign(&Seen(Digest::of(b"a ballot")));
/// assert_eq!(signed.verify(&alice.public())?.0, Digest::of(b"a ballot"));
/// assert!(signed.verify(&bob.public()).is_err());
/// # Ok::<(), base::identity::IdentityError>(())
/// ```
pub struct Identity {
    signing: SigningKey,
    sealing: crypto_box::SecretKey,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("public", &self.public()).finish_non_exhaustive()
    }
}

impl Identity {
    /// Draws a fresh identity from the operating system's randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let mut seeds = Zeroizing::new([0u8; 64]);
        getrandom::fill(seeds.as_mut()).map_err(|e| IdentityError::Randomness(e.to_string()))?;
        Self::from_secret_bytes(seeds.as_ref())
    }

    /// Restores an identity from the 64 bytes of [`Identity::to_secret_bytes`].
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, IdentityError> {
        let length = || IdentityError::Length { found: bytes.len(), expected: 64 };
        let (signing, sealing) = bytes.split_at_checked(32).ok_or_else(length)?;
        let mut signing: [u8; 32] = signing.try_into().map_err(|_| length())?;
        let mut sealing: [u8; 32] = sealing.try_into().map_err(|_| length())?;
        let identity = Self {
            signing: SigningKey::from_bytes(&signing),
            sealing: crypto_box::SecretKey::from_bytes(sealing),
        };
        signing.zeroize();
        sealing.zeroize();
        Ok(identity)
    }

    /// Returns the secret bytes for a file of mode 0600 and nowhere else.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(self.signing.as_bytes());
        bytes.extend_from_slice(&self.sealing.to_bytes());
        bytes
    }

    /// Returns the public half that verifies this identity's signatures.
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity(self.signing.verifying_key().to_bytes())
    }

    /// Returns the public key to which messages for this identity are sealed.
    pub fn sealing_key(&self) -> SealingKey {
        SealingKey(*self.sealing.public_key().as_bytes())
    }

    /// Opens a message that was sealed to this identity with [`SealingKey::seal`].
    ///
    /// # Errors
    /// Refuses bytes that were changed, cut short or sealed to another key.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        self.sealing.unseal(sealed).map(Zeroizing::new).map_err(|_| IdentityError::Sealed(sealed.len()))
    }

    /// Signs raw bytes under a domain.
    pub fn sign_bytes(&self, domain: &str, body: &[u8]) -> Signature {
        Signature(self.signing.sign(&signed_bytes(domain, body)).to_bytes())
    }

    /// Signs a statement.
    pub fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        let body = canonical(statement);
        let signature = self.sign_bytes(T::DOMAIN, &body);
        Signed { body, signature, kind: PhantomData }
    }
}

impl SealingKey {
    /// Seals a message so that only the owner of this key can open it; nothing in it says who sealed it.
    ///
    /// A libsodium sealed box: X25519 with a key of its own per message, then XSalsa20-Poly1305. It is 48 bytes
    /// longer than the message.
    ///
    /// # Errors
    /// Refuses a weak key, and stops if the operating system has no randomness.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, IdentityError> {
        let key = crypto_box::PublicKey::from_bytes(self.0);
        if is_weak(&key)? {
            return Err(IdentityError::WeakSealingKey(self.to_string()));
        }
        // the generator below panics without randomness, so ask for some first
        getrandom::fill(&mut [0]).map_err(|e| IdentityError::Randomness(e.to_string()))?;
        key.seal(&mut crypto_box::aead::OsRng, plain).map_err(|_| IdentityError::TooLong(plain.len()))
    }
}

/// Returns whether the key is a point of small order, which shares the same known secret with every other key.
fn is_weak(key: &crypto_box::PublicKey) -> Result<bool, IdentityError> {
    let seal = |secret: u8| {
        let shared = crypto_box::SalsaBox::new(key, &crypto_box::SecretKey::from_bytes([secret; 32]));
        shared.encrypt(&crypto_box::Nonce::default(), [].as_slice()).map_err(|_| IdentityError::TooLong(0))
    };
    Ok(seal(1)? == seal(2)?)
}

impl PublicIdentity {
    /// Verifies a signature over raw bytes under a domain, strictly (no weak keys, no malleable signatures).
    pub fn verify_bytes(
        &self,
        domain: &'static str,
        body: &[u8],
        signature: &Signature,
    ) -> Result<(), IdentityError> {
        let key =
            VerifyingKey::from_bytes(&self.0).map_err(|_| IdentityError::PublicKey(self.to_string()))?;
        key.verify_strict(&signed_bytes(domain, body), &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| IdentityError::Signature(domain))
    }
}

/// A statement with its signature; the content comes out only through [`Signed::verify`].
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Signed<T> {
    body: Vec<u8>,
    signature: Signature,
    #[borsh(skip)]
    kind: PhantomData<T>,
}

impl<T: Statement> Signed<T> {
    /// Returns the statement if the signature is the signer's.
    pub fn verify(&self, signer: &PublicIdentity) -> Result<T, IdentityError> {
        signer.verify_bytes(T::DOMAIN, &self.body, &self.signature)?;
        self.unverified()
    }

    /// Returns the statement without checking who signed it, for looking up the claimed signer.
    pub fn unverified(&self) -> Result<T, IdentityError> {
        T::try_from_slice(&self.body).map_err(|_| IdentityError::Malformed(T::DOMAIN))
    }
}

/// JSON form of a [`Signed`] statement.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    /// The statement's canonical (borsh) bytes in hexadecimal.
    body: String,
    /// The ed25519 signature over the statement's domain and bytes.
    signature: Signature,
}

impl<T> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SignedStatement { body: hex::encode(&self.body), signature: self.signature }.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SignedStatement::deserialize(deserializer)?;
        let body = hex::decode(text.body).map_err(D::Error::custom)?;
        Ok(Self { body, signature: text.signature, kind: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
    struct Vow(u32);
    impl Statement for Vow {
        const DOMAIN: &'static str = "vow";
    }
    #[derive(Debug, PartialEq, BorshSerialize, BorshDeserialize)]
    struct Oath(u32);
    impl Statement for Oath {
        const DOMAIN: &'static str = "oath";
    }

    #[test]
    fn a_signature_binds_signer_content_and_domain() -> Result<(), IdentityError> {
        let (mine, other) = (Identity::generate()?, Identity::generate()?);
        let vow = mine.sign(&Vow(7));
        assert_eq!(vow.verify(&mine.public())?, Vow(7));
        assert_eq!(vow.verify(&other.public()), Err(IdentityError::Signature("vow")));
        let oath = Signed::<Oath> { body: vow.body, signature: vow.signature, kind: PhantomData };
        assert_eq!(oath.verify(&mine.public()), Err(IdentityError::Signature("oath")));
        Ok(())
    }

    #[test]
    fn a_sealed_message_opens_for_its_owner_alone_and_only_unchanged() -> Result<(), IdentityError> {
        let (mine, other) = (Identity::generate()?, Identity::generate()?);
        let sealed = mine.sealing_key().seal(b"pieces")?;
        assert_eq!(sealed.len(), 48 + b"pieces".len());
        assert_eq!(mine.unseal(&sealed)?.as_slice(), b"pieces");
        assert_eq!(other.unseal(&sealed), Err(IdentityError::Sealed(54)));
        assert_ne!(mine.sealing_key().seal(b"pieces")?, sealed, "each message has a key of its own");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(mine.unseal(&changed), Err(IdentityError::Sealed(54)), "byte {place}");
            assert!(mine.unseal(&sealed[..place]).is_err(), "cut to {place} bytes");
        }
        Ok(())
    }

    #[test]
    fn nothing_is_sealed_to_a_weak_key() {
        // the two points of small order that are written most easily: 0 and 1
        for first in [0, 1] {
            let mut point = [0; 32];
            point[0] = first;
            let refused = SealingKey::from_bytes(point).seal(b"pieces");
            assert!(matches!(refused, Err(IdentityError::WeakSealingKey(_))), "{refused:?}");
        }
    }

    #[test]
    fn an_identity_survives_its_file_and_never_prints_its_secret() -> Result<(), IdentityError> {
        let identity = Identity::generate()?;
        let secret = identity.to_secret_bytes();
        let restored = Identity::from_secret_bytes(&secret)?;
        assert_eq!(restored.public(), identity.public());
        assert_eq!(restored.sealing_key(), identity.sealing_key());
        assert!(!format!("{identity:?}").contains(&hex::encode(&secret[..32])));
        assert!(Identity::from_secret_bytes(&secret[..63]).is_err());
        Ok(())
    }
}
