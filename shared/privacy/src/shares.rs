//! Drawing noise: OpenDP's exact sampler on the system's OpenSSL generator, which nobody can seed.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use opendp::traits::samplers::sample_discrete_gaussian;
use zeroize::Zeroizing;

use super::plan::ShareSize;

/// Why no noise could be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The operating system's generator failed.
    #[error("cannot draw noise, because the system's random generator failed: {0}")]
    Entropy(String),
    /// A drawn value does not fit 64 bits, which a share size of a plan makes impossible in practice.
    #[error("a noise share of size {0} exceeds 64 bits: use a smaller sigma")]
    Overflow(ShareSize),
}

/// Draws one noise share per slot, in votes, each N_Z(0, s²) with s = `size` (Canonne, Kamath, Steinke 2020,
/// Algorithm 3, by OpenDP); size zero gives zeros without touching the generator.
///
/// Draw a round's shares in one batch before the votes are known, because the time a sample takes tells its
/// magnitude. The result wipes itself; the sampler's own small integers on the stack are not wiped.
pub fn draw_shares(size: ShareSize, slots: usize) -> Result<Zeroizing<Vec<i64>>, DrawError> {
    // Allocated once: growing would leave unwiped copies behind.
    let mut shares = Zeroizing::new(Vec::with_capacity(slots));
    if size.is_zero() {
        shares.resize(slots, 0);
        return Ok(shares);
    }
    let scale = RBig::from_parts(IBig::from(size.0), UBig::from(ShareSize::ONE));
    for _ in 0..slots {
        let share = sample_discrete_gaussian(scale.clone()).map_err(|e| DrawError::Entropy(e.to_string()))?;
        shares.push(i64::try_from(share).map_err(|_| DrawError::Overflow(size))?);
    }
    Ok(shares)
}
