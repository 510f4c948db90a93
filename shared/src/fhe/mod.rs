//! Homomorphic encryption: ballots, their sum and the argmax; the only door to tfhe.
