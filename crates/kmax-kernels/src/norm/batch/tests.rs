use super::*;
use crate::testing::{assert_close, check_gradients, random};
use candle_core::{Device, Var};

/// The composed form.
fn reference(x: &Tensor, gain: &Tensor, shift: &Tensor, eps: f64) -> Result<(Tensor, Tensor, Tensor)> {
    let channels = x.dim(1)?;
    let rows = x.transpose(0, 1)?.contiguous()?.reshape((channels, ()))?;
    let mean = rows.mean_keepdim(1)?;
    let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(1)?;
    let mut shape = vec![1; x.rank()];
    shape[1] = channels;
    let wide = |t: &Tensor| t.reshape(shape.as_slice());
    let y = x
        .broadcast_sub(&wide(&mean)?)?
        .broadcast_div(&wide(&(&variance + eps)?.sqrt()?)?)?
        .broadcast_mul(&wide(gain)?)?
        .broadcast_add(&wide(shift)?)?;
    Ok((y, mean.squeeze(1)?, variance))
}

const SHAPES: &[&[usize]] =
    &[&[3, 2], &[1, 3, 5], &[2, 3, 4, 5], &[2, 2, 70, 67], &[3, 5, 1, 1], &[2, 1, 3, 2, 2]];

#[test]
fn training_equals_the_composed_form() -> Result<()> {
    for shape in SHAPES {
        let (x, channels) = (((random(1, shape)? * 3.0)? + 5.0)?, shape[1]);
        let (gain, shift) = (random(2, &[channels])?, random(3, &[channels])?);
        let (y, mean, variance) = reference(&x, &gain, &shift, 1e-3)?;
        for activation in [Activation::Identity, Activation::Relu, Activation::Relu6, Activation::Gelu] {
            let expected = activation.forward(&y)?;
            let found = batch_norm_train(&x, &gain, &shift, &NormStep::new(1e-3, activation))?;
            assert_close(&found.output, &expected, 1e-12);
            assert_close(&found.mean, &mean, 1e-13);
            assert_close(&found.variance, &variance, 1e-12);
            let narrow = |t: &Tensor| t.to_dtype(DType::F32);
            let (x, gain, shift) = (narrow(&x)?, narrow(&gain)?, narrow(&shift)?);
            let single = batch_norm_train(&x, &gain, &shift, &NormStep::new(1e-3, activation))?;
            assert_close(&single.output.to_dtype(DType::F64)?, &expected, 3e-6);
            assert_close(&single.variance.to_dtype(DType::F64)?, &variance, 1e-6);
        }
    }
    Ok(())
}

#[test]
fn half_precision_holds_maps_alone() -> Result<()> {
    let shape = [2, 3, 40, 41];
    let x = ((random(1, &shape)? * 0.25)? + 8.0)?.to_dtype(DType::BF16)?;
    let (gain, shift) = (random(2, &[3])?, random(3, &[3])?);
    let step = NormStep::new(1e-3, Activation::Relu);
    // Of the same rounded numbers; gain and shift are not rounded.
    let expected = batch_norm_train(&x.to_dtype(DType::F64)?, &gain, &shift, &step)?;
    let found = batch_norm_train(&x, &gain, &shift, &step)?;
    assert_eq!((found.output.dtype(), found.mean.dtype()), (DType::BF16, DType::F64));
    assert_close(&found.mean, &expected.mean, 1e-5);
    assert_close(&found.variance, &expected.variance, 1e-6);
    let most = expected.output.abs()?.max_all()?.to_scalar::<f64>()?;
    assert_close(&found.output.to_dtype(DType::F64)?, &expected.output, most / 256.0);
    Ok(())
}

#[test]
fn gradients_equal_the_differences() -> Result<()> {
    for shape in &SHAPES[1..5] {
        let c = shape[1];
        let arguments = [random(1, shape)?, random(2, &[c])?, random(3, &[c])?];
        for activation in [Activation::Identity, Activation::Relu, Activation::Relu6, Activation::Gelu] {
            check_gradients(&arguments, |v| {
                Ok(batch_norm_train(&v[0], &v[1], &v[2], &NormStep::new(0.1, activation))?.output)
            })?;
        }
        check_gradients(&arguments, |v| channel_affine(&v[0], &v[1], &v[2]))?;
        let more = [&arguments[..], &[random(4, &[c])?, random(5, &[c])?.sqr()?]].concat();
        check_gradients(&more, |v| batch_norm(&v[0], &v[3], &v[4], &v[1], &v[2], 0.1))?;
    }
    Ok(())
}

/// Output, statistics and gradients of `x`, gain and shift for the loss `sum(output * weights)`.
fn run(x: &Tensor, weights: &Tensor, affine: &[Tensor; 2], step: &NormStep) -> Result<Vec<Tensor>> {
    let [x, gain, shift] = [x, &affine[0], &affine[1]].map(Var::from_tensor);
    let (x, gain, shift) = (x?, gain?, shift?);
    let found = batch_norm_train(&x, &gain, &shift, step)?;
    let gradients = (&found.output * weights)?.sum_all()?.backward()?;
    let of = |var: &Var| gradients.get(var).cloned().expect("a gradient");
    Ok(vec![found.output, of(&x), found.mean, found.variance, of(&gain), of(&shift)])
}

#[test]
fn ranks_share_the_statistics_of_the_whole_batch() -> Result<()> {
    let shape = [4, 3, 5, 7];
    // Images of levels of their own: the statistics of a part are far from those of all.
    let levels = Tensor::new(&[-3f64, 0.5, 2.0, 9.0], &Device::Cpu)?.reshape((4, 1, 1, 1))?;
    let x = random(1, &shape)?.broadcast_add(&levels)?;
    let (weights, affine) = (random(2, &shape)?, [random(3, &[3])?, random(4, &[3])?]);
    for activation in [Activation::Identity, Activation::Relu, Activation::Gelu] {
        let expected = run(&x, &weights, &affine, &NormStep::new(0.1, activation))?;
        for size in [2, 4] {
            let found = Ranks::on_threads(size, |ranks| {
                let part = |t: &Tensor| t.narrow(0, ranks.rank() * 4 / size, 4 / size);
                let step = NormStep { ranks: ranks.clone(), ..NormStep::new(0.1, activation) };
                run(&part(&x)?, &part(&weights)?, &affine, &step)
            })?;
            let found = found.into_iter().collect::<Result<Vec<_>>>()?;
            for (i, expected) in expected.iter().enumerate() {
                let each: Vec<_> = found.iter().map(|rank| &rank[i]).collect();
                match i {
                    0 | 1 => assert_close(&Tensor::cat(&each, 0)?, expected, 1e-13),
                    2 | 3 => each.into_iter().for_each(|own| assert_close(own, expected, 1e-13)),
                    // Gradients of parameters are summed with all others.
                    _ => assert_close(&Tensor::stack(&each, 0)?.sum(0)?, expected, 1e-13),
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_large_mean_costs_no_digits() -> Result<()> {
    let x = ((random(1, &[2, 1, 90, 91])? * 0.5)? + 1000.0)?.to_dtype(DType::F32)?;
    let one = Tensor::ones(1, DType::F32, x.device())?;
    let step = NormStep::new(0.0, Activation::Identity);
    let found = batch_norm_train(&x, &one, &one, &step)?;
    let exact = batch_norm_train(
        &x.to_dtype(DType::F64)?,
        &one.to_dtype(DType::F64)?,
        &one.to_dtype(DType::F64)?,
        &step,
    )?;
    assert_close(&found.variance.to_dtype(DType::F64)?, &exact.variance, 1e-6);
    assert_close(&found.mean.to_dtype(DType::F64)?, &exact.mean, 1e-7);
    Ok(())
}
