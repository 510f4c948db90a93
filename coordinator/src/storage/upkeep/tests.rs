//! Databases of other versions of this program.

use super::*;

/// A data folder whose database has exactly this content.
async fn folder(sql: &'static str) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let pool = super::super::connect(super::super::options(folder.path()).create_if_missing(true)).await?;
    sqlx::raw_sql(sql).execute(&pool).await?;
    pool.close().await;
    Ok(folder)
}

const FIRST: &str = include_str!("first.sql");

#[tokio::test]
async fn a_database_of_the_first_version_is_refused_in_one_sentence_and_left_alone() -> anyhow::Result<()> {
    let folder = folder(FIRST).await?;
    let storage = Storage::inspect(folder.path()).await?;
    let schema = storage.schema().await?;
    assert_eq!(schema, Schema { found: 1, known: last_known() });
    assert!(schema.is_of_first_version());
    let refused = Storage::open(folder.path()).await.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused.contains("was written by Psephos 0.1, and only that version reads it"), "{refused}");
    assert_eq!(storage.schema().await?, schema);
    Ok(())
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_in_clear_words() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let storage = Storage::open(folder.path()).await?;
    assert_eq!(storage.schema().await?, Schema { found: last_known(), known: last_known() });
    assert_eq!(storage.damages().await?, [] as [&str; 0]);
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'later', '2030-01-01 00:00:00', TRUE, x'00', 0)";
    sqlx::raw_sql(newer).execute(&storage.pool).await?;
    assert_eq!(storage.schema().await?.found, 9999);
    let refused = Storage::open(folder.path()).await.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused.contains("newer version") && refused.contains("9999"), "{refused}");
    Ok(())
}
