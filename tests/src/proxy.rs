//! A proxy between one participant and the coordinator that can hold a request, hold an answer, or change bytes.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::bail;

use crate::wait::PATIENCE;

/// A proxy between one participant and the coordinator; it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Where the proxy stops what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A request never reaches the coordinator before it is released.
    Request,
    /// The coordinator gets the request, and its answer is held.
    Answer,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    /// What to hold, and the words in a request's first line that tell which.
    armed: Option<(Hold, Vec<&'static str>)>,
    held: usize,
    /// Bytes of an answer to replace, and what replaces them.
    forgery: Option<(Vec<u8>, Vec<u8>)>,
    forged: usize,
    connections: Vec<TcpStream>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is held any more.
    fn pass(&self, mut state: MutexGuard<'_, State>) {
        state.held += 1;
        self.changed.notify_all();
        while state.armed.is_some() && !state.is_closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.held -= 1;
        self.changed.notify_all();
    }
}

impl Proxy {
    /// Listens on a free loopback port and passes everything on to `upstream`.
    pub fn before(upstream: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.lock().is_closed {
                    return;
                }
                // While the coordinator is away the participant sees a closed connection.
                if let Ok(server) = TcpStream::connect(upstream) {
                    drop(join(&accepting, client, server));
                }
            }
        });
        Ok(Self { address, shared })
    }

    /// Returns the address that the participant dials.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops every ballot from now on.
    pub fn hold_ballots(&self, hold: Hold) {
        self.hold(hold, &["PUT /api/v1/rounds/", "/ballots/"]);
    }

    /// Stops every opening of a round from now on.
    pub fn hold_openings(&self, hold: Hold) {
        self.hold(hold, &["PUT /api/v1/rounds/", "/openings/"]);
    }

    /// Stops every message of a trustee to the others from now on.
    pub fn hold_messages(&self, hold: Hold) {
        self.hold(hold, &["POST /api/v1/boards/"]);
    }

    fn hold(&self, hold: Hold, words: &[&'static str]) {
        self.shared.lock().armed = Some((hold, words.to_vec()));
    }

    /// Replaces bytes in answers from now on; both must have the same length, because the head names it.
    pub fn forge(&self, from: Vec<u8>, to: Vec<u8>) -> anyhow::Result<()> {
        if from.len() != to.len() || from.is_empty() {
            bail!("{} bytes cannot replace {} without a new length", to.len(), from.len());
        }
        self.shared.lock().forgery = Some((from, to));
        Ok(())
    }

    /// Returns how often bytes were replaced.
    pub fn forged(&self) -> usize {
        self.shared.lock().forged
    }

    /// Waits until something is held.
    pub fn wait_until_held(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut state = self.shared.lock();
        while state.held == 0 {
            if began.elapsed() > PATIENCE {
                bail!("waited {PATIENCE:?} for something to hold, in vain");
            }
            let turn = Duration::from_secs(1);
            (state, _) =
                self.shared.changed.wait_timeout(state, turn).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Passes everything through again, what is held first.
    pub fn release(&self) {
        let mut state = self.shared.lock();
        state.armed = None;
        state.forgery = None;
        self.shared.changed.notify_all();
    }

    /// Cuts every connection, so that what is held never arrives, and then lets everything through.
    pub fn cut(&self) {
        let mut state = self.shared.lock();
        for connection in state.connections.drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
        drop(state);
        self.release();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.cut();
        // Wakes the thread that waits for the next connection.
        drop(TcpStream::connect(self.address));
    }
}

/// Passes bytes between the two ends of one connection, a thread for each direction.
fn join(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
    shared.lock().connections.extend([client.try_clone()?, server.try_clone()?]);
    let (requests, answers) = (client.try_clone()?, server.try_clone()?);
    let expected = Arc::new(Mutex::new(false));
    let (one, other) = (Arc::clone(shared), Arc::clone(shared));
    let told = Arc::clone(&expected);
    std::thread::spawn(move || pump(requests, server, |bytes| one.before_request(bytes, &told)));
    std::thread::spawn(move || pump(answers, client, |bytes| other.before_answer(bytes, &expected)));
    Ok(())
}

impl Shared {
    /// Stops a request that is asked for, or notes that its answer is.
    fn before_request(&self, bytes: &mut [u8], answer: &Mutex<bool>) {
        let state = self.lock();
        let first = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let first = String::from_utf8_lossy(first).into_owned();
        let Some((hold, words)) = &state.armed else { return };
        if !words.iter().all(|word| first.contains(word)) {
            return;
        }
        match hold {
            Hold::Request => self.pass(state),
            Hold::Answer => *answer.lock().unwrap_or_else(PoisonError::into_inner) = true,
        }
    }

    fn before_answer(&self, bytes: &mut [u8], is_expected: &Mutex<bool>) {
        let mut state = self.lock();
        if let Some((from, to)) = state.forgery.clone() {
            let place = bytes.windows(from.len()).position(|window| window == from);
            if let Some(part) = place.and_then(|at| bytes.get_mut(at..at + to.len())) {
                part.copy_from_slice(&to);
                state.forged += 1;
            }
        }
        let expected = std::mem::take(&mut *is_expected.lock().unwrap_or_else(PoisonError::into_inner));
        if expected {
            self.pass(state);
        }
    }
}

/// Copies until one end closes; `before` sees every piece first.
fn pump(mut from: TcpStream, mut to: TcpStream, mut before: impl FnMut(&mut [u8])) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let Some(piece) = buffer.get_mut(..count) else { break };
        before(piece);
        if to.write_all(piece).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every line it gets with `got` and that line.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answers = stream.try_clone().unwrap();
                // A connection that stays open must not keep the next one waiting.
                std::thread::spawn(move || pump(stream, answers, |_| {}));
            }
        });
        address
    }

    fn ask(proxy: &Proxy) -> TcpStream {
        let mut stream = TcpStream::connect(proxy.address).unwrap();
        stream.write_all(b"PUT /api/v1/rounds/1/ballots/2 HTTP/1.1\r\n\r\n").unwrap();
        stream
    }

    fn answer(stream: &mut TcpStream) -> String {
        let mut buffer = [0; 100];
        let count = stream.read(&mut buffer).unwrap_or(0);
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    #[test]
    fn a_held_request_arrives_once_it_is_released_and_never_if_it_is_cut() {
        for hold in [Hold::Request, Hold::Answer] {
            let proxy = Proxy::before(echo()).unwrap();
            assert!(answer(&mut ask(&proxy)).starts_with("PUT"), "nothing is held yet");
            proxy.hold_ballots(hold);
            let mut held = ask(&proxy);
            proxy.wait_until_held().unwrap();
            proxy.release();
            assert!(answer(&mut held).starts_with("PUT"));
            proxy.hold_ballots(hold);
            let mut lost = ask(&proxy);
            proxy.wait_until_held().unwrap();
            proxy.cut();
            assert_eq!(answer(&mut lost), "");
        }
    }

    #[test]
    fn answers_are_forged_where_asked() {
        let proxy = Proxy::before(echo()).unwrap();
        proxy.forge(b"rounds/1".to_vec(), b"rounds/7".to_vec()).unwrap();
        assert!(answer(&mut ask(&proxy)).starts_with("PUT /api/v1/rounds/7/ballots/2"));
        assert_eq!(proxy.forged(), 1);
        assert!(proxy.forge(vec![1], vec![]).is_err());
    }
}
