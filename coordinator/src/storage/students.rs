//! What operators said of their students.

use shared::{
    clock::Millis,
    ids::StudentId,
    wire::{StudentResult, StudentView},
};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{Result, Storage, StorageError, Tx, parsed};

const INSERT: &str = "INSERT INTO students (id, reported_at, result) VALUES ($1, $2, $3)";
const STUDENT: &str = "SELECT id, reported_at, result FROM students WHERE id = $1";
const STUDENTS: &str = "SELECT id, reported_at, result FROM students ORDER BY reported_at, id";

fn student(row: &SqliteRow) -> Result<StudentView> {
    let result = serde_json::from_str(row.try_get("result")?);
    Ok(StudentView {
        student: parsed(row.try_get("id")?, "student id")?,
        reported_at: Millis(row.try_get("reported_at")?),
        result: result.map_err(|_| StorageError::unreadable("student"))?,
    })
}

impl Storage {
    /// Stores what was said of a student.
    pub async fn insert_student(
        &self,
        tx: &mut Tx,
        id: StudentId,
        result: &StudentResult,
        at: Millis,
    ) -> Result<()> {
        let result = serde_json::to_string(result).map_err(|_| StorageError::unreadable("student"))?;
        sqlx::query(INSERT).bind(id.to_string()).bind(at.0).bind(result).execute(&mut **tx).await?;
        Ok(())
    }

    /// Returns what was said of a student.
    pub async fn student(&self, tx: &mut Tx, id: StudentId) -> Result<Option<StudentView>> {
        let row = sqlx::query(STUDENT).bind(id.to_string()).fetch_optional(&mut **tx).await?;
        row.as_ref().map(student).transpose()
    }

    /// Returns every student in the order they were reported.
    pub async fn students(&self, tx: &mut Tx) -> Result<Vec<StudentView>> {
        sqlx::query(STUDENTS).fetch_all(&mut **tx).await?.iter().map(student).collect()
    }
}
