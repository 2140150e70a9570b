//! Axial attention and the k-means step.

use criterion::criterion_main;
use kmax_benches::{bench, criterion, operations};

fn all() {
    bench(&mut criterion(), operations::attention(), false);
}

criterion_main!(all);
