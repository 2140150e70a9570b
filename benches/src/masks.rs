//! Inputs of post-processing.

use kmax_kernels::Alignment;
use kmax_model::postprocess::QueryLogits;

/// Logits of blobs, one for each query, with a little noise, for an input of `side` pixels a side.
pub fn predictions(side: usize, queries: usize) -> QueryLogits {
    let mask = (side - 1) / 4 + 1;
    let mut state = 1u64;
    let mut noise = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let across = (queries as f32).sqrt().ceil() as usize;
    let cell = mask.div_ceil(across);
    let mask_logits = (0..queries).flat_map(|query| {
        (0..mask * mask)
            .map(move |at| if at / mask / cell * across + at % mask / cell == query { 8.0 } else { -2.0 })
    });
    let class_logits = (0..queries)
        .flat_map(|query| (0..134).map(move |class| if class == query * 7 % 133 { 9.0 } else { 0.0 }));
    QueryLogits {
        queries,
        classes: 133,
        class_logits: class_logits.collect(),
        mask_logits: mask_logits.map(|logit: f32| logit + noise()).collect(),
        mask_size: [mask; 2],
        alignment: Alignment::Corners,
    }
}
