//! The client against a scripted server: what it sends, how it waits, and what it does not swallow.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::ids::{Digest, RoundId};
use base::problem::{Code, Problem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// What the server does with one connection.
#[derive(Clone)]
pub(super) enum Reply {
    /// Sends these bytes and closes.
    Send(Vec<u8>),
    /// Closes without a word.
    Hang,
    /// Never answers.
    Silent,
}

/// Server that answers connection after connection with the next reply, the last one for ever.
pub(super) struct Server {
    url: Url,
    seen: Arc<AtomicUsize>,
    pub(super) heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (seen, heads) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counter, log) = (Arc::clone(&seen), Arc::clone(&heads));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let count = counter.fetch_add(1, Ordering::SeqCst);
                let mut head = vec![0; 16 << 10];
                let length = socket.read(&mut head).await.unwrap_or(0);
                log.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).into_owned());
                match replies[count.min(replies.len() - 1)].clone() {
                    Reply::Send(bytes) => drop(socket.write_all(&bytes).await),
                    Reply::Hang => {}
                    Reply::Silent => std::future::pending().await,
                }
            }
        });
        Self { url, seen, heads }
    }

    pub(super) fn client(&self, attempts: u32) -> Client {
        let pause = Duration::from_millis(1);
        let patience = Patience { attempts, first: pause, longest: pause };
        Client::new(self.url.clone(), Some(Token::new("the token".to_owned())), patience).unwrap()
    }

    pub(super) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

pub(super) fn answer(status: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Reply::Send([head.as_bytes(), body].concat())
}

pub(super) fn refusal(code: Code) -> Reply {
    let problem = Problem::new(code, "for the test");
    answer(&format!("{} no", problem.status), &serde_json::to_vec(&problem).unwrap())
}

#[tokio::test]
async fn a_coordinator_that_restarts_is_asked_again_until_it_answers() {
    let server = Server::start(vec![Reply::Hang, refusal(Code::Internal), answer("200 ok", b"key")]).await;
    assert_eq!(server.client(5).artefact(Digest::of(b"key"), 1 << 20).await, Ok(b"key".to_vec()));
    assert_eq!(server.seen(), 3);
    let head = server.heads.lock().unwrap()[0].to_ascii_lowercase();
    assert!(head.contains("authorization: bearer the token"), "{head}");
}

#[tokio::test]
async fn patience_ends_and_says_where_nobody_answered() {
    let server = Server::start(vec![Reply::Hang]).await;
    let error = server.client(3).artefact(Digest::of(b"key"), 1 << 20).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Unreachable { url, .. } if *url == server.url.to_string()),
        "{error}"
    );
    assert_eq!(server.seen(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_asked_again() {
    let server = Server::start(vec![refusal(Code::BallotSecond)]).await;
    let error = server.client(5).artefact(Digest::of(b"key"), 1 << 20).await.unwrap_err();
    assert_eq!((error.code(), server.seen()), (Some(Code::BallotSecond), 1));
}

#[tokio::test]
async fn silence_ends_in_a_time_out() {
    let server = Server::start(vec![Reply::Silent]).await;
    let mut call = Call::new("be tested", Method::GET, "x");
    call.timeout = Duration::from_millis(50);
    let error = server.client(1).send(call).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_not_read_to_the_end() {
    let long = vec![b'x'; (1 << 20) + 1];
    let server = Server::start(vec![answer("200 ok", &long)]).await;
    let error = server.client(1).artefact(Digest::of(b"key"), 1 << 20).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { limit, .. } if limit == 1 << 20), "{error}");
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_token_away() {
    let elsewhere = Server::start(vec![answer("200 ok", b"stolen")]).await;
    let head = format!("HTTP/1.1 307 go\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
    let server = Server::start(vec![Reply::Send(head.into_bytes())]).await;
    let error = server.client(1).artefact(Digest::of(b"key"), 1 << 20).await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { status: 307, .. }), "{error}");
    assert_eq!(elsewhere.seen(), 0);
}

#[tokio::test]
async fn an_answer_that_is_not_the_expected_json_is_named() {
    let server = Server::start(vec![answer("200 ok", b"{\"surprise\":1}")]).await;
    let error = server.client(1).round(RoundId::from_bytes([1; 16])).await.unwrap_err();
    assert!(error.to_string().contains("show the round"), "{error}");
    assert!(matches!(error, ClientError::Malformed { status: 200, .. }), "{error}");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = Server::start(vec![answer("200 ok", b"key")]).await;
    let error = server.client(1).with_token(None).artefact(Digest::of(b"key"), 1 << 20).await.unwrap_err();
    assert_eq!((error, server.seen()), (ClientError::NoToken("serve an artefact"), 0));
}
