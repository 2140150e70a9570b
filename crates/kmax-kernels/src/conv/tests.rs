//! Convolution against a scalar loop, and its gradients against differences.

use super::{ConvParams, Epilogue, Factors, Link, Prepared, Residual};
use super::{conv_norm_chain, conv2d, conv2d_epilogue, conv2d_norm_train};
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::norm::{NormStep, batch_norm_train};
use crate::testing::{assert_close, check_gradients, random};
use crate::twins::conv::Case as Twin;
use candle_core::{DType, Tensor, Var};

/// One case: batch, input channels, output channels, groups, size, kernel, stride, padding, dilation.
type Case = (usize, usize, usize, usize, [usize; 2], [usize; 2], usize, (usize, usize), usize);

const DEPTHWISE: &[Case] = &[
    (2, 3, 3, 3, [7, 9], [3, 3], 1, (1, 1), 1),
    (1, 2, 2, 2, [13, 85], [5, 5], 1, (2, 2), 1),
    (1, 2, 2, 2, [9, 150], [7, 7], 1, (3, 3), 1),
    (2, 5, 5, 5, [8, 11], [3, 3], 2, (1, 1), 1),
    (1, 3, 3, 3, [11, 8], [5, 5], 2, (2, 2), 1),
    (1, 3, 3, 3, [12, 13], [7, 7], 2, (3, 3), 1),
    (1, 2, 2, 2, [10, 12], [5, 5], 3, (0, 1), 1),
    (1, 2, 2, 2, [9, 9], [2, 4], 2, (0, 0), 1),
    (1, 1, 1, 1, [6, 6], [3, 3], 1, (1, 1), 1),
    (3, 4, 4, 4, [1, 1], [3, 3], 1, (1, 1), 1),
    (1, 2, 2, 2, [1, 1], [5, 5], 2, (2, 2), 1),
    (1, 2, 2, 2, [4, 5], [3, 3], 1, (4, 5), 1),
    (1, 2, 2, 2, [3, 3], [3, 3], 4, (3, 3), 1),
    (0, 2, 2, 2, [3, 3], [3, 3], 1, (1, 1), 1),
];

const DENSE: &[Case] = &[
    (2, 5, 7, 1, [6, 7], [1, 1], 1, (0, 0), 1),
    (1, 3, 70, 1, [40, 41], [1, 1], 1, (0, 0), 1),
    (2, 5, 7, 1, [6, 7], [1, 1], 2, (0, 0), 1),
    (1, 4, 3, 1, [5, 4], [1, 1], 1, (1, 2), 1),
    (2, 3, 4, 1, [7, 6], [3, 3], 1, (1, 1), 1),
    (1, 3, 8, 1, [25, 31], [3, 3], 1, (1, 1), 1),
    (1, 300, 3, 1, [24, 23], [3, 3], 1, (1, 1), 1),
    (2, 3, 4, 1, [9, 8], [3, 3], 2, (1, 1), 1),
    (1, 2, 3, 1, [10, 11], [3, 3], 1, (2, 2), 2),
    (1, 2, 3, 1, [10, 11], [3, 3], 2, (3, 3), 3),
    (1, 2, 3, 1, [6, 5], [3, 3], 1, (4, 3), 1),
    (1, 3, 6, 1, [19, 21], [7, 7], 2, (3, 3), 1),
    (1, 3, 6, 1, [12, 13], [4, 4], 4, (0, 0), 1),
    (1, 3, 2, 1, [7, 9], [1, 5], 1, (0, 2), 1),
    (1, 3, 2, 1, [9, 7], [3, 2], 3, (1, 0), 2),
    (2, 6, 4, 2, [5, 6], [3, 3], 1, (1, 1), 1),
    (2, 6, 4, 2, [5, 6], [3, 3], 2, (1, 1), 1),
    (1, 4, 8, 4, [5, 5], [3, 3], 1, (1, 1), 1),
    (2, 3, 5, 1, [1, 1], [1, 1], 1, (0, 0), 1),
    (1, 3, 5, 1, [1, 1], [3, 3], 1, (1, 1), 1),
    (1, 200, 300, 1, [1, 1], [1, 1], 1, (0, 0), 1),
    (1, 0, 3, 1, [4, 4], [3, 3], 1, (1, 1), 1),
    (0, 2, 3, 1, [4, 4], [3, 3], 1, (1, 1), 1),
];

fn reference(x: &Tensor, w: &Tensor, case: Case) -> Result<Tensor> {
    let (batch, input, output, groups, size, kernel, stride, padding, dilation) = case;
    let params = ConvParams { stride, padding, dilation, groups };
    Twin { batch, input, output, size, kernel, params }.forward(x, w)
}

fn check(cases: &[Case]) -> Result<()> {
    for (i, &case) in cases.iter().enumerate() {
        let (batch, input, output, groups, [h, w], [kh, kw], s, p, d) = case;
        let x = random(i as u64, &[batch, input, h, w])?;
        let kernel = random(100 + i as u64, &[output, input / groups, kh, kw])?;
        let expected = reference(&x, &kernel, case)?;
        let run = |x: &Tensor, kernel: &Tensor| {
            conv2d(x, kernel, ConvParams { stride: s, padding: p, dilation: d, groups })
        };
        assert_close(&run(&x, &kernel)?, &expected, 1e-13);
        let single = run(&x.to_dtype(DType::F32)?, &kernel.to_dtype(DType::F32)?)?;
        assert_close(&single.to_dtype(DType::F64)?, &expected, 1e-5);
        // A transposed view must give the same.
        let view = x.transpose(2, 3)?.contiguous()?.transpose(2, 3)?;
        assert_close(&run(&view, &kernel)?, &expected, 1e-13);
        if batch > 0 {
            check_gradients(&[x, kernel], |v| run(&v[0], &v[1]))?;
        }
    }
    Ok(())
}

#[test]
fn depthwise_equals_the_loop_and_its_gradients_the_differences() -> Result<()> {
    check(DEPTHWISE)
}

#[test]
fn dense_equals_the_loop_and_its_gradients_the_differences() -> Result<()> {
    check(DENSE)
}

#[test]
fn the_fused_form_equals_the_steps() -> Result<()> {
    for (groups, kernel, activation) in [
        (1, [6, 6, 3, 3], Activation::Identity),
        (1, [6, 6, 1, 1], Activation::Relu),
        (1, [4, 6, 3, 3], Activation::Gelu),
        (6, [6, 1, 3, 3], Activation::Relu6),
    ] {
        let (x, w) = (random(1, &[2, 6, 9, 70])?, (random(2, &kernel)? * 3.0)?);
        let padding = (kernel[2] / 2, kernel[2] / 2);
        let params = ConvParams { padding, groups, ..ConvParams::default() };
        let plain = conv2d(&x, &w, params)?;
        let (bias, residual) = (random(3, &[kernel[0]])?, random(4, plain.dims())?);
        for residual in [None, Some(&residual)] {
            let epilogue = Epilogue { bias: Some(&bias), residual, activation };
            let fused = conv2d_epilogue(&x, &w, params, epilogue)?;
            let mut steps = plain.broadcast_add(&bias.reshape((1, (), 1, 1))?)?;
            if let Some(residual) = residual {
                steps = (steps + residual)?;
            }
            assert_close(&fused, &activation.forward(&steps)?, 1e-13);
            let vars = [&x, &w, &bias].map(Clone::clone);
            if residual.is_none() && activation != Activation::Gelu {
                check_gradients(&vars, |v| {
                    let epilogue = Epilogue { bias: Some(&v[2]), residual, activation };
                    conv2d_epilogue(&v[0], &v[1], params, epilogue)
                })?;
            }
        }
        let wrong = Epilogue { bias: Some(&x), ..Epilogue::default() };
        assert!(conv2d_epilogue(&x, &w, params, wrong).is_err());
    }
    Ok(())
}

#[test]
fn the_fused_training_step_equals_its_parts() -> Result<()> {
    for (groups, kernel, stride, activation) in [
        (1, [6, 4, 3, 3], 1, Activation::Identity),
        (1, [3, 4, 1, 1], 1, Activation::Relu6),
        (1, [6, 4, 3, 3], 2, Activation::Relu),
        (4, [4, 1, 5, 5], 2, Activation::Relu6),
        (1, [5, 4, 1, 1], 1, Activation::Gelu),
    ] {
        let out = kernel[0];
        let arguments =
            [random(1, &[2, 4, 9, 8])?, random(2, &kernel)?, random(3, &[out])?, random(4, &[out])?];
        let padding = (kernel[2] / 2, kernel[2] / 2);
        let params = ConvParams { stride, padding, groups, ..ConvParams::default() };
        let step = NormStep::new(0.1, activation);
        let fused = |v: &[Tensor]| conv2d_norm_train(&v[0], &v[1], params, (&v[2], &v[3]), &step);
        let [x, w, gain, shift] = &arguments;
        let y = conv2d(x, w, params)?;
        let parts = batch_norm_train(&y, gain, shift, &step)?;
        let found = fused(&arguments)?;
        assert_close(&found.output, &parts.output, 1e-14);
        assert_close(&found.mean, &parts.mean, 1e-14);
        assert_close(&found.variance, &parts.variance, 1e-14);
        check_gradients(&arguments, |v| Ok(fused(v)?.output))?;
    }
    Ok(())
}

#[test]
fn gradients_of_a_chain_equal_the_differences() -> Result<()> {
    let link = |v: &[Tensor], bias: Option<&Tensor>, groups, activation| Link {
        kernel: v[0].clone(),
        bias: bias.cloned(),
        params: ConvParams {
            padding: (v[0].dims()[2] / 2, v[0].dims()[3] / 2),
            groups,
            ..ConvParams::default()
        },
        gain: v[1].clone(),
        shift: v[2].clone(),
        step: NormStep::new(0.1, activation),
    };
    let arguments = |shapes: &[&[usize]]| -> Result<Vec<Tensor>> {
        shapes.iter().zip(1..).map(|(shape, seed)| random(seed, shape)).collect()
    };
    let (gelu, plain) = (Activation::Gelu, Activation::Identity);
    let (x, first): (&[usize], [&[usize]; 3]) = (&[2, 3, 4, 5], [&[4, 3, 1, 1], &[4], &[4]]);
    let depthwise: [&[usize]; 4] = [&[4, 1, 3, 3], &[4], &[4], &[4]];
    check_gradients(&arguments(&[&[x], &first[..], &depthwise].concat())?, |v| {
        let links = [link(&v[1..4], None, 1, gelu), link(&v[4..7], Some(&v[7]), 4, gelu)];
        Ok(conv_norm_chain(&v[0], gelu, &links, None, false)?.output)
    })?;
    let (last, projection): ([&[usize]; 3], [&[usize]; 3]) =
        ([&[3, 4, 3, 3], &[3], &[3]], [&[3, 3, 1, 1], &[3], &[3]]);
    for projection in [&projection[..0], &projection] {
        check_gradients(&arguments(&[&[x], &first[..], &last, projection].concat())?, |v| {
            let links = [link(&v[1..4], None, 1, gelu), link(&v[4..7], None, 1, plain)];
            let projection = v.get(7..10).map(|v| link(v, None, 1, plain));
            let residual = Residual { scales: vec![0.5, 2.0], link: projection };
            Ok(conv_norm_chain(&v[0], gelu, &links, Some(&residual), true)?.output)
        })?;
    }
    Ok(())
}

#[test]
fn results_repeat_bit_for_bit() -> Result<()> {
    let x = random(1, &[3, 20, 33, 35])?.to_dtype(DType::F32)?;
    let w = random(2, &[24, 20, 3, 3])?.to_dtype(DType::F32)?;
    let run = || -> Result<Vec<Vec<u32>>> {
        let (x, w) = (Var::from_tensor(&x)?, Var::from_tensor(&w)?);
        let y =
            conv2d(x.as_tensor(), w.as_tensor(), ConvParams { padding: (1, 1), ..ConvParams::default() })?;
        let grads = y.sqr()?.sum_all()?.backward()?;
        let grad = |v: &Var| grads.get(v.as_tensor()).cloned().expect("a gradient");
        let bits = |t: Tensor| -> Result<Vec<u32>> {
            Ok(t.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
        };
        Ok(vec![bits(y.detach())?, bits(grad(&x))?, bits(grad(&w))?])
    };
    let first = run()?;
    for _ in 0..5 {
        assert_eq!(run()?, first);
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_refused() -> Result<()> {
    let x = random(0, &[1, 4, 5, 5])?;
    let k = |shape: &[usize]| random(1, shape);
    for (kernel, stride, padding, groups) in [
        (k(&[4, 1, 9, 9])?, 1, (0, 0), 4),
        (k(&[4, 1, 3, 3])?, 0, (0, 0), 4),
        (k(&[4, 1, 3, 3])?, 1, (0, 0), 3),
        (k(&[4, 3, 3, 3])?, 1, (0, 0), 1),
        (k(&[4, 1, 3, 3])?.to_dtype(DType::F32)?, 1, (0, 0), 4),
    ] {
        let params = ConvParams { stride, padding, groups, ..ConvParams::default() };
        assert!(matches!(conv2d(&x, &kernel, params), Err(Error::Argument(_))));
    }
    Ok(())
}

#[test]
fn packed_kernels_end_as_plain_ones() -> Result<()> {
    // Sums in several parts, several tiles, a last panel that is not full.
    for (input, output, k, size, stride) in [
        (2100, 20, 1, [9, 31], 1),
        (300, 7, 3, [12, 70], 2),
        (3, 40, 7, [65, 66], 2),
        (20, 130, 1, [40, 41], 1),
    ] {
        let x = random(1, &[2, input, size[0], size[1]])?;
        let w = (random(2, &[output, input, k, k])? * (input as f64).powf(-0.5))?;
        let params = ConvParams { stride, padding: (k / 2, k / 2), ..ConvParams::default() };
        let plain = conv2d(&x, &w, params)?;
        let (bias, residual) = (random(3, &[output])?, random(4, plain.dims())?);
        for (residual, activation) in [
            (None, Activation::Gelu),
            (Some(&residual), Activation::Relu),
            (Some(&residual), Activation::Gelu),
            (None, Activation::Relu6),
        ] {
            let epilogue = Epilogue { bias: Some(&bias), residual, activation };
            let expected = conv2d_epilogue(&x, &w, params, epilogue)?;
            let prepared = Prepared::new(&w, params, Factors::Exact)?.expect("one group");
            assert_close(&prepared.conv2d_epilogue(&x, epilogue)?, &expected, 1e-13);
        }
    }
    Ok(())
}

#[test]
fn the_prepared_form_equals_the_plain_one() -> Result<()> {
    for (batch, input, output, height, width) in
        [(1, 32, 32, 1, 1), (2, 33, 40, 5, 3), (1, 32, 35, 9, 70), (3, 40, 32, 16, 13), (1, 48, 64, 40, 41)]
    {
        let x = random(1, &[batch, input, height, width])?;
        let w = (random(2, &[output, input, 3, 3])? * 0.1)?;
        let (bias, residual) = (random(3, &[output])?, random(4, &[batch, output, height, width])?);
        let params = ConvParams { padding: (1, 1), ..ConvParams::default() };
        for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), activation };
            let expected = conv2d_epilogue(&x, &w, params, epilogue)?;
            let prepared = Prepared::new(&w, params, Factors::Exact)?.expect("one group");
            assert_close(&prepared.conv2d_epilogue(&x, epilogue)?, &expected, 1e-13);
            let narrow = |t: &Tensor| t.to_dtype(DType::F32);
            let (x, w, bias, residual) = (narrow(&x)?, narrow(&w)?, narrow(&bias)?, narrow(&residual)?);
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), activation };
            let prepared = Prepared::new(&w, params, Factors::Exact)?.expect("one group");
            let found = prepared.conv2d_epilogue(&x, epilogue)?.to_dtype(DType::F64)?;
            assert_close(&found, &expected, 5e-6);
        }
    }
    Ok(())
}

#[test]
fn packed_kernels_equal_the_loop() -> Result<()> {
    for (i, &case) in DENSE.iter().filter(|case| case.3 == 1).enumerate() {
        let (batch, input, output, _, [h, w], [kh, kw], s, p, d) = case;
        let x = random(i as u64, &[batch, input, h, w])?;
        let kernel = random(100 + i as u64, &[output, input, kh, kw])?;
        let params = ConvParams { stride: s, padding: p, dilation: d, groups: 1 };
        let expected = reference(&x, &kernel, case)?;
        let prepared = Prepared::new(&kernel, params, Factors::Exact)?.expect("one group");
        assert_close(&prepared.kernel()?, &kernel, 0.0);
        assert_close(&prepared.conv2d_epilogue(&x, Epilogue::default())?, &expected, 1e-13);
        let (x, kernel) = (x.to_dtype(DType::F32)?, kernel.to_dtype(DType::F32)?);
        let prepared = Prepared::new(&kernel, params, Factors::Exact)?.expect("one group");
        let single = prepared.conv2d_epilogue(&x, Epilogue::default())?;
        assert_close(&single.to_dtype(DType::F64)?, &expected, 1e-5);
        assert!(prepared.conv2d_epilogue(&single.to_dtype(DType::F64)?, Epilogue::default()).is_err());
        for factors in [Factors::Bfloat16, Factors::Int8] {
            let prepared = Prepared::new(&kernel, params, factors)?.expect("one group");
            // How near is the twins' to say; here also where there is nothing to sum.
            let rounded = prepared.conv2d_epilogue(&x, Epilogue::default())?;
            assert_eq!(rounded.dims(), expected.dims(), "{case:?}: {factors:?}");
            if input == 0 {
                assert_close(&rounded.to_dtype(DType::F64)?, &expected, 0.0);
            }
        }
    }
    let w = random(1, &[32, 32, 3, 3])?;
    // Not in Winograd's form, where nothing is rounded, nor of float64.
    for (w, params) in [(w.to_dtype(DType::F32)?, (1, 1)), (w.clone(), (0, 0))] {
        let params = ConvParams { padding: params, ..ConvParams::default() };
        let prepared = Prepared::new(&w, params, Factors::Bfloat16)?.expect("one group");
        let direct = std::env::var_os("KMAX_WINOGRAD").is_some() && w.dtype() == DType::F32;
        assert!(direct || prepared.factors() == Factors::Exact);
        assert_eq!(prepared.dtype(), w.dtype());
    }
    assert!(Prepared::new(&w, ConvParams { groups: 2, ..ConvParams::default() }, Factors::Exact)?.is_none());
    Ok(())
}

#[test]
fn what_is_not_a_number_reaches_the_output_with_all_factors() -> Result<()> {
    let w = random(1, &[20, 33, 1, 1])?.to_dtype(DType::F32)?;
    for factors in [Factors::Exact, Factors::Bfloat16, Factors::Int8] {
        let Some(prepared) = Prepared::new(&w, ConvParams::default(), factors)? else { return Ok(()) };
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = random(2, &[33 * 70])?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
            x[5 * 70 + 41] = bad;
            let x = Tensor::from_vec(x, (1, 33, 1, 70), w.device())?;
            let out = prepared.conv2d_epilogue(&x, Epilogue::default())?.to_dtype(DType::F32)?;
            // A weight, of the first output alone.
            let mut weights = w.flatten_all()?.to_vec1::<f32>()?;
            weights[3] = bad;
            let broken = Tensor::from_vec(weights, w.shape(), w.device())?;
            let broken = Prepared::new(&broken, ConvParams::default(), factors)?.expect("one group");
            let ones = Tensor::ones((1, 33, 1, 70), DType::F32, w.device())?;
            let of_broken =
                broken.conv2d_epilogue(&ones, Epilogue::default())?.to_dtype(DType::F32)?.flatten_all()?;
            for (i, value) in of_broken.to_vec1::<f32>()?.into_iter().enumerate() {
                assert_eq!(value.is_finite(), i >= 70, "{factors:?}, weight {bad}: {value} at {i}");
            }
            for (i, value) in out.flatten_all()?.to_vec1::<f32>()?.into_iter().enumerate() {
                assert_eq!(value.is_finite(), i % 70 != 41, "{factors:?}, {bad}: {value} at {i}");
            }
        }
    }
    Ok(())
}
