//! tfhe's high-level integers: a tournament of ten `FheUint16`, which carries the index along.

use tfhe::prelude::{FheDecrypt as _, FheEncrypt as _, FheOrd as _, IfThenElse as _};
use tfhe::{ClientKey, ConfigBuilder, FheUint8, FheUint16, generate_keys, set_server_key};

use crate::measure::cpu;

/// Counts in which class 6 wins.
const COUNTS: [u16; 10] = [12, 30, 3, 41, 17, 9, 77, 20, 5, 36];

pub struct Peer {
    client: ClientKey,
}

impl Peer {
    /// Makes keys of tfhe's default parameters (128 bits).
    pub fn new() -> Self {
        let (client, server) = generate_keys(ConfigBuilder::default().build());
        set_server_key(server);
        Self { client }
    }

    /// Returns the milliseconds of one argmax.
    pub fn argmax(&self) -> Result<f64, String> {
        let mut players: Vec<(FheUint16, FheUint8)> = COUNTS
            .iter()
            .zip(0_u8..)
            .map(|(count, class)| {
                (FheUint16::encrypt(*count, &self.client), FheUint8::encrypt(class, &self.client))
            })
            .collect();
        let start = players.clone();
        let mut winner = 255_u8;
        let time = cpu(|| {
            players.clone_from(&start);
            while players.len() > 1 {
                let meet = |pair: &[(FheUint16, FheUint8)]| match pair {
                    [left, right] => {
                        let wins = left.0.gt(&right.0);
                        (wins.if_then_else(&left.0, &right.0), wins.if_then_else(&left.1, &right.1))
                    }
                    rest => rest[0].clone(),
                };
                players = players.chunks(2).map(meet).collect();
            }
            winner = players[0].1.decrypt(&self.client);
        });
        if winner != 6 {
            return Err(format!("tfhe's tournament names class {winner}, not 6"));
        }
        Ok(time.as_secs_f64() * 1e3)
    }
}
