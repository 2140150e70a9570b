//! Lists a checkpoint: names, types, shapes, and the mean of each tensor of floats. Without an argument, that of a small
//! TensorFlow checkpoint.

use kmax_checkpoints::{Checkpoint, Error};

fn main() -> Result<(), Error> {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/bundle");
    let path = std::env::args().nth(1).unwrap_or_else(|| bundle.into());

    let checkpoint = Checkpoint::open(path)?;
    println!("{}: {}, {} tensors", checkpoint.path().display(), checkpoint.format(), checkpoint.len());
    for (name, info) in checkpoint.tensors() {
        print!("{name}  {} {:?}", info.dtype, info.shape);
        if info.dtype.is_float() {
            let values = checkpoint.read_f32(name)?;
            let sum: f64 = values.iter().copied().map(f64::from).sum();
            print!("  mean {:.6}", sum / values.len().max(1) as f64);
        }
        println!();
    }
    for skipped in checkpoint.skipped() {
        println!("{}  skipped: {}", skipped.name, skipped.reason);
    }
    Ok(())
}
