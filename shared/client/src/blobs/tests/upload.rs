//! Uploads to a small coordinator that keeps one blob and fails as it is told.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use base::{
    ids::Digest,
    problem::{Code, Problem},
};
use protocol::wire::{UPLOAD_CHUNK, UploadView};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{Client, ClientError, Patience, Token, TransferError};

/// Fate of one part.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is stored and counted.
    Stored,
    /// It is stored, but the connection dies before the answer.
    AnswerLost,
    /// The connection dies in the middle of it.
    Broken,
    /// Another sender's part comes first.
    Overtaken,
    /// It is not counted, and nothing says so.
    Swallowed,
    /// It is refused.
    Refused(Code),
}

/// What the small coordinator has and what was asked of it.
#[derive(Default)]
struct State {
    stored: Vec<u8>,
    is_complete: bool,
    /// Fates of the next parts; when they run out, all are stored.
    fates: VecDeque<Fate>,
    /// Fate of every part after those, if set.
    ever: Option<Fate>,
    /// What another sender would send.
    whole: Vec<u8>,
    /// Offset and length of every part that began to come.
    parts: Vec<(usize, usize)>,
    finishes: usize,
}

struct Coordinator {
    client: Client,
    state: Arc<Mutex<State>>,
}

impl Coordinator {
    async fn start(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: reqwest::Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A connection that dies is part of the story.
                drop(serve(socket, &shared).await);
            }
        });
        let pause = Duration::from_millis(1);
        let patience = Patience { attempts: 3, first: pause, longest: pause };
        let client = Client::new(url, Some(Token::new("the token".to_owned())), patience).unwrap();
        Self { client, state }
    }

    fn parts(&self) -> Vec<(usize, usize)> {
        self.state.lock().unwrap().parts.clone()
    }
}

async fn serve(mut socket: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            break String::from_utf8_lossy(&std::mem::replace(&mut bytes, rest)).to_ascii_lowercase();
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    let length: usize = field("content-length:").unwrap_or(0);
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let offset: usize = path.rsplit('/').next().unwrap().parse().unwrap_or(0);
    let fate = {
        let state = &mut *state.lock().unwrap();
        if method == "put" {
            state.parts.push((offset, length));
            state.fates.pop_front().or(state.ever).unwrap_or(Fate::Stored)
        } else {
            Fate::Stored
        }
    };
    while bytes.len() < length {
        if matches!(fate, Fate::Broken) && bytes.len() > length / 2 {
            return Ok(());
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    }
    let answer = answer(&mut state.lock().unwrap(), method, offset, &bytes, fate);
    let Some((status, body)) = answer else { return Ok(()) };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    socket.write_all(&[head.as_bytes(), &body].concat()).await
}

/// Carries out a request, and returns status and body unless the answer gets lost.
fn answer(
    state: &mut State,
    method: &str,
    offset: usize,
    bytes: &[u8],
    fate: Fate,
) -> Option<(u16, Vec<u8>)> {
    let refusal = |code| {
        let problem = Problem::new(code, "for the test");
        Some((problem.status, serde_json::to_vec(&problem).unwrap()))
    };
    match (method, fate) {
        ("put", Fate::Refused(code)) => return refusal(code),
        ("put", Fate::Overtaken) => {
            let part = state.whole[offset..].iter().take(UPLOAD_CHUNK);
            state.stored.extend(part);
        }
        _ => {}
    }
    if method == "put" && !matches!(fate, Fate::Swallowed) {
        if offset != state.stored.len() {
            return refusal(Code::Conflict);
        }
        state.stored.extend_from_slice(bytes);
    }
    if method == "post" {
        state.finishes += 1;
        if state.stored != state.whole {
            state.stored.clear();
            return refusal(Code::DigestMismatch);
        }
        state.is_complete = true;
        return Some((204, Vec::new()));
    }
    let view = UploadView { received: state.stored.len() as u64, complete: state.is_complete };
    (!matches!(fate, Fate::AnswerLost)).then(|| (200, serde_json::to_vec(&view).unwrap()))
}

/// A file of two and a half parts.
struct File {
    whole: Vec<u8>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

const SIZE: usize = 2 * UPLOAD_CHUNK + UPLOAD_CHUNK / 2;
const FIRST: (usize, usize) = (0, UPLOAD_CHUNK);
const SECOND: (usize, usize) = (UPLOAD_CHUNK, UPLOAD_CHUNK);
const THIRD: (usize, usize) = (2 * UPLOAD_CHUNK, UPLOAD_CHUNK / 2);

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let whole: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
        let path = folder.path().join("key.bin");
        std::fs::write(&path, &whole).unwrap();
        Self { whole, path, _folder: folder }
    }

    fn state(&self, fates: &[Fate]) -> State {
        State { whole: self.whole.clone(), fates: fates.iter().copied().collect(), ..State::default() }
    }

    async fn put(&self, coordinator: &Coordinator) -> Result<Vec<(u64, u64)>, TransferError> {
        let mut seen = Vec::new();
        let note = |sent, total| seen.push((sent, total));
        coordinator.client.put_blob(Digest::of(&self.whole), &self.path, note).await?;
        Ok(seen)
    }

    fn assert_stored(&self, coordinator: &Coordinator) {
        let state = coordinator.state.lock().unwrap();
        assert!(state.is_complete && state.stored == self.whole);
    }
}

fn client_error(error: TransferError) -> ClientError {
    match error {
        TransferError::Client(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn of_an_upload_with_dying_connections_nothing_that_arrived_is_sent_again() {
    let file = File::new();
    let fates = [Fate::Stored, Fate::AnswerLost, Fate::Broken, Fate::Broken];
    let coordinator = Coordinator::start(file.state(&fates)).await;
    let seen = file.put(&coordinator).await.unwrap();
    file.assert_stored(&coordinator);
    assert_eq!(coordinator.parts(), [FIRST, SECOND, THIRD, THIRD, THIRD]);
    assert!(seen.is_sorted() && seen.last() == Some(&(SIZE as u64, SIZE as u64)), "{seen:?}");

    let seen = file.put(&coordinator).await.unwrap();
    assert_eq!(seen, [(SIZE as u64, SIZE as u64)]);
    assert_eq!(
        (coordinator.parts().len(), coordinator.state.lock().unwrap().finishes),
        (5, 1),
        "it is there"
    );
}

#[tokio::test]
async fn after_a_restart_only_the_rest_is_sent() {
    let file = File::new();
    // Another version of this program may have sent parts of another length.
    let there = UPLOAD_CHUNK + 77;
    let stored = file.whole[..there].to_vec();
    let coordinator = Coordinator::start(State { stored, ..file.state(&[]) }).await;
    file.put(&coordinator).await.unwrap();
    file.assert_stored(&coordinator);
    let rest = SIZE - there - UPLOAD_CHUNK;
    assert_eq!(coordinator.parts(), [(there, UPLOAD_CHUNK), (there + UPLOAD_CHUNK, rest)]);

    // Everything is there, but the request to finish never came.
    let stored = file.whole.clone();
    let coordinator = Coordinator::start(State { stored, ..file.state(&[]) }).await;
    file.put(&coordinator).await.unwrap();
    file.assert_stored(&coordinator);
    assert_eq!(coordinator.parts(), []);
}

#[tokio::test]
async fn a_sender_that_was_overtaken_goes_on_after_the_other_ones_part() {
    let file = File::new();
    let coordinator = Coordinator::start(file.state(&[Fate::Stored, Fate::Overtaken])).await;
    file.put(&coordinator).await.unwrap();
    file.assert_stored(&coordinator);
    assert_eq!(coordinator.parts(), [FIRST, SECOND, THIRD]);
}

#[tokio::test]
async fn an_upload_that_never_gets_further_ends() {
    let file = File::new();
    for (fate, code) in [
        (Fate::Broken, None),
        (Fate::Refused(Code::Conflict), Some(Code::Conflict)),
        (Fate::AnswerLost, None),
    ] {
        let coordinator = Coordinator::start(State { ever: Some(fate), ..file.state(&[]) }).await;
        if matches!(fate, Fate::AnswerLost) {
            // Every part arrives: that is progress, however bad the answers are.
            file.put(&coordinator).await.unwrap();
            assert_eq!(coordinator.parts(), [FIRST, SECOND, THIRD]);
            continue;
        }
        let error = client_error(file.put(&coordinator).await.unwrap_err());
        assert_eq!((error.code(), coordinator.parts()), (code, vec![FIRST; 3]), "{error}");
    }
}

#[tokio::test]
async fn a_coordinator_that_does_not_count_or_refuses_is_not_asked_again() {
    let file = File::new();
    let coordinator = Coordinator::start(file.state(&[Fate::Stored, Fate::Swallowed])).await;
    let error = client_error(file.put(&coordinator).await.unwrap_err());
    assert!(matches!(error, ClientError::Malformed { status: 200, .. }), "{error}");
    assert_eq!(coordinator.parts(), [FIRST, SECOND]);

    for code in [Code::WrongFederationState, Code::Forbidden, Code::TooLarge] {
        let coordinator = Coordinator::start(file.state(&[Fate::Refused(code)])).await;
        let error = client_error(file.put(&coordinator).await.unwrap_err());
        assert_eq!((error.code(), coordinator.parts()), (Some(code), vec![FIRST]));
    }
}

#[tokio::test]
async fn a_blob_with_another_digest_is_refused_and_a_lost_file_is_named() {
    let file = File::new();
    let stored = vec![9; UPLOAD_CHUNK];
    let coordinator = Coordinator::start(State { stored, ..file.state(&[]) }).await;
    let error = client_error(file.put(&coordinator).await.unwrap_err());
    assert_eq!(error.code(), Some(Code::DigestMismatch));
    assert_eq!(coordinator.state.lock().unwrap().finishes, 1);
    // What was damaged is gone, so the next try sends everything.
    file.put(&coordinator).await.unwrap();
    file.assert_stored(&coordinator);

    let coordinator = Coordinator::start(file.state(&[])).await;
    std::fs::remove_file(&file.path).unwrap();
    let error = file.put(&coordinator).await.unwrap_err();
    assert!(matches!(&error, TransferError::File(_)) && error.to_string().contains("key.bin"), "{error}");
    assert_eq!(coordinator.parts(), []);
}
