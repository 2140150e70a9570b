//! Norms and activations, forward and with their gradients.

use criterion::criterion_main;
use kmax_benches::{bench, criterion, operations};

fn all() {
    let mut c = criterion();
    bench(&mut c, operations::norms(), false);
    bench(&mut c, operations::norms(), true);
}

criterion_main!(all);
