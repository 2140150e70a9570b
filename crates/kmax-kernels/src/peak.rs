//! What the processor can multiply at all.

use crate::cpu::{Kernel, Vector, run, run_pairs, run_quads};
use crate::matrix::Factors;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Sums that stand in registers together: enough that none waits for the last.
const SUMS: usize = 12;
/// Additions to each sum between two looks at the clock.
const ROUNDS: usize = 20_000;

/// FLOP/s of multiply-adds whose factors and sums stay in registers, on all threads of the rayon pool that calls: no program that multiplies
/// such factors can do more. Measured for so long, on each thread.
pub fn peak_rate(factors: Factors, time: Duration) -> f64 {
    let rates = rayon::broadcast(|_| {
        let (start, mut done) = (Instant::now(), 0.0);
        loop {
            // SAFETY: it asks for nothing but the instructions.
            done += unsafe {
                match factors {
                    Factors::Exact => run(Rounds(2.0)),
                    Factors::Bfloat16 => run_pairs(Rounds(4.0)),
                    Factors::Int8 => run_quads(Rounds(8.0)),
                }
            };
            let taken = start.elapsed();
            if taken >= time {
                return done / taken.as_secs_f64();
            }
        }
    });
    rates.into_iter().sum()
}

/// Operations of each lane of a step.
struct Rounds(f64);

impl Kernel<f32> for Rounds {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) -> f64 {
        let values = black_box([1.0f32; 16]);
        let mut out = [0f32; 16];
        // SAFETY: the caller's promise; a register has at most sixteen lanes.
        unsafe {
            let value = V::load(values.as_ptr(), V::LANES);
            let mut sums = [value; SUMS];
            for _ in 0..ROUNDS {
                // Otherwise all rounds could be one.
                let factor = V::splat(black_box(1.0));
                for sum in &mut sums {
                    *sum = value.mul_add(factor, *sum);
                }
            }
            let all = sums.into_iter().reduce(|a, b| a.add(b)).unwrap_or(value);
            all.store(out.as_mut_ptr(), V::LANES);
        }
        black_box(out);
        self.0 * (V::LANES * SUMS * ROUNDS) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_limit() {
        for factors in [Factors::Exact, Factors::Bfloat16, Factors::Int8] {
            let rate = peak_rate(factors, Duration::from_millis(1));
            assert!(rate > 1e6 && rate.is_finite(), "{factors:?}: {rate}");
        }
    }
}
