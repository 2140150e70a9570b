//! Memory that kernels write: outputs that are not zeroed first, and scratch.

use std::cell::RefCell;
use std::mem::MaybeUninit;

/// Elements of buffers.
///
/// # Safety
/// Every pattern of bits is a value, and `u64` is aligned for it.
pub(crate) unsafe trait Plain: Copy + Default + Send + Sync + 'static {}

// SAFETY: numbers of at most 64 bits.
unsafe impl Plain for f32 {}
// SAFETY: as above.
unsafe impl Plain for f64 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for half::bf16 {}

/// A buffer of `len` elements that `fill` must write in full, without the cost of zeroing it first.
///
/// # Safety
/// `fill` writes every element.
pub(crate) unsafe fn written<T: Plain>(len: usize, fill: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut values = Vec::<T>::with_capacity(len);
    fill(&mut values.spare_capacity_mut()[..len]);
    // SAFETY: all `len` elements are written now (caller's promise).
    unsafe { values.set_len(len) };
    values
}

/// The elements, once all of them are written.
///
/// # Safety
/// Every element is written.
#[inline(always)]
pub(crate) unsafe fn all_written<T: Plain>(values: &mut [MaybeUninit<T>]) -> &mut [T] {
    // SAFETY: the layouts are the same, and every element is a value (caller's promise).
    unsafe { &mut *(std::ptr::from_mut(values) as *mut [T]) }
}

/// Elements that hold values, for a function that writes.
///
/// # Safety
/// Nothing but values is written.
#[inline(always)]
pub(crate) unsafe fn to_write<T: Plain>(values: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the layouts are the same, and all elements stay values (caller's promise).
    unsafe { &mut *(std::ptr::from_mut(values) as *mut [MaybeUninit<T>]) }
}

/// Copies `from` to `to`, which has the same length, and gives it written.
#[inline(always)]
pub(crate) fn copied<'a, T: Plain>(to: &'a mut [MaybeUninit<T>], from: &[T]) -> &'a mut [T] {
    assert_eq!(to.len(), from.len());
    // SAFETY: as many elements can be read as written, and a borrowed target never overlaps; all are written then.
    unsafe {
        std::ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr().cast(), from.len());
        all_written(to)
    }
}

/// Writes zeros.
pub(crate) fn zeroed<T: Plain>(to: &mut [MaybeUninit<T>]) {
    to.fill(MaybeUninit::new(T::default()));
}

/// A pointer that parallel tasks share to write disjoint parts of one buffer.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: the pointer is only a place; each task writes elements that no other task touches.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Of elements that hold values.
    pub(crate) fn new(buffer: &mut [T]) -> Self {
        Self(buffer.as_mut_ptr())
    }

    /// Of elements that are yet to be written.
    pub(crate) fn unwritten(buffer: &mut [MaybeUninit<T>]) -> Self {
        Self(buffer.as_mut_ptr().cast())
    }

    /// The place `offset` elements in.
    ///
    /// # Safety
    /// `offset` lies within the buffer.
    pub(crate) unsafe fn at(self, offset: usize) -> *mut T {
        // SAFETY: within the buffer by the caller's promise.
        unsafe { self.0.add(offset) }
    }

    /// The same, to be asked for ahead of its use: it may lie anywhere.
    pub(crate) fn place(self, offset: usize) -> *const T {
        self.0.wrapping_add(offset)
    }

    /// `len` elements from `offset` that hold values.
    ///
    /// # Safety
    /// The range lies within the buffer, the buffer lives, nobody else touches the range meanwhile, and its elements are
    /// written.
    pub(crate) unsafe fn slice<'a>(self, offset: usize, len: usize) -> &'a mut [T] {
        // SAFETY: by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(offset), len) }
    }

    /// `len` elements from `offset`, to be written.
    ///
    /// # Safety
    /// As [`Self::slice`], but for the last.
    pub(crate) unsafe fn unwritten_slice<'a>(self, offset: usize, len: usize) -> &'a mut [MaybeUninit<T>] {
        // SAFETY: by the caller's promise; what is written is a value.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(offset).cast(), len) }
    }
}

thread_local! {
    static KEPT: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}

/// Calls `f` with `len` elements of any value, in memory that each thread keeps: fresh pages cost as much as the work done in
/// them.
pub(crate) fn with_buffer<T: Plain, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    // Taken out, as `f` may wait for other tasks, which this thread may run meanwhile.
    let mut words = KEPT.with_borrow_mut(Vec::pop).unwrap_or_default();
    let needed = (len * size_of::<T>()).div_ceil(size_of::<u64>());
    if words.len() < needed {
        // Not grown, which would copy.
        words = vec![0; needed];
    }
    // SAFETY: every pattern of bits is a value.
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
