//! What the coordinator does with uploads that come in parts and downloads that ask for ranges.

use anyhow::{Context as _, Result};
use base::{
    ids::Digest,
    problem::{Code, MEDIA_TYPE, Problem},
};
use protocol::wire::{UPLOAD_CHUNK, UploadView};
use reqwest::{Method, Response, StatusCode};

use crate::service::{Answer, Keyed, Service, enrol_three, granted, refused};

const HALF: usize = 5_000;

/// A blob on its way up, under the token of whoever sends it.
struct Sender<'a> {
    service: &'a Service,
    token: &'a str,
    digest: Digest,
}

impl Sender<'_> {
    async fn view(&self) -> Result<Answer<UploadView>> {
        self.service.get(&format!("/blobs/{}/upload", self.digest), self.token).await
    }

    async fn part(&self, offset: u64, bytes: &[u8]) -> Result<Answer<UploadView>> {
        let path = format!("/blobs/{}/upload/{offset}", self.digest);
        self.service.ask(Method::PUT, &path, self.token, bytes.to_vec()).await
    }

    async fn finish(&self) -> Result<Answer<()>> {
        self.service.post(&format!("/blobs/{}/upload/finish", self.digest), self.token, &()).await
    }
}

fn blob() -> Vec<u8> {
    (0..=250).cycle().take(2 * HALF).collect()
}

#[tokio::test]
async fn only_the_trustee_sends_parts_and_each_only_where_the_last_one_ended() -> Result<()> {
    let service = Service::start().await?;
    let members = enrol_three(&service).await?;
    let whole = blob();
    let (first, second) = whole.split_at(HALF);
    let digest = Digest::of(&whole);
    let by = |token| Sender { service: &service, token, digest };
    let trustee = by(&members[0].token);
    let view = |received, complete| UploadView { received, complete };

    assert_eq!(granted(trustee.view().await?)?, view(0, false));
    assert_eq!(granted(trustee.part(0, first).await?)?, view(HALF as u64, false));
    for (token, code) in [
        (members[1].token.as_str(), Code::Forbidden),
        (service.operator.as_str(), Code::Forbidden),
        ("nobody's", Code::Unauthorized),
    ] {
        assert_eq!(refused(by(token).view().await?)?, code);
        assert_eq!(refused(by(token).part(HALF as u64, second).await?)?, code);
        assert_eq!(refused(by(token).finish().await?)?, code);
    }
    for offset in [0, 1, HALF as u64 + 1] {
        let problem = trustee.part(offset, second).await?.err().context("another offset was taken")?;
        assert_eq!((problem.code, problem.status), (Code::Conflict, 409));
        assert!(problem.detail.contains(&HALF.to_string()), "it names what is there: {}", problem.detail);
    }
    assert_eq!(granted(trustee.view().await?)?, view(HALF as u64, false), "no refusal changed it");
    assert_eq!(granted(trustee.part(HALF as u64, second).await?)?, view(2 * HALF as u64, false));
    granted(trustee.finish().await?)?;
    granted(trustee.finish().await?)?;
    assert_eq!(granted(trustee.view().await?)?, view(2 * HALF as u64, true));
    let late = granted(trustee.part(0, first).await?)?;
    assert_eq!(late, view(2 * HALF as u64, true), "nothing is added to a blob");
    Ok(())
}

#[tokio::test]
async fn an_upload_that_is_not_what_its_digest_says_is_refused_and_nothing_remains() -> Result<()> {
    let service = Service::start().await?;
    let members = enrol_three(&service).await?;
    let whole = blob();
    let digest = Digest::of(&whole);
    let trustee = Sender { service: &service, token: &members[0].token, digest };
    let mut changed = whole.clone();
    changed[HALF] ^= 1;
    for wrong in [&changed[..], &whole[..HALF], &[whole.as_slice(), &[0]].concat()] {
        granted(trustee.part(0, wrong).await?)?;
        let problem = trustee.finish().await?.err().context("a wrong blob was taken")?;
        assert_eq!((problem.code, problem.status), (Code::DigestMismatch, 422));
        assert!(problem.detail.contains(&Digest::of(wrong).to_string()), "{}", problem.detail);
        assert_eq!(granted(trustee.view().await?)?, UploadView { received: 0, complete: false });
    }
    granted(trustee.part(0, &whole).await?)?;
    granted(trustee.finish().await?)
}

#[tokio::test]
async fn parts_and_blobs_have_their_limits_and_the_old_upload_is_gone() -> Result<()> {
    let service = Service::start().await?;
    let members = enrol_three(&service).await?;
    let token = members[0].token.as_str();
    let trustee = Sender { service: &service, token, digest: Digest::of(b"large") };
    let largest = vec![0; UPLOAD_CHUNK + 1];
    assert_eq!(refused(trustee.part(0, &largest).await?)?, Code::TooLarge);
    assert_eq!(granted(trustee.view().await?)?.received, 0);
    granted(trustee.part(0, &largest[1..]).await?)?;
    for offset in [1 << 30, u64::MAX] {
        let problem = trustee.part(offset, b"x").await?.err().context("beyond the limit")?;
        assert_eq!(problem.code, Code::TooLarge);
        assert!(problem.detail.contains("largest_blob"), "{}", problem.detail);
    }
    let service = &service;
    let put =
        |path: String| async move { service.ask::<UploadView>(Method::PUT, &path, token, vec![1]).await };
    let digest = trustee.digest;
    assert_eq!(refused(put(format!("/blobs/{digest}/upload/-1")).await?)?, Code::InvalidRequest);
    assert_eq!(refused(put(format!("/blobs/{digest}/upload/{}0", u64::MAX)).await?)?, Code::InvalidRequest);
    assert_eq!(refused(put("/blobs/..%2f..%2fkeys/upload/0".to_owned()).await?)?, Code::InvalidRequest);
    assert_eq!(refused(put(format!("/blobs/{digest}")).await?)?, Code::InvalidRequest);
    Ok(())
}

#[tokio::test]
async fn once_the_federation_is_keyed_nothing_more_is_uploaded() -> Result<()> {
    let keyed = Keyed::new().await?;
    let digest = Digest::of(b"late");
    let trustee = Sender { service: &keyed.service, token: &keyed.members[0].token, digest };
    assert_eq!(refused(trustee.view().await?)?, Code::WrongFederationState);
    assert_eq!(refused(trustee.part(0, b"late").await?)?, Code::WrongFederationState);
    assert_eq!(refused(trustee.finish().await?)?, Code::WrongFederationState);
    Ok(())
}

/// Returns status, content range and body, after checking that the head names the digest.
async fn served(response: Response, digest: Digest) -> Result<(u16, Option<String>, Vec<u8>)> {
    let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    assert_eq!(header("content-type").as_deref(), Some("application/octet-stream"));
    assert_eq!(header("x-psephos-digest"), Some(digest.to_string()));
    assert_eq!(header("etag"), Some(format!("\"{digest}\"")));
    let (status, range) = (response.status().as_u16(), header("content-range"));
    Ok((status, range, response.bytes().await?.to_vec()))
}

#[tokio::test]
async fn a_key_is_served_whole_or_from_any_byte_on() -> Result<()> {
    let keyed = Keyed::new().await?;
    let (service, token) = (&keyed.service, &keyed.members[1].token);
    let keys = service.replay().await?.ceremony().keys().cloned().context("no keys")?;
    let digest = keys.sole().context("several trustees")?.keyswitching_key;
    let path = &format!("/blobs/{digest}");
    let (status, range, whole) = served(service.fetch(path, token, &[]).await?, digest).await?;
    assert_eq!((status, range, Digest::of(&whole)), (200, None, digest));
    let size = whole.len();

    let tag = format!("\"{digest}\"");
    for (start, if_range) in [(0, None), (1, None), (size / 2, Some(tag.as_str())), (size - 1, None)] {
        let asked = format!("bytes={start}-");
        let mut head = vec![("range", asked.as_str())];
        head.extend(if_range.map(|tag| ("if-range", tag)));
        let (status, range, rest) = served(service.fetch(path, token, &head).await?, digest).await?;
        assert_eq!((status, range), (206, Some(format!("bytes {start}-{}/{size}", size - 1))));
        assert!(rest == whole[start..], "from byte {start}");
    }
    let answer = service.fetch(path, token, &[("range", "bytes=5-9")]).await?;
    assert_eq!(served(answer, digest).await?.2, whole[5..=9]);
    // Another entity's range, several ranges, and a date mean the whole.
    for head in [
        &[("range", "bytes=5-"), ("if-range", "\"another\"")][..],
        &[("range", "bytes=1-2,5-6")],
        &[("if-modified-since", "Fri, 31 Dec 2100 23:59:59 GMT")],
    ] {
        let (status, _, body) = served(service.fetch(path, token, head).await?, digest).await?;
        assert!(status == 200 && body == whole, "{head:?}");
    }
    Ok(())
}

#[tokio::test]
async fn ranges_beyond_the_end_and_strangers_get_a_problem_document() -> Result<()> {
    let keyed = Keyed::new().await?;
    let (service, token) = (&keyed.service, &keyed.members[1].token);
    let keys = service.replay().await?.ceremony().keys().cloned().context("no keys")?;
    let path = &format!("/blobs/{}", keys.sole().context("several trustees")?.public_key);
    let size = service.fetch(path, token, &[]).await?.bytes().await?.len();
    for range in [format!("bytes={size}-"), "bytes=9-5".to_owned(), format!("bytes={}-", u64::MAX)] {
        let answer = service.fetch(path, token, &[("range", &range)]).await?;
        assert_eq!(answer.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        let content = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok());
        assert_eq!(content("content-type"), Some(MEDIA_TYPE));
        assert_eq!(content("content-range"), Some(format!("bytes */{size}").as_str()));
        let problem: Problem = serde_json::from_slice(&answer.bytes().await?)?;
        assert_eq!((problem.code, problem.status), (Code::InvalidRequest, 416));
        assert!(problem.detail.contains(&size.to_string()), "{}", problem.detail);
    }
    let unknown = format!("/blobs/{}", Digest::of(b"the secret key"));
    for (path, token, status) in [(path, "nobody's", 401), (&unknown, token.as_str(), 404)] {
        let answer = service.fetch(path, token, &[("range", "bytes=0-")]).await?;
        assert_eq!(answer.status().as_u16(), status);
    }
    Ok(())
}
