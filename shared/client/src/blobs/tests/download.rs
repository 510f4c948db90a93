//! Downloads from a scripted server.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base::{ids::Digest, problem::Code};

use crate::{
    Client, ClientError, TransferError,
    tests::{Reply, Server, answer, refusal},
};

const SIZE: usize = 100_000;
const LIMIT: u64 = SIZE as u64;

/// The blob that everybody wants and the place where it goes.
struct Wanted {
    whole: Vec<u8>,
    digest: Digest,
    folder: tempfile::TempDir,
}

impl Wanted {
    fn new() -> Self {
        let whole: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
        Self { digest: Digest::of(&whole), whole, folder: tempfile::tempdir().unwrap() }
    }

    fn to(&self) -> PathBuf {
        self.folder.path().join("cache").join("blob")
    }

    fn partial(&self) -> PathBuf {
        self.folder.path().join("cache").join("blob.partial")
    }

    /// Leaves the part of an earlier download.
    fn leave(&self, part: &[u8]) {
        fs::create_dir_all(self.partial().parent().unwrap()).unwrap();
        fs::write(self.partial(), part).unwrap();
    }

    async fn get(&self, client: &Client, limit: u64) -> Result<Vec<(u64, u64)>, TransferError> {
        let mut seen = Vec::new();
        let note = |done, total| seen.push((done, total));
        client.get_blob(self.digest, limit, &self.to(), note).await?;
        Ok(seen)
    }

    fn assert_whole(&self) {
        assert!(fs::read(self.to()).unwrap() == self.whole);
        assert!(!self.partial().exists());
    }

    fn assert_nothing(&self) {
        assert!(!self.to().exists() && !self.partial().exists());
    }

    /// Answers from `start` on, but closes after byte `end`.
    fn range(&self, start: usize, end: usize) -> Reply {
        let length = SIZE - start;
        let range = format!("content-range: bytes {start}-{}/{SIZE}", SIZE - 1);
        reply("206 part", &format!("{range}\r\ncontent-length: {length}"), &self.whole[start..end])
    }

    /// Answers with everything, but closes after byte `end`.
    fn until(&self, end: usize) -> Reply {
        reply("200 ok", &format!("content-length: {SIZE}"), &self.whole[..end])
    }
}

fn reply(status: &str, head: &str, body: &[u8]) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\n{head}\r\nconnection: close\r\n\r\n");
    Reply::Send([head.as_bytes(), body].concat())
}

/// Returns the ranges that were asked for, in order.
fn ranges(server: &Server) -> Vec<Option<String>> {
    let heads = server.heads.lock().unwrap();
    let range = |head: &String| {
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned))
    };
    heads.iter().map(range).collect()
}

fn client_error(error: TransferError) -> ClientError {
    match error {
        TransferError::Client(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_stopped_and_is_never_fetched_twice() {
    let wanted = Wanted::new();
    // Its end cannot be told from a loss by the framing, only by the total that it names.
    let unframed = format!("content-range: bytes 60000-99999/{SIZE}");
    let unframed = reply("206 part", &unframed, &wanted.whole[60_000..70_000]);
    let replies =
        vec![wanted.until(40_000), wanted.range(40_000, 60_000), unframed, wanted.range(70_000, SIZE)];
    let server = Server::start(replies).await;
    let seen = wanted.get(&server.client(2), LIMIT).await.unwrap();
    wanted.assert_whole();
    let asked = [None, Some("bytes=40000-"), Some("bytes=60000-"), Some("bytes=70000-")];
    assert_eq!(ranges(&server), asked.map(|range| range.map(str::to_owned)));
    assert!(seen.is_sorted() && seen.last() == Some(&(LIMIT, LIMIT)), "{seen:?}");

    assert_eq!(wanted.get(&server.client(2), LIMIT).await.unwrap(), [], "it is there");
    assert_eq!(server.seen(), 4);
}

#[tokio::test]
async fn after_a_restart_only_the_rest_is_fetched() {
    let wanted = Wanted::new();
    let server = Server::start(vec![wanted.until(30_000), wanted.range(30_000, SIZE)]).await;
    let broken = client_error(wanted.get(&server.client(1), LIMIT).await.unwrap_err());
    assert!(broken.is_transient(), "{broken}");
    assert_eq!(fs::read(wanted.partial()).unwrap(), wanted.whole[..30_000]);
    wanted.get(&server.client(1), LIMIT).await.unwrap();
    wanted.assert_whole();
    assert_eq!(ranges(&server)[1].as_deref(), Some("bytes=30000-"));

    // A crash between the last byte and the new name leaves nothing to fetch.
    fs::rename(wanted.to(), wanted.partial()).unwrap();
    wanted.get(&server.client(1), LIMIT).await.unwrap();
    wanted.assert_whole();
    assert_eq!(server.seen(), 2);
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_read_from_the_start_but_not_for_ever() {
    let wanted = Wanted::new();
    let server = Server::start(vec![wanted.until(40_000), wanted.until(SIZE)]).await;
    wanted.get(&server.client(2), LIMIT).await.unwrap();
    wanted.assert_whole();

    fs::remove_file(wanted.to()).unwrap();
    let server = Server::start(vec![wanted.until(40_000)]).await;
    let error = client_error(wanted.get(&server.client(3), LIMIT).await.unwrap_err());
    assert!(error.is_transient(), "{error}");
    assert_eq!(server.seen(), 3, "the same bytes again are no progress");
}

#[tokio::test]
async fn wrong_bytes_are_deleted_and_both_digests_named() {
    let wanted = Wanted::new();
    let mut changed = wanted.whole.clone();
    changed[SIZE / 2] ^= 1;
    for wrong in [&changed[..], &wanted.whole[1..], b""] {
        let server = Server::start(vec![answer("200 ok", wrong)]).await;
        let error = wanted.get(&server.client(3), LIMIT).await.unwrap_err();
        let found = Digest::of(wrong);
        assert!(matches!(error, TransferError::Digest { found: f, .. } if f == found), "{error}");
        let text = error.to_string();
        assert!(text.contains(&wanted.digest.to_string()) && text.contains(&found.to_string()), "{text}");
        assert_eq!(server.seen(), 1);
        wanted.assert_nothing();
    }
}

#[tokio::test]
async fn what_the_disk_lost_is_noticed_and_fetched_anew() {
    let wanted = Wanted::new();
    wanted.leave(&[0; 30_000]);
    let server = Server::start(vec![wanted.range(30_000, SIZE), wanted.until(SIZE)]).await;
    let error = wanted.get(&server.client(3), LIMIT).await.unwrap_err();
    assert!(matches!(error, TransferError::Digest { .. }), "{error}");
    wanted.assert_nothing();
    fs::write(wanted.to(), b"a file that was damaged").unwrap();
    wanted.get(&server.client(3), LIMIT).await.unwrap();
    wanted.assert_whole();
}

#[tokio::test]
async fn more_bytes_than_the_limit_are_never_taken() {
    let wanted = Wanted::new();
    let (last, over) = (SIZE - 1, SIZE + 1);
    let endless = [wanted.whole.as_slice(), &[0; 1000]].concat();
    let replies = [
        reply("200 ok", &format!("content-length: {over}"), &wanted.whole),
        reply("200 ok", "x-length: none", &endless),
        reply("206 part", &format!("content-range: bytes 0-{SIZE}/{over}"), &wanted.whole),
        reply("206 part", &format!("content-range: bytes 0-{last}/{SIZE}"), &endless),
        reply("206 part", "content-range: bytes 0-9/*", &endless),
    ];
    for (case, reply) in replies.into_iter().enumerate() {
        let server = Server::start(vec![reply]).await;
        let error = client_error(wanted.get(&server.client(3), LIMIT).await.unwrap_err());
        assert!(matches!(error, ClientError::TooLarge { limit: SIZE, .. }), "{case}: {error}");
        assert_eq!(server.seen(), 1, "{case}");
        wanted.assert_nothing();
    }
    // A part that is longer than the limit is worthless.
    wanted.leave(&endless);
    let server = Server::start(vec![wanted.until(SIZE)]).await;
    wanted.get(&server.client(1), LIMIT).await.unwrap();
    wanted.assert_whole();
    assert_eq!(ranges(&server), [None]);
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_refused_and_spoils_nothing() {
    let wanted = Wanted::new();
    wanted.leave(&wanted.whole[..500]);
    for range in [
        "content-range: bytes 499-99999/100000",
        "content-range: bytes 501-99999/100000",
        "content-range: bytes 500-99999",
        "content-range: bytes -500/100000",
        "content-range: bytes 500-99999/many",
        "content-range: bytes 99999999999999999999999-1/2",
        "content-range: lines 500-99999/100000",
        "x-nothing: here",
    ] {
        let server = Server::start(vec![reply("206 part", range, &wanted.whole[500..])]).await;
        let error = client_error(wanted.get(&server.client(3), LIMIT).await.unwrap_err());
        assert!(matches!(error, ClientError::Malformed { status: 206, .. }), "{range}: {error}");
        assert!(error.to_string().contains("500"), "{error}");
        assert_eq!(server.seen(), 1, "{range}");
        assert_eq!(fs::read(wanted.partial()).unwrap(), wanted.whole[..500]);
    }
    let server = Server::start(vec![reply("204 nothing", "x-nothing: here", b"")]).await;
    let error = client_error(wanted.get(&server.client(3), LIMIT).await.unwrap_err());
    assert!(matches!(error, ClientError::Malformed { status: 204, .. }), "{error}");
}

#[tokio::test]
async fn a_part_that_is_no_beginning_of_the_blob_is_given_up() {
    let wanted = Wanted::new();
    wanted.leave(&[wanted.whole.as_slice(), b"x"].concat());
    let unsatisfiable = reply("416 no such range", "content-length: 0", b"");
    let server = Server::start(vec![unsatisfiable.clone(), wanted.until(SIZE)]).await;
    wanted.get(&server.client(2), 2 * LIMIT).await.unwrap();
    wanted.assert_whole();
    assert_eq!(ranges(&server), [Some("bytes=100001-".to_owned()), None]);

    fs::remove_file(wanted.to()).unwrap();
    let server = Server::start(vec![unsatisfiable]).await;
    let error = client_error(wanted.get(&server.client(3), LIMIT).await.unwrap_err());
    assert_eq!((error.status(), server.seen()), (Some(416), 1), "without a part there is nothing to give up");
}

#[tokio::test]
async fn silence_and_refusals_end_a_download() {
    let wanted = Wanted::new();
    let server = Server::start(vec![Reply::Silent]).await;
    let mut client = server.client(1);
    client.stall = Duration::from_millis(50);
    let error = client_error(wanted.get(&client, LIMIT).await.unwrap_err());
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");

    let server = Server::start(vec![refusal(Code::NotFound)]).await;
    let error = client_error(wanted.get(&server.client(3), LIMIT).await.unwrap_err());
    assert_eq!((error.code(), server.seen()), (Some(Code::NotFound), 1));
    let nowhere = wanted.folder.path().join("a file");
    fs::write(&nowhere, "").unwrap();
    let to: &Path = &nowhere.join("blob");
    let refused = server.client(1).get_blob(wanted.digest, LIMIT, to, |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::File(_)), "{refused}");
    assert_eq!(server.seen(), 1, "nothing is asked for that cannot be kept");
}
