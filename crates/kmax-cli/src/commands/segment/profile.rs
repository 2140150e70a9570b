//! Where the time went.

use kmax::profile::{self, Row};
use serde_json::{Value, json};

/// The stage that every photo goes through once.
pub const READING: &str = "reading the photo";
/// Rows and columns of the matrix product that rates are compared with: large enough to run at full speed, and done in
/// some hundredths of a second.
const PRODUCT: usize = 1536;

/// A recording, summed up in two ways.
pub struct Profile {
    photos: usize,
    /// FLOP/s of a matrix product.
    limit: f64,
    seconds: f64,
    /// In the order of the work.
    stages: Vec<Sum>,
    /// The slowest first; what the network does.
    operations: Vec<Sum>,
}

/// Some rows together.
#[derive(Debug, Clone, PartialEq)]
struct Sum {
    name: String,
    calls: usize,
    seconds: f64,
    flops: f64,
    bytes: f64,
}

impl Profile {
    /// Sums up, and measures a matrix product.
    pub fn new(rows: &[Row]) -> kmax::Result<Self> {
        Ok(Self::against(rows, profile::product_rate(PRODUCT)?))
    }

    fn against(rows: &[Row], limit: f64) -> Self {
        let stages = sums(rows.iter(), |row| if row.stage.is_empty() { "other" } else { row.stage });
        // Stages without any operation are those around the network.
        let network = |row: &&Row| rows.iter().any(|other| other.stage == row.stage && other.bytes > 0.0);
        let mut operations = sums(rows.iter().filter(network), |row| &row.operation);
        operations.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        let photos = rows.iter().filter(|row| row.stage == READING).map(|row| row.calls).sum();
        Self { photos, limit, seconds: stages.iter().map(|sum| sum.seconds).sum(), stages, operations }
    }

    /// What goes to standard output.
    pub fn told(&self, as_json: bool) -> String {
        if as_json { format!("{}\n", self.json()) } else { self.table() }
    }

    fn json(&self) -> Value {
        let rows = |sums: &[Sum], kind: &str| -> Value {
            let row = |sum: &Sum| {
                let mut row = json!({ kind: sum.name, "seconds": sum.seconds });
                if kind == "operation" {
                    row["calls"] = json!(sum.calls);
                }
                row["share"] = json!(sum.seconds / self.seconds);
                row["gflops"] = json!(1e-9 * sum.flops / sum.seconds);
                row["efficiency"] = json!(sum.flops / sum.seconds / self.limit);
                row["megabytes"] = json!(1e-6 * sum.bytes);
                row
            };
            sums.iter().map(row).collect()
        };
        json!({"profile": {
            "photos": self.photos,
            "threads": rayon::current_num_threads(),
            "seconds": self.seconds,
            "gemm_gflops": 1e-9 * self.limit,
            "stages": rows(&self.stages, "stage"),
            "operations": rows(&self.operations, "operation"),
        }})
    }

    fn table(&self) -> String {
        let photos = if self.photos == 1 { "1 photo".into() } else { format!("{} photos", self.photos) };
        let mut text = format!(
            "\n{photos} in {:.3} s with {} threads; a matrix product runs at {:.0} GFLOP/s\n",
            self.seconds,
            rayon::current_num_threads(),
            1e-9 * self.limit
        );
        let names = self.stages.iter().chain(&self.operations).map(|sum| sum.name.len());
        let width = names.max().unwrap_or(0).max(9);
        // What a stage is made of differs too much for their number to say anything.
        for (title, sums, counted) in [("stage", &self.stages, false), ("operation", &self.operations, true)]
        {
            text += &format!(
                "\n{title:width$} {:>6} {:>9} {:>7} {:>8} {:>10} {:>9} {:>6}\n",
                if counted { "calls" } else { "" },
                "seconds",
                "share",
                "GFLOP/s",
                "efficiency",
                "MB moved",
                "GB/s"
            );
            for sum in sums {
                // A dash where there is nothing of the kind.
                let cell = |total: f64, value: f64, digits: usize| match total > 0.0 {
                    true => format!("{value:.digits$}"),
                    false => "-".into(),
                };
                let rate = sum.flops / sum.seconds;
                text += &format!(
                    "{:width$} {:>6} {:>9.4} {:>5.1} % {:>8} {:>10} {:>9} {:>6}\n",
                    sum.name,
                    if counted { sum.calls.to_string() } else { String::new() },
                    sum.seconds,
                    100.0 * sum.seconds / self.seconds,
                    cell(sum.flops, 1e-9 * rate, 1),
                    cell(sum.flops, rate / self.limit, 2),
                    cell(sum.bytes, 1e-6 * sum.bytes, 1),
                    cell(sum.bytes, 1e-9 * sum.bytes / sum.seconds, 1),
                );
            }
        }
        text
    }
}

/// Sums of the rows that have a name in common, in the order in which the names are first met.
fn sums<'a>(rows: impl Iterator<Item = &'a Row>, name: impl Fn(&'a Row) -> &'a str) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    for row in rows {
        let Row { calls, seconds, multiply_adds, bytes, .. } = *row;
        let flops = 2.0 * multiply_adds;
        match sums.iter_mut().find(|sum| sum.name == name(row)) {
            Some(sum) => {
                sum.calls += calls;
                sum.seconds += seconds;
                sum.flops += flops;
                sum.bytes += bytes;
            }
            None => sums.push(Sum { name: name(row).into(), calls, seconds, flops, bytes }),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(stage: &'static str, operation: &str, seconds: f64, multiply_adds: f64) -> Row {
        let bytes = if operation == "other" { 0.0 } else { 1e6 };
        Row {
            stage,
            operation: operation.into(),
            shape: String::new(),
            calls: 1,
            seconds,
            multiply_adds,
            bytes,
        }
    }

    #[test]
    fn rows_are_summed_by_stage_and_by_operation() {
        let rows = [
            row(READING, "other", 1.0, 0.0),
            row("backbone", "conv 3x3", 2.0, 4e9),
            row("backbone", "gelu", 0.5, 0.0),
            row("heads", "conv 3x3", 1.0, 2e9),
            row("heads", "other", 0.5, 0.0),
        ];
        let profile = Profile::against(&rows, 8e9);
        assert_eq!((profile.photos, profile.seconds), (1, 5.0));
        let told = profile.json();
        let at = |path: &str| told.pointer(&format!("/profile/{path}")).cloned().unwrap_or_default();
        assert_eq!(at("stages/1/stage"), "backbone");
        assert_eq!((at("stages/1/seconds"), at("stages/1/share")), (json!(2.5), json!(0.5)));
        assert_eq!((at("operations/0/operation"), at("operations/0/calls")), (json!("conv 3x3"), json!(2)));
        assert_eq!((at("operations/0/gflops"), at("operations/0/efficiency")), (json!(4.0), json!(0.5)));
        assert_eq!(at("operations/0/megabytes"), json!(2.0));
        // Reading is none of the network's.
        assert_eq!(at("operations/2/seconds"), json!(0.5));
        let table = profile.told(false);
        assert!(table.contains("1 photo in 5.000 s") && table.lines().count() == 12, "{table}");
    }
}
