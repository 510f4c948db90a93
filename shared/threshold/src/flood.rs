//! Flooding: the noise in which an opening drowns what it would say of the key.
//!
//! Each piece's opening gets U(PRF(r_A, h, 0)) + U(PRF(r_A, h, 1)), U uniform in [−2^110, 2^110). A squashed
//! digit's own noise stays below 2^70; it moves the sum of the two uniforms by a statistical distance of at most
//! 2^70 / 2^111 = 2^-41 per opening. The flooding is derived from the question, so that the same question has
//! only one answer: answers with fresh noise would average out.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{piece::FLOOD_KEY_BYTES, sharing::Sharing};
use base::{
    Step,
    ids::{Digest, RoundId},
};
use fhe::{SQUASHED_DIGIT_LOG, Squashed};

/// log2 of the bound of each of the two uniforms.
const UNIFORM_LOG: u32 = 110;
/// log2 of the bound of a squashed digit's own noise.
const SQUASHED_NOISE_LOG: u32 = 70;
/// Half of the distance between two digits: what the noise of an opened digit must stay below.
const HALF_DIGIT: u128 = 1 << (SQUASHED_DIGIT_LOG - 1);
const QUESTION_DOMAIN: &str = "psephos flooding v1";

const _: () = {
    let mut place = 0;
    while place < Sharing::ALL.len() {
        assert!(noise_bound(Sharing::ALL[place]) < HALF_DIGIT, "flooding would change labels");
        place += 1;
    }
};

/// Returns the bound that the noise of every opened digit stays below: C(n, t)·2·2^110 + 2^70.
#[must_use]
pub const fn noise_bound(sharing: Sharing) -> u128 {
    ((sharing.set_count() as u128) << (UNIFORM_LOG + 1)) + (1 << SQUASHED_NOISE_LOG)
}

/// Returns how far [`noise_bound`] stays below half a digit, 2^122, in bits.
#[must_use]
pub fn noise_margin(sharing: Sharing) -> f64 {
    (HALF_DIGIT as f64 / noise_bound(sharing) as f64).log2()
}

/// Is what the trustees are asked to open: one step of one round, or the known answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Hash of event 0.
    pub federation: Digest,
    /// The round; `None` for the known answer that proves the keys.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Hash of the tally event.
    pub tally: Digest,
}

impl Question {
    /// Returns h, from which the flooding of one digit of one instance (both from 0) is derived.
    #[must_use]
    pub fn h(&self, instance: usize, digit: usize, squashed: &Squashed) -> Digest {
        let place = (instance as u64, digit as u64);
        let fields = (self.federation, self.round, self.step, place, self.tally, squashed.digest());
        Digest::of_value(QUESTION_DOMAIN, &fields)
    }
}

/// Returns the flooding of the opening that `h` stands for: two uniforms, modulo 2^128.
pub(super) fn flood(flood_key: &[u8; FLOOD_KEY_BYTES], h: &Digest) -> u128 {
    let term = |counter| uniform(prf(flood_key, h, counter), UNIFORM_LOG);
    term(0).wrapping_add(term(1))
}

/// Returns the first 128 bits of HMAC-SHA-256 over h and the counter, read as a little-endian number.
pub(super) fn prf(flood_key: &[u8; FLOOD_KEY_BYTES], h: &Digest, counter: u8) -> u128 {
    // HMAC fills a key with zeros up to the block of the hash itself; doing it here leaves no length to refuse
    let mut block = Zeroizing::new([0; 64]);
    block[..FLOOD_KEY_BYTES].copy_from_slice(flood_key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(h.as_bytes());
    mac.update(&[counter]);
    let code: [u8; 32] = mac.finalize().into_bytes().into();
    let mut bits = [0; 16];
    bits.copy_from_slice(&code[..16]);
    u128::from_le_bytes(bits)
}

/// Maps uniform bits to a uniform value in [−2^log, 2^log), modulo 2^128; `log` is below 127.
pub(super) const fn uniform(bits: u128, log: u32) -> u128 {
    (bits >> (u128::BITS - 1 - log)).wrapping_sub(1 << log)
}
