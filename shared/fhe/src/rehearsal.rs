//! A rehearsal: throw-away keys, a few votes and two tallies, which must give the right labels with the same bits.

use std::sync::atomic::AtomicBool;

use super::{
    ArgmaxKind, BallotBody, EncryptionKey, EvaluationKeys, Layout, ParameterSet, Resolution, RunningSum,
    Scheme, SecretKeys, Transform, encrypt, pin_fft_plan, tally,
};

/// Tallies votes with a known outcome twice under throw-away toy keys; says what differs, if anything does.
///
/// Every key, plan and instruction that a real tally takes is used; it takes a second or two.
pub fn rehearse(transform: Transform) -> Result<(), String> {
    const VOTES: [[i64; 3]; 3] = [[90, 0, 0], [0, 90, 0], [0, 0, 90]];
    let words = |error: &dyn std::fmt::Display| error.to_string();
    pin_fft_plan();
    let set = ParameterSet::InsecureToy;
    let scheme = Scheme::new(set, transform);
    let secret = SecretKeys::generate(set).map_err(|e| words(&e))?;
    let public = secret.public_material(scheme.unrolling).map_err(|e| words(&e))?;
    let key = EncryptionKey::from_bytes(&public.public_key, set).map_err(|e| words(&e))?;
    let parts = (&public.keyswitching_key, &public.bootstrapping_key);
    let evaluation = EvaluationKeys::from_parts(parts.0, parts.1, scheme).map_err(|e| words(&e))?;
    let layout = Layout::new(VOTES.len(), VOTES.len()).map_err(|e| words(&e))?;
    let resolution = Resolution::new(layout, ArgmaxKind::Tournament, 100, 0.0).map_err(|e| words(&e))?;
    let ballot = encrypt(&key, &resolution.encoding(), &VOTES.concat()).map_err(|e| words(&e))?;
    let mut sum = RunningSum::new(layout);
    sum.add(&BallotBody::parse(&ballot, layout).map_err(|e| words(&e))?).map_err(|e| words(&e))?;
    let run = || tally(&evaluation, &resolution, &sum, &AtomicBool::new(false), |_| ());
    let (once, again) = (run().map_err(|e| words(&e))?, run().map_err(|e| words(&e))?);
    if once != again {
        return Err("two tallies of the same ballots gave different bits".to_owned());
    }
    let labels = secret.open(&once).map_err(|e| words(&e))?;
    let expected = [Some(0), Some(1), Some(2)];
    if labels != expected {
        return Err(format!("the labels are {labels:?}, expected {expected:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_machine_rehearses_both_forms() {
        assert_eq!(rehearse(Transform::Fused), Ok(()));
        assert_eq!(rehearse(Transform::FusedPairs), Ok(()));
    }
}
