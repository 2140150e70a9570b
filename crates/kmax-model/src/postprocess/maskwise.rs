//! Masks laid down one after the other.

use super::assignment::{Assignment, Mask};
use super::claims::Claims;
use super::classes::Best;
use super::total::Total;
use super::{Convention, PostprocessConfig, QueryLogits};
use crate::error::Result;
use kmax_kernels::{Mixing, ResizedMasks};
use rayon::prelude::*;

/// Which pixels each query claims, and its mask's score.
pub(super) fn claims(
    predictions: &QueryLogits,
    masks: &ResizedMasks,
    config: &PostprocessConfig,
) -> Result<(Claims, Vec<f32>)> {
    let queries = predictions.queries;
    let claims = Claims::new(masks, queries, config.pixel_threshold)?;
    let scores = match config.convention {
        Convention::Pytorch => claims.totals.iter().map(Total::mean).collect(),
        // deeplab2 scores a mask before it is resized, padding included.
        Convention::Deeplab2 => {
            let small = ResizedMasks::new(
                &predictions.mask_logits,
                queries,
                predictions.mask_size,
                Mixing::Difference,
            )?;
            let claims = Claims::new(&small, queries, config.pixel_threshold)?;
            claims.totals.iter().map(Total::mean).collect()
        }
    };
    Ok((claims, scores))
}

/// Lays the masks down from the most to the least confident.
pub(super) fn assign(
    claims: Claims,
    scores: &[f32],
    config: &PostprocessConfig,
    best: &[Best],
) -> Assignment {
    let order_score = |mask: &Mask| {
        mask.class_score.powf(config.reorder_class_weight) * mask.mask_score.powf(config.reorder_mask_weight)
    };
    let ranked = best.iter().zip(scores).enumerate().map(|(query, (best, &mask_score))| Mask {
        query,
        class: best.class,
        class_score: best.score,
        mask_score,
    });
    let mut ranked: Vec<Mask> = ranked.collect();
    ranked.sort_by(|a, b| order_score(b).total_cmp(&order_score(a)));
    let accepted = lay_down(&claims, &ranked, best, config.overlap_threshold);
    finish(claims, ranked, &accepted)
}

/// Which masks stay, and who gets each of the pixels that several claim (by rising pixel; position in `ranked`).
struct Accepted {
    stays: Vec<bool>,
    shared: Vec<(u32, Option<usize>)>,
}

fn lay_down(claims: &Claims, ranked: &[Mask], best: &[Best], overlap: f32) -> Accepted {
    // The shared pixels of each query.
    let mut of_query: Vec<Vec<u32>> = vec![Vec::new(); best.len()];
    let mut shared: Vec<(u32, Option<usize>)> = Vec::new();
    for group in claims.several.chunk_by(|a, b| a.0 == b.0) {
        for (_, query) in group {
            of_query[usize::from(*query)].push(shared.len() as u32);
        }
        shared.push((group[0].0, None));
    }
    let mut stays = vec![false; ranked.len()];
    for (rank, mask) in ranked.iter().enumerate() {
        let pixels = &of_query[mask.query];
        let whole = claims.totals[mask.query].count;
        let taken = pixels.iter().filter(|&&at| shared[at as usize].1.is_some()).count() as u64;
        // In float32, as both reference implementations count: a mask with exactly the share left is dropped.
        if !best[mask.query].confident || (whole - taken) as f32 <= whole as f32 * overlap {
            continue;
        }
        stays[rank] = true;
        for &at in pixels {
            shared[at as usize].1.get_or_insert(rank);
        }
    }
    Accepted { stays, shared }
}

fn finish(claims: Claims, ranked: Vec<Mask>, accepted: &Accepted) -> Assignment {
    // From 1 + query to 1 + rank.
    let mut ids = vec![0u32; ranked.len() + 1];
    for (rank, mask) in ranked.iter().enumerate().filter(|(rank, _)| accepted.stays[*rank]) {
        ids[mask.query + 1] = rank as u32 + 1;
    }
    let mut map = claims.map;
    map.data_mut().par_iter_mut().for_each(|at| *at = ids.get(*at as usize).copied().unwrap_or(0));
    let data = map.data_mut();
    for &(pixel, rank) in &accepted.shared {
        if let Some(rank) = rank {
            data[pixel as usize] = rank as u32 + 1;
        }
    }
    Assignment { map, masks: ranked }
}
