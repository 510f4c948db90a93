//! Trustees with homes of their own, the boards between them, and a coordinator's transcript.

use std::{sync::Arc, time::Duration};

use base::{clock::Millis, ids::Digest};
use protocol::{federation::SharedKeys, wire::BoardId};
use runtime::Pool;
use tally::{ceremony::observe, sharing::Sharing};
use tokio::task::JoinSet;

use super::{Board, Federation, Fixed, Line, Messages, number};
use crate::{
    approval::Pin,
    home::Home,
    trustee::{
        agreement::{Seat, TrusteePin},
        artefacts::Wanted,
        ceremony::{Holder, hold},
        session::{
            SessionError, Tallier,
            subject::{self, Fetch, Subject, names},
        },
    },
};
use client::TransferError;

/// A board on which all trustees approved each other, and their homes.
pub(crate) struct Trustees {
    pub(crate) board: Board,
    pub(crate) messages: Arc<Messages>,
    pub(crate) homes: Vec<Home>,
    pub(crate) pool: Pool,
    _folder: tempfile::TempDir,
}

impl Trustees {
    /// Approves the trustees everywhere; the federation's config ends with `more`.
    pub(crate) fn approved(sharing: Sharing, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let federation = Federation::shared(sharing.trustees(), sharing.corrupt(), more);
        let mut board = Board::founded(federation);
        board.approve_trustees();
        let home = |trustee: u8| {
            let home = Home::at(folder.path().join(trustee.to_string()));
            home.make_folders().unwrap();
            home
        };
        let homes: Vec<Home> = (1..=sharing.trustees()).map(home).collect();
        let messages = Messages::new(sharing, board.replay().trustees().identities());
        let story = Self { board, messages, homes, pool: Pool::start(2).unwrap(), _folder: folder };
        for (home, id) in story.homes.iter().zip(1..) {
            TrusteePin::store(home, &story.seat(id), Millis(5)).unwrap();
        }
        story
    }

    pub(crate) fn seat(&self, id: u32) -> Seat {
        let identity = self.board.federation.identity(id).public();
        Seat::find(&self.board.replay(), number(id), identity).unwrap()
    }

    pub(crate) fn ceremony(&self) -> Digest {
        self.board.replay().current_ceremony().unwrap()
    }

    pub(crate) fn holder(&self, id: u32) -> Holder {
        let seat = self.seat(id);
        Holder {
            home: self.homes[seat.place.index()].clone(),
            identity: self.board.federation.identities[seat.place.index()].clone(),
            seat,
            ceremony: self.ceremony(),
            names: names(&self.board.replay()),
            pool: self.pool.clone(),
            standing: Arc::default(),
        }
    }

    pub(crate) fn line(&self, id: u32, posts: usize) -> Line {
        self.messages.line(self.seat(id).place, posts)
    }

    pub(crate) fn certified(&self) -> Option<(SharedKeys, Vec<Vec<u8>>)> {
        let (trustees, ceremony) = (self.board.replay().trustees(), self.ceremony());
        let messages = self.messages.all(BoardId::Ceremony(ceremony));
        let sharing = self.seat(1).sharing;
        let seen = observe((&trustees.federation, &ceremony), sharing, &trustees.identities(), &messages);
        let (certificate, signatures, shares) = seen.certified?;
        Some((SharedKeys { certificate, signatures }, shares))
    }

    /// Lets trustee 1 crash again and again, each time after one more message, while the others run.
    pub(crate) async fn make_key_with_crashes(&self, crashing: u32) {
        let mut others = JoinSet::new();
        for id in (1..=self.homes.len() as u32).filter(|id| *id != crashing) {
            let (holder, line) = (self.holder(id), self.line(id, usize::MAX));
            others.spawn(async move { hold(&line, &holder).await });
        }
        // Each says four things, and only the last two again once it has roots.
        for posts in [0, 1, 2, 1, 2] {
            let (holder, line) = (self.holder(crashing), self.line(crashing, posts));
            tokio::select! {
                held = hold(&line, &holder) => unreachable!("a trustee gave up: {held:?}"),
                () = line.breaks() => {}
                () = self.certifies(&holder.home) => {}
            }
        }
        // The last line does not break: it runs until the others have the certificate too.
        while self.homes.iter().any(|home| !self.is_certified(home)) {
            let (holder, line) = (self.holder(crashing), self.line(crashing, usize::MAX));
            drop(tokio::time::timeout(Duration::from_millis(100), hold(&line, &holder)).await);
        }
    }

    /// Lets the trustees make a key, publishes it, and goes on to a keyed federation.
    pub(crate) async fn keyed(sharing: Sharing, more: &str) -> Self {
        let mut story = Self::approved(sharing, more);
        story.make_key().await;
        let (keys, shares) = story.certified().unwrap();
        story.board.share_keys(keys, shares);
        story.board.pretend_keyed();
        story.settle();
        story
    }

    /// Lets the trustees make a key without any trouble.
    pub(crate) async fn make_key(&self) {
        let mut all = JoinSet::new();
        for id in 1..=self.homes.len() as u32 {
            let (holder, line) = (self.holder(id), self.line(id, usize::MAX));
            all.spawn(async move { hold(&line, &holder).await });
        }
        for home in &self.homes {
            self.certifies(home).await;
        }
    }

    /// Waits until a home has seen the certificate.
    async fn certifies(&self, home: &Home) {
        while !self.is_certified(home) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn is_certified(&self, home: &Home) -> bool {
        home.ceremony(self.ceremony()).join("certificate.json").exists()
    }

    /// Lets everybody approve the roster, have every artefact, and know its own ballots.
    pub(crate) fn settle(&self) {
        let replay = self.board.replay();
        for (home, id) in self.homes.iter().zip(1..) {
            Pin::store(home, &self.board.federation.roster, Millis(9)).unwrap();
            self.board.fill_cache(home);
            for record in replay.rounds() {
                let own = record.ballots.iter().flatten().find(|ballot| ballot.participant == number(id));
                let Some(own) = own else { continue };
                let folder = home.round(record.announcement.round);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join("ballot.bin"), &self.board.blobs[&own.digest]).unwrap();
            }
        }
    }

    /// What a trustee brings to its tallies.
    pub(crate) fn tallier(&self, id: u32) -> Tallier {
        let place = self.seat(id).place.index();
        Tallier {
            home: self.homes[place].clone(),
            identity: self.board.federation.identities[place].clone(),
            clock: Arc::new(Fixed(Millis(30))),
            pool: self.pool.clone(),
            standing: Arc::default(),
        }
    }

    /// Prepares a trustee for what a board asks.
    pub(crate) async fn prepare(&self, id: u32, board: BoardId) -> Result<Subject, SessionError> {
        let replay = Arc::new(self.board.replay());
        subject::prepare(&Filled, &self.tallier(id), number(id), &replay, board).await
    }
}

/// A cache in which everything is.
pub(crate) struct Filled;

impl Fetch for Filled {
    async fn fetch(&self, _: &[Wanted]) -> Result<(), TransferError> {
        Ok(())
    }
}
