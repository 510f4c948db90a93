//! The class a network gives to each instance.

use super::network::Network;

/// Why a prediction is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {}

/// The class of each instance of `values` (instance after instance); a tie goes to the lowest class.
///
/// # Errors
/// Values that do not make whole instances of the network's schema.
pub fn predict(network: &Network, values: &[f32]) -> Result<Vec<u16>, PredictError> {
    let _ = (network, values);
    todo!()
}
