//! Instances with, where known, their labels and the persons they come from.

use base::ids::Digest;
use base::schema::{InstanceKind, InstanceSchema, SchemaError};

/// Why a dataset is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DatasetError {
    /// An instance would have no values, or more than memory can address.
    #[error("instance shape {shape:?} is not usable; every dimension must be at least 1")]
    Shape {
        /// The refused shape.
        shape: Vec<usize>,
    },
    /// The values do not make whole instances.
    #[error("{values} values do not make whole instances of shape {shape:?} ({width} values each)")]
    NotWhole {
        /// How many values there are.
        values: usize,
        /// The shape of one instance.
        shape: Vec<usize>,
        /// The number of values of one instance.
        width: usize,
    },
    /// A value is NaN or infinite.
    #[error("instance {row}, value {column}: {value} is not a finite number; remove or fill in that record")]
    NotFinite {
        /// The instance, counted from 0.
        row: usize,
        /// The value within the instance, counted from 0.
        column: usize,
        /// The value as written.
        value: f32,
    },
    /// A pixel lies outside [0, 1].
    #[error("instance {row}, value {column}: pixel {value} is outside [0, 1]; scale images before loading")]
    Pixel {
        /// The instance, counted from 0.
        row: usize,
        /// The value within the instance, counted from 0.
        column: usize,
        /// The value as written.
        value: f32,
    },
    /// Labels or persons are not one per instance.
    #[error("{found} {what} for {instances} instances; there must be one each")]
    Length {
        /// `labels` or `persons`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many instances there are.
        instances: usize,
    },
    /// A label names no class.
    #[error("instance {row}: label {label} is out of range; the federation has {classes} classes, 0 to {}", classes.saturating_sub(1))]
    Label {
        /// The instance, counted from 0.
        row: usize,
        /// The refused label.
        label: u16,
        /// The number of classes.
        classes: u16,
    },
    /// The instances have another shape than the federation's.
    #[error("instances have shape {found:?}, the schema says {expected:?}")]
    OtherShape {
        /// The shape of the data.
        found: Vec<usize>,
        /// The shape of the schema.
        expected: Vec<usize>,
    },
    /// Labels are needed and there are none.
    #[error("the data has no labels; add labels.npy, or a `label` column to the CSV file")]
    NoLabels,
    /// The shape fits no schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// Instances as `f32` values (row-major, all finite), each of the same shape, with optional labels and persons.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    values: Vec<f32>,
    shape: Vec<usize>,
    labels: Option<Vec<u16>>,
    persons: Option<Vec<String>>,
}

impl Dataset {
    /// Checks and takes `values` (`n` × the product of `shape`), `n` labels and `n` persons' keys.
    ///
    /// # Errors
    /// A shape without values, values that make no whole instances or are not finite, or labels or persons that
    /// are not one per instance.
    pub fn new(
        values: Vec<f32>,
        shape: Vec<usize>,
        labels: Option<Vec<u16>>,
        persons: Option<Vec<String>>,
    ) -> Result<Self, DatasetError> {
        let width = shape.iter().try_fold(1_usize, |product, &d| product.checked_mul(d));
        let Some(width) = width.filter(|&w| w > 0) else {
            return Err(DatasetError::Shape { shape });
        };
        if !values.len().is_multiple_of(width) {
            return Err(DatasetError::NotWhole { values: values.len(), shape, width });
        }
        if let Some(position) = values.iter().position(|v| !v.is_finite()) {
            let (row, column) = (position / width, position % width);
            let value = values.get(position).copied().unwrap_or(f32::NAN);
            return Err(DatasetError::NotFinite { row, column, value });
        }
        let instances = values.len() / width;
        let lengths =
            [("labels", labels.as_ref().map(Vec::len)), ("persons", persons.as_ref().map(Vec::len))];
        for (what, found) in lengths {
            if let Some(found) = found.filter(|&found| found != instances) {
                return Err(DatasetError::Length { what, found, instances });
            }
        }
        Ok(Self { values, shape, labels, persons })
    }

    /// Returns the number of instances.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width()
    }

    /// Returns whether there is no instance.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the number of values of one instance, at least 1.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns the shape of one instance.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns all values, instance after instance.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns all values, instance after instance, without the rest.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// Returns the values of instance `index`, or nothing if there is no such instance.
    #[must_use]
    pub fn instance(&self, index: usize) -> Option<&[f32]> {
        let start = index.checked_mul(self.width())?;
        self.values.get(start..start.checked_add(self.width())?)
    }

    /// Returns the digest of each instance's values, bit for bit: equal instances have equal digests.
    #[must_use]
    pub fn digests(&self) -> Vec<Digest> {
        let digest = |values: &[f32]| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            Digest::of(&bytes)
        };
        self.values.chunks_exact(self.width()).map(digest).collect()
    }

    /// Returns the label of each instance.
    #[must_use]
    pub fn labels(&self) -> Option<&[u16]> {
        self.labels.as_deref()
    }

    /// Returns the key of the person behind each instance.
    #[must_use]
    pub fn persons(&self) -> Option<&[String]> {
        self.persons.as_deref()
    }

    /// Returns the labels, checked against the number of classes.
    ///
    /// # Errors
    /// No labels, or a label that is not below `classes`.
    pub fn checked_labels(&self, classes: u16) -> Result<&[u16], DatasetError> {
        let labels = self.labels.as_deref().ok_or(DatasetError::NoLabels)?;
        match labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
            Some((row, &label)) => Err(DatasetError::Label { row, label, classes }),
            None => Ok(labels),
        }
    }

    /// Checks the instances against the federation's schema; pixels must lie in [0, 1].
    ///
    /// # Errors
    /// Another shape, or a pixel outside [0, 1].
    pub fn check_schema(&self, schema: &InstanceSchema) -> Result<(), DatasetError> {
        if self.shape != schema.shape() {
            let expected = schema.shape().to_vec();
            return Err(DatasetError::OtherShape { found: self.shape.clone(), expected });
        }
        if schema.kind() != InstanceKind::Image {
            return Ok(());
        }
        match self.values.iter().enumerate().find(|&(_, v)| !(0.0..=1.0).contains(v)) {
            Some((position, &value)) => {
                let (row, column) = (position / self.width(), position % self.width());
                Err(DatasetError::Pixel { row, column, value })
            }
            None => Ok(()),
        }
    }

    /// Returns the instances at `indices`, in that order, with their labels and persons; unknown indices are left out.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let known: Vec<usize> = indices.iter().copied().filter(|&i| i < self.len()).collect();
        let values = known.iter().filter_map(|&i| self.instance(i)).flatten().copied().collect();
        let labels = self.labels.as_ref().map(|l| known.iter().filter_map(|&i| l.get(i)).copied().collect());
        let persons =
            self.persons.as_ref().map(|p| known.iter().filter_map(|&i| p.get(i)).cloned().collect());
        Self { values, shape: self.shape.clone(), labels, persons }
    }

    /// Returns the same instances without labels and persons.
    #[must_use]
    pub fn unlabeled(self) -> Self {
        Self { labels: None, persons: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_finite_is_named_by_instance_and_place() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = Dataset::new(vec![0.0, 1.0, 2.0, 3.0, bad, 5.0], vec![2], None, None).unwrap_err();
            assert!(error.to_string().starts_with("instance 2, value 0: "), "{error}");
        }
    }

    #[test]
    fn values_labels_and_persons_must_fit_together() {
        let new = |values: usize, shape: &[usize], labels: usize, persons: usize| {
            let (labels, persons) = (Some(vec![0; labels]), Some(vec!["p".to_owned(); persons]));
            Dataset::new(vec![0.5; values], shape.to_vec(), labels, persons).map_err(|e| e.to_string())
        };
        assert!(new(6, &[3], 2, 2).is_ok());
        assert!(
            new(7, &[3], 2, 2).unwrap_err().contains("7 values do not make whole instances of shape [3]")
        );
        assert_eq!(new(6, &[3], 3, 2).unwrap_err(), "3 labels for 2 instances; there must be one each");
        assert_eq!(new(6, &[3], 2, 1).unwrap_err(), "1 persons for 2 instances; there must be one each");
        assert!(new(6, &[3, 0], 2, 2).unwrap_err().contains("[3, 0] is not usable"));
        assert!(new(6, &[usize::MAX, 2], 2, 2).unwrap_err().contains("not usable"));
    }

    #[test]
    fn labels_and_pixels_are_checked_against_the_federation() {
        let data = Dataset::new(vec![0.0, 1.0, 0.5, 1.5], vec![1, 2], Some(vec![0, 3]), None).unwrap();
        assert_eq!(data.checked_labels(4).unwrap(), [0, 3]);
        let error = data.checked_labels(3).unwrap_err().to_string();
        assert_eq!(error, "instance 1: label 3 is out of range; the federation has 3 classes, 0 to 2");
        let image = InstanceSchema::new(InstanceKind::Image, vec![1, 2]).unwrap();
        let error = data.check_schema(&image).unwrap_err().to_string();
        assert_eq!(error, "instance 1, value 1: pixel 1.5 is outside [0, 1]; scale images before loading");
        let signal = InstanceSchema::new(InstanceKind::Signal, vec![1, 2]).unwrap();
        assert_eq!(data.check_schema(&signal), Ok(()));
        let other = InstanceSchema::new(InstanceKind::Signal, vec![2]).unwrap();
        assert!(
            data.check_schema(&other).unwrap_err().to_string().contains("shape [1, 2], the schema says [2]")
        );
        assert_eq!(data.unlabeled().checked_labels(3), Err(DatasetError::NoLabels));
    }

    #[test]
    fn a_selection_keeps_values_labels_and_persons_together() {
        let persons = Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        let data = Dataset::new(vec![0.0, 1.0, 2.0], vec![1], Some(vec![5, 6, 7]), persons).unwrap();
        let selected = data.select(&[2, 0, 9]);
        assert_eq!(selected.values(), [2.0, 0.0]);
        assert_eq!(selected.labels().unwrap(), [7, 5]);
        assert_eq!(selected.persons().unwrap(), ["c", "a"]);
    }
}
