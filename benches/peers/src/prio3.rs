//! Prio3Histogram for the aggregation alone: two servers of which one is honest; both together see the counts.

use prio::codec::Encode as _;
use prio::vdaf::prio3::Prio3Histogram;
use prio::vdaf::{Aggregator as _, Client as _, Collector as _, VdafError, VerifyTransition};

use crate::measure::cpu;

const CLASSES: usize = 10;
const CONTEXT: &[u8] = b"psephos peers";

pub struct Peer {
    scheme: Prio3Histogram,
}

/// What one vote on one instance costs, in milliseconds and bytes.
pub struct Costs {
    /// The voter's share.
    pub shard: f64,
    /// Both servers' share.
    pub verify: f64,
    /// On the wire, to both servers.
    pub bytes: usize,
}

impl Peer {
    /// Prepares the scheme with two aggregators.
    pub fn new() -> Result<Self, VdafError> {
        Ok(Self { scheme: Prio3Histogram::new_histogram(2, CLASSES, 4)? })
    }

    /// Measures one vote: sharding, and verification by both servers.
    pub fn aggregate(&self) -> Result<Costs, VdafError> {
        let (nonce, key) = ([7; 16], [9; 32]);
        let shard = cpu(|| {
            for _ in 0..100 {
                drop(self.scheme.shard(CONTEXT, &6, &nonce));
            }
        });
        let (public, inputs) = self.scheme.shard(CONTEXT, &6, &nonce)?;
        let once = || -> Result<Vec<_>, VdafError> {
            let mut states = Vec::new();
            let mut shares = Vec::new();
            for (number, input) in inputs.iter().enumerate() {
                let (state, share) = self.scheme.verify_init(&key, CONTEXT, number, &(), &nonce, &public, input)?;
                states.push(state);
                shares.push(share);
            }
            let message = self.scheme.verifier_shares_to_message(CONTEXT, &(), shares)?;
            let mut outputs = Vec::new();
            for state in states {
                match self.scheme.verify_next(CONTEXT, state, message.clone())? {
                    VerifyTransition::Finish(output) => outputs.push(self.scheme.aggregate(&(), [output])?),
                    VerifyTransition::Continue(..) => {
                        return Err(VdafError::Uncategorized("one round was expected".to_owned()));
                    }
                }
            }
            Ok(outputs)
        };
        let verify = cpu(|| {
            for _ in 0..100 {
                drop(once());
            }
        });
        let counts = self.scheme.unshard(&(), once()?, 1)?;
        if counts.get(6) != Some(&1) {
            return Err(VdafError::Uncategorized(format!("the histogram is {counts:?}")));
        }
        let bytes = public.encoded_len().unwrap_or_default()
            + inputs.iter().map(|input| input.encoded_len().unwrap_or_default()).sum::<usize>();
        let [shard, verify] = [shard / 100, verify / 100].map(|time| time.as_secs_f64() * 1e3);
        Ok(Costs { shard, verify, bytes })
    }
}
