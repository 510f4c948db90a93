//! Homomorphic encryption: keys, ballot bodies, their sum, the argmax and the labels; the only door to tfhe.
//!
//! The path of a round: a [`Layout`] and a [`Resolution`] follow from the announcement; each participant
//! calls [`encrypt`]; the coordinator adds the [`BallotBody`]s into a [`RunningSum`] and calls [`tally`];
//! the sole trustee calls [`SecretKeys::open`]. Where several trustees share the key, the path ends at the sum, which
//! they tally together (`docs/TALLY.md`).
//!
//! A round with a threshold has the [`Resolution::with_threshold`]. A two-step round first tallies the test's own sum
//! with [`Resolution::test`]; what comes out are labels among one class, of layout [`Layout::test`], and everything
//! downstream takes that layout (or its one class) instead of the round's: label 1 passes, 0 does not. Then
//! [`tally_instances`] tallies the instances that passed. Numbers and derivations are in `docs/FHE.md`.
//!
//! A round of one instance and three ballots, from the keys to the label:
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use fhe::{
//!     ArgmaxKind, BallotBody, EncryptionKey, EvaluationKeys, Layout, ParameterSet, Resolution, RunningSum, Scheme,
//!     SecretKeys, Transform, encrypt, tally,
//! };
//!
//! // Toy parameters protect nothing; everything else is as in earnest.
//! let scheme = Scheme::new(ParameterSet::InsecureToy, Transform::Fused);
//! let secret = SecretKeys::generate(scheme.parameters)?;
//! let public = secret.public_material(scheme.unrolling)?;
//! let key = EncryptionKey::from_bytes(&public.public_key, scheme.parameters)?;
//! let keys = EvaluationKeys::from_parts(&public.keyswitching_key, &public.bootstrapping_key, scheme)?;
//!
//! let layout = Layout::new(3, 1)?;
//! let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 60, 0.0)?;
//! let mut sum = RunningSum::new(layout);
//! for counts in [[2, 18, 0], [5, 14, 1], [0, 3, 17]] {
//!     let ballot = encrypt(&key, &resolution.encoding(), &counts)?;
//!     sum.add(&BallotBody::parse(&ballot, layout)?)?;
//! }
//! let labels = tally(&keys, &resolution, &sum, &AtomicBool::new(false), |_| ())?;
//! assert_eq!(secret.open(&labels)?, [Some(1)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod argmax;
mod ballot;
mod circuits;
mod encoding;
mod expand;
mod frame;
mod kernel;
mod keys;
mod labels;
mod layout;
mod lookup;
mod noise;
mod opening;
mod parameters;
mod plan;
mod rehearsal;
mod resolution;
mod scheme;
mod sum;
mod tally;
#[cfg(test)]
mod tests;
mod transform;

pub use argmax::{ArgmaxKind, MAX_EXACT_CLASSES};
pub use ballot::{BallotBody, BallotError, encrypt};
pub use circuits::Effort;
pub use encoding::Encoding;
pub use frame::FrameError;
pub use keys::{EncryptionKey, EvaluationKeys, KeyError, PublicMaterial, SecretKeys};
pub use labels::LabelCiphertexts;
pub use layout::{Layout, LayoutError, MAX_CLASSES, MAX_INSTANCES};
pub use opening::OpenError;
pub use parameters::{FULL, INSECURE_TOY, Noise, ParameterSet, Parameters, SWIFT};
pub use plan::pin_fft_plan;
pub use rehearsal::rehearse;
pub use resolution::{MAX_TEACHERS, Resolution, ResolutionError, count_range};
pub use scheme::{Rotation, Scheme, Unrolling};
pub use sum::{RunningSum, SumError};
pub use tally::{TallyError, effort, tally, tally_chunks, tally_instances};
pub use transform::Transform;
