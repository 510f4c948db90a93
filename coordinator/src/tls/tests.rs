//! Authorities, renewals, wrong pairs, and guests that never finish their handshake.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use axum::{Router, routing::get};
use base::clock::{Clock as _, Millis};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::home::Home;
use runtime::SystemClock;

fn names() -> Vec<String> {
    vec!["coord.example.org".to_owned()]
}

fn client(home: &Path) -> anyhow::Result<reqwest::Client> {
    let authority = reqwest::Certificate::from_pem(&std::fs::read(home.join(AUTHORITY))?)?;
    let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
    Ok(builder.tls_certs_only([authority]).pool_max_idle_per_host(0).build()?)
}

#[test]
fn a_renewal_keeps_the_authority_and_changes_key_and_certificate() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (home, now) = (folder.path(), SystemClock.now());
    drop(Home::open(home)?);
    assert!(matches!(renew(home, &[], now), Err(TlsError::NoAuthority(_))));
    let first = make(home, &names(), now)?;
    assert_eq!(first.server.names, ["coord.example.org", "localhost", "127.0.0.1", "::1"]);
    assert!(first.server.days_left(now) > 390 && first.authority.days_left(now) > 3600);
    for key in [AUTHORITY_KEY, SERVER_KEY] {
        assert_eq!(std::fs::metadata(home.join(key))?.permissions().mode() & 0o777, 0o600, "{key}");
    }
    assert!(matches!(make(home, &names(), now), Err(TlsError::Exists(_))));

    let later = Millis(now.0 + 300 * 24 * 3600 * 1000);
    let second = renew(home, &[], later)?;
    assert_eq!(second.authority, first.authority);
    assert_eq!(second.server.names, first.server.names);
    assert_ne!(second.server.fingerprint, first.server.fingerprint);
    assert!(second.server.until.0 > first.server.until.0);
    Ok(())
}

#[test]
fn a_key_of_another_certificate_is_refused() -> anyhow::Result<()> {
    let (one, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    for folder in [&one, &other] {
        drop(Home::open(folder.path())?);
        make(folder.path(), &names(), SystemClock.now())?;
    }
    let mixed = Pair { certificate: one.path().join(SERVER), key: other.path().join(SERVER_KEY) };
    let refused = mixed.load().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused.contains("cannot be served") && refused.contains("tls.key"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn silent_guests_hold_up_nobody_and_a_new_certificate_is_served_without_a_restart() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let home = folder.path();
    drop(Home::open(home)?);
    make(home, &names(), SystemClock.now())?;
    let pair = Pair::own(home).ok_or_else(|| anyhow::anyhow!("nothing was made"))?;
    let current = Current::new(pair.load()?);
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let address = tcp.local_addr()?;
    let listener = TlsListener::start(tcp, current.clone())?;
    let served = tokio::spawn(async move {
        drop(axum::serve(listener, Router::new().route("/", get(async || "hello"))).await);
    });

    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(address).await?);
    }
    let url = format!("https://{address}/");
    assert_eq!(client(home)?.get(&url).send().await?.text().await?, "hello");
    // Plain HTTP is answered with nothing but an end.
    assert!(reqwest::get(format!("http://{address}/")).await.is_err());

    // Another authority, as if the files had been replaced: who trusts the first one notices.
    let trusting = client(home)?;
    let other = tempfile::tempdir()?;
    drop(Home::open(other.path())?);
    make(other.path(), &names(), SystemClock.now())?;
    current.replace(Pair::own(other.path()).ok_or_else(|| anyhow::anyhow!("nothing"))?.load()?);
    assert!(trusting.get(&url).send().await.is_err());
    assert_eq!(client(other.path())?.get(&url).send().await?.text().await?, "hello");
    drop(silent);
    served.abort();
    Ok(())
}
