//! Pixels of a block as bits.

/// The bits that are set, from the lowest.
pub(super) fn lanes(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = bits.trailing_zeros();
        (bits != 0).then(|| {
            bits &= bits - 1;
            lane as usize
        })
    })
}
