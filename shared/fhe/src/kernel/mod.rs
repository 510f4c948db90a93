//! Our own kernel: a fused blind rotation and a batched keyswitch on words of 32 bits.
//!
//! A tally needs no more than 32 bits of an accumulator: what is rounded off, 2^32 of 2^64, is far below the noise of a
//! bootstrap, 2^49. Everything here is plain Rust in an order that is written out, so that the processor's vector
//! instructions, chosen at run time in [`dispatch`], change the speed and not one bit: fused multiplications are asked
//! for by name, and nothing is left to be reordered. Batches share one walk through a key.

mod complex;
mod dispatch;
mod fourier;
mod keyswitch;
mod radix;
mod roots;
mod rotation;

pub(crate) use keyswitch::SwitchKey;
pub(crate) use rotation::{FusedKey, Turn};

/// Returns the nearest multiple of 2^32 to a word, in that unit.
const fn upper_half(word: u64) -> u32 {
    (word.wrapping_add(1 << 31) >> 32) as u32
}
