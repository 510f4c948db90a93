//! What operators said of their students.

use base::{clock::Millis, ids::StudentId};
use protocol::wire::{StudentResult, StudentView};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ReadTx, Result, StorageError, WriteTx, json, parsed};

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

impl ReadTx {
    /// Returns what was said of a student.
    pub async fn student(&mut self, id: StudentId) -> Result<Option<StudentView>> {
        let row = sqlx::query(STUDENT).bind(id.to_string()).fetch_optional(self.connection()).await?;
        row.as_ref().map(student).transpose()
    }

    /// Returns every student in the order they were reported.
    pub async fn students(&mut self) -> Result<Vec<StudentView>> {
        sqlx::query(STUDENTS).fetch_all(self.connection()).await?.iter().map(student).collect()
    }
}

impl WriteTx {
    /// Stores what was said of a student.
    pub async fn insert_student(&mut self, id: StudentId, result: &StudentResult, at: Millis) -> Result<()> {
        let result = json(result, "student")?;
        sqlx::query(INSERT).bind(id.to_string()).bind(at.0).bind(result).execute(self.connection()).await?;
        Ok(())
    }
}
