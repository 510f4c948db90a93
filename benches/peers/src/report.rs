//! What was found: medians with the spread, as a table, as JSON and as a drawing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{paillier, prio3};

/// Gathers the figures of all repetitions under their names; those of an argmax are CPU-milliseconds per label of ten
/// classes.
#[derive(Default)]
pub struct Report(BTreeMap<String, Vec<f64>>);

/// What is shown of each way to find a label: name, title, who learns the counts, security.
const ARGMAX: [(&str, &str, &str, &str); 5] = [
    ("ours", "Psephos, fused kernel, pairs", "nobody", "132 bits"),
    ("ours_bits", "Psephos, fused kernel, bits", "nobody", "132 bits"),
    ("ours_library", "Psephos' circuit on tfhe's rotation", "nobody", "132 bits"),
    ("speed_shape", "SPEED's published shape, no keyswitch", "nobody", "its own parameters"),
    ("tfhe_high_level", "tfhe's FheUint16 tournament", "nobody", "128 bits"),
];

impl Report {
    /// Adds a figure.
    pub fn add(&mut self, name: &str, figure: f64) {
        self.0.entry(name.to_owned()).or_default().push(figure);
    }

    /// Adds what our own benchmark printed.
    pub fn ours(&mut self, figures: &Value) -> Result<(), String> {
        for (name, key) in [
            ("ours", "pairs"),
            ("ours_bits", "bits"),
            ("ours_library", "library"),
            ("sum_lists_per_s", "sum_lists_per_s"),
            ("ours_bytes", "bytes_per_label_and_ballot"),
        ] {
            let figure = figures[key].as_f64().ok_or_else(|| format!("our own benchmark says no {key}"))?;
            self.add(name, figure);
        }
        Ok(())
    }

    /// Adds what a Paillier sum costs.
    pub fn paillier(&mut self, costs: paillier::Costs) {
        self.add("paillier_encrypt_ms_per_count", costs.encrypt);
        self.add("paillier_add_ms_per_count", costs.add);
        self.add("paillier_bytes_per_count", costs.bytes as f64);
    }

    /// Adds what Prio3 costs.
    pub fn prio3(&mut self, costs: prio3::Costs) {
        self.add("prio3_shard_ms_per_vote", costs.shard);
        self.add("prio3_verify_ms_per_vote", costs.verify);
        self.add("prio3_bytes_per_vote", costs.bytes as f64);
    }

    fn sorted(&self, name: &str) -> Vec<f64> {
        let mut figures = self.0.get(name).cloned().unwrap_or_default();
        figures.sort_by(f64::total_cmp);
        figures
    }

    fn median(&self, name: &str) -> f64 {
        let figures = self.sorted(name);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn ratio(&self, peer: &str) -> f64 {
        self.median(peer) / self.median("ours")
    }

    /// Prints one JSON object.
    pub fn print_json(&self) {
        let argmax: BTreeMap<&str, f64> = ARGMAX.iter().map(|(name, ..)| (*name, self.median(name))).collect();
        let spread: BTreeMap<&String, [f64; 2]> = self
            .0
            .keys()
            .map(|name| (name, self.sorted(name)))
            .map(|(name, sorted)| (name, [sorted[0], sorted[sorted.len() - 1]]))
            .collect();
        let others: BTreeMap<&String, f64> =
            self.0.keys().filter(|name| !argmax.contains_key(name.as_str())).map(|name| (name, self.median(name))).collect();
        let ratios = json!({
            "tfhe_high_level": self.ratio("tfhe_high_level"),
            "speed_shape": self.ratio("speed_shape"),
        });
        let mut report = json!({
            "machine": machine(),
            "classes": 10,
            "argmax_cpu_ms": argmax,
            "times_ours": ratios,
            "spread": spread,
        });
        if let Some(report) = report.as_object_mut() {
            report.extend(others.into_iter().map(|(name, figure)| (name.clone(), json!(figure))));
        }
        println!("{report:#}");
    }

    /// Prints a table for people.
    pub fn print_table(&self) {
        println!("{}\n", machine());
        println!("| a label of ten classes | CPU-ms | least to most | times ours | learns the counts | security |");
        println!("|---|---|---|---|---|---|");
        for (name, title, learns, security) in ARGMAX {
            let sorted = self.sorted(name);
            println!(
                "| {title} | {:.1} | {:.1} to {:.1} | {:.1} | {learns} | {security} |",
                self.median(name),
                sorted[0],
                sorted[sorted.len() - 1],
                self.ratio(name)
            );
        }
        println!("\n| the sum alone, per vote on ten classes | CPU-ms to send | CPU-ms to add | bytes | learns the counts |");
        println!("|---|---|---|---|---|");
        let instances = 204.0;
        println!(
            "| Psephos (a list of 2048 slots, shared out) | in docs/FHE.md | {:.6} | {:.0} | nobody |",
            1e3 / self.median("sum_lists_per_s") / instances,
            self.median("ours_bytes")
        );
        let ten = |name| 10.0 * self.median(name);
        println!(
            "| Paillier, 3072 bits, a ciphertext per count | {:.0} | {:.3} | {:.0} | whoever has the key |",
            ten("paillier_encrypt_ms_per_count"),
            ten("paillier_add_ms_per_count"),
            ten("paillier_bytes_per_count")
        );
        println!(
            "| Prio3Histogram, two servers | {:.3} | {:.3} | {:.0} | both servers together |",
            self.median("prio3_shard_ms_per_vote"),
            self.median("prio3_verify_ms_per_vote"),
            self.median("prio3_bytes_per_vote")
        );
    }

    /// Draws the processor times on a logarithmic scale.
    pub fn draw(&self, path: &str) -> Result<(), Box<dyn std::error::Error>> {
        let width = |figure: f64| 90.0 * figure.max(1.0).log10();
        let mut bars = String::new();
        for (row, (name, title, ..)) in ARGMAX.iter().enumerate() {
            let (y, figure) = (34 + 30 * row, self.median(name));
            let (length, text) = (width(figure), y + 15);
            writeln!(bars, "<text x=\"8\" y=\"{text}\">{title}</text>")?;
            writeln!(bars, "<rect x=\"290\" y=\"{y}\" width=\"{length:.1}\" height=\"20\" fill=\"#3b6ea5\"/>")?;
            writeln!(bars, "<text x=\"{:.1}\" y=\"{text}\">{figure:.0} ms</text>", 296.0 + length)?;
        }
        let picture = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"190\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<title>Processor time of a label of ten classes</title>\n\
             <rect width=\"760\" height=\"190\" fill=\"#fff\"/>\n\
             <text x=\"8\" y=\"20\">Processor milliseconds of a label of ten classes, logarithmic</text>\n{bars}</svg>\n"
        );
        std::fs::write(path, picture)?;
        Ok(())
    }
}

/// The processor's name and how many of them there are.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} threads", model.trim_start_matches([' ', '\t', ':']))
}
