//! Synthetic bank transactions, for demos of tables without any download. They come from no customer and no bank.
//!
//! A transaction is of one of eight spending categories. Its amount (log-normal), weekday, hour, channel and merchant are
//! drawn from laws of its category, some of which overlap: a payment service or an unknown shop tells little. Each
//! customer spends more or less than others, at earlier or later hours, and on a few categories mostly.

mod laws;

use super::dataset::DatasetError;
use super::description::Description;
use super::files::{self, FileError};
use super::seeds::{self, normal};
use super::synthetic::{MAX_BEATS, SyntheticError, uniform};
use base::columns::{Column, Constant, Content, OTHER};
use base::schema::{InstanceSchema, SchemaError};
use laws::{CATEGORIES, CHANNELS, Category, MERCHANTS, VAGUE, WEEKDAYS};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// The file's name within a folder of transactions.
pub const TRANSACTIONS_FILE: &str = "transactions.csv";

/// The first line of the file.
const HEADER: &str = "person,amount,weekday,hour,channel,merchant,recurring,label\n";

/// Generated transactions as the CSV file a bank would hold, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transactions {
    /// The whole file.
    pub csv: String,
    /// The number of rows below the names.
    pub records: usize,
    /// What the file holds, with the columns by which it is encoded.
    pub description: Description,
}

impl Transactions {
    /// Writes [`TRANSACTIONS_FILE`] and its description into `folder`.
    ///
    /// # Errors
    /// A file or folder that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        files::write_table(folder, TRANSACTIONS_FILE, &self.csv, &self.description)
    }
}

/// Makes `customers` × `each` labeled transactions; about an eighth of them is of each category.
///
/// # Errors
/// No transactions, or more than [`MAX_BEATS`].
pub fn generate_bank(customers: usize, each: usize, seed: u64) -> Result<Transactions, SyntheticError> {
    let records = customers.saturating_mul(each);
    if records == 0 {
        return Err(SyntheticError::Nothing { persons: customers, records: each });
    }
    if records > MAX_BEATS {
        return Err(SyntheticError::TooMany { persons: customers, records: each });
    }
    let mut csv = HEADER.to_owned();
    for number in 0..customers {
        // Each customer has a stream of its own: one customer more leaves the others as they are.
        let mut rng = seeds::generator("bank", seed, number as u64);
        let customer = Customer::new(&mut rng);
        for _ in 0..each {
            customer.pay(&format!("synthetic-{seed}-{number}"), &mut csv, &mut rng);
        }
    }
    let schema = bank_schema().map_err(DatasetError::from)?;
    let title = format!(
        "Bank transactions in eight spending categories, invented: {customers} customers, {records} transactions, \
         seed {seed}."
    );
    let classes = CATEGORIES.iter().map(|category| category.name.to_owned()).collect();
    Ok(Transactions { csv, records, description: Description { title, synthetic: true, schema, classes } })
}

/// Returns the columns by which transactions are encoded.
fn bank_schema() -> Result<InstanceSchema, SchemaError> {
    let columns = || {
        let constant = Constant::from_float;
        let (offset, factor) = (constant(1.6)?, constant(1.5)?);
        Ok(vec![
            Column::new("amount", Content::Number { log10: true, offset, factor, missing: None })?,
            Column::category("weekday", &WEEKDAYS)?,
            Column::number("hour", 12.0, 0.15)?,
            Column::category("channel", &CHANNELS)?,
            Column::new(
                "merchant",
                Content::Category {
                    categories: MERCHANTS.map(str::to_owned).to_vec(),
                    other: true,
                    missing: Some(OTHER.to_owned()),
                },
            )?,
            Column::category("recurring", &["no", "yes"])?,
        ])
    };
    let columns: Result<Vec<Column>, String> = columns();
    let wrong = |problem| SchemaError::Column { column: "of transactions".into(), problem };
    InstanceSchema::of_columns(columns.map_err(wrong)?)
}

/// What stays the same over one customer's transactions.
struct Customer {
    /// Added to the decimal logarithm of every amount.
    wealth: f32,
    /// Added to every hour.
    lateness: f32,
    /// How much of each category is bought, as weights.
    tastes: [f32; CATEGORIES.len()],
}

impl Customer {
    fn new(rng: &mut ChaCha8Rng) -> Self {
        Self {
            wealth: 0.12 * normal(rng),
            lateness: 1.2 * normal(rng),
            tastes: std::array::from_fn(|_| (0.5 * normal(rng)).exp()),
        }
    }

    /// Appends one transaction as a line.
    fn pay(&self, key: &str, csv: &mut String, rng: &mut ChaCha8Rng) {
        let Some(category) = CATEGORIES.get(weighted(&self.tastes, rng)) else { return };
        let (mean, deviation) = category.amount;
        let amount = 10_f32.powf(mean + self.wealth + deviation * normal(rng)).max(0.5);
        let mut days = [1.0; WEEKDAYS.len()];
        days[5..].fill(category.weekend);
        let weekday = WEEKDAYS.get(weighted(&days, rng)).unwrap_or(&"mon");
        let (mean, deviation) = category.hour;
        let hour = (mean + self.lateness + deviation * normal(rng)).clamp(0.0, 23.0).round();
        let channel = CHANNELS.get(weighted(&category.channels, rng)).unwrap_or(&"card");
        let merchant = merchant(category, rng);
        let recurring = if rng.random::<f32>() < category.recurring { "yes" } else { "no" };
        let cells = format!("{key},{amount:.2},{weekday},{hour},{channel},{merchant},{recurring}");
        csv.extend([cells.as_str(), ",", category.name, "\n"]);
    }
}

/// Returns the merchant's word; one in a hundred is empty, as in real files.
fn merchant(category: &Category, rng: &mut ChaCha8Rng) -> &'static str {
    let draw = uniform(rng, 0.0, 1.0);
    if draw < 0.01 {
        return "";
    }
    if draw < 0.01 + VAGUE {
        return MERCHANTS.last().unwrap_or(&"");
    }
    let weights: Vec<f32> = category.merchants.iter().map(|&(_, weight)| weight).collect();
    let place = category.merchants.get(weighted(&weights, rng)).map_or(0, |&(place, _)| place);
    MERCHANTS.get(place).unwrap_or(&"")
}

/// Draws a place with chances in proportion to the weights.
fn weighted(weights: &[f32], rng: &mut ChaCha8Rng) -> usize {
    let mut left = rng.random::<f32>() * weights.iter().sum::<f32>();
    for (place, weight) in weights.iter().enumerate() {
        if left < *weight {
            return place;
        }
        left -= weight;
    }
    // Rounding may leave a crumb behind the last weight.
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, load_source};

    fn source(transactions: &Transactions) -> Source {
        let folder = tempfile::tempdir().unwrap();
        transactions.write(folder.path()).unwrap();
        assert!(
            std::fs::read_to_string(folder.path().join("README.txt")).unwrap().starts_with("SYNTHETIC DATA.")
        );
        load_source(folder.path()).unwrap()
    }

    #[test]
    fn a_banks_file_is_read_by_its_own_columns_and_every_category_occurs() {
        let transactions = generate_bank(400, 10, 1).unwrap();
        let Source { train, description, .. } = source(&transactions);
        assert!(description.synthetic && description.classes.len() == 8);
        assert_eq!((train.len(), train.shape()), (4000, &[1 + 7 + 1 + 5 + 19 + 2][..]));
        assert_eq!(train.persons().unwrap()[9..11], ["synthetic-1-0", "synthetic-1-1"]);
        let mut counts = [0; 8];
        for &label in train.labels().unwrap() {
            counts[usize::from(label)] += 1;
        }
        // About 500 each, drawn with a fixed seed.
        assert!(counts.iter().all(|count| (380..620).contains(count)), "{counts:?}");
        assert!(train.values().iter().all(|v| v.abs() < 4.0), "values are scaled to a network's size");
    }

    #[test]
    fn no_rule_of_one_column_tells_the_categories_apart() {
        let Source { train, .. } = source(&generate_bank(400, 10, 1).unwrap());
        // The most frequent category of each merchant, the column that tells most.
        let merchant = |row: &[f32]| row[14..33].iter().position(|&v| v > 0.5).unwrap();
        let mut counts = vec![[0_usize; 8]; 19];
        for (index, &label) in train.labels().unwrap().iter().enumerate() {
            counts[merchant(train.instance(index).unwrap())][usize::from(label)] += 1;
        }
        let right: usize = counts.iter().filter_map(|of_one| of_one.iter().max()).sum();
        let share = right as f64 / train.len() as f64;
        assert!((0.6..0.85).contains(&share), "{share}");
    }

    #[test]
    fn the_seed_decides_and_one_customer_more_changes_nobody() {
        let csv = |customers, seed| generate_bank(customers, 3, seed).unwrap().csv;
        assert_eq!(csv(5, 1), csv(5, 1));
        assert_ne!(csv(5, 1), csv(5, 2));
        assert!(csv(6, 1).starts_with(&csv(5, 1)));
    }

    #[test]
    fn no_customers_and_too_many_transactions_are_refused() {
        assert!(generate_bank(0, 5, 1).unwrap_err().to_string().contains("both must be at least 1"));
        assert!(
            generate_bank(usize::MAX, 2, 1).unwrap_err().to_string().contains("more than 1000000 records")
        );
    }

    #[test]
    fn a_model_learns_most_of_it_but_not_all() {
        let Source { train: data, description, .. } = source(&generate_bank(300, 10, 3).unwrap());
        let (known, new): (Vec<usize>, Vec<usize>) = (0..data.len()).partition(|index| *index < 2400);
        let new = data.select(&new);
        let recipe = crate::Recipe::teacher(description.schema, 8);
        let network = crate::train(&recipe, &data, &known, 1, &|_, _| ()).unwrap();
        let said = crate::predict(&network, new.values()).unwrap();
        let right = said.iter().zip(new.labels().unwrap()).filter(|(said, truth)| said == truth).count();
        let share = right as f64 / new.len() as f64;
        assert!((0.85..0.96).contains(&share), "{share}");
    }
}
