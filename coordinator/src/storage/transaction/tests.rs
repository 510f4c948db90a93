//! What becomes of a transaction that fails.

use base::clock::Millis;
use base::ids::Digest;
use protocol::wire::Role;

use super::super::{Storage, TokenRow};
use super::*;

fn token(name: &str) -> TokenRow {
    TokenRow {
        id: 0,
        token: Digest::of(name.as_bytes()),
        role: Role::Viewer,
        name: name.to_owned(),
        created_at: Millis(1),
        expires_at: None,
        revoked_at: None,
        last_used: None,
    }
}

async fn names(storage: &Storage) -> Vec<String> {
    storage.read().await.unwrap().tokens().await.unwrap().into_iter().map(|row| row.name).collect()
}

/// Ends the transaction behind the back of its owner, as SQLite does when the disk is full.
async fn roll_back_behind_its_back(tx: &mut ReadTx) {
    sqlx::query("ROLLBACK").execute(tx.connection()).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_and_no_connection_inside_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).await.unwrap();
    // More often than there are connections: one that is given back broken would be met again.
    for turn in 0..20 {
        let mut tx = storage.write().await.unwrap();
        tx.insert_token(&token(&format!("lost {turn}"))).await.unwrap();
        roll_back_behind_its_back(&mut tx).await;
        let error = tx.commit().await.unwrap_err().to_string();
        assert!(error.contains("no transaction is active"), "{error}");

        let mut tx = storage.write().await.unwrap();
        tx.insert_token(&token(&format!("kept {turn}"))).await.unwrap();
        tx.commit().await.unwrap();
        let names = names(&storage).await;
        assert_eq!(names.len(), turn + 1, "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("kept")), "{names:?}");
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_however_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).await.unwrap();
    for turn in 0..20 {
        let mut tx = storage.write().await.unwrap();
        tx.insert_token(&token(&format!("lost {turn}"))).await.unwrap();
        if turn % 2 == 0 {
            roll_back_behind_its_back(&mut tx).await;
        }
        drop(tx);
        let mut reading = storage.read().await.unwrap();
        roll_back_behind_its_back(&mut reading).await;
        drop(reading);
        assert_eq!(names(&storage).await, Vec::<String>::new());
    }
}

/// Returns what SQLite plans for a statement, one line per table.
async fn plan(storage: &Storage, statement: &'static str) -> Vec<String> {
    let mut tx = storage.read().await.unwrap();
    let rows = sqlx::query(statement).fetch_all(tx.connection()).await.unwrap();
    rows.iter().map(|row| sqlx::Row::get::<String, _>(row, "detail")).collect()
}

#[tokio::test]
async fn a_token_is_looked_up_and_not_searched_for() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).await.unwrap();
    let mut tx = storage.write().await.unwrap();
    for number in 0..200 {
        tx.insert_token(&token(&format!("token {number}"))).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = storage.read().await.unwrap();
    let found = tx.token(Digest::of(b"token 77")).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str()), (78, "token 77"));
    assert!(tx.token(Digest::of(b"token 200")).await.unwrap().is_none());
    assert!(tx.member_with_token(Digest::of(b"token 77")).await.unwrap().is_none());
    drop(tx);
    // One row at most is read for either question: the plan is a search in an index of unique digests.
    for statement in [
        "EXPLAIN QUERY PLAN SELECT id FROM tokens WHERE token_digest = 'x'",
        "EXPLAIN QUERY PLAN SELECT id FROM participants WHERE token_digest = 'x'",
    ] {
        let plan = plan(&storage, statement).await;
        assert!(
            matches!(plan.as_slice(), [line] if line.starts_with("SEARCH") && line.contains("token_digest=?")),
            "{plan:?}"
        );
    }
}
