//! The registers of this path against an array.

use super::{Array, Grouped, Halves, REACH, Vector, Widened};
use crate::cpu::{Kernel, pair, run, run_pairs, run_quads};
use crate::testing::normal;

/// As many as the widest register has lanes, and more.
const LEN: usize = 20;
const OUTSIDE: f32 = -7.5;

fn numbers(factor: f32) -> [f32; LEN] {
    std::array::from_fn(|i| (i as f32 + 1.3) * factor)
}

/// What `f` makes of three vectors, and what lies behind the `count` elements that are stored.
///
/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn stored<V: Vector<f32>>(count: usize, f: impl Fn([V; 3]) -> V) -> Vec<f32> {
    // Allocations without a spare element: a sanitizer sees what is touched behind them.
    let inputs = [0.7, -1.9, 0.3].map(|factor| numbers(factor)[..count].to_vec());
    let mut out = vec![OUTSIDE; LEN];
    let mut exact = vec![0.0; count];
    // SAFETY: the sizes are those of the lists.
    unsafe {
        let value = f(std::array::from_fn(|i| V::load(inputs[i].as_ptr(), count)));
        value.store(out.as_mut_ptr(), count);
        value.store(exact.as_mut_ptr(), count);
    }
    assert_eq!(exact, out[..count]);
    assert!(out[count..].iter().all(|x| *x == OUTSIDE), "{count}: {out:?}");
    exact
}

/// # Safety
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn check<V: Vector<f32>>() {
    let values: [f32; REACH] = std::array::from_fn(|i| i as f32 - 4.5);
    for step in [1, 7, 31] {
        // As many places as lanes, first and last among them.
        let places: Vec<u32> = (0..V::LANES).map(|lane| (lane * step % REACH) as u32).collect();
        let expected: Vec<f32> = places.iter().map(|&at| values[at as usize]).collect();
        // SAFETY: the caller's promise, and there are as many places as lanes.
        unsafe { assert_eq!(stored::<V>(V::LANES, |_| V::pick(&values, places.as_ptr())), expected) };
    }
    for count in 0..=V::LANES {
        let [a, b, c] = [0.7, -1.9, 0.3].map(numbers);
        let expected = |f: &dyn Fn(usize) -> f32| (0..count).map(f).collect::<Vec<_>>();
        // SAFETY: the caller's promise, here and in what follows.
        unsafe {
            assert_eq!(stored::<V>(count, |[a, _, _]| a), a[..count]);
            assert_eq!(stored::<V>(count, |[a, b, _]| a.add(b)), expected(&|i| a[i] + b[i]));
            // All of `a` are above all of `b`.
            assert_eq!(stored::<V>(count, |[a, b, _]| a.at_least(b)), a[..count]);
            assert_eq!(stored::<V>(count, |[a, b, _]| b.at_least(a)), a[..count]);
            assert_eq!(stored::<V>(count, |[a, b, _]| a.at_most(b)), b[..count]);
            assert_eq!(stored::<V>(count, |[a, b, _]| b.at_most(a)), b[..count]);
            assert_eq!(stored::<V>(count, |_| V::splat(2.5)), vec![2.5; count]);
            let products = stored::<V>(count, |[a, b, c]| a.mul_add(b, c));
            for (i, found) in products.iter().enumerate() {
                let exact = f64::from(a[i]) * f64::from(b[i]) + f64::from(c[i]);
                // One rounding, or two.
                assert!((f64::from(*found) - exact).abs() <= exact.abs() * 2e-7, "{i}: {found}, not {exact}");
            }
        }
    }
    let mut list = [OUTSIDE; LEN];
    // SAFETY: as above; the list is longer than a vector.
    unsafe {
        let (nan, zero) = (V::splat(f32::NAN), V::splat(0.0));
        for value in [nan.at_least(zero), nan.at_most(zero), nan.at_least(zero).at_most(V::splat(6.0))] {
            value.store(list.as_mut_ptr(), V::LANES);
            assert!(list[..V::LANES].iter().all(|x| x.is_nan()), "{list:?}");
        }
        // Behind the count stand zeros.
        V::load(numbers(1.0).as_ptr(), 1).store(list.as_mut_ptr(), V::LANES);
        assert!(list[0] == 1.3 && list[1..V::LANES].iter().all(|x| *x == 0.0), "{list:?}");
    }
}

struct Check;

impl Kernel<f32> for Check {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) {
        // SAFETY: the caller's promise.
        unsafe { check::<V>() }
    }
}

#[test]
fn a_register_does_what_it_promises() {
    // SAFETY: it asks for nothing but the instructions.
    unsafe { run(Check) }
}

/// The sums of pairs drawn at random, as bits.
struct PairSums;

impl Kernel<f32> for PairSums {
    type Output = Vec<u32>;

    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) -> Vec<u32> {
        let mut all = Vec::new();
        // Sums of any size beside their products, NaN and infinities among them, and nothing that runs over.
        let size = |v: &f64| ((v * 8.0).clamp(-25.0, 25.0).exp2() * v.signum()) as f32;
        let drawn: Vec<f32> = normal(5, 5 * 4096).iter().map(size).collect();
        let special = [f32::NAN, f32::INFINITY, -0.0, 1.0];
        for (i, five) in drawn.chunks_exact(80).enumerate() {
            let mut numbers: [[f32; 16]; 5] =
                std::array::from_fn(|list| std::array::from_fn(|k| five[16 * list + k]));
            numbers[i % 5][i % 16] = special[i % 4];
            let [a0, a1, b0, b1, sums] = numbers;
            let pairs =
                |first: [f32; 16], second: [f32; 16]| std::array::from_fn(|k| pair(first[k], second[k]));
            let lists: [[u32; 16]; 3] = [pairs(a0, a1), pairs(b0, b1), sums.map(f32::to_bits)];
            for lanes in (0..16).step_by(V::LANES) {
                let mut out = [0f32; 16];
                // SAFETY: the caller's promise; a register has at most sixteen lanes, and bits are pairs or a sum.
                unsafe {
                    let [a, b, sum] =
                        lists.each_ref().map(|list| V::load(list[lanes..].as_ptr().cast(), V::LANES));
                    a.mul_add(b, sum).store(out.as_mut_ptr(), V::LANES);
                }
                all.extend(
                    out[..V::LANES].iter().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }),
                );
            }
        }
        all
    }
}

/// The machine's instruction, and two steps on widened halves, give the bits of the scalar twin.
#[test]
fn pairs_are_multiplied_alike_on_every_path() {
    // SAFETY: it asks for nothing but the instructions, and the twin for none.
    let (found, twin) = unsafe { (run_pairs(PairSums), PairSums.run::<Grouped<Array<f32>, Widened>>()) };
    assert_eq!((found.len(), twin.len()), (4096, 4096));
    // What the instruction takes for zero.
    let small = |bits: u32| bits & 0x7fff_ffff < f32::MIN_POSITIVE.to_bits();
    for (i, (found, twin)) in found.iter().zip(&twin).enumerate() {
        assert!(found == twin || small(*found) && small(*twin), "{i}: {found:08x}, not {twin:08x}");
    }
}

/// Sums of quads of any bits, and the numbers that they stand for.
struct QuadSums;

impl Kernel<f32> for QuadSums {
    type Output = Vec<u32>;

    #[inline(always)]
    unsafe fn run<V: Vector<f32>>(self) -> Vec<u32> {
        let (mut all, mut state) = (Vec::new(), 1u32);
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state ^ state >> 13
        };
        for _ in 0..64 {
            // The largest products of all among them.
            let mut lists: [[u32; 16]; 3] = std::array::from_fn(|_| std::array::from_fn(|_| draw()));
            (lists[0][3], lists[1][3], lists[0][7], lists[1][7]) =
                (u32::MAX, 0x8080_8080, u32::MAX, 0x7f7f_7f7f);
            lists[2] = lists[2].map(|sum| sum >> 8);
            for lanes in (0..16).step_by(V::LANES) {
                let (mut sums, mut numbers) = ([0u32; 16], [0f32; 16]);
                // SAFETY: the caller's promise; a register has at most sixteen lanes, and all bits are quads or a sum.
                unsafe {
                    let [a, b, sum] =
                        lists.each_ref().map(|list| V::load(list[lanes..].as_ptr().cast(), V::LANES));
                    let sum = a.mul_add(b, sum);
                    sum.store(sums.as_mut_ptr().cast(), V::LANES);
                    // Powers of two: no path rounds another way.
                    let (step, low) = (V::splat(0.5), V::splat(2.0));
                    sum.in_range(step, low, 0.25, 8.0).store(numbers.as_mut_ptr(), V::LANES);
                }
                all.extend_from_slice(&sums[..V::LANES]);
                all.extend(numbers[..V::LANES].iter().map(|number| number.to_bits()));
                for (number, sum) in numbers.iter().zip(sums).take(V::LANES) {
                    assert_eq!(*number, sum as i32 as f32 * 0.125 + 16.0);
                }
            }
        }
        // In an order that does not depend on the register.
        all.sort_unstable();
        all
    }
}

#[test]
fn quads_are_multiplied_alike_on_every_path() {
    // SAFETY: it asks for nothing but the instructions, and the twin for none.
    let (found, twin) = unsafe { (run_quads(QuadSums), QuadSums.run::<Grouped<Array<f32>, Halves>>()) };
    assert_eq!((found.len(), &found), (2048, &twin));
}
