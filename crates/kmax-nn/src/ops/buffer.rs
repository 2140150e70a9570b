//! Scratch memory that each thread keeps: fresh pages cost as much as the work done in them.

use super::real::Real;
use std::cell::RefCell;

thread_local! {
    static KEPT: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with `len` elements of any value.
pub(crate) fn with_buffer<T: Real, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    // Taken out, as `f` may wait for other tasks, which this thread may run meanwhile.
    let mut words = KEPT.with_borrow_mut(Vec::pop).unwrap_or_default();
    let needed = (len * size_of::<T>()).div_ceil(size_of::<u64>());
    if words.len() < needed {
        // Not grown, which would copy.
        words = vec![0; needed];
    }
    // SAFETY: `T` is `f32` or `f64`, for which every pattern of bits is a value.
    let (_, values, _) = unsafe { words.align_to_mut::<T>() };
    let result = f(&mut values[..len]);
    KEPT.with_borrow_mut(|kept| kept.push(words));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_nest_and_are_kept() {
        let outer = with_buffer::<f32, _>(5, |a| {
            assert_eq!(a.len(), 5);
            let inner = with_buffer::<f64, _>(100, |b| {
                b.fill(1.0);
                b.as_ptr() as usize
            });
            a.fill(2.0);
            assert_eq!(with_buffer::<f64, _>(100, |b| (b.as_ptr() as usize, b[7])), (inner, 1.0));
            a.as_ptr() as usize
        });
        assert_eq!(with_buffer::<f32, _>(5, |a| (a.as_ptr() as usize, a[4])), (outer, 2.0));
        with_buffer::<f32, _>(0, |a| assert!(a.is_empty()));
    }
}
