//! Stories of tables in Parquet files.

use super::typed::shop;
use super::*;
use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use std::sync::Arc;

const SHOP: &str = "message shop {
    optional double amount;
    required binary channel (UTF8);
    optional int64 age;
    required binary label (UTF8);
    required binary person (UTF8);
}";

/// One column: its cells, and for each row whether there is one.
fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: &[T::T],
    there: &[i16],
) {
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(cells, Some(there), None).unwrap();
    column.close().unwrap();
}

fn words(words: &[&str]) -> Vec<ByteArray> {
    words.iter().map(|&word| ByteArray::from(word)).collect()
}

/// Three payments in two groups of rows; of the second nobody knows the age.
fn payments(compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SHOP).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    write_column::<DoubleType>(&mut group, &[150.0, 50.0], &[1, 1]);
    write_column::<ByteArrayType>(&mut group, &words(&["cash", "card"]), &[0, 0]);
    write_column::<Int64Type>(&mut group, &[61], &[1, 0]);
    write_column::<ByteArrayType>(&mut group, &words(&["rent", "food"]), &[0, 0]);
    write_column::<ByteArrayType>(&mut group, &words(&["a", "b"]), &[0, 0]);
    group.close().unwrap();
    let mut group = file.next_row_group().unwrap();
    write_column::<DoubleType>(&mut group, &[0.1], &[1]);
    write_column::<ByteArrayType>(&mut group, &words(&["cash"]), &[0]);
    write_column::<Int64Type>(&mut group, &[18], &[1]);
    write_column::<ByteArrayType>(&mut group, &words(&["food"]), &[0]);
    write_column::<ByteArrayType>(&mut group, &words(&["a"]), &[0]);
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn a_parquet_file_is_read_as_the_same_table_in_csv() {
    let (schema, names) = shop();
    let folder = Folder::new();
    let csv = "amount,channel,age,label,person\n150,cash,61,rent,a\n50,card,,food,b\n0.1,cash,18,food,a\n";
    let csv = load_labeled(&folder.put("shop.csv", csv.as_bytes()), Expected::of(&schema, &names)).unwrap();
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY] {
        let path = folder.put("shop.parquet", &payments(compression));
        let expected = Expected::of(&schema, &names);
        assert_eq!(load_labeled(&path, expected).unwrap(), csv);
        let instances = load_instances(&path, Expected::instances(&schema)).unwrap();
        assert_eq!((instances.values(), instances.labels()), (csv.values(), None));
        let summary = describe(&path, expected).unwrap();
        assert_eq!((summary.records, summary.persons, summary.missing()), (3, Some(2), 1));
    }
}

#[test]
fn a_wrong_cell_is_named_by_row_and_column_and_a_nested_column_is_refused() {
    let (schema, _) = shop();
    let folder = Folder::new();
    let path = folder.put("shop.parquet", &payments(Compression::SNAPPY));
    let others = ["travel", "rent"].map(str::to_owned);
    let error = load_labeled(&path, Expected::of(&schema, &others)).unwrap_err().to_string();
    assert!(
        error.contains("row 2, column `label`: `food` is not one of the classes travel, rent"),
        "{error}"
    );
    let nested = parse_message_type("message m { required group where { required double north; } }").unwrap();
    let file = SerializedFileWriter::new(Vec::new(), Arc::new(nested), Arc::default()).unwrap();
    let path = folder.put("nested.parquet", &file.into_inner().unwrap());
    let error = load_instances(&path, Expected::default()).unwrap_err().to_string();
    assert!(error.ends_with("column `where` is nested; write one column per value"), "{error}");
}

#[test]
fn a_damaged_file_is_refused_or_read_but_never_a_panic() {
    let (schema, names) = shop();
    let folder = Folder::new();
    let whole = payments(Compression::SNAPPY);
    let mut refused = 0;
    for position in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[position] ^= flip;
            let path = folder.put("shop.parquet", &damaged);
            refused += usize::from(load_labeled(&path, Expected::of(&schema, &names)).is_err());
        }
    }
    assert!(refused > whole.len() / 2, "{refused} of {}", 3 * whole.len());
    for length in 0..whole.len() {
        let path = folder.put("shop.parquet", &whole[..length]);
        let error = load_labeled(&path, Expected::of(&schema, &names)).unwrap_err().to_string();
        assert!(error.contains("not a readable Parquet file"), "{length}: {error}");
    }
}
