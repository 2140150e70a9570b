//! Maps in bfloat16: what an operation makes of them is what it makes of the same numbers in float32, rounded, to the bit.

use super::conv::{Case, activations, cases};
use super::{drawn, values};
use crate::activation::Activation;
use crate::cpu::has_map_kernel;
use crate::error::Result;
use crate::testing::assert_close;
use crate::{Alignment, ConvParams, Epilogue, Factors, Prepared};
use crate::{add_maps, conv2d_epilogue, layer_norm, max_pool2d, pad, resize_bilinear};
use candle_core::{DType, Tensor};
use proptest::prelude::*;

/// Drawn numbers that bfloat16 holds, in it and in float32; `None` where it has no kernels.
fn both(seed: u64, shape: &[usize]) -> Result<Option<[Tensor; 2]>> {
    let rounded = values(seed, shape)?.to_dtype(DType::BF16)?;
    let single = rounded.to_dtype(DType::F32)?;
    Ok(has_map_kernel(&rounded).then_some([rounded, single]))
}

/// Whether `found`, in bfloat16, is `expected` rounded, or in float32, `expected`.
#[track_caller]
fn assert_same(found: &Tensor, expected: &Tensor) -> Result<()> {
    let expected = expected.to_dtype(found.dtype())?;
    let list = |x: &Tensor| x.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
    assert_eq!(found.dims(), expected.dims());
    for (i, (found, expected)) in list(found)?.into_iter().zip(list(&expected)?).enumerate() {
        assert_eq!(found, expected, "element {i}");
    }
    Ok(())
}

/// An operation of one map.
fn check(shape: &[usize], op: impl Fn(&Tensor) -> Result<Tensor>) -> Result<()> {
    let Some([rounded, single]) = both(1, shape)? else { return Ok(()) };
    let found = op(&rounded)?;
    assert_eq!(found.dtype(), DType::BF16);
    assert_same(&found, &op(&single)?)
}

#[test]
fn of_one_map() {
    let shape = (1..=2usize, 1..=70usize, 4..=40usize, 4..=40usize);
    let sizes = [1..=60usize, 1..=60usize];
    let alignments = prop::sample::select(vec![Alignment::Corners, Alignment::Borders]);
    drawn(32, (shape, activations(), sizes, alignments), |((b, c, h, w), activation, to, alignment)| {
        let shape = [b, c, h, w];
        check(&shape, |x| activation.forward(x))?;
        check(&shape, |x| max_pool2d(x, 3, 2, 1))?;
        check(&shape, |x| pad(x, 1, 2))?;
        check(&shape, |x| resize_bilinear(x, to[0], to[1], alignment))?;
        let (gain, shift) = (values(2, &[c])?.to_dtype(DType::F32)?, values(3, &[c])?.to_dtype(DType::F32)?);
        check(&shape, |x| layer_norm(x, 1, &gain, &shift, 1e-6))?;
        let Some([rounded, single]) = both(4, &shape)? else { return Ok(()) };
        assert_same(&add_maps(&rounded, &single)?, &(&single + &single)?)
    });
}

/// What a convolution reads: maps as [`both`] gives them, the rest in float32.
struct Drawn {
    x: [Tensor; 2],
    residual: [Tensor; 2],
    w: Tensor,
    bias: Tensor,
}

fn draw(case: Case) -> Result<Option<Drawn>> {
    let (Some(x), Some(residual)) = (both(1, &case.in_shape())?, both(4, &case.out_shape())?) else {
        return Ok(None);
    };
    let w = case.drawn_kernel(2)?.to_dtype(DType::F32)?;
    let bias = values(3, &[case.output])?.to_dtype(DType::F32)?;
    Ok(Some(Drawn { x, residual, w, bias }))
}

#[test]
fn depthwise() {
    let cases = cases((1..=9usize, Just(1), Just(1)), 40, 7, 1);
    drawn(48, (cases, activations(), any::<bool>()), |(case, activation, with_residual)| {
        let Some(Drawn { x: [x, wide_x], residual: [residual, wide_residual], w, bias }) = draw(case)? else {
            return Ok(());
        };
        let run = |x: &Tensor, residual: &Tensor| {
            let residual = with_residual.then_some(residual);
            conv2d_epilogue(x, &w, case.params, Epilogue { bias: Some(&bias), residual, activation })
        };
        assert_same(&run(&x, &residual)?, &run(&wide_x, &wide_residual)?)
    });
}

/// Input, residual and output in either type.
fn check_dense(case: Case, activation: Activation) -> Result<()> {
    let Some(Drawn { x: [x, wide_x], residual: [residual, wide_residual], w, bias }) = draw(case)? else {
        return Ok(());
    };
    let Some(prepared) = Prepared::new(&w, case.params, Factors::Bfloat16)? else { return Ok(()) };
    let wide = prepared.clone().in_float32();
    let run = |prepared: &Prepared, x: &Tensor, residual: Option<&Tensor>| {
        prepared.conv2d_epilogue(x, Epilogue { bias: Some(&bias), residual, activation })
    };
    let plain = run(&wide, &wide_x, None)?;
    let ended = run(&wide, &wide_x, Some(&wide_residual))?;
    assert_eq!([plain.dtype(), ended.dtype()], [DType::F32; 2]);
    for x in [&x, &wide_x] {
        let found = run(&prepared, x, None)?;
        assert_eq!(found.dtype(), DType::BF16);
        assert_same(&found, &plain)?;
        assert_same(&run(&wide, x, None)?, &plain)?;
        // A residual's type wins.
        assert_same(&run(&wide, x, Some(&residual))?, &ended)?;
        let found = run(&prepared, x, Some(&residual))?;
        assert_eq!(found.dtype(), DType::BF16);
        assert_same(&found, &ended)?;
        assert_same(&run(&prepared, x, Some(&wide_residual))?, &ended)?;
    }
    Ok(())
}

#[test]
fn dense() {
    let case = cases((Just(1), 1..=70usize, 1..=70usize), 24, 5, 3);
    drawn(48, (case, activations()), |(case, activation)| check_dense(case, activation));
}

#[test]
fn winograd() {
    let sizes = (1..=2usize, 32..=70usize, 32..=70usize, [1..=40usize, 1..=40usize]);
    drawn(16, (sizes, activations()), |((batch, input, output, size), activation)| {
        let params = ConvParams { padding: (1, 1), ..ConvParams::default() };
        let case = Case { batch, input, output, size, kernel: [3, 3], params };
        check_dense(case, activation)?;
        // Its kernel is held in half precision, and multiplied in float32.
        let (x, w) = (values(1, &case.in_shape())?, case.drawn_kernel(2)?);
        let single = w.to_dtype(DType::F32)?;
        for factors in [Factors::Bfloat16, Factors::Int8] {
            let Some(prepared) =
                Prepared::new(&single, params, factors)?.filter(|p| p.factors() == Factors::Exact)
            else {
                continue;
            };
            let prepared = prepared.in_float32();
            let found = prepared.conv2d_epilogue(&x.to_dtype(DType::F32)?, Epilogue::default())?;
            assert_close(&found.to_dtype(DType::F64)?, &case.forward(&x, &w)?, 4e-3);
            assert_close(&prepared.kernel()?.to_dtype(DType::F64)?, &w, 2f64.powi(-8));
        }
        Ok(())
    });
}

/// Several parts of a sum.
#[test]
fn long_sums() -> Result<()> {
    let params = ConvParams::default();
    let case = Case { batch: 1, input: 4500, output: 15, size: [9, 14], kernel: [1, 1], params };
    check_dense(case, Activation::Gelu)
}

#[test]
fn other_types_are_refused() -> Result<()> {
    let Some([x, wide_x]) = both(1, &[1, 4, 5, 5])? else { return Ok(()) };
    let w = values(2, &[3, 4, 1, 1])?.to_dtype(DType::F32)?;
    for factors in [Factors::Exact, Factors::Int8] {
        let prepared = Prepared::new(&w, ConvParams::default(), factors)?.expect("one group");
        assert!(prepared.conv2d_epilogue(&x, Epilogue::default()).is_err());
        let residual = values(3, &[1, 3, 5, 5])?.to_dtype(DType::BF16)?;
        let epilogue = Epilogue { residual: Some(&residual), ..Epilogue::default() };
        assert!(prepared.conv2d_epilogue(&wide_x, epilogue).is_err());
    }
    assert!(conv2d_epilogue(&x, &w, ConvParams::default(), Epilogue::default()).is_err());
    Ok(())
}
