//! Stories of good and bad data files.

use super::*;
use crate::DatasetError;
use proptest::prelude::*;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

mod described;
#[cfg(feature = "parquet")]
mod parquet;
mod typed;

/// A folder for one test's files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// Returns an NPY file of any header and payload.
fn npy(dtype: &str, fortran: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(payload);
    bytes
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn idx(dimensions: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|d| d.to_be_bytes()));
    bytes.extend(payload);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn schema(kind: InstanceKind, shape: &[usize]) -> InstanceSchema {
    InstanceSchema::new(kind, shape.to_vec()).unwrap()
}

const ANY: Expected<'static> = Expected { schema: None, classes: None, names: &[] };

fn refusal<T: std::fmt::Debug>(result: Result<T, FileError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_folder_of_arrays_comes_back_as_it_was_written_packed_or_not() {
    let persons = Some(vec!["007".to_owned(), "Ärztin 𝟛".to_owned(), "7".to_owned()]);
    let data =
        Dataset::new(vec![0.0, -0.0, 1e-42, 2.5, -7.0, 3e38], vec![2], Some(vec![0, 65535, 3]), persons)
            .unwrap();
    let description = Description {
        title: "three".into(),
        synthetic: false,
        schema: schema(InstanceKind::Table, &[2]),
        classes: vec!["a".into()],
    };
    let folder = Folder::new();
    write_folder(folder.path(), &data, &description).unwrap();
    let bits = |data: &Dataset| data.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let back = load_labeled(folder.path(), ANY).unwrap();
    assert_eq!((&back, bits(&back)), (&data, bits(&data)));
    for name in ["instances.npy", "labels.npy", "persons.npy"] {
        let path = folder.path().join(name);
        folder.put(&format!("{name}.gz"), &gzip(&std::fs::read(&path).unwrap()));
        assert!(
            refusal(load_labeled(folder.path(), ANY)).contains(&format!("holds both {name} and {name}.gz"))
        );
        std::fs::remove_file(path).unwrap();
    }
    assert_eq!(load_labeled(folder.path(), ANY).unwrap(), data);
}

#[test]
fn mnist_files_become_images_between_0_and_1_and_keep_the_test_part_apart() {
    let folder = Folder::new();
    folder.put("train-images-idx3-ubyte.gz", &gzip(&idx(&[2, 1, 2], &[0, 255, 51, 102])));
    folder.put("train-labels-idx1-ubyte", &idx(&[2], &[9, 4]));
    folder.put("t10k-images-idx3-ubyte", &idx(&[1, 1, 2], &[255, 0]));
    assert!(refusal(load_labeled(folder.path(), ANY)).contains("t10k-labels-idx1-ubyte: missing"));
    folder.put("t10k-labels-idx1-ubyte", &idx(&[1], &[3]));
    let train = load_labeled(folder.path(), ANY).unwrap();
    assert_eq!((train.shape(), train.values()), (&[1, 2][..], &[0.0, 1.0, 0.2, 0.4][..]));
    assert_eq!(train.labels().unwrap(), [9, 4]);
    let source = load_source(folder.path()).unwrap();
    assert_eq!(source.train, train);
    assert_eq!(source.test.unwrap().labels().unwrap(), [3]);
    assert_eq!(source.description.schema, schema(InstanceKind::Image, &[1, 2]));
    assert_eq!(source.description.classes.len(), 10);
}

#[test]
fn idx_files_that_are_cut_or_of_another_kind_are_refused() {
    let folder = Folder::new();
    let whole = idx(&[2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
    for length in 0..whole.len() {
        let path = folder.put("images.idx", &whole[..length]);
        let message = refusal(load_instances(&path, ANY));
        let words = ["not an IDX file", "ends inside its IDX header", "promises 8 bytes of data"];
        assert!(message.contains("images.idx: ") && words.iter().any(|w| message.contains(w)), "{message}");
    }
    let mut shorts = whole.clone();
    shorts[2] = 0x0b;
    assert!(
        refusal(load_instances(&folder.put("a.idx", &shorts), ANY))
            .contains("IDX type 0x0b is not supported")
    );
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[0]);
    assert!(refusal(load_instances(&folder.put("a.idx", &huge), ANY)).contains("and 1 are there"));
    let labels = folder.put("labels.idx", &idx(&[2], &[0, 1]));
    assert!(refusal(load_instances(&labels, ANY)).contains("shape [2], expected at least two dimensions"));
    assert!(refusal(load_labels(&folder.put("a.idx", &whole), None)).contains("expected one dimension"));
}

#[test]
fn numbers_of_every_usual_dtype_are_read() {
    let folder = Folder::new();
    let cases: [(&str, Vec<u8>); 8] = [
        ("'<f4'", floats(&[1.0, 2.0])),
        ("'>f4'", [1.0_f32, 2.0].iter().flat_map(|v| v.to_be_bytes()).collect()),
        ("'<f8'", [1.0_f64, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
        ("'<i8'", [1_i64, 2].iter().flat_map(|v| v.to_le_bytes()).collect()),
        ("'>i4'", [1_i32, 2].iter().flat_map(|v| v.to_be_bytes()).collect()),
        ("'<i2'", vec![1, 0, 2, 0]),
        ("'<u4'", vec![1, 0, 0, 0, 2, 0, 0, 0]),
        ("'|i1'", vec![1, 2]),
    ];
    for (dtype, payload) in cases {
        let path = folder.put("a.npy", &npy(dtype, "False", "(1, 2)", &payload));
        assert_eq!(load_instances(&path, ANY).unwrap().values(), [1.0, 2.0], "{dtype}");
    }
}

#[test]
fn bytes_are_pixels_where_there_are_images_and_refused_where_they_may_be_counts() {
    let folder = Folder::new();
    let image = folder.put("a.npy", &npy("'|u1'", "False", "(1, 1, 2)", &[255, 51]));
    assert_eq!(load_instances(&image, ANY).unwrap().values(), [1.0, 0.2]);
    let signal = schema(InstanceKind::Signal, &[1, 2]);
    let message = refusal(load_instances(&image, Expected { schema: Some(&signal), classes: None, ..ANY }));
    assert!(
        message.ends_with("dtype '|u1' cannot hold values of a signal or table; save it as float32"),
        "{message}"
    );
    let row = folder.put("b.npy", &npy("'|u1'", "False", "(1, 2)", &[255, 51]));
    assert!(refusal(load_instances(&row, ANY)).contains("save it as float32"));
}

#[test]
fn arrays_of_the_wrong_kind_are_refused_with_the_remedy() {
    let folder = Folder::new();
    let message = |dtype: &str, fortran: &str, shape: &str, payload: &[u8]| {
        refusal(load_instances(&folder.put("a.npy", &npy(dtype, fortran, shape, payload)), ANY))
    };
    assert!(
        message("'<f4'", "True", "(1, 2)", &[0; 8]).contains("Fortran order; save numpy.ascontiguousarray")
    );
    assert!(
        message("'<f2'", "False", "(1, 2)", &[0; 4])
            .contains("dtype '<f2' cannot hold numbers; save it as float32")
    );
    assert!(message("'<c8'", "False", "(1, 1)", &[0; 8]).contains("dtype '<c8' cannot hold numbers"));
    assert!(message("'|O'", "False", "(1, 1)", &[0; 8]).contains("cannot hold numbers or texts"));
    assert!(message("[('a', '<f4')]", "False", "(1,)", &[0; 4]).contains("structured dtype"));
    assert!(message("'<f4'", "False", "(2,)", &[0; 8]).contains("expected at least two dimensions"));
    assert!(
        message("'<f4'", "False", "(3, 2)", &[0; 20]).contains("promises 24 bytes of data and 20 are there")
    );
    assert!(
        message("'<f4'", "False", "(1, 2)", &[0; 9]).contains("promises 8 bytes of data and 9 are there")
    );
    assert!(
        message("'<f4'", "False", "(99999999999, 99999999999)", &[0; 8]).contains("impossible dimensions")
    );
    assert!(message("'<f4'", "False", "(-1, 2)", &[0; 8]).contains("not a readable NPY file"));
    assert!(message("'<f4'", "False", &"(".repeat(60_000), &[]).contains("unusually long NPY header"));
    assert!(message("'<f4'", "False", "(1, 0)", &[]).contains("[0] is not usable"));
    let nan = message("'<f4'", "False", "(2, 2)", &floats(&[0.0, 1.0, 2.0, f32::NAN]));
    assert!(nan.contains("a.npy: instance 1, value 1: NaN is not a finite number"), "{nan}");
    let large = message("'<f8'", "False", "(1, 1)", &1e300_f64.to_le_bytes());
    assert!(large.contains("instance 0, value 0: inf is not a finite number"), "{large}");
    let text = refusal(load_instances(&folder.put("b.npy", b"0.5, 0.5\n"), ANY));
    assert!(text.contains("b.npy: not an NPY file; write it with numpy.save"));
    assert!(refusal(load_instances(&folder.put("data.feather", b""), ANY)).contains("unknown kind of file"));
}

#[test]
fn labels_and_persons_must_match_the_instances() {
    let folder = Folder::new();
    folder.put("instances.npy", &npy("'<f4'", "False", "(2, 1)", &floats(&[1.0, 2.0])));
    assert!(refusal(load_labeled(folder.path(), ANY)).contains("labels.npy: missing"));
    let three = Expected { schema: None, classes: Some(3), ..ANY };
    let with_labels = |bytes: &[u8]| {
        folder.put("labels.npy", bytes);
        load_labeled(folder.path(), three)
    };
    let long = |values: &[i64]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    assert_eq!(with_labels(&npy("'|u1'", "False", "(2,)", &[0, 2])).unwrap().labels().unwrap(), [0, 2]);
    let message = refusal(with_labels(&npy("'<i8'", "False", "(2,)", &long(&[0, 3]))));
    assert!(
        message.ends_with("labels.npy: row 1: label 3 is out of range; there are 3 classes, 0 to 2"),
        "{message}"
    );
    assert!(
        refusal(with_labels(&npy("'<i8'", "False", "(2,)", &long(&[-1, 0])))).contains("row 0: label -1")
    );
    assert!(
        refusal(with_labels(&npy("'<i8'", "False", "(2,)", &long(&[0, i64::MAX])))).contains("row 1: label")
    );
    let message = refusal(with_labels(&npy("'<f4'", "False", "(2,)", &floats(&[0.0, 1.0]))));
    assert!(message.contains("labels.npy: dtype '<f4' cannot hold integers; save it as int64"), "{message}");
    assert!(
        refusal(with_labels(&npy("'|u1'", "False", "(2, 1)", &[0, 1]))).contains("expected one dimension")
    );
    let message = refusal(with_labels(&npy("'|u1'", "False", "(3,)", &[0, 1, 2])));
    assert!(
        message.contains("instances.npy holds 2 records and ") && message.contains("labels.npy holds 3"),
        "{message}"
    );
    folder.put("labels.npy", &npy("'|u1'", "False", "(2,)", &[0, 1]));
    folder.put("persons.npy", &npy("'<i8'", "False", "(2,)", &long(&[70, -1])));
    assert_eq!(load_labeled(folder.path(), three).unwrap().persons().unwrap(), ["70", "-1"]);
    folder.put("persons.npy", &npy("'|S3'", "False", "(2,)", b"ab\0\0\0\0"));
    assert!(refusal(load_labeled(folder.path(), three)).contains("persons.npy: row 1: the person is empty"));
    folder.put("persons.npy", &npy("'<i8'", "False", "(1,)", &long(&[70])));
    assert!(refusal(load_labeled(folder.path(), three)).contains("persons.npy holds 1"));
    folder.put("persons.npy", &npy("'<f4'", "False", "(2,)", &floats(&[1.0, 2.0])));
    assert!(
        refusal(load_labeled(folder.path(), three))
            .contains("cannot hold persons' keys; save it as int64 or text")
    );
}

#[test]
fn a_table_names_the_line_and_the_column_of_what_is_wrong() {
    let folder = Folder::new();
    let two = schema(InstanceKind::Table, &[2]);
    let expected = Expected { schema: Some(&two), classes: Some(3), ..ANY };
    let load = |text: &str| load_labeled(&folder.put("cohort.csv", text.as_bytes()), expected);
    let data = load("age, label, person, dose\n61, 2, anna, 0.5\n\n47, 0,\"b, c\", -1e3\n").unwrap();
    assert_eq!((data.values(), data.labels().unwrap()), (&[61.0, 0.5, 47.0, -1000.0][..], &[2, 0][..]));
    assert_eq!(data.persons().unwrap(), ["anna", "b, c"]);
    let head = "age,label,person,dose\n61,2,anna,0.5\n";
    let message = refusal(load(&format!("{head}47,0,bert,high\n")));
    assert!(
        message.ends_with(
            "cohort.csv: line 3, column `dose`: `high` is not a finite number; correct or remove it"
        ),
        "{message}"
    );
    for bad in ["NaN", "inf", "1e99", ""] {
        assert!(
            refusal(load(&format!("{head}47,0,bert,{bad}\n"))).contains("line 3, column `dose`"),
            "{bad}"
        );
    }
    for bad in ["3", "-1", "1.0", "x", ""] {
        assert!(
            refusal(load(&format!("{head}47,{bad},bert,1\n"))).contains("line 3, column `label`: `"),
            "{bad}"
        );
    }
    assert!(refusal(load(&format!("{head}47,0,,1\n"))).contains("line 3, column `person`"));
    assert!(refusal(load(&format!("{head}47,0,bert\n"))).contains("not a readable CSV file"));
    assert!(refusal(load("age,dose\n1,2\n")).contains("no column `label`"));
    assert!(refusal(load("label,person\n1,2\n")).contains("no column of values"));
    assert!(
        refusal(load("1,2\n3,4\n"))
            .contains("the first line must name the columns, and it holds the number 1")
    );
    assert!(refusal(load("a,label,label\n1,2,2\n")).contains("two columns `label`"));
    assert!(refusal(load("a,label\n1,2\n")).contains("expected [records, 2] as the schema says"));
    let instances = load_instances(&folder.path().join("cohort.csv"), ANY).unwrap();
    assert!(instances.labels().is_none());
}

#[test]
fn flat_rows_take_the_shape_of_the_schema_and_pixels_are_checked() {
    let folder = Folder::new();
    let image = schema(InstanceKind::Image, &[1, 2]);
    let expected = Expected { schema: Some(&image), classes: None, ..ANY };
    let table = folder.put("images.csv", b"p0,p1,label\n0,1,1\n");
    assert_eq!(load_labeled(&table, expected).unwrap().shape(), [1, 2]);
    let rows = folder.put("a.npy", &npy("'<f4'", "False", "(1, 2)", &floats(&[0.0, 200.0])));
    assert!(
        refusal(load_instances(&rows, expected)).contains("instance 0, value 1: pixel 200 is outside [0, 1]")
    );
}

#[test]
fn a_folder_without_data_or_with_too_much_is_refused() {
    let folder = Folder::new();
    assert!(
        refusal(load_labeled(folder.path(), ANY)).contains("no data found; expected train-images-idx3-ubyte")
    );
    assert!(refusal(load_labeled(&folder.path().join("nowhere"), ANY)).contains("nowhere: cannot be read"));
    folder.put("a.csv", b"x,label\n1,0\n");
    assert!(load_labeled(folder.path(), ANY).is_ok());
    let instances = folder.put("instances.npy", b"");
    assert!(
        refusal(load_labeled(folder.path(), ANY))
            .contains("holds both a.csv and instances.npy; keep one of them")
    );
    assert!(refusal(load_labeled(&instances, ANY)).contains("holds no labels; give the folder"));
    folder.put(super::super::description::DESCRIPTION_FILE, b"{\"title\": \"x\", \"owner\": 1}");
    assert!(refusal(load_source(folder.path())).contains("not a description of data: unknown field `owner`"));
}

#[test]
fn instances_on_the_wire_have_one_form_only() {
    let bytes = instances_to_npy_bytes(&[0.5, 1.0, -0.0, 3.0], &[2]).unwrap();
    assert_eq!(bytes.len(), 128 + 16);
    assert_eq!(instances_from_npy_bytes(&bytes, &[2]).unwrap().len(), 2);
    let refused = |bytes: &[u8], shape: &[usize]| refusal(instances_from_npy_bytes(bytes, shape));
    for length in 0..bytes.len() {
        refused(&bytes[..length], &[2]);
    }
    assert!(refused(&bytes, &[4]).contains("are not whole instances of dtype <f4, C order and shape [4]"));
    assert!(refused(&bytes, &[2, 1]).contains("under the header `{'descr': '<f4'"));
    refused(&[bytes.as_slice(), &[0; 8]].concat(), &[2]);
    refused(&npy("'<f4'", "False", "(2, 2)", &floats(&[0.0; 4])), &[2]);
    refused(&bytes, &[0]);
    refused(&bytes, &[usize::MAX, 2]);
    for place in 0..128 {
        let mut other = bytes.clone();
        other[place] ^= 1;
        refused(&other, &[2]);
    }
    let mut nan = bytes;
    nan[128 + 4..128 + 8].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(refused(&nan, &[2]).contains("instance 0, value 1"));
    let error = instances_to_npy_bytes(&[1.0, 2.0, 3.0], &[2]).unwrap_err();
    assert!(matches!(error, DatasetError::NotWhole { values: 3, .. }));
}

#[test]
fn abstentions_are_written_as_minus_one() {
    let folder = Folder::new();
    let path = folder.path().join("labels.npy");
    write_integers(&path, &[3, -1, 0]).unwrap();
    assert_eq!(npy::read_integers(&path).unwrap(), [3, -1, 0]);
    assert!(refusal(load_labels(&path, None)).contains("row 1: label -1 is out of range"));
}

proptest! {
    #[test]
    fn every_finite_value_travels_exactly(values in prop::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 0..60)) {
        let whole = &values[..values.len() / 3 * 3];
        let bytes = instances_to_npy_bytes(whole, &[3, 1]).unwrap();
        let back = instances_from_npy_bytes(&bytes, &[3, 1]).unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(back.values()), bits(whole));
        // The form on the wire is also a file that the loader reads.
        let folder = Folder::new();
        let file = load_instances(&folder.put("a.npy", &bytes), ANY).unwrap();
        prop_assert_eq!(bits(file.values()), bits(whole));
    }

    #[test]
    fn a_damaged_header_never_panics(place in 0_usize..128, byte in any::<u8>(), cut in 0_usize..200) {
        let folder = Folder::new();
        let mut bytes = instances_to_npy_bytes(&[0.5; 6], &[3]).unwrap();
        bytes[place] = byte;
        let cut = cut.min(bytes.len());
        let whole = load_instances(&folder.put("a.npy", &bytes), ANY);
        if let Ok(data) = whole {
            prop_assert_eq!(data.values().len(), 6);
        }
        let part = load_instances(&folder.put("a.npy", &bytes[..cut]), ANY);
        prop_assert!(part.is_err() || cut == bytes.len());
    }
}
