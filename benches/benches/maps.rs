//! Pooling, resizing and softmax of maps, forward and with their gradients.

use criterion::criterion_main;
use kmax_benches::{bench, criterion, operations};

fn all() {
    let mut c = criterion();
    bench(&mut c, operations::maps(), false);
    bench(&mut c, operations::maps(), true);
}

criterion_main!(all);
