//! What a folder of data holds, in words a person and a federation's config can use.

use super::dataset::{Dataset, DatasetError};
use super::files::{Expected, FileError};
use base::schema::{InstanceKind, InstanceSchema};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name within a folder of data.
pub const DESCRIPTION_FILE: &str = "description.json";

/// What a folder of data holds; kept as `description.json` beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// One line for people.
    pub title: String,
    /// Whether the data was generated and comes from no person.
    pub synthetic: bool,
    /// The instances' schema.
    pub schema: InstanceSchema,
    /// The classes' names in label order.
    pub classes: Vec<String>,
}

impl Description {
    /// Returns what a loader may check by this description.
    #[must_use]
    pub fn expected(&self) -> Expected<'_> {
        Expected::of(&self.schema, &self.classes)
    }

    /// Reads the description in `folder`, or nothing if there is none.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn read_beside(folder: &Path) -> Result<Option<Self>, FileError> {
        let path = folder.join(DESCRIPTION_FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = std::fs::read(&path).map_err(|source| FileError::Read { path: path.clone(), source })?;
        let problem = |error: serde_json::Error| format!("not a description of data: {error}");
        serde_json::from_slice(&text).map(Some).map_err(|e| FileError::Format { path, problem: problem(e) })
    }

    /// Writes `description.json` into `folder`.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_into(&self, folder: &Path) -> Result<(), FileError> {
        let path = folder.join(DESCRIPTION_FILE);
        let failed = |source| FileError::Write { path: path.clone(), source };
        let text = serde_json::to_vec_pretty(self).map_err(|e| failed(e.into()))?;
        std::fs::write(&path, text).map_err(failed)
    }

    /// Describes data that came without a description: two or three dimensions are an image, one is a table, and the
    /// classes are 0 to the largest label.
    pub(super) fn of(path: &Path, data: &Dataset) -> Result<Self, DatasetError> {
        let kind = if data.shape().len() > 1 { InstanceKind::Image } else { InstanceKind::Table };
        let schema = InstanceSchema::new(kind, data.shape().to_vec())?;
        data.check_schema(&schema)?;
        let largest = data.labels().and_then(|labels| labels.iter().max()).ok_or(DatasetError::NoLabels)?;
        let title = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let classes = (0..=*largest).map(|class| class.to_string()).collect();
        Ok(Self { title, synthetic: false, schema, classes })
    }
}
