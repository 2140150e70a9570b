//! The kernel against plain loops, at every shape that it can be asked for.

use super::*;
use crate::cpu::Float;
use crate::testing::normal;

/// Multiplies in the kernel and in loops and compares.
fn check<T: Float>(tolerance: f64) {
    let full = width::<T>();
    let random = |name: &str, len: usize| -> Vec<T> {
        normal(name.len() as u64, len).into_iter().map(T::of).collect()
    };
    let activations = [Activation::Identity, Activation::Relu, Activation::Relu6];
    for (case, (depth, rows)) in [(0, 1), (1, 6), (3, 5), (40, 6), (7, 2), (100, 4)].into_iter().enumerate() {
        let weights = random("weights", rows * depth);
        let packed = <Exact as Factor<T>>::pack(&weights, rows, depth);
        assert!(<Exact as Factor<T>>::unpack(&packed, rows, depth) == weights);
        for columns in 1..=full {
            let (step, apart) = (full + case, columns + 3);
            let panel = random("columns", depth * step + full);
            let (held, residual) = (random("held", ROWS * apart), random("residual", ROWS * apart));
            let bias: [T; ROWS] = std::array::from_fn(|j| T::of(j as f64 - 2.0));
            let (add, adds) = (columns % 2 == 0, columns % 3 == 0);
            let activation = activations[columns % 3];
            let mut out = held.clone();
            let product = Product {
                depth,
                columns: panel.as_ptr(),
                step,
                weights: packed.as_ptr(),
                out: out.as_mut_ptr(),
                apart,
                rows,
                width: columns,
                add,
                range: None,
                last: Some(Last { bias, residual: adds.then_some(residual.as_ptr()), activation }),
                // May be anywhere.
                ahead: adds.then_some(Ahead { place: panel.as_ptr().wrapping_add(1 << 40), apart: 12_345 }),
            };
            // SAFETY: the buffers were made for it.
            unsafe { multiply::<_, Exact>(&product) };
            for (i, (found, held)) in out.iter().zip(&held).enumerate() {
                let (j, column) = (i / apart, i % apart);
                if j >= rows || column >= columns {
                    assert!(found == held, "wrote outside: row {j}, column {column}");
                    continue;
                }
                let products =
                    (0..depth).map(|k| weights[j * depth + k].wide() * panel[k * step + column].wide());
                let mut sum = products.sum::<f64>() + bias[j].wide();
                sum += if add { held.wide() } else { 0.0 };
                sum += if adds { residual[i].wide() } else { 0.0 };
                let expected = match activation {
                    Activation::Relu => sum.max(0.0),
                    Activation::Relu6 => sum.clamp(0.0, 6.0),
                    _ => sum,
                };
                let apart = (found.wide() - expected).abs();
                assert!(apart < tolerance * (1.0 + depth as f64), "{} instead of {expected}", found.wide());
            }
        }
    }
}

#[test]
fn every_width_equals_the_loop() {
    check::<f32>(1e-6);
    check::<f64>(1e-14);
}

/// Weights that stay within `apart` of themselves, or of the row's largest, when they are packed, and what is packed once stays.
fn check_packing<F: Factor<f32, Unit = u32>>(apart: impl Fn(f32, f32) -> f32) {
    for (rows, depth) in [(1, 1), (7, 3), (6, 8), (13, 5), (3, 900)] {
        let weights: Vec<f32> = normal(3, rows * depth).into_iter().map(|v| v as f32).collect();
        let packed = F::pack(&weights, rows, depth);
        assert_eq!(packed.len(), F::packed_len(rows, depth));
        let found = F::unpack(&packed, rows, depth);
        for (found, weights) in found.chunks(depth).zip(weights.chunks(depth)) {
            let largest = weights.iter().fold(0f32, |most, weight| most.max(weight.abs()));
            for (found, weight) in found.iter().zip(weights) {
                assert!((found - weight).abs() <= apart(*weight, largest), "{found}, not {weight}");
            }
        }
        for (again, found) in F::unpack(&F::pack(&found, rows, depth), rows, depth).iter().zip(&found) {
            assert!((again - found).abs() <= found.abs() * 1e-6, "{again}, not {found}");
        }
    }
}

#[test]
fn rounded_weights_are_near() {
    check_packing::<Bfloat16>(|weight, _| weight.abs() / 256.0);
    check_packing::<Int8>(|_, largest| largest / 127.0 * 0.501);
}

#[test]
fn nan_passes_every_activation() {
    let (columns, weights) = (vec![f32::NAN; width::<f32>()], [1f32; ROWS]);
    for activation in [Activation::Relu, Activation::Relu6] {
        let mut out = vec![0f32; ROWS * 20];
        let product = Product {
            depth: 1,
            columns: columns.as_ptr(),
            step: 0,
            weights: weights.as_ptr(),
            out: out.as_mut_ptr(),
            apart: 20,
            rows: ROWS,
            width: 10,
            add: false,
            range: None,
            last: Some(Last { bias: [0.0; ROWS], residual: None, activation }),
            ahead: None,
        };
        // SAFETY: the buffers were made for it; width 10 is within a panel.
        unsafe { multiply::<_, Exact>(&product) };
        assert!(out.chunks(20).all(|row| row[..10].iter().all(|v| v.is_nan()) && row[10] == 0.0));
    }
}
