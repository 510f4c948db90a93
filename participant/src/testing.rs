//! A small federation for the tests of this crate: five participants, of which the first are the trustees.

pub(crate) mod board;
pub(crate) mod messages;
pub(crate) mod trustees;

pub(crate) use board::Board;
pub(crate) use messages::{Line, Messages};
pub(crate) use trustees::Trustees;

use base::{
    clock::{Clock, Millis},
    ids::{Digest, RoundId},
};
use fhe::ParameterSet;
use protocol::{
    federation::KeyCertificate,
    round::{Announcement, RoundRequest},
    testing,
};

use crate::approval::Membership;

/// A clock that stands still.
pub(crate) struct Fixed(pub(crate) Millis);

impl Clock for Fixed {
    fn now(&self) -> Millis {
        self.0
    }
}

const CONFIG: &str = r#"
    name = "five hospitals"
    classes = ["normal", "early", "late"]
    insecure_toy_parameters = true
    [instances]
    kind = "table"
    shape = [2]
    [noise]
    sigma = 16
    coordinator_sigma = 8
    honest_fraction = 0.7
    [privacy]
    delta = 1e-5
    "#;

/// A federation of five participants with twenty teachers each.
pub(crate) struct Federation(testing::Federation);

pub(crate) use testing::participant as number;

pub(crate) fn round(byte: u8) -> RoundId {
    RoundId::from_bytes([byte; 16])
}

impl std::ops::Deref for Federation {
    type Target = testing::Federation;

    fn deref(&self) -> &testing::Federation {
        &self.0
    }
}

impl std::ops::DerefMut for Federation {
    fn deref_mut(&mut self) -> &mut testing::Federation {
        &mut self.0
    }
}

impl Federation {
    pub(crate) fn new() -> Self {
        Self::with_config(|text| text)
    }

    /// Builds a federation whose key is shared by three trustees of whom one may be corrupt; four ballots are enough.
    pub(crate) fn of_three_trustees() -> Self {
        Self::shared(3, 1, "")
    }

    /// Builds a federation with so many trustees, of whom so many may be corrupt; the config ends with `more`.
    pub(crate) fn shared(count: u8, threshold: u8, more: &str) -> Self {
        let trustees = format!("[trustees]\ncount = {count}\nthreshold = {threshold}\n{more}");
        Self::with_config(|text| {
            let text = text.replace("insecure_toy_parameters = true", "");
            text.replace("[instances]", "quorum = 4\n[instances]") + &trustees
        })
    }

    /// Builds the federation from an edited config.
    pub(crate) fn with_config(edit: impl FnOnce(String) -> String) -> Self {
        Self(testing::Federation::of(&edit(CONFIG.to_owned()), 5, 20))
    }

    pub(crate) fn membership(&self, id: u32) -> Membership {
        let member = self.roster.member(number(id)).unwrap();
        Membership {
            participant: member.id,
            name: member.name.clone(),
            trustee: member.trustee,
            teachers: member.teachers,
            founding: self.founding.clone(),
        }
    }

    /// Returns a certificate of a sole trustee's keys that nobody made.
    pub(crate) fn certificate(&self) -> KeyCertificate {
        KeyCertificate {
            federation: self.founding.digest(),
            parameters: ParameterSet::InsecureToy,
            public_key: Digest::of(b"public"),
            keyswitching_key: Digest::of(b"keyswitching"),
            bootstrapping_key: Digest::of(b"bootstrapping"),
            trustee: number(1),
        }
    }

    /// Announces a round of four instances under this roster and these keys.
    pub(crate) fn announce(&self, round: RoundId) -> Announcement {
        self.announce_with(round, self.certificate().digest())
    }

    /// Announces the same under other keys.
    pub(crate) fn announce_with(&self, round: RoundId, keys: Digest) -> Announcement {
        self.announce_as(&RoundRequest {
            round,
            keys,
            opens_at: Millis(10),
            closes_at: Millis(20),
            ..testing::request(0, 4)
        })
    }
}
