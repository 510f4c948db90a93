//! A coordinator on a loopback socket, and scripted members that speak to it with the shared crate alone.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use base::{
    Step,
    identity::{Identity, Signed},
    ids::{BallotId, Digest, ParticipantId, RoundId},
    problem::{Code, Problem},
};
use coordinator::{
    app::App, config::FileSettings, home::Home, rounds::conduct, router, storage::Storage,
    watch::keep_checked,
};
use fhe::{EncryptionKey, LabelCiphertexts, SecretKeys};
use learning::files::instances_to_npy_bytes;
use protocol::{
    ballot::{StepCounts, cast},
    federation::{Enrolment, FederationConfig, Founding, KeyCertificate, Roster},
    round::{Announcement, Opening, OpeningQuestion, RoundState},
    transcript::{Event, Replay},
    wire::{
        Enrol, Enrolled, Found, Invite, NewInvite, PostOpening, PublishKeys, RoundView, TranscriptPage,
        UploadView,
    },
};
use reqwest::{Method, Response, StatusCode};
use runtime::{Pool, SystemClock};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// Three classes, three participants with two teachers each, toy keys.
pub(crate) const CONFIG: &str = r#"
name = "three letters"
classes = ["a", "b", "c"]
insecure_toy_parameters = true

[instances]
kind = "table"
shape = [4]

[noise]
sigma = 4
coordinator_sigma = 2
honest_fraction = "1"

[privacy]
delta = 1e-5
"#;

/// Number of instances in the tests' rounds.
pub(crate) const INSTANCES: usize = 5;

/// A running coordinator.
pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) operator: String,
    http: reqwest::Client,
    home: Home,
    folder: tempfile::TempDir,
    tasks: Vec<JoinHandle<()>>,
    _stop: watch::Sender<bool>,
}

/// The answer to a request: the body, or the problem.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Service {
    /// Starts a coordinator in a folder of its own.
    pub(crate) async fn start() -> Result<Self> {
        Self::start_with(FileSettings::default()).await
    }

    /// Starts a coordinator with settings of its own, in a folder of its own.
    pub(crate) async fn start_with(settings: FileSettings) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, settings).await
    }

    async fn start_in(folder: tempfile::TempDir, settings: FileSettings) -> Result<Self> {
        let home = Home::open(folder.path())?;
        let operator = home.operator_token()?;
        let storage = Storage::open(folder.path()).await?;
        let digest = Digest::of(operator.as_bytes());
        let settings = FileSettings { threads: Some(2), ..settings }.settle(folder.path())?;
        let app =
            App::new(storage, home.identity()?, digest, Box::new(SystemClock), settings, Pool::start(2)?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(false);
        let conductor = tokio::spawn(conduct(app.clone(), stopped.clone()));
        let checks = tokio::spawn(keep_checked(app.clone(), stopped));
        let server = tokio::spawn(async move { drop(axum::serve(listener, router(app)).await) });
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { url, operator, http, home, folder, tasks: vec![conductor, checks, server], _stop: stop })
    }

    /// Returns the coordinator's folder.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Ends the coordinator and starts another one in the same folder.
    pub(crate) async fn restart(self) -> Result<Self> {
        self.restart_with(FileSettings::default()).await
    }

    /// Ends the coordinator and starts another one in the same folder, with these settings.
    pub(crate) async fn restart_with(self, settings: FileSettings) -> Result<Self> {
        let Self { home, folder, tasks, .. } = self;
        for task in tasks {
            task.abort();
            drop(task.await);
        }
        drop(home); // releases the folder's lock
        Self::start_in(folder, settings).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Vec<u8>,
    ) -> Result<Response> {
        let url = format!("{}/api/v1{path}", self.url);
        Ok(self.http.request(method, url).bearer_auth(token).body(body).send().await?)
    }

    /// Asks for a blob with more in the head of the request.
    pub(crate) async fn fetch(&self, path: &str, token: &str, head: &[(&str, &str)]) -> Result<Response> {
        let mut request = self.http.get(format!("{}/api/v1{path}", self.url)).bearer_auth(token);
        for (name, value) in head {
            request = request.header(*name, *value);
        }
        Ok(request.send().await?)
    }

    /// Sends a request and reads its JSON answer or its problem document.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Vec<u8>,
    ) -> Result<Answer<T>> {
        let response = self.send(method, path, token, body).await?;
        let (status, bytes) = (response.status(), response.bytes().await?);
        if status == StatusCode::NO_CONTENT {
            return Ok(Ok(serde_json::from_str("null")?));
        }
        if status.is_success() {
            return Ok(Ok(serde_json::from_slice(&bytes)?));
        }
        let problem: Problem =
            serde_json::from_slice(&bytes).context("a refusal must be a problem document")?;
        assert_eq!(problem.status, status.as_u16());
        Ok(Err(problem))
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>> {
        self.ask(Method::POST, path, token, serde_json::to_vec(body)?).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Result<Answer<T>> {
        self.ask(Method::PUT, path, token, serde_json::to_vec(body)?).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, token: &str) -> Result<Answer<T>> {
        self.ask(Method::GET, path, token, Vec::new()).await
    }

    pub(crate) async fn found(&self) -> Result<Answer<serde_json::Value>> {
        self.found_with(CONFIG).await
    }

    pub(crate) async fn found_with(&self, config: &str) -> Result<Answer<serde_json::Value>> {
        let body = Found { config: FederationConfig::from_toml(config)? };
        self.post("/federation", &self.operator, &body).await
    }

    pub(crate) async fn invite(&self, name: &str, trustee: bool) -> Result<Answer<Invite>> {
        self.post("/invites", &self.operator, &NewInvite { name: name.to_owned(), trustee }).await
    }

    pub(crate) async fn enrol(&self, invite: &str, identity: &Identity) -> Result<Answer<Enrolled>> {
        let enrolment = Enrolment {
            invite: Digest::of(invite.as_bytes()),
            identity: identity.public(),
            sealing: identity.sealing_key(),
            teachers: 2,
        };
        let body = Enrol { invite: invite.to_owned(), enrolment: identity.sign(&enrolment) };
        self.post("/enrolments", "", &body).await
    }

    pub(crate) async fn announce(
        &self,
        id: RoundId,
        seconds: u32,
        instances: Vec<u8>,
    ) -> Result<Answer<RoundView>> {
        let path = format!("/rounds/{id}?window_seconds={seconds}");
        self.ask(Method::PUT, &path, &self.operator, instances).await
    }

    /// Replays the transcript as it stands.
    pub(crate) async fn replay(&self) -> Result<Replay> {
        Ok(Replay::of(&self.events().await?)?)
    }

    /// Fetches all events.
    pub(crate) async fn events(&self) -> Result<Vec<Signed<Event>>> {
        let mut events = Vec::new();
        loop {
            let path = format!("/transcript?from={}", events.len());
            let page: TranscriptPage = granted(self.get(&path, &self.operator).await?)?;
            events.extend(page.events);
            if events.len() as u64 >= page.length {
                return Ok(events);
            }
        }
    }

    /// Uploads a blob in one part.
    pub(crate) async fn upload(&self, token: &str, digest: Digest, blob: Vec<u8>) -> Result<Answer<()>> {
        let path = format!("/blobs/{digest}/upload");
        if let Err(problem) = self.ask::<UploadView>(Method::PUT, &format!("{path}/0"), token, blob).await? {
            return Ok(Err(problem));
        }
        self.post(&format!("{path}/finish"), token, &()).await
    }

    /// Waits until a round is in a state, by name.
    pub(crate) async fn wait_for(&self, id: RoundId, phase: &str) -> Result<RoundView> {
        for _ in 0..600 {
            let view: RoundView = granted(self.get(&format!("/rounds/{id}"), &self.operator).await?)?;
            if view.state.name() == phase {
                return Ok(view);
            }
            if view.state.is_final() {
                bail!("the round ended as {:?}, not {phase}", view.state);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("round {id} was not {phase} within a minute")
    }
}

/// Returns the answer, or fails with the problem.
pub(crate) fn granted<T>(answer: Answer<T>) -> Result<T> {
    Ok(answer?)
}

/// Returns the code of a refusal, or fails if there was none.
pub(crate) fn refused<T>(answer: Answer<T>) -> Result<Code> {
    match answer {
        Ok(_) => bail!("the request was granted"),
        Err(problem) => Ok(problem.code),
    }
}

/// Returns canonical instances.
pub(crate) fn instances() -> Result<Vec<u8>> {
    let values: Vec<f32> = (0..INSTANCES * 4).map(|value| value as f32).collect();
    Ok(instances_to_npy_bytes(&values, &[4])?)
}

pub(crate) fn round_id(byte: u8) -> RoundId {
    RoundId::from_bytes([byte; 16])
}

/// A scripted member.
pub(crate) struct Member {
    pub(crate) id: ParticipantId,
    pub(crate) token: String,
    pub(crate) identity: Arc<Identity>,
    pub(crate) founding: Founding,
}

/// A keyed federation of three scripted members; the first is the trustee.
pub(crate) struct Keyed {
    pub(crate) service: Service,
    pub(crate) members: Vec<Member>,
    pub(crate) secret: SecretKeys,
    pub(crate) key: EncryptionKey,
}

impl Keyed {
    pub(crate) async fn new() -> Result<Self> {
        Self::with(CONFIG).await
    }

    /// Keys a federation of another config.
    pub(crate) async fn with(config: &str) -> Result<Self> {
        Self::of(Service::start().await?, config).await
    }

    /// Keys the federation of a new service.
    pub(crate) async fn of(service: Service, config: &str) -> Result<Self> {
        granted(service.found_with(config).await?)?;
        let members = enrol(&service, 3, 1).await?;
        let (secret, key) = make_keys(&service, &members[0]).await?;
        Ok(Self { service, members, secret, key })
    }

    /// Restarts the coordinator in its folder.
    pub(crate) async fn restart(self) -> Result<Self> {
        Ok(Self { service: self.service.restart().await?, ..self })
    }

    /// Announces a round and waits until it takes ballots.
    pub(crate) async fn vote_on(&self, id: RoundId, seconds: u32) -> Result<RoundView> {
        granted(self.service.announce(id, seconds, instances()?).await?)?;
        self.service.wait_for(id, "voting").await
    }

    /// Makes a valid ballot in which every vote goes to one class.
    pub(crate) async fn ballot(&self, member: usize, view: &RoundView, class: usize) -> Result<Vec<u8>> {
        let Member { id, identity, founding, token } = &self.members[member];
        let roster: Roster =
            granted(self.service.get(&format!("/rounds/{}/roster", view.round), token).await?)?;
        let announcement: &Announcement = &view.announcement;
        let encoding = &announcement.encoding(founding, &roster, Step::Label)?;
        let counts: Vec<i64> =
            (0..encoding.layout().slots()).map(|slot| if slot % 3 == class { 2 } else { 0 }).collect();
        let steps = [StepCounts { encoding, counts: &counts }];
        Ok(cast(identity, *id, announcement, &self.key, &steps)?)
    }

    pub(crate) async fn cast(
        &self,
        member: usize,
        id: RoundId,
        bytes: Vec<u8>,
    ) -> Result<Answer<serde_json::Value>> {
        let path = format!("/rounds/{id}/ballots/{}", BallotId::from_bytes([member as u8 + 1; 16]));
        self.service.ask(Method::PUT, &path, &self.members[member].token, bytes).await
    }

    /// Casts everybody's ballot for one class and waits for the opening to be due.
    pub(crate) async fn vote_all(&self, view: &RoundView, class: usize) -> Result<RoundView> {
        for member in 0..self.members.len() {
            let ballot = self.ballot(member, view, class).await?;
            granted(self.cast(member, view.round, ballot).await?)?;
        }
        self.service.wait_for(view.round, "opening").await
    }

    /// Opens a round's label ciphertexts as the trustee does.
    pub(crate) async fn opening(&self, view: &RoundView) -> Result<Opening> {
        let trustee = &self.members[0];
        let question = self.service.replay().await?.question(Some(view.round), Step::Label);
        open(&self.service, trustee, &self.secret, question.context("nothing is tallied")?).await
    }

    pub(crate) async fn post_opening(&self, id: RoundId, opening: Signed<Opening>) -> Result<Answer<()>> {
        let trustee = &self.members[0];
        let path = format!("/rounds/{id}/openings/label/{}", trustee.id);
        self.service.put(&path, &trustee.token, &PostOpening { opening }).await
    }

    pub(crate) async fn state(&self, id: RoundId) -> Result<RoundState> {
        let view: RoundView =
            granted(self.service.get(&format!("/rounds/{id}"), &self.service.operator).await?)?;
        Ok(view.state)
    }
}

/// Founds the federation and enrols three members; the first is the trustee.
pub(crate) async fn enrol_three(service: &Service) -> Result<Vec<Member>> {
    granted(service.found().await?)?;
    enrol(service, 3, 1).await
}

/// Enrols so many members, of whom the first are the trustees.
pub(crate) async fn enrol(service: &Service, members: u32, trustees: u32) -> Result<Vec<Member>> {
    let count = members;
    let mut members = Vec::new();
    for number in 1..=count {
        let invite = granted(service.invite(&format!("hospital-{number}"), number <= trustees).await?)?;
        let identity = Identity::generate()?;
        let Enrolled { participant: id, token, founding, .. } =
            granted(service.enrol(&invite.invite, &identity).await?)?;
        members.push(Member { id, token, identity: Arc::new(identity), founding });
    }
    Ok(members)
}

/// Opens what the transcript asks as the sole trustee does.
async fn open(
    service: &Service,
    trustee: &Member,
    secret: &SecretKeys,
    question: OpeningQuestion,
) -> Result<Opening> {
    let path = format!("/blobs/{}", question.ciphertexts);
    let bytes = service.send(Method::GET, &path, &trustee.token, Vec::new()).await?.bytes().await?;
    let layout = fhe::Layout::new(question.classes, question.instances)?;
    let set = trustee.founding.config.parameter_set();
    let ciphertexts = LabelCiphertexts::from_bytes(&bytes, set, layout)?;
    Ok(Opening {
        federation: question.federation,
        round: question.round,
        step: question.step,
        tally: question.tally,
        ciphertexts: question.ciphertexts,
        trustee: trustee.id,
        labels: labels(secret, &ciphertexts)?,
    })
}

fn labels(secret: &SecretKeys, ciphertexts: &LabelCiphertexts) -> Result<Vec<u16>> {
    Ok(secret.open(ciphertexts)?.into_iter().map(|label| label.map_or(0, |class| class + 1)).collect())
}

/// Makes and publishes the keys, and opens the known answer.
async fn make_keys(service: &Service, trustee: &Member) -> Result<(SecretKeys, EncryptionKey)> {
    let set = trustee.founding.config.parameter_set();
    let secret = SecretKeys::generate(set)?;
    let material = secret.public_material(trustee.founding.config.scheme().unrolling)?;
    let key = EncryptionKey::from_bytes(&material.public_key, set)?;
    let mut digests = Vec::new();
    for blob in [material.public_key, material.keyswitching_key, material.bootstrapping_key] {
        let digest = Digest::of(&blob);
        granted(service.upload(&trustee.token, digest, blob).await?)?;
        digests.push(digest);
    }
    let certificate = KeyCertificate {
        federation: trustee.founding.digest(),
        parameters: set,
        public_key: digests[0],
        keyswitching_key: digests[1],
        bootstrapping_key: digests[2],
        trustee: trustee.id,
    };
    let body = PublishKeys { certificate: trustee.identity.sign(&certificate) };
    granted(service.put::<()>("/keys", &trustee.token, &body).await?)?;
    let question = known_answer(service).await?;
    let opening = open(service, trustee, &secret, question).await?;
    let body = PostOpening { opening: trustee.identity.sign(&opening) };
    granted(service.put::<()>("/known-answer", &trustee.token, &body).await?)?;
    Ok((secret, key))
}

async fn known_answer(service: &Service) -> Result<OpeningQuestion> {
    for _ in 0..600 {
        if let Some(question) = service.replay().await?.question(None, Step::Label) {
            return Ok(question);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the known answer was not computed within a minute")
}
