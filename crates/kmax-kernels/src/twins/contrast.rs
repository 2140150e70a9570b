//! The contrast between groups of vectors.

use super::{drawn, list, tensor, values};
use crate::error::Result;
use crate::testing::assert_close;
use crate::{Groups, contrast, l2_normalize};
use candle_core::{DType, Tensor};
use proptest::prelude::*;

/// Losses, and the gradient of their sum.
fn twin(x: &Tensor, groups: &Groups, temperature: f64) -> Result<[Tensor; 2]> {
    let (channels, count) = x.dims2()?;
    let (x, number) = (list(x)?, groups.mass.len());
    let (mut losses, mut gradient) = (vec![0.0; count], vec![0.0; channels * count]);
    for i in 0..count {
        let similar =
            |j: usize| (0..channels).map(|c| x[c * count + i] * x[c * count + j]).sum::<f64>() / temperature;
        let row: Vec<f64> = (0..count).map(similar).collect();
        let total: f64 = row.iter().map(|v| v.exp()).sum();
        for (j, v) in row.into_iter().enumerate() {
            let target = groups.targets[groups.of[i] as usize * number + groups.of[j] as usize];
            losses[i] -= target * (v - total.ln());
            let slope = (groups.mass[groups.of[i] as usize] * v.exp() / total - target) / temperature;
            for c in 0..channels {
                gradient[c * count + i] += slope * x[c * count + j];
                gradient[c * count + j] += slope * x[c * count + i];
            }
        }
    }
    Ok([tensor(losses, &[count])?, tensor(gradient, &[channels, count])?])
}

#[test]
fn losses_and_gradients() {
    let groups =
        (1..=4usize).prop_flat_map(|number| (Just(number), prop::collection::vec(0..number as u32, 1..=300)));
    drawn(24, (1..=20usize, groups, 0.1..1.0f64), |(channels, (number, of), temperature)| {
        let x = l2_normalize(&values(1, &[channels, of.len()])?, 0, 1e-12)?;
        let targets = list(&values(2, &[number, number])?.abs()?)?;
        let mass: Vec<f64> =
            (0..number).map(|a| of.iter().map(|b| targets[a * number + *b as usize]).sum()).collect();
        let groups = Groups { of: &of, targets: &targets, mass: &mass };
        let [losses, gradient] = twin(&x, &groups, temperature)?;
        for (x, tolerance) in [(x.clone(), 1e-11), (x.to_dtype(DType::F32)?, 2e-5)] {
            let found = contrast(&x, &groups, temperature)?;
            assert_close(&tensor(found.losses, &[of.len()])?, &losses, tolerance);
            assert_close(&found.gradient.to_dtype(DType::F64)?, &gradient, tolerance);
        }
        Ok(())
    });
}
