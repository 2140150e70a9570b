//! What a campaign has found: a row for each kind, and the first faults in words.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::program::Done;

#[derive(Default)]
struct Row {
    runs: usize,
    refused: usize,
    slowest: Duration,
    memory: u64,
    faults: Vec<String>,
}

/// Rows by the name of what was done.
#[derive(Default)]
pub struct Report(Mutex<(BTreeMap<String, Row>, Vec<String>)>);

/// The most faults of a row that are told.
const TOLD: usize = 5;

impl Report {
    /// Takes note of a run; `fault` is what was wrong with it.
    pub fn note(&self, row: &str, what: impl FnOnce() -> String, done: &Done, fault: Option<String>) {
        let mut rows = self.0.lock().expect("no thread panicked");
        let row = rows.0.entry(row.to_owned()).or_default();
        row.runs += 1;
        row.refused += usize::from(done.code != Some(0));
        row.slowest = row.slowest.max(done.time);
        row.memory = row.memory.max(done.memory);
        if let Some(fault) = fault {
            let said: String = done.err.lines().last().unwrap_or_default().chars().take(300).collect();
            row.faults.push(format!("{}: {fault} ({said})", what()));
        }
    }

    /// Takes note of something that is wrong, and is no run.
    pub fn fault(&self, row: &str, fault: String) {
        self.0.lock().expect("no thread panicked").0.entry(row.to_owned()).or_default().faults.push(fault);
    }

    /// Says something at the end.
    pub fn remark(&self, text: String) {
        self.0.lock().expect("no thread panicked").1.push(text);
    }

    /// Prints the table; whether nothing was wrong.
    pub fn print(&self) -> bool {
        let (rows, remarks) = &*self.0.lock().expect("no thread panicked");
        println!(
            "{:<24} {:>6} {:>8} {:>9} {:>7} {:>7}",
            "kind", "runs", "refused", "slowest", "MB", "faults"
        );
        for (name, row) in rows {
            let (seconds, megabytes) = (row.slowest.as_secs_f64(), row.memory >> 20);
            println!(
                "{name:<24} {:>6} {:>8} {seconds:>7.2} s {megabytes:>7} {:>7}",
                row.runs,
                row.refused,
                row.faults.len()
            );
        }
        remarks.iter().for_each(|remark| println!("{remark}"));
        let faults =
            rows.iter().flat_map(|(name, row)| row.faults.iter().take(TOLD).map(move |fault| (name, fault)));
        faults.clone().for_each(|(name, fault)| println!("fault in {name}: {fault}"));
        faults.count() == 0
    }
}
