//! The kernels in half precision, emulated: against the same operations in float64 on the same numbers.

use super::has_gpu_kernels;
use crate::error::Result;
use crate::testing::{assert_close, random};
use crate::{
    Activation, Alignment, AxialTables, ConvParams, Epilogue, axial_attention, center_sums, channel_affine,
    channel_affine_activated, conv2d_epilogue, l2_normalize, layer_norm, max_pool2d, nearest_center,
    pointwise_transposed, resize_bilinear, softmax,
};
use candle_core::{DType, Device, Tensor, Var};

/// The operation of tensors in half precision, and of the same in float64; both have to be within `2^-digits` of the largest.
fn check(name: &str, shapes: &[&[usize]], op: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<()> {
    for (dtype, digits) in [(DType::F16, 9), (DType::BF16, 6)] {
        let halves: Vec<Tensor> = shapes
            .iter()
            .zip(1..)
            .map(|(shape, seed)| Ok(random(seed, shape)?.to_dtype(dtype)?))
            .collect::<Result<_>>()?;
        let wide: Vec<Tensor> =
            halves.iter().map(|x| x.to_dtype(DType::F64)).collect::<candle_core::Result<_>>()?;
        let (found, expected) = (op(&halves)?, op(&wide)?);
        assert_eq!((found.dims(), found.dtype()), (expected.dims(), dtype), "{name}");
        let most = |t: &Tensor| t.abs()?.max_all()?.to_scalar::<f64>();
        let (apart, scale) = (most(&(found.to_dtype(DType::F64)? - &expected)?)?, most(&expected)?);
        assert!(apart <= scale * 0.5f64.powi(digits), "{name} of {dtype:?}: {apart} of {scale}");
    }
    Ok(())
}

/// Sizes that leave tiles full and not, with the gradients: the twins draw such kernels seldom.
#[test]
fn tiles_of_depthwise_convolutions_join() -> Result<()> {
    for (k, stride, size) in [
        (3, 1, [17, 70]),
        (3, 2, [8, 65]),
        (5, 1, [9, 33]),
        (5, 2, [31, 40]),
        (7, 1, [8, 32]),
        (7, 2, [20, 11]),
    ] {
        let arguments = [random(1, &[2, 3, size[0], size[1]])?, random(2, &[3, 1, k, k])?];
        let params = ConvParams { stride, padding: (k / 2, k / 2), groups: 3, ..ConvParams::default() };
        let run = |dtype: DType| -> Result<Vec<Tensor>> {
            let vars = arguments.iter().map(|x| Var::from_tensor(&x.to_dtype(dtype)?));
            let vars = vars.collect::<candle_core::Result<Vec<_>>>()?;
            let epilogue = Epilogue { activation: Activation::Relu6, ..Epilogue::default() };
            let plain = conv2d_epilogue(&vars[0].detach(), &vars[1].detach(), params, epilogue)?;
            let y = conv2d_epilogue(&vars[0], &vars[1], params, Epilogue::default())?;
            let grads = y.sqr()?.sum_all()?.backward()?;
            let of =
                |var: &Var| grads.get(var).cloned().ok_or_else(|| candle_core::Error::msg("no gradient"));
            let all = [plain, y.detach(), of(&vars[0])?, of(&vars[1])?];
            Ok(all.iter().map(|x| x.to_dtype(DType::F64)).collect::<candle_core::Result<_>>()?)
        };
        for (found, expected) in run(DType::F32)?.iter().zip(&run(DType::F64)?) {
            assert_close(found, expected, 3e-6);
        }
    }
    Ok(())
}

#[test]
fn the_first_of_equal_ones_wins() -> Result<()> {
    let logits = Tensor::new(&[[[1f32, 5.0, -2.0], [1.0, 5.0, 7.0], [0.0, 6.0, 7.0]]], &Device::Cpu)?;
    for dtype in [DType::F32, DType::F16, DType::F64] {
        assert_eq!(nearest_center(&logits.to_dtype(dtype)?)?.to_vec2::<u32>()?, [[0, 2, 1]]);
    }
    let x = Var::from_tensor(&Tensor::ones((1, 1, 3, 4), DType::F32, &Device::Cpu)?)?;
    let grads = max_pool2d(&x, 2, 1, 0)?.sum_all()?.backward()?;
    let grad = grads.get(&x).map(|grad| grad.flatten_all()?.to_vec1::<f32>()).transpose()?;
    let expected = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(grad.unwrap_or_default(), expected);
    Ok(())
}

#[test]
fn half_precision_keeps_its_digits() -> Result<()> {
    if !has_gpu_kernels(&Device::Cpu) {
        return Ok(());
    }
    let map: &[usize] = &[2, 6, 9, 41];
    for (k, stride) in [(3, 1), (5, 2), (7, 1), (4, 3)] {
        check("depthwise", &[map, &[6, 1, k, k], &[6]], |v| {
            let params = ConvParams { stride, padding: (k / 2, k / 2), groups: 6, ..ConvParams::default() };
            let epilogue = Epilogue { bias: Some(&v[2]), residual: None, activation: Activation::Gelu };
            conv2d_epilogue(&v[0], &v[1], params, epilogue)
        })?;
    }
    check("affine", &[map, &[6], &[6]], |v| channel_affine(&v[0], &v[1], &v[2]))?;
    check("affine, gelu", &[map, &[6], &[6]], |v| {
        channel_affine_activated(&v[0], &v[1], &v[2], Activation::Gelu)
    })?;
    check("transposed", &[&[2, 7, 11], &[5, 7], &[5]], |v| pointwise_transposed(&v[0], &v[1], &v[2]))?;
    check("layer norm", &[map, &[6], &[6]], |v| layer_norm(&v[0], 1, &v[1], &v[2], 1e-6))?;
    check("softmax", &[map], |v| softmax(&v[0], 1))?;
    check("l2", &[map], |v| l2_normalize(&v[0], 1, 1e-12))?;
    check("resize", &[map], |v| resize_bilinear(&v[0], 20, 33, Alignment::Corners))?;
    check("max pool", &[map], |v| max_pool2d(&v[0], 3, 2, 1))?;
    check("center sums", &[&[2, 5, 600], &[2, 7, 600]], |v| center_sums(&v[0], &nearest_center(&v[1])?, 7))?;
    let (heads, key, value) = (2, 3, 4);
    let shapes: [&[usize]; 7] =
        [&[1, heads * (2 * key + value), 9, 13], &[25, key], &[25, key], &[25, value], &[6], &[16], &[8]];
    check("axial attention", &shapes, |v| {
        let [query_position, key_position, value_position, similarity_scale, retrieved_scale, offset] =
            [1, 2, 3, 4, 5, 6].map(|i| (&v[i] * 0.5).and_then(|t| t.contiguous()));
        let tables = AxialTables {
            heads,
            query_position: query_position?,
            key_position: key_position?,
            value_position: value_position?,
            similarity_scale: similarity_scale?,
            retrieved_scale: retrieved_scale?,
            offset: offset?,
        };
        axial_attention(&v[0], &tables, false, 1)
    })
}

#[test]
fn small_norms_in_half_precision_do_not_become_infinite() -> Result<()> {
    // 1e-24, the square of the least norm, is 0 in float16.
    let zeros = Tensor::zeros((1, 4, 3, 3), DType::F16, &Device::Cpu)?;
    let found = l2_normalize(&zeros, 1, 1e-12)?.to_dtype(DType::F32)?;
    assert_eq!(found.abs()?.max_all()?.to_scalar::<f32>()?, 0.0);
    Ok(())
}

#[test]
fn what_no_index_reaches_is_refused() -> Result<()> {
    use super::{Launch, Module, launched};
    let x = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
    let launch = Launch::of_threads(Module::Epilogue, "epilogue", 1 << 31);
    let outputs = [(candle_core::Shape::from(1 << 31), DType::F32)];
    let error = launched(&launch, &[&x], &outputs).err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("too large")));
    Ok(())
}
