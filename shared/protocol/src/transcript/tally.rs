//! The tally with all its keys, chunk by chunk: what the coordinator computes, and whoever checks it computes again.

use std::sync::atomic::AtomicBool;

use super::{Blobs, Check, Fault, RecomputeError, Recorded, fetch};
use crate::federation::{FederationConfig, KeyCertificate};
use base::ids::{Digest, Digester};
use fhe::{
    self, EvaluationKeys, LabelCiphertexts, Layout, Resolution, RunningSum, Squashed, SquashedRecord,
    SquashingKey, TallyError,
};

/// Input of the tally of one step.
#[derive(Debug, Clone)]
pub struct TallyInput {
    /// What the circuit resolves.
    pub resolution: Resolution,
    /// The sum of the ballots.
    pub sum: RunningSum,
    /// The instances to be tallied, from 0 and ascending; at least one.
    pub instances: Vec<usize>,
}

impl TallyInput {
    /// Takes every instance of a sum.
    pub fn of_all(resolution: Resolution, sum: RunningSum) -> Self {
        Self { resolution, sum, instances: (0..resolution.layout().instances()).collect() }
    }

    /// Returns the layout of what the tally puts out.
    ///
    /// # Errors
    /// Refuses a tally of no instance.
    pub fn outcomes(&self) -> Result<Layout, TallyError> {
        let outcomes = self.resolution.outcomes();
        outcomes.of_instances(self.instances.len()).map_err(|_| TallyError::NoInstance)
    }
}

/// Receiver of what a tally puts out, as it comes and in the order of the instances; what it does not keep is gone.
pub trait TallySink {
    /// Gets the next bytes of the label ciphertexts' frame.
    fn labels(&mut self, _bytes: &[u8]) {}

    /// Gets the next squashed digit; the labels it belongs to came before.
    fn squashed(&mut self, _digit: &Squashed) {}

    /// Hears how many of [`TallyKeys::steps`] are done: each label counts once for the argmax and once for the squash.
    fn progress(&mut self, _done: usize) {}
}

/// What remains of a tally that was handed to a sink.
#[derive(Debug, Clone)]
pub struct Computed {
    /// Digest of the label ciphertexts' frame.
    pub ciphertexts: Digest,
    /// The record of the squashed digits; `None` with one trustee.
    pub squashed: Option<SquashedRecord>,
}

impl Computed {
    fn check(&self, recorded: Recorded) -> Result<(), Fault> {
        let differs = |what: &str, found: Digest, expected: Digest| {
            let what = format!(
                "the {what} come out as {found}, the tally says {expected}: the coordinator tallied something \
                 else, or this machine computes other bits than the coordinator's"
            );
            (found != expected).then(|| Check::Tally.fault(recorded.height, what))
        };
        let squashed = self.squashed.as_ref().map(|record| Digest::of(&record.to_bytes()));
        let fault = differs("label ciphertexts", self.ciphertexts, recorded.tally.ciphertexts);
        let fault = fault.or_else(|| {
            let (found, expected) = squashed.zip(recorded.tally.squashed)?;
            differs("squashed digits", found, expected)
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        if squashed.is_some() != recorded.tally.squashed.is_some() {
            return Err(Check::Tally.fault(recorded.height, "squashed digits are recorded where none belong"));
        }
        Ok(())
    }
}

/// The keys with which a tally is computed, by the coordinator and again by whoever checks it.
#[derive(Debug)]
pub struct TallyKeys {
    /// Keyswitching and bootstrapping keys.
    pub evaluation: EvaluationKeys,
    /// The squashing key; `None` with one trustee.
    pub squashing: Option<SquashingKey>,
}

impl TallyKeys {
    /// Loads the certified keys: 105 to 131 MB, and 1.06 GB more for the squashing key of the tournament's parameters.
    pub fn load(
        certificate: &KeyCertificate,
        config: &FederationConfig,
        blobs: &dyn Blobs,
    ) -> Result<Self, RecomputeError> {
        let get = |what, digest| fetch(blobs, Check::Keys, what, digest);
        let unusable = |e: fhe::KeyError| Check::Keys.fault(0, e);
        let set = certificate.parameters;
        let keyswitching = get("keyswitching key", certificate.keyswitching_key)?;
        let bootstrapping = get("bootstrapping key", certificate.bootstrapping_key)?;
        let evaluation = EvaluationKeys::from_parts(&keyswitching, &bootstrapping, config.scheme());
        let squashing = match &certificate.sharing {
            None => None,
            Some(sharing) => {
                let bytes = get("squashing key", sharing.squashing_key)?;
                Some(SquashingKey::from_bytes(&bytes, set, config.scheme().transform).map_err(unusable)?)
            }
        };
        Ok(Self { evaluation: evaluation.map_err(unusable)?, squashing })
    }

    /// Tallies a sum and squashes what comes out, a few instances at a time: no more than those are in memory.
    ///
    /// # Errors
    /// Refuses what [`fhe::tally_chunks`] and [`fhe::squash`] refuse, and stops when cancelled.
    pub fn tally(
        &self,
        input: &TallyInput,
        cancel: &AtomicBool,
        sink: &mut dyn TallySink,
    ) -> Result<Computed, TallyError> {
        let TallyInput { resolution, sum, instances } = input;
        let (keys, outcomes) = (&self.evaluation, input.outcomes()?);
        let mut record = self.squashing.as_ref().map(|_| SquashedRecord::new(outcomes));
        let mut digester = Digester::default();
        let mut put = |bytes: &[u8], sink: &mut dyn TallySink| {
            digester.update(bytes);
            sink.labels(bytes);
        };
        put(&LabelCiphertexts::header(keys.parameter_set(), outcomes), sink);
        let mut done = 0;
        fhe::tally_chunks(keys, resolution, sum, instances, cancel, |chunk| {
            put(&chunk.word_bytes(), sink);
            done += chunk.layout().instances();
            sink.progress(done);
            let Some((squashing, record)) = self.squashing.as_ref().zip(record.as_mut()) else {
                return Ok(());
            };
            fhe::squash(keys, squashing, chunk, cancel, |_, digits| {
                for digit in &digits {
                    record.push(digit.record());
                    sink.squashed(digit);
                }
                done += 1;
                sink.progress(done);
            })
        })?;
        Ok(Computed { ciphertexts: digester.digest(), squashed: record })
    }

    /// Returns how many steps [`TallyKeys::tally`] reports in all for a round of so many instances.
    pub const fn steps(&self, instances: usize) -> usize {
        if self.squashing.is_some() { 2 * instances } else { instances }
    }

    /// Tallies a sum again and holds the result to the record, bit for bit.
    pub fn recompute(
        &self,
        recorded: Recorded,
        input: &TallyInput,
        cancel: &AtomicBool,
        sink: &mut dyn TallySink,
    ) -> Result<Computed, RecomputeError> {
        let fault = |what: String| Check::Tally.fault(recorded.height, what);
        let computed = self.tally(input, cancel, sink).map_err(|e| match e {
            TallyError::Cancelled { .. } => RecomputeError::Cancelled,
            other => RecomputeError::Fault(fault(other.to_string())),
        })?;
        computed.check(recorded)?;
        Ok(computed)
    }
}
