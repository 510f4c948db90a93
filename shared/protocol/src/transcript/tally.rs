//! The homomorphic tally with its keys, chunk by chunk: what a sole trustee's coordinator computes.

use std::sync::atomic::AtomicBool;

use super::{Blobs, Check, RecomputeError, fetch};
use crate::federation::{FederationConfig, KeyCertificate};
use base::ids::{Digest, Digester};
use fhe::{self, EvaluationKeys, LabelCiphertexts, Layout, Resolution, RunningSum, TallyError};

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
    fn labels(&mut self, bytes: &[u8]);

    /// Hears how many labels are done.
    fn progress(&mut self, done: usize);
}

/// The keys with which the coordinator tallies.
#[derive(Debug)]
pub struct TallyKeys(EvaluationKeys);

impl TallyKeys {
    /// Loads the certified keys: 105 to 131 MB.
    pub fn load(
        certificate: &KeyCertificate,
        config: &FederationConfig,
        blobs: &dyn Blobs,
    ) -> Result<Self, RecomputeError> {
        let get = |what, digest| fetch(blobs, Check::Keys, what, digest);
        let unusable = |e: fhe::KeyError| Check::Keys.fault(0, e);
        let keyswitching = get("keyswitching key", certificate.keyswitching_key)?;
        let bootstrapping = get("bootstrapping key", certificate.bootstrapping_key)?;
        let evaluation = EvaluationKeys::from_parts(&keyswitching, &bootstrapping, config.scheme());
        Ok(Self(evaluation.map_err(unusable)?))
    }

    /// Tallies a sum, a few instances at a time: no more than those are in memory. Returns the digest of the label
    /// ciphertexts' frame.
    ///
    /// # Errors
    /// Refuses what [`fhe::tally_chunks`] refuses, and stops when cancelled.
    pub fn tally(
        &self,
        input: &TallyInput,
        cancel: &AtomicBool,
        sink: &mut dyn TallySink,
    ) -> Result<Digest, TallyError> {
        let TallyInput { resolution, sum, instances } = input;
        let (keys, outcomes) = (&self.0, input.outcomes()?);
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
            Ok(())
        })?;
        Ok(digester.digest())
    }
}
