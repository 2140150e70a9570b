//! Convolutions, forward and with their gradients.

use criterion::criterion_main;
use kmax_benches::{bench, convolutions, criterion};

fn all() {
    let mut c = criterion();
    bench(&mut c, convolutions::resnet50().chain(convolutions::others()), false);
    bench(&mut c, convolutions::convnext_branches(), false);
    bench(&mut c, convolutions::training(), true);
}

criterion_main!(all);
