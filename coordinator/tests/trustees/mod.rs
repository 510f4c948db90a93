//! Several scripted trustees: each drives the engine with what it fetches from the boards, over HTTP.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use base::{
    Step,
    ids::{BallotId, RoundId, canonical},
    problem::{Code, Problem},
};
use borsh::BorshDeserialize as _;
use coordinator::{config::FileSettings, storage::Blobs};
use protocol::{
    ballot::{StepCounts, cast},
    federation::{FederationState, Roster, TrusteeApproval},
    transcript::{Replay, Task, shared_sum, sum_of_round},
    wire::{Beat, BoardId, BoardPage, FederationView, RoundView, ToTally, Work},
};
use reqwest::Method;
use tally::{
    ceremony::{self, Ceremony, CeremonyRefusal, Keyed, SecretBytes, Secrets, Setup},
    session::{Output, Party, Record, Refusal, Session},
    sharing::{Sharing, Trustee},
    sum::Sum,
};

use crate::service::{Answer, Member, Service, enrol, granted, instances};

/// The tests' config for several trustees.
pub(crate) fn config((count, threshold): (u8, u8)) -> String {
    let plain = crate::service::CONFIG.replace("insecure_toy_parameters = true\n", "");
    format!("{plain}\n[trustees]\ncount = {count}\nthreshold = {threshold}\n")
}

/// A service with several trustees, who are its first members, and one participant more.
pub(crate) struct Shared {
    pub(crate) service: Service,
    pub(crate) members: Vec<Member>,
    pub(crate) sharing: Sharing,
    /// What each trustee came out of the ceremony with.
    pub(crate) keyed: Vec<Keyed>,
}

impl Shared {
    /// Founds a federation whose trustees have approved each other.
    pub(crate) async fn agreed(policy: (u8, u8), settings: FileSettings) -> Result<Self> {
        Self::agreed_with(policy, settings, "").await
    }

    /// The same, with more at the end of the federation's config.
    async fn agreed_with(policy: (u8, u8), settings: FileSettings, more: &str) -> Result<Self> {
        let service = Service::start_with(settings).await?;
        granted(service.found_with(&format!("{}{more}", config(policy))).await?)?;
        let sharing = Sharing::new(policy.0, policy.1)?;
        let trustees = u32::from(policy.0);
        let members = enrol(&service, trustees + 1, trustees).await?;
        let digest = service.replay().await?.trustees().digest();
        for member in &members[..usize::from(policy.0)] {
            let approval = TrusteeApproval {
                federation: member.founding.digest(),
                trustees: digest,
                participant: member.id,
            };
            let path = format!("/trustees/{}/approval", member.id);
            granted(service.put::<()>(&path, &member.token, &member.identity.sign(&approval)).await?)?;
        }
        Ok(Self { service, members, sharing, keyed: Vec::new() })
    }

    /// Keys a federation: ceremony and known answer.
    pub(crate) async fn keyed(policy: (u8, u8), settings: FileSettings) -> Result<Self> {
        Self::keyed_with(policy, settings, "").await
    }

    /// The same, with more at the end of the federation's config.
    pub(crate) async fn keyed_with(policy: (u8, u8), settings: FileSettings, more: &str) -> Result<Self> {
        let mut shared = Self::agreed_with(policy, settings, more).await?;
        let mut ceremonies = shared.begin_ceremony().await?;
        while !shared.hear_ceremony(&mut ceremonies).await? {}
        shared.keyed = made(ceremonies)?;
        shared.wait_for_key().await?;
        shared.tally(BoardId::KnownAnswer).await?;
        shared.wait_until_keyed().await?;
        Ok(shared)
    }

    /// Waits until the coordinator has recorded the key that the trustees made.
    pub(crate) async fn wait_for_key(&self) -> Result<()> {
        for _ in 0..600 {
            if self.service.replay().await?.ceremony().keys().is_some() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bail!("the key was not recorded within half a minute")
    }

    pub(crate) async fn wait_until_keyed(&self) -> Result<()> {
        for _ in 0..600 {
            let view: FederationView =
                granted(self.service.get("/federation", &self.service.operator).await?)?;
            if view.state == FederationState::Keyed {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bail!("the federation was not keyed within half a minute")
    }

    /// Restarts the coordinator in its folder.
    pub(crate) async fn restart(self, settings: FileSettings) -> Result<Self> {
        Ok(Self { service: self.service.restart_with(settings).await?, ..self })
    }

    /// Returns what waits for a trustee.
    pub(crate) async fn work(&self, trustee: usize) -> Result<Work> {
        granted(self.service.post("/heartbeat", &self.members[trustee].token, &Beat::default()).await?)
    }

    pub(crate) async fn page(
        &self,
        member: usize,
        board: BoardId,
        (attempt, after, wait): (u32, u64, u64),
    ) -> Result<Answer<BoardPage>> {
        let path = format!("/boards/{board}?attempt={attempt}&after={after}&wait={wait}");
        let response = self.service.send(Method::GET, &path, &self.members[member].token, Vec::new()).await?;
        let (is_granted, bytes) = (response.status().is_success(), response.bytes().await?);
        match is_granted {
            true => Ok(Ok(BoardPage::try_from_slice(&bytes)?)),
            false => Ok(Err(serde_json::from_slice::<Problem>(&bytes)?)),
        }
    }

    pub(crate) async fn post(
        &self,
        member: usize,
        board: BoardId,
        attempt: u32,
        message: Vec<u8>,
    ) -> Result<Answer<()>> {
        let path = format!("/boards/{board}?attempt={attempt}");
        self.service.ask(Method::POST, &path, &self.members[member].token, message).await
    }

    fn setup(&self, replay: &Replay, trustee: Trustee) -> Result<Setup> {
        Ok(Setup {
            federation: replay.federation(),
            ceremony: replay.current_ceremony().context("no ceremony is held")?,
            sharing: self.sharing,
            trustees: replay.trustees().identities(),
            trustee,
        })
    }

    /// Begins the ceremony of every trustee and sends the first messages.
    pub(crate) async fn begin_ceremony(&self) -> Result<Vec<InCeremony>> {
        let replay = self.service.replay().await?;
        let mut ceremonies = Vec::new();
        for trustee in self.sharing.everyone().members() {
            let setup = self.setup(&replay, trustee)?;
            let board = BoardId::Ceremony(setup.ceremony);
            let secret = |purpose: u8| Some(SecretBytes::new(vec![trustee.number() + purpose; 32]));
            let secrets = Secrets { box_key: secret(100), contributions: secret(200), roots: None };
            let identity = Arc::clone(&self.members[trustee.index()].identity);
            let (ceremony, outputs) = Ceremony::begin(setup, identity, secrets, [])?;
            let mut one = InCeremony { trustee, board, ceremony, after: 0, early: Vec::new(), keyed: None };
            self.carry_out(&mut one, outputs).await?;
            ceremonies.push(one);
        }
        Ok(ceremonies)
    }

    /// Returns the first message of a trustee's ceremony, which begins with other secrets each time.
    pub(crate) fn first_message(&self, replay: &Replay, member: usize) -> Result<Vec<u8>> {
        let trustee = self.sharing.everyone().members().nth(member).context("no such trustee")?;
        let identity = Arc::clone(&self.members[member].identity);
        let secret = || Some(SecretBytes::new(vec![7; 32]));
        let secrets = Secrets { box_key: secret(), contributions: secret(), roots: None };
        let (_, outputs) = Ceremony::begin(self.setup(replay, trustee)?, identity, secrets, [])?;
        let sent = outputs.into_iter().find_map(|output| match output {
            ceremony::Output::Send(message) => Some(message),
            _ => None,
        });
        sent.context("nothing is said")
    }

    /// Lets every trustee hear what is new; returns whether all have the key.
    pub(crate) async fn hear_ceremony(&self, ceremonies: &mut [InCeremony]) -> Result<bool> {
        for one in ceremonies.iter_mut() {
            let page = match self.page(one.trustee.index(), one.board, (0, one.after, 0)).await? {
                // It ended without a key.
                Err(problem) if problem.code == Code::WrongRoundState => return Ok(true),
                page => granted(page)?,
            };
            one.after = page.next;
            one.early.extend(page.messages);
            for message in std::mem::take(&mut one.early) {
                match one.ceremony.handle(&message) {
                    Ok(outputs) => self.carry_out(one, outputs).await?,
                    Err(CeremonyRefusal::Early) => one.early.push(message),
                    Err(refusal) => bail!("{refusal}"),
                }
            }
        }
        Ok(ceremonies.iter().all(|one| one.keyed.is_some()))
    }

    /// Lets a trustee give its ceremony up.
    pub(crate) async fn give_up(&self, one: &mut InCeremony) -> Result<()> {
        let outputs = one.ceremony.give_up()?;
        self.carry_out(one, outputs).await
    }

    async fn carry_out(&self, one: &mut InCeremony, outputs: Vec<ceremony::Output>) -> Result<()> {
        for output in outputs {
            match output {
                ceremony::Output::Send(message) => {
                    granted(self.post(one.trustee.index(), one.board, 0, message).await?)?;
                }
                ceremony::Output::Keyed(keyed) => one.keyed = Some(*keyed),
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn blobs(&self) -> Blobs {
        Blobs::new(self.service.folder().join("blobs"))
    }

    /// Returns what is asked on a board, and the sum that every trustee adds up for itself.
    pub(crate) async fn task(&self, board: BoardId) -> Result<(Task, Arc<Sum>)> {
        let replay = self.service.replay().await?;
        match board {
            BoardId::KnownAnswer => {
                let (task, known) = replay.known_answer_task(&self.blobs())?;
                Ok((task, Arc::new(known.sum)))
            }
            BoardId::Round(round, step) => {
                let task = replay.task(round, step)?.context("nothing is asked")?;
                let record = replay.round(round).context("no round")?;
                let sum = shared_sum(&sum_of_round(record, step, &self.blobs())?)?;
                ensure!(sum.digest() == task.sum, "the coordinator names another sum");
                Ok((task, Arc::new(sum)))
            }
            BoardId::Ceremony(_) => bail!("a ceremony has no sum"),
        }
    }

    /// Begins a trustee's session in an attempt, and returns its first messages.
    pub(crate) fn begin(
        &self,
        trustee: Trustee,
        (task, sum): (&Task, &Arc<Sum>),
        attempt: u32,
    ) -> Result<(InSession, Vec<Vec<u8>>)> {
        let party = Party {
            keyring: Arc::clone(&self.keyed[trustee.index()].keyring),
            identity: Arc::clone(&self.members[trustee.index()].identity),
            trustees: task.trustees.clone(),
        };
        let blank = Record::new(task.id(), task.step, []);
        let (session, outputs) =
            Session::begin(party, &task.facts(attempt), Arc::clone(&task.plan), Arc::clone(sum), blank)?;
        Ok((InSession { trustee, session, after: 0, early: Vec::new() }, sent(outputs)?))
    }

    /// Begins the sessions of all whose turn an attempt is.
    pub(crate) async fn begin_all(&self, board: BoardId, attempt: u32) -> Result<Vec<InSession>> {
        let (task, sum) = self.task(board).await?;
        let mut sessions = Vec::new();
        for trustee in self.sharing.group(attempt).members() {
            let (session, messages) = self.begin(trustee, (&task, &sum), attempt)?;
            for message in messages {
                granted(self.post(trustee.index(), board, attempt, message).await?)?;
            }
            sessions.push(session);
        }
        Ok(sessions)
    }

    /// Lets every trustee of a session hear what is new; returns whether all have all labels, or the board is over.
    pub(crate) async fn hear(
        &self,
        board: BoardId,
        attempt: u32,
        sessions: &mut [InSession],
    ) -> Result<bool> {
        for one in sessions.iter_mut() {
            let page = match self.page(one.trustee.index(), board, (attempt, one.after, 0)).await? {
                Ok(page) => page,
                Err(problem) if problem.code == Code::WrongRoundState => return Ok(true),
                Err(problem) => bail!(problem),
            };
            ensure!(page.attempt == attempt, "attempt {} is held", page.attempt);
            one.after = page.next;
            one.early.extend(page.messages);
            for message in std::mem::take(&mut one.early) {
                match one.session.handle(&message) {
                    Ok(outputs) => {
                        for message in sent(outputs)? {
                            match self.post(one.trustee.index(), board, attempt, message).await? {
                                Err(problem) if problem.code == Code::WrongRoundState => return Ok(true),
                                answer => granted(answer)?,
                            }
                        }
                    }
                    Err(Refusal::Early { .. }) => one.early.push(message),
                    Err(refusal) => bail!("{refusal}"),
                }
            }
        }
        Ok(sessions.iter().all(|one| one.session.is_finished()))
    }

    /// Tallies what is asked on a board in the attempt that is held.
    pub(crate) async fn tally(&self, board: BoardId) -> Result<()> {
        let work = self.work(0).await?.tally;
        let attempt = work.iter().find(|asked| asked.board == board).map_or(0, |asked| asked.attempt);
        let mut sessions = self.begin_all(board, attempt).await?;
        while !self.hear(board, attempt, &mut sessions).await? {}
        Ok(())
    }

    /// Announces a round and lets every member vote for one class.
    pub(crate) async fn vote(&self, id: RoundId, class: usize) -> Result<RoundView> {
        granted(self.service.announce(id, 600, instances()?).await?)?;
        let view = self.service.wait_for(id, "voting").await?;
        let key = self.service.replay().await?.encryption_key(&self.blobs())?;
        for (number, member) in (1_u8..).zip(&self.members) {
            let roster: Roster =
                granted(self.service.get(&format!("/rounds/{id}/roster"), &member.token).await?)?;
            let encoding = |step: &Step| view.announcement.encoding(&member.founding, &roster, *step);
            let encodings = view.announcement.steps().iter().map(encoding).collect::<Result<Vec<_>, _>>()?;
            let slots = 0..view.announcement.layout()?.slots();
            let counts: Vec<i64> = slots.map(|slot| if slot % 3 == class { 2 } else { 0 }).collect();
            let steps = encodings.iter().map(|encoding| StepCounts { encoding, counts: &counts });
            let steps: Vec<StepCounts<'_>> = steps.collect();
            let ballot = cast(&member.identity, member.id, &view.announcement, &key, &steps)?;
            let path = format!("/rounds/{id}/ballots/{}", BallotId::from_bytes([number; 16]));
            granted(self.service.ask::<serde_json::Value>(Method::PUT, &path, &member.token, ballot).await?)?;
        }
        Ok(view)
    }

    /// Waits until the trustees are asked for the labels of a round, and returns the board.
    pub(crate) async fn asked(&self, id: RoundId) -> Result<BoardId> {
        self.asked_for(id, Step::Label).await
    }

    /// Waits until the trustees are asked for a step of a round, and returns the board.
    pub(crate) async fn asked_for(&self, id: RoundId, step: Step) -> Result<BoardId> {
        let board = BoardId::Round(id, step);
        for _ in 0..600 {
            for trustee in 0..usize::from(self.sharing.trustees()) {
                if self.work(trustee).await?.tally.iter().any(|asked| asked.board == board) {
                    return Ok(board);
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bail!("the trustees were not asked within half a minute")
    }

    /// Waits until an attempt is held on a board.
    pub(crate) async fn wait_for_attempt(&self, board: BoardId, attempt: u32) -> Result<()> {
        for _ in 0..600 {
            let held = granted(self.page(0, board, (attempt, 0, 0)).await?)?.attempt;
            if held == attempt {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bail!("attempt {attempt} was not held within half a minute")
    }

    /// Returns the boards on which each trustee is waited for.
    pub(crate) async fn waited_for(&self) -> Result<Vec<Vec<ToTally>>> {
        let mut all = Vec::new();
        for trustee in 0..usize::from(self.sharing.trustees()) {
            all.push(self.work(trustee).await?.tally);
        }
        Ok(all)
    }
}

/// A trustee in a ceremony.
pub(crate) struct InCeremony {
    pub(crate) trustee: Trustee,
    pub(crate) board: BoardId,
    ceremony: Ceremony,
    pub(crate) after: u64,
    early: Vec<Vec<u8>>,
    pub(crate) keyed: Option<Keyed>,
}

pub(crate) fn made(ceremonies: Vec<InCeremony>) -> Result<Vec<Keyed>> {
    ceremonies.into_iter().map(|one| one.keyed.context("a trustee has no key")).collect()
}

/// A trustee in a session.
pub(crate) struct InSession {
    pub(crate) trustee: Trustee,
    pub(crate) session: Session,
    after: u64,
    early: Vec<Vec<u8>>,
}

/// Returns the messages of a trustee's outputs; an attempt that ends fails the test.
pub(crate) fn sent(outputs: Vec<Output>) -> Result<Vec<Vec<u8>>> {
    let mut messages = Vec::new();
    for output in outputs {
        match output {
            Output::Send(message) => messages.push(message),
            Output::Ended(end) => bail!("{end}"),
            _ => {}
        }
    }
    Ok(messages)
}

/// Messages as a hostile trustee writes them: any place, any content, a true signature.
pub(crate) mod forged {
    use base::{
        identity::{Identity, Statement},
        ids::Digest,
    };
    use borsh::{BorshDeserialize, BorshSerialize};
    use tally::sharing::{Group, Trustee};

    use super::canonical;

    /// What a message of a session says, as the engine writes it.
    #[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
    pub(crate) struct Said {
        pub(crate) session: Digest,
        pub(crate) attempt: u32,
        pub(crate) batch: u32,
        pub(crate) exchange: u32,
        pub(crate) sender: Trustee,
        pub(crate) seen: Digest,
        pub(crate) body: Body,
    }

    impl Statement for Said {
        const DOMAIN: &'static str = "tally message";
    }

    /// Contents in the engine's order; those without a form are never written.
    #[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
    pub(crate) enum Body {
        First,
        Correction { digest: Digest, bytes: u32 },
        Agreement,
        Check,
        Labels,
        Stop(Group),
    }

    /// Signs a message with a ciphertext of these bytes beside it.
    pub(crate) fn message(said: &Said, identity: &Identity, sealed: &[u8]) -> Vec<u8> {
        canonical(&(identity.sign(said), sealed.to_vec()))
    }
}
