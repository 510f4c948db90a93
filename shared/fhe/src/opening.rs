//! Opening: what the sole trustee does with its secret keys.

use tfhe::core_crypto::prelude::{LweCiphertext, decrypt_lwe_ciphertext};

use super::expand;
use super::keys::SecretKeys;
use super::labels::{DIGIT_LOG, LabelCiphertexts, label};
use super::parameters::modulus;
use super::sum::RunningSum;

/// Why label ciphertexts cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The labels are encrypted with other parameters than the keys.
    #[error("the labels are encrypted with the parameters `{labels}`, the secret keys are for `{keys}`")]
    Parameters {
        /// The name of the labels' set.
        labels: &'static str,
        /// The name of the keys' set.
        keys: &'static str,
    },
    /// A digit that no tally puts out.
    #[error(
        "instance {instance}: digit {digit} decrypts to {value}, beyond 0..=15; \
         the label was not tallied with the keys of this federation"
    )]
    Digit {
        /// The instance, from 0.
        instance: usize,
        /// The digit's place, 0 for the low one.
        digit: usize,
        /// What it decrypts to, 16..=31.
        value: u64,
    },
    /// A label that no class has.
    #[error(
        "instance {instance}: the label decrypts to {label}, but there are {classes} classes; \
         the label was not tallied with the keys of this federation"
    )]
    Label {
        /// The instance, from 0.
        instance: usize,
        /// What it decrypts to.
        label: u64,
        /// The number of classes.
        classes: usize,
    },
}

impl SecretKeys {
    /// Decrypts the labels of a round: per instance a class index in 0..C, or `None` for an abstention; of a test
    /// `Some(0)` where it passes and `None` where it does not.
    ///
    /// # Errors
    /// Refuses labels under other parameters, and names the first instance whose digits no tally puts out.
    pub fn open(&self, labels: &LabelCiphertexts) -> Result<Vec<Option<u16>>, OpenError> {
        if labels.parameter_set() != self.parameter_set() {
            return Err(OpenError::Parameters {
                labels: labels.parameter_set().name(),
                keys: self.parameter_set().name(),
            });
        }
        let classes = labels.layout().classes();
        labels
            .instances()
            .enumerate()
            .map(|(instance, digits)| class(digits.map(|words| self.digit(words)), instance, classes))
            .collect()
    }

    /// Rounds a decrypted digit to the nearest of the 32 that a turn of the torus holds.
    fn digit(&self, words: &[u64]) -> u64 {
        let half = 1 << (DIGIT_LOG - 1);
        self.phase(words).wrapping_add(half) >> DIGIT_LOG
    }

    /// Returns the plaintext of a ciphertext under the large key, noise included.
    pub(crate) fn phase(&self, words: &[u64]) -> u64 {
        decrypt_lwe_ciphertext(&self.large(), &LweCiphertext::from_container(words, modulus())).0
    }

    /// Decrypts the summed counts themselves, one per slot, for audits and end-to-end tests.
    ///
    /// `scale` is that of the round's [`super::Resolution`]. A trustee of a real federation never calls this:
    /// it never gets a ballot or a sum.
    #[must_use]
    pub fn decrypt_counts(&self, sum: &RunningSum, scale: u64) -> Vec<i64> {
        (0..sum.layout().slots())
            .map(|slot| {
                let phase = self.phase(expand::slot(sum, slot).as_ref()).cast_signed();
                let half = (scale / 2).cast_signed() * phase.signum();
                phase.saturating_add(half) / scale.max(1).cast_signed()
            })
            .collect()
    }
}

/// Puts the rounded digits of a label together, the low one first.
fn class(
    digits: impl Iterator<Item = u64>,
    instance: usize,
    classes: usize,
) -> Result<Option<u16>, OpenError> {
    let digits = digits
        .enumerate()
        .map(|(digit, value)| match value {
            0..=15 => Ok(value),
            _ => Err(OpenError::Digit { instance, digit, value }),
        })
        .collect::<Result<Vec<u64>, _>>()?;
    let label = label(&digits);
    if label > classes as u64 {
        return Err(OpenError::Label { instance, label, classes });
    }
    // classes are at most 100
    Ok(label.checked_sub(1).map(|class| class as u16))
}
