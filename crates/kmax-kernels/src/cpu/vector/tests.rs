//! The register of this path against an array.

use super::Vector;
use crate::cpu::{Kernel, run};

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
