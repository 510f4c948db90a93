//! A Paillier sum, as federated frameworks aggregate: one ciphertext per count, modulus of 3072 bits (128-bit security), in
//! plain Rust big integers. Frameworks that link GMP are some times faster. Whoever holds the key sees the counts.

use num_bigint_dig::prime::probably_prime;
use num_bigint_dig::{BigUint, ModInverse as _, RandBigInt as _, RandPrime as _};

use crate::measure::cpu;

const BITS: usize = 3072;

pub struct Peer {
    modulus: BigUint,
    square: BigUint,
    lambda: BigUint,
    mu: BigUint,
}

/// What one count costs, in milliseconds and bytes.
pub struct Costs {
    /// To encrypt.
    pub encrypt: f64,
    /// To add to a sum.
    pub add: f64,
    /// On the wire.
    pub bytes: usize,
}

impl Peer {
    /// Makes a key.
    pub fn new() -> Self {
        let mut random = rand::rng();
        let (p, q) = loop {
            let (p, q): (BigUint, BigUint) = (random.gen_prime(BITS / 2), random.gen_prime(BITS / 2));
            if p != q && probably_prime(&p, 20) && probably_prime(&q, 20) {
                break (p, q);
            }
        };
        let modulus = &p * &q;
        let lambda = (&p - 1_u32) * (&q - 1_u32);
        let inverse = (&lambda % &modulus).mod_inverse(&modulus).and_then(|inverse| inverse.to_biguint());
        Self { square: &modulus * &modulus, lambda, mu: inverse.unwrap_or_default(), modulus }
    }

    fn encrypt(&self, count: u32) -> BigUint {
        let random = rand::rng().gen_biguint_below(&self.modulus);
        let message = BigUint::from(1_u32) + BigUint::from(count) * &self.modulus;
        message * random.modpow(&self.modulus, &self.square) % &self.square
    }

    fn decrypt(&self, ciphertext: &BigUint) -> BigUint {
        let power = ciphertext.modpow(&self.lambda, &self.square);
        (power - 1_u32) / &self.modulus * &self.mu % &self.modulus
    }

    /// Measures one encryption and one addition.
    pub fn sum(&self) -> Result<Costs, String> {
        let encrypt = cpu(|| drop(self.encrypt(1)));
        let (one, mut sum, mut added) = (self.encrypt(3), self.encrypt(0), 0_u32);
        let add = cpu(|| {
            for _ in 0..1000 {
                sum = &sum * &one % &self.square;
            }
            added += 1000;
        });
        if self.decrypt(&sum) != BigUint::from(3 * added) {
            return Err("the Paillier sum is not the sum".to_owned());
        }
        let [encrypt, add] = [encrypt, add / 1000].map(|time| time.as_secs_f64() * 1e3);
        Ok(Costs { encrypt, add, bytes: 2 * BITS / 8 })
    }
}
