//! The shape of SPEED's published circuit: all 45 pairs of ten classes compared and ten verdicts, 55 bootstraps with
//! n = N = 1024 and six levels of base 2^6 (Grivet Sébert et al. 2021). Keyswitches are left out, in its favour.

use tfhe::core_crypto::prelude::*;

use crate::measure::cpu;

const CLASSES: usize = 10;
const COUNTS: [i64; CLASSES] = [12, 30, 3, 41, 17, 9, 77, 20, 5, 36];
/// One vote: differences of 128 votes stay within half a turn.
const VOTE: u64 = 1 << 55;

pub struct Peer {
    key: LweSecretKeyOwned<u64>,
    output: LweSecretKeyOwned<u64>,
    bootstrap: FourierLweBootstrapKeyOwned,
    noise: DynamicDistribution<u64>,
}

const fn modulus() -> CiphertextModulus<u64> {
    CiphertextModulus::new_native()
}

impl Peer {
    /// Makes keys of this shape.
    pub fn new() -> Self {
        let mut seeder = new_seeder();
        let seeder = seeder.as_mut();
        let mut secret = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
        let mut random = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed(), seeder);
        let (dimension, size) = (LweDimension(1024), PolynomialSize(1024));
        let key = allocate_and_generate_new_binary_lwe_secret_key(dimension, &mut secret);
        let glwe = allocate_and_generate_new_binary_glwe_secret_key(GlweDimension(1), size, &mut secret);
        let noise = DynamicDistribution::new_gaussian_from_std_dev(StandardDev(2.0_f64.powi(-25)));
        let standard = par_allocate_and_generate_new_lwe_bootstrap_key(
            &key,
            &glwe,
            DecompositionBaseLog(6),
            DecompositionLevelCount(6),
            noise,
            modulus(),
            &mut random,
        );
        let mut bootstrap = FourierLweBootstrapKey::new(
            standard.input_lwe_dimension(),
            standard.glwe_size(),
            standard.polynomial_size(),
            standard.decomposition_base_log(),
            standard.decomposition_level_count(),
        );
        par_convert_standard_lwe_bootstrap_key_to_fourier(&standard, &mut bootstrap);
        Self { key, output: glwe.into_lwe_secret_key(), bootstrap, noise }
    }

    fn encrypt(&self, plaintext: u64) -> LweCiphertextOwned<u64> {
        let mut seeder = new_seeder();
        let seeder = seeder.as_mut();
        let mut random = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed(), seeder);
        allocate_and_encrypt_new_lwe_ciphertext(&self.key, Plaintext(plaintext), self.noise, modulus(), &mut random)
    }

    /// The sign of a phase, ± an eighth of a turn.
    fn sign(&self, input: &LweCiphertextOwned<u64>) -> LweCiphertextOwned<u64> {
        let table = PlaintextList::new(1 << 61, PlaintextCount(1024));
        let table = allocate_and_trivially_encrypt_new_glwe_ciphertext(GlweSize(2), &table, modulus());
        let mut output = LweCiphertext::new(0, self.output.lwe_dimension().to_lwe_size(), modulus());
        programmable_bootstrap_lwe_ciphertext(input, &mut output, &table, &self.bootstrap);
        output
    }

    /// Returns the milliseconds of one argmax.
    pub fn argmax(&self) -> Result<f64, String> {
        let counts: Vec<_> =
            COUNTS.iter().map(|count| self.encrypt(count.cast_unsigned().wrapping_mul(VOTE))).collect();
        let mut wins = [0_i32; CLASSES];
        let time = cpu(|| {
            wins = [0; CLASSES];
            for first in 0..CLASSES {
                for second in first + 1..CLASSES {
                    let mut difference = counts[first].clone();
                    lwe_ciphertext_sub_assign(&mut difference, &counts[second]);
                    let sign = self.sign(&difference);
                    let phase = decrypt_lwe_ciphertext(&self.output, &sign).0.cast_signed();
                    wins[if phase > 0 { first } else { second }] += 1;
                }
            }
            // the verdicts: as many bootstraps, on inputs of the same kind
            counts.iter().for_each(|count| drop(self.sign(count)));
        });
        if wins[6] != 9 {
            return Err(format!("of SPEED's shape class 6 wins {} of 9 pairs", wins[6]));
        }
        Ok(time.as_secs_f64() * 1e3)
    }
}
