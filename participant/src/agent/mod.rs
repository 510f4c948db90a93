//! The agent: dials out, says that it is alive, votes, and does a trustee's duties beside.

mod commons;
mod duties;
mod pulse;
mod votes;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use base::{clock::Clock, identity::Identity, problem::Code};
use protocol::{transcript::Replay, wire::Work};
use tokio::sync::{Mutex as AsyncMutex, watch};

pub use commons::Commons;
pub use pulse::Pulse;

use crate::identity::load_token;
use crate::{
    approval::Membership,
    config::Config,
    home::{Home, HomeError},
    identity::SecretError,
    transcript::{Chain, FollowError},
    trustee::{
        Trustee,
        artefacts::{Wanted, download},
        check_pieces,
        keyring::KeyringError,
        standing::Standing,
        vault::VaultError,
    },
};
use client::{Client, ClientError, Patience, TransferError};
use runtime::{Pool, PoolError, files::FileError};

/// Longest pause between heartbeats while the coordinator is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why an agent ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The institution is not enrolled.
    #[error("this institution is not enrolled: run `participant enroll` first")]
    NotEnrolled,
    /// The token is refused.
    #[error("{0}; if the institution was not revoked, run `participant enroll` again for a fresh token")]
    Unauthorized(ClientError),
    /// The client cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The trustee's key cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The trustee's pieces of the key cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The home cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The kept transcript cannot be used.
    #[error(transparent)]
    Transcript(#[from] FollowError),
    /// The compute pool cannot be used.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// How an agent ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    Stopped,
    /// The federation is closed, so nothing is left to do.
    Closed,
}

/// Everything that the parts of the agent need.
pub struct Agent {
    /// Its home.
    pub home: Home,
    /// Its config.
    pub config: Config,
    /// What enrolment fixed.
    pub membership: Membership,
    /// Its signing identity.
    pub identity: Arc<Identity>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The way to the compute pool.
    pub pool: Pool,
    /// What it tells of itself with each heartbeat.
    pub pulse: Arc<Pulse>,
    /// How far it is on the boards of the trustees.
    pub standing: Arc<Standing>,
    /// Number of ballots that it cast since it was started.
    pub cast: AtomicU64,
    commons: Commons,
    client: Mutex<Client>,
    chain: AsyncMutex<Chain>,
    /// Held while artefacts are downloaded: a file is downloaded once at a time.
    downloads: AsyncMutex<()>,
    /// Why the transcript is not followed, if it is not.
    fault: Mutex<Option<String>>,
    said: Mutex<HashMap<String, String>>,
}

impl Agent {
    /// Gathers an agent from an enrolled home.
    pub fn new(home: Home, config: Config, clock: Arc<dyn Clock>) -> Result<Self, AgentError> {
        let url = config.endpoint(&home.config()).map_err(|e| ClientError::SetUp(e.to_string()))?;
        let commons = Commons::start(url)?;
        Self::among(home, config, clock, &commons)
    }

    /// Gathers an agent that shares pool, connections and turns with others in this process.
    pub fn among(
        home: Home,
        config: Config,
        clock: Arc<dyn Clock>,
        commons: &Commons,
    ) -> Result<Self, AgentError> {
        home.refuse_older()?;
        let membership = Membership::load(&home)?.ok_or(AgentError::NotEnrolled)?;
        let token = load_token(&home)?.ok_or(AgentError::NotEnrolled)?;
        let client = commons.client(Some(token));
        let identity = Arc::new(crate::identity::load(&home)?);
        let chain = AsyncMutex::new(Chain::load(&home, &membership)?);
        Ok(Self {
            home,
            config,
            membership,
            identity,
            clock,
            pool: commons.pool().beside(),
            pulse: Arc::default(),
            standing: Arc::default(),
            cast: AtomicU64::new(0),
            commons: commons.clone(),
            client: Mutex::new(client),
            chain,
            downloads: AsyncMutex::default(),
            fault: Mutex::default(),
            said: Mutex::default(),
        })
    }

    /// Returns the client with the token as it is now.
    pub fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the number of events of the transcript that were seen.
    async fn seen(&self) -> u64 {
        self.chain.lock().await.length()
    }

    /// Returns what the events say that were seen so far.
    pub(crate) async fn replay(&self) -> Option<Arc<Replay>> {
        self.chain.lock().await.replay()
    }

    /// Downloads what is not in the cache yet.
    ///
    /// # Errors
    /// Where something cannot be downloaded.
    pub(crate) async fn fetch(&self, wanted: &[Wanted]) -> Result<(), TransferError> {
        let _alone = self.downloads.lock().await;
        download(&self.client(), &self.home, wanted).await
    }

    /// Follows the transcript to its end; says once why not, if it cannot be followed.
    async fn follow(&self) -> Option<Arc<Replay>> {
        let outcome = self.chain.lock().await.follow(&self.client()).await;
        let fault = match &outcome {
            Ok(_) => None,
            Err(error) if error.is_transient() => return None,
            Err(error) => Some(error.to_string()),
        };
        match &fault {
            None => drop(self.is_well("transcript")),
            Some(reason) => self.say_once("transcript", reason),
        }
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        outcome.ok()
    }

    /// Returns why the transcript is not followed, if the coordinator shows one that cannot be.
    fn transcript_fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Logs a warning unless the last one about the same subject said the same.
    pub(crate) fn say_once(&self, subject: &str, message: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(subject).is_none_or(|before| before != message) {
            tracing::warn!(about = subject, "{message}");
            said.insert(subject.to_owned(), message.to_owned());
        }
    }

    /// Forgets what was said about a subject, so that the next warning shows again.
    pub(crate) fn is_well(&self, subject: &str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(subject).is_some()
    }

    /// Takes a fresh token from the home after a refusal; tells whether there was one.
    fn renew_token(&self) -> Result<bool, AgentError> {
        let fresh = load_token(&self.home)?;
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = client.token_differs(fresh.as_ref());
        if is_new {
            *client = client.with_token(fresh);
        }
        Ok(is_new)
    }
}

/// Runs until `shutdown` is ready or the federation is closed; computations under way are finished first.
pub async fn run(agent: &Arc<Agent>, shutdown: impl Future<Output = ()>) -> Result<Ended, AgentError> {
    let trustee = match agent.membership.trustee {
        true => Trustee::load(&agent.home, agent.membership.founding.config.trustees)?,
        false => Trustee::default(),
    };
    check_own_pieces(agent).await?;
    let (sender, receiver) = watch::channel(None);
    let ended = tokio::select! {
        ended = heartbeats(agent, sender) => ended,
        ended = votes::follow(agent, receiver.clone()) => ended,
        ended = duties::follow(agent, trustee, receiver) => ended,
        () = shutdown => Ok(Ended::Stopped),
    };
    agent.pool.drain().await;
    ended
}

/// Checks what a trustee among several holds of the key; without it the institution still votes.
async fn check_own_pieces(agent: &Agent) -> Result<(), AgentError> {
    let Some(replay) = agent.replay().await.filter(|_| agent.membership.trustee) else { return Ok(()) };
    match check_pieces(&agent.home, &agent.membership, agent.identity.public(), &replay) {
        Err(missing @ KeyringError::Missing { .. }) => {
            agent.say_once("pieces", &missing.to_string());
            Ok(())
        }
        checked => Ok(checked?),
    }
}

/// Sends heartbeats and hands on what waits; a coordinator that is away is asked again, ever more rarely.
async fn heartbeats(agent: &Agent, sender: watch::Sender<Option<Work>>) -> Result<Ended, AgentError> {
    let mut failures = 0_u32;
    loop {
        match agent.client().heartbeat(&agent.pulse.beat(&agent.config.insecure_settings())).await {
            Ok(work) => {
                if agent.is_well("coordinator") {
                    tracing::info!("the coordinator answers again");
                }
                failures = 0;
                check_clock(agent, &work);
                sender.send_replace(Some(work));
            }
            Err(error) if error.code() == Some(Code::Unauthorized) => {
                if !agent.renew_token()? {
                    return Err(AgentError::Unauthorized(error));
                }
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                agent.say_once("coordinator", &error.to_string());
            }
        }
        tokio::time::sleep(pause(agent.config.poll(), failures)).await;
    }
}

/// Returns the time to the next heartbeat: the configured one, or a growing and spread one after failures.
fn pause(poll: Duration, failures: u32) -> Duration {
    if failures == 0 {
        return poll;
    }
    let patience = Patience { attempts: u32::MAX, first: poll, longest: LONGEST_PAUSE.max(poll) };
    patience.pause(failures.saturating_add(1))
}

/// Warns when the two clocks differ so much that windows and daily limits mean different things.
fn check_clock(agent: &Agent, work: &Work) {
    let difference = (work.now.0.saturating_sub(agent.clock.now().0)).saturating_abs();
    if difference > 60_000 {
        let minutes = difference / 60_000;
        agent.say_once(
            "clock",
            &format!("this clock and the coordinator's differ by more than {minutes} min"),
        );
    } else {
        agent.is_well("clock");
    }
}
