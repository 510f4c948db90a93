//! The exact kernel of the squash: products of polynomials in integers, modulo three primes.
//!
//! A squashed word has 128 bits, of which the upper 105 are kept ([`words`]). The external product with the squashing
//! key is computed modulo three primes below 2^48 ([`field`]), each with a number-theoretic transform ([`ntt`]) and sums
//! of products at every value ([`product`]), and put together by the Chinese remainder theorem ([`garner`]). Numbers are
//! integers in 64-bit floating point that stay below 2^53, and errors of products are caught with fused
//! multiplications, so that nothing is ever rounded off: the result is the same on every processor, in any order of
//! additions, and equal to that of integer arithmetic.
//!
//! Loops run over neighbouring numbers of arrays of fixed lengths, at least sixteen at a time, so that the compiler
//! turns them into vector instructions of any width.

mod butterflies;
mod field;
mod garner;
mod ntt;
mod product;
mod rotation;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use rotation::{ExactKey, WideTurn};
