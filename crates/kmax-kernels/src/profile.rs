//! Where the time of a forward pass goes: by stage of the model and by operation.
//!
//! [`record`] switches the recording on for its closure and the thread that runs it; everywhere else, [`stage`] and
//! [`operation`] cost one look at a thread's variable.

use crate::error::Result;
use candle_core::{Device, Tensor};
use std::cell::RefCell;
use std::time::Instant;

/// How the [operation](Row::operation) of a convolution in Winograd's form begins: it makes a quarter of its
/// [multiply-adds](Row::multiply_adds).
pub const WINOGRAD: &str = "winograd";

/// What one operation of one stage took.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The innermost stage, empty outside of all.
    pub stage: &'static str,
    /// The operation with its kernel, `conv 3x3`; `other` for what no operation covers.
    pub operation: String,
    /// The shapes, `256-256 @81x81`.
    pub shape: String,
    /// How often.
    pub calls: usize,
    /// Seconds in all, without those of operations and stages inside.
    pub seconds: f64,
    /// Multiply-adds of convolutions and matrix products, by definition and not as computed.
    pub multiply_adds: f64,
    /// Bytes of what it reads and writes, each counted once.
    pub bytes: f64,
}

/// Describes an operation to [`operation`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Label {
    /// See [`Row::operation`].
    pub operation: String,
    /// See [`Row::shape`].
    pub shape: String,
    /// Of one call.
    pub multiply_adds: f64,
    /// Of one call.
    pub bytes: f64,
}

/// One that has begun.
struct Open {
    start: Instant,
    /// Seconds of those inside.
    inside: f64,
    stage: &'static str,
}

struct Recorder {
    /// What is waited for where a piece begins and ends.
    device: Device,
    open: Vec<Open>,
    rows: Vec<Row>,
}

thread_local! {
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

impl Recorder {
    fn begin(&mut self, stage: Option<&'static str>) {
        self.wait();
        let stage = stage.unwrap_or_else(|| self.open.last().map_or("", |open| open.stage));
        self.open.push(Open { start: Instant::now(), inside: 0.0, stage });
    }

    /// A device works behind the calls: without this, what is measured is how long it takes to ask.
    fn wait(&self) {
        // An error of the device comes up again where its results are read.
        let _ = self.device.synchronize();
    }

    fn end(&mut self, label: Label) {
        self.wait();
        let Some(Open { start, inside, stage }) = self.open.pop() else { return };
        let seconds = start.elapsed().as_secs_f64();
        if let Some(outer) = self.open.last_mut() {
            outer.inside += seconds;
        }
        let Label { operation, shape, multiply_adds, bytes } = label;
        let same = |row: &&mut Row| row.stage == stage && row.operation == operation && row.shape == shape;
        match self.rows.iter_mut().find(same) {
            Some(row) => {
                row.calls += 1;
                row.seconds += seconds - inside;
                row.multiply_adds += multiply_adds;
                row.bytes += bytes;
            }
            None => {
                let seconds = seconds - inside;
                self.rows.push(Row { stage, operation, shape, calls: 1, seconds, multiply_adds, bytes });
            }
        }
    }
}

/// Runs `f` on the recorder of this thread, if one is on.
fn with(f: impl FnOnce(&mut Recorder)) -> bool {
    RECORDER.with_borrow_mut(|recorder| recorder.as_mut().map(f).is_some())
}

fn rest() -> Label {
    Label { operation: "other".into(), ..Label::default() }
}

/// Runs `f` and says where this thread spent its time, in the order in which the rows were first met.
///
/// A recording inside another one takes its rows away from the outer one.
pub fn record<R>(f: impl FnOnce() -> R) -> (R, Vec<Row>) {
    record_on(&Device::Cpu, f)
}

/// As [`record`], of what runs on `device`, which is waited for where each operation and stage begins and ends.
pub fn record_on<R>(device: &Device, f: impl FnOnce() -> R) -> (R, Vec<Row>) {
    let recorder = Recorder { device: device.clone(), open: Vec::new(), rows: Vec::new() };
    let outer = RECORDER.replace(Some(recorder));
    let result = stage("", f);
    let rows = RECORDER.replace(outer).map_or_else(Vec::new, |recorder| recorder.rows);
    (result, rows)
}

/// Runs `f` as a stage of the model.
pub fn stage<R>(name: &'static str, f: impl FnOnce() -> R) -> R {
    if !with(|recorder| recorder.begin(Some(name))) {
        return f();
    }
    let result = f();
    with(|recorder| recorder.end(rest()));
    result
}

/// Runs `f` as an operation; `label` is asked for only while recording, with the result.
pub fn operation<R>(label: impl FnOnce(&R) -> Label, f: impl FnOnce() -> R) -> R {
    if !with(|recorder| recorder.begin(None)) {
        return f();
    }
    let result = f();
    let label = label(&result);
    with(|recorder| recorder.end(label));
    result
}

/// Runs `f` as an operation without products, which reads `inputs`.
pub(crate) fn pass(name: &str, inputs: &[&Tensor], f: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    operation(|output| labelled(name, 0.0, inputs, output), f)
}

/// The matrix product of Candle, as an operation.
///
/// # Errors
/// If the shapes do not fit.
pub fn matmul(lhs: &Tensor, rhs: &Tensor) -> Result<Tensor> {
    let depth = lhs.dims().last().copied().unwrap_or(0) as f64;
    let label = |output: &Result<Tensor>| {
        let outputs = output.as_ref().map_or(0, Tensor::elem_count);
        labelled("matrix product", depth * outputs as f64, &[lhs, rhs], output)
    };
    operation(label, || Ok(lhs.matmul(rhs)?))
}

/// FLOP/s of a float32 matrix product of that size, the best of three: the limit that efficiencies are measured against.
///
/// # Errors
/// If Candle fails.
pub fn product_rate(size: usize) -> Result<f64> {
    let values = |seed: usize| (0..size * size).map(move |i| ((i + seed) % 251) as f32 / 125.0 - 1.0);
    let matrix = |seed| Tensor::from_vec(values(seed).collect(), (size, size), &Device::Cpu);
    let (a, b) = (matrix(0)?, matrix(7)?);
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        drop(a.matmul(&b)?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(2.0 * (size as f64).powi(3) / best)
}

/// The label of an operation with the first input's shape.
fn labelled(name: &str, multiply_adds: f64, inputs: &[&Tensor], output: &Result<Tensor>) -> Label {
    let size = |t: &Tensor| t.elem_count() * t.dtype().size_in_bytes();
    let bytes = inputs.iter().copied().chain(output.as_ref().ok()).map(size).sum::<usize>() as f64;
    let shape = inputs.first().map_or_else(String::new, |x| format!("{:?}", x.dims()));
    Label { operation: name.into(), shape, multiply_adds, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(name: &str) -> Label {
        Label { operation: name.into(), multiply_adds: 2.0, bytes: 3.0, ..Label::default() }
    }

    #[test]
    fn each_second_belongs_to_the_innermost() {
        let wait = || std::thread::sleep(std::time::Duration::from_millis(2));
        let start = Instant::now();
        let (answer, rows) = record(|| {
            stage("backbone", || {
                for _ in 0..2 {
                    operation(|()| label("outer"), || operation(|()| label("inner"), wait));
                }
            });
            wait();
            42
        });
        let whole = start.elapsed().as_secs_f64();
        assert_eq!(answer, 42);
        let names: Vec<_> = rows.iter().map(|row| (row.stage, row.operation.as_str(), row.calls)).collect();
        let expected =
            [("backbone", "inner", 2), ("backbone", "outer", 2), ("backbone", "other", 1), ("", "other", 1)];
        assert_eq!(names, expected);
        assert_eq!((rows[0].multiply_adds, rows[0].bytes), (4.0, 6.0));
        assert!(rows[0].seconds >= 0.004 && rows[1].seconds < rows[0].seconds);
        let sum: f64 = rows.iter().map(|row| row.seconds).sum();
        assert!(sum <= whole && rows.iter().all(|row| row.seconds >= 0.0));
    }

    #[test]
    fn nothing_is_asked_for_unless_recording() {
        assert_eq!(operation(|_| unreachable!("not recording"), || stage("a", || 1)), 1);
        assert!(record(|| ()).1.len() == 1);
        assert!(product_rate(33).is_ok_and(|rate| rate > 0.0 && rate.is_finite()));
    }
}
