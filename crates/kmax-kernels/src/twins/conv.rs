//! Convolutions in every form.

use super::{compare, compare_gradients, drawn, gradients, has_gradients, list, narrow, tensor, values};
use crate::activation::Activation;
use crate::error::Result;
use crate::testing::assert_close;
use crate::{ConvParams, Epilogue, Factors, NormStep, Prepared};
use crate::{batch_norm_train, conv2d, conv2d_epilogue, conv2d_norm_train};
use candle_core::{DType, Tensor};
use proptest::prelude::*;

/// A convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub batch: usize,
    pub input: usize,
    pub output: usize,
    pub size: [usize; 2],
    pub kernel: [usize; 2],
    pub params: ConvParams,
}

impl Case {
    fn fits(&self) -> bool {
        let fits = |size: usize, k: usize, pad: usize| size + 2 * pad > self.params.dilation * (k - 1);
        fits(self.size[0], self.kernel[0], self.params.padding.0)
            && fits(self.size[1], self.kernel[1], self.params.padding.1)
    }

    pub(super) fn in_shape(&self) -> [usize; 4] {
        [self.batch, self.input, self.size[0], self.size[1]]
    }

    fn kernel_shape(&self) -> [usize; 4] {
        [self.output, self.input / self.params.groups, self.kernel[0], self.kernel[1]]
    }

    pub(super) fn out_shape(&self) -> [usize; 4] {
        let out = |size: usize, k: usize, pad: usize| {
            (size + 2 * pad - self.params.dilation * (k - 1) - 1) / self.params.stride + 1
        };
        let [height, width] = self.size;
        [
            self.batch,
            self.output,
            out(height, self.kernel[0], self.params.padding.0),
            out(width, self.kernel[1], self.params.padding.1),
        ]
    }

    /// Calls `f` with the places in output, input and kernel of every product.
    fn each_product(&self, mut f: impl FnMut(usize, usize, usize)) {
        let [_, _, rows, columns] = self.out_shape();
        let [_, per_group, kh, kw] = self.kernel_shape();
        let [height, width] = self.size;
        let mut out = 0;
        for (b, o) in (0..self.batch).flat_map(|b| (0..self.output).map(move |o| (b, o))) {
            let first = o / (self.output / self.params.groups) * per_group;
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                for (c, ky) in (0..per_group).flat_map(|c| (0..kh).map(move |ky| (c, ky))) {
                    for kx in 0..kw {
                        let at = |i: usize, k: usize, pad: usize, size: usize| {
                            (i * self.params.stride + k * self.params.dilation)
                                .checked_sub(pad)
                                .filter(|at| *at < size)
                        };
                        let (Some(iy), Some(ix)) = (
                            at(y, ky, self.params.padding.0, height),
                            at(x, kx, self.params.padding.1, width),
                        ) else {
                            continue;
                        };
                        let channel = b * self.input + first + c;
                        f(
                            out,
                            (channel * height + iy) * width + ix,
                            ((o * per_group + c) * kh + ky) * kw + kx,
                        );
                    }
                }
                out += 1;
            }
        }
    }

    /// The output.
    pub(crate) fn forward(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        let (x, w) = (list(x)?, list(w)?);
        let mut sums = vec![0.0; self.out_shape().iter().product()];
        self.each_product(|out, at, tap| sums[out] += x[at] * w[tap]);
        tensor(sums, &self.out_shape())
    }

    /// The output of inputs in 256 steps of what each pixel of the output meets, and a kernel of its factors' values. One group.
    fn forward_in_steps(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        let (x, w) = (list(x)?, list(w)?);
        let [_, outputs, rows, columns] = self.out_shape();
        let (area, taps) = (rows * columns, self.kernel_shape()[1..].iter().product::<usize>());
        let pixel = |out: usize| out / area / outputs.max(1) * area + out % area.max(1);
        let mut met = vec![(f32::INFINITY, f32::NEG_INFINITY); self.batch * area];
        let (mut products, mut visited) =
            (vec![0; self.batch * outputs * area], vec![0.0; self.batch * outputs * area]);
        self.each_product(|out, at, tap| {
            let (low, high) = &mut met[pixel(out)];
            (*low, *high) = (low.min(x[at] as f32), high.max(x[at] as f32));
            products[out] += 1;
            visited[out] += w[tap];
        });
        // Padding is met as zero.
        for (out, _) in products.iter().enumerate().filter(|(_, count)| **count < taps) {
            let (low, high) = &mut met[pixel(out)];
            (*low, *high) = (low.min(0.0), high.max(0.0));
        }
        let in_steps = |pixel: usize, value: f64| {
            let (low, high) = met[pixel];
            let step = (high - low) / 255.0;
            let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
            f64::from(low) + f64::from(step) * f64::from(((value as f32 - low) * inverse).round_ties_even())
        };
        let mut sums = vec![0.0; products.len()];
        self.each_product(|out, at, tap| sums[out] += in_steps(pixel(out), x[at]) * w[tap]);
        for (out, sum) in sums.iter_mut().enumerate().filter(|(out, _)| products[*out] < taps) {
            let o = out / area % outputs;
            let all = w[o * taps..][..taps].iter().sum::<f64>();
            *sum += in_steps(pixel(out), 0.0) * (all - visited[out]);
        }
        tensor(sums, &self.out_shape())
    }

    /// The gradients of input and kernel, of that of the output.
    fn backward(&self, x: &Tensor, w: &Tensor, grad: &Tensor) -> Result<[Tensor; 2]> {
        let (x, w, grad) = (list(x)?, list(w)?, list(grad)?);
        let (mut of_x, mut of_w) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        self.each_product(|out, at, tap| {
            of_x[at] += grad[out] * w[tap];
            of_w[tap] += grad[out] * x[at];
        });
        Ok([tensor(of_x, &self.in_shape())?, tensor(of_w, &self.kernel_shape())?])
    }

    /// A kernel that gives outputs of about the input's size; float32 holds it exactly.
    pub(super) fn drawn_kernel(&self, seed: u64) -> Result<Tensor> {
        let products: usize = self.kernel_shape()[1..].iter().product();
        Ok((values(seed, &self.kernel_shape())? * 0.5f64.powi(products.ilog2() as i32 / 2))?)
    }

    fn run(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        conv2d(x, w, self.params)
    }
}

/// Channels by group, sizes, a kernel that fits.
pub(super) fn cases(
    groups: impl Strategy<Value = (usize, usize, usize)>,
    side: usize,
    kernel: usize,
    dilation: usize,
) -> impl Strategy<Value = Case> {
    let size = [1..=side, 1..=side];
    let kernel = [1..=kernel, 1..=kernel];
    (1..=2usize, groups, size, kernel, 1..=3usize, (0..4usize, 0..4usize), 1..=dilation)
        .prop_map(|(batch, (groups, input, output), size, kernel, stride, padding, dilation)| Case {
            batch,
            input: groups * input,
            output: groups * output,
            size,
            kernel,
            params: ConvParams { stride, padding, dilation, groups },
        })
        .prop_filter("the kernel fits", Case::fits)
}

fn check(case: Case) -> Result<()> {
    let (x, w) = (values(1, &case.in_shape())?, case.drawn_kernel(2)?);
    let arguments = [x, w];
    let [x, w] = &arguments;
    compare(&arguments, &case.forward(x, w)?, 5e-6, |v| case.run(&v[0], &v[1]))?;
    if !has_gradients() {
        return Ok(());
    }
    let grad = values(3, &case.out_shape())?;
    let expected = case.backward(x, w, &grad)?;
    let double = gradients(&arguments, &grad, |v| case.run(&v[0], &v[1]))?;
    let single = gradients(&narrow(&arguments)?, &grad, |v| case.run(&v[0], &v[1]))?;
    for ((double, single), expected) in double.iter().zip(&single).zip(&expected) {
        assert_close(double, expected, 1e-11);
        assert_close(&single.to_dtype(DType::F64)?, expected, 1e-5);
    }
    Ok(())
}

#[test]
fn dense() {
    drawn(48, cases((1..=3usize, 1..=9usize, 1..=9usize), 40, 5, 3), check);
}

#[test]
fn dense_with_many_channels() {
    drawn(32, cases((Just(1), 1..=90usize, 1..=90usize), 20, 3, 1), check);
}

#[test]
fn depthwise() {
    drawn(64, cases((1..=9usize, Just(1), Just(1)), 40, 7, 2), check);
}

pub(super) fn activations() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![Activation::Identity, Activation::Relu, Activation::Relu6, Activation::Gelu])
}

/// The scalar form of an activation.
pub(super) fn activate(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Gelu => {
            0.5 * x * (1.0 + candle_core::cpu::erf::erf_f64(x * std::f64::consts::FRAC_1_SQRT_2))
        }
    }
}

/// The output with bias, residual and activation.
fn reference(case: Case, arguments: &[Tensor], activation: Activation) -> Result<Tensor> {
    let [batch, _, rows, columns] = case.out_shape();
    let sums = list(&case.forward(&arguments[0], &arguments[1])?)?;
    let (bias, residual) = (list(&arguments[2])?, arguments.get(3).map(list).transpose()?);
    let value = |at: usize| {
        let residual = residual.as_ref().map_or(0.0, |values| values[at]);
        activate(activation, sums[at] + bias[at / (rows * columns) % case.output] + residual)
    };
    tensor((0..batch * case.output * rows * columns).map(value).collect(), &case.out_shape())
}

fn drawn_epilogue(case: Case, residual: bool) -> Result<Vec<Tensor>> {
    let mut all = vec![values(1, &case.in_shape())?, case.drawn_kernel(2)?, values(3, &[case.output])?];
    if residual {
        all.push(values(4, &case.out_shape())?);
    }
    Ok(all)
}

#[test]
fn with_bias_residual_and_activation() {
    let groups = prop_oneof![(Just(1), 1..=20usize, 1..=20usize), (1..=9usize, Just(1), Just(1))];
    drawn(64, (cases(groups, 40, 5, 2), activations(), any::<bool>()), |(case, activation, residual)| {
        let arguments = drawn_epilogue(case, residual)?;
        compare(&arguments, &reference(case, &arguments, activation)?, 5e-6, |v| {
            let epilogue = Epilogue { bias: Some(&v[2]), residual: v.get(3), activation };
            conv2d_epilogue(&v[0], &v[1], case.params, epilogue)
        })
    });
}

/// With the kernel laid out before, where it can be.
fn check_prepared(case: Case, activation: Activation, residual: bool) -> Result<()> {
    let prepare = |w: &Tensor| Prepared::new(w, case.params, Factors::Exact);
    let arguments = drawn_epilogue(case, residual)?;
    // On the path of emulated kernels, none is laid out in float32.
    if prepare(&arguments[1])?.is_none() || prepare(&arguments[1].to_dtype(DType::F32)?)?.is_none() {
        return Ok(());
    }
    compare(&arguments, &reference(case, &arguments, activation)?, 5e-6, |v| {
        let epilogue = Epilogue { bias: Some(&v[2]), residual: v.get(3), activation };
        prepare(&v[1])?.expect("as before").conv2d_epilogue(&v[0], epilogue)
    })
}

#[test]
fn prepared() {
    let case = cases((Just(1), 1..=70usize, 1..=70usize), 24, 5, 3);
    drawn(48, (case, activations(), any::<bool>()), |(case, activation, residual)| {
        check_prepared(case, activation, residual)
    });
}

/// With rounded factors: what is made, and the kernel that it is made of; `None` where nothing is rounded.
fn rounded(
    case: Case,
    arguments: &[Tensor],
    factors: Factors,
    epilogue: Epilogue,
) -> Result<Option<[Tensor; 2]>> {
    let prepared = Prepared::new(&arguments[1], case.params, factors)?;
    let Some(prepared) = prepared.filter(|prepared| prepared.factors() == factors) else { return Ok(None) };
    let prepared = prepared.in_float32();
    let made = prepared.conv2d_epilogue(&arguments[0], epilogue)?;
    Ok(Some([made.to_dtype(DType::F64)?, prepared.kernel()?.to_dtype(DType::F64)?]))
}

/// The twin's sums of rounded factors.
#[test]
fn prepared_in_bfloat16() {
    let case = cases((Just(1), 1..=70usize, 1..=70usize), 24, 5, 3);
    drawn(48, (case, activations(), any::<bool>()), |(case, activation, residual)| {
        let arguments = narrow(&drawn_epilogue(case, residual)?)?;
        let epilogue = Epilogue { bias: Some(&arguments[2]), residual: arguments.get(3), activation };
        let Some([made, kernel]) = rounded(case, &arguments, Factors::Bfloat16, epilogue)? else {
            return Ok(());
        };
        let wide = |x: &Tensor| x.to_dtype(DType::F64);
        let mut expected = arguments.iter().map(wide).collect::<candle_core::Result<Vec<_>>>()?;
        for (place, factor) in arguments.iter().enumerate().take(2) {
            expected[place] = wide(&factor.to_dtype(DType::BF16)?.to_dtype(DType::F32)?)?;
        }
        assert_close(&kernel, &expected[1], 0.0);
        assert_close(&made, &reference(case, &expected, activation)?, 5e-6);
        Ok(())
    });
}

#[test]
fn prepared_in_int8() {
    let case = cases((Just(1), 1..=70usize, 1..=70usize), 24, 5, 3);
    drawn(48, case, |case| {
        let arguments = narrow(&drawn_epilogue(case, false)?)?;
        let Some([made, kernel]) = rounded(case, &arguments, Factors::Int8, Epilogue::default())? else {
            return Ok(());
        };
        let x = arguments[0].to_dtype(DType::F64)?;
        assert_close(&made, &case.forward_in_steps(&x, &kernel)?, 5e-6);
        Ok(())
    });
}

/// Several parts of a sum, each with ranges of its own.
#[test]
fn long_sums_in_int8() -> Result<()> {
    let params = ConvParams::default();
    let case = Case { batch: 1, input: 4500, output: 7, size: [5, 4], kernel: [1, 1], params };
    let arguments = narrow(&drawn_epilogue(case, false)?)?;
    if let Some([made, kernel]) = rounded(case, &arguments, Factors::Int8, Epilogue::default())? {
        let x = arguments[0].to_dtype(DType::F64)?;
        assert_close(&made, &case.forward(&x, &kernel)?, 1e-2);
    }
    Ok(())
}

#[test]
fn winograd() {
    let shape = (1..=2usize, 32..=70usize, 32..=70usize, [1..=40usize, 1..=40usize]);
    drawn(24, (shape, activations(), any::<bool>()), |(shape, activation, residual)| {
        let (batch, input, output, size) = shape;
        let params = ConvParams { padding: (1, 1), ..ConvParams::default() };
        let case = Case { batch, input, output, size, kernel: [3, 3], params };
        check_prepared(case, activation, residual)
    });
}

#[test]
fn with_batch_norm_in_training() {
    let groups = prop_oneof![(Just(1), 1..=6usize, 1..=6usize), (1..=6usize, Just(1), Just(1))];
    drawn(24, (cases(groups, 20, 5, 1), activations()), |(case, activation)| {
        let shapes: [&[usize]; 4] = [&case.in_shape(), &case.kernel_shape(), &[case.output], &[case.output]];
        let arguments =
            (0..).zip(shapes).map(|(seed, shape)| values(seed, shape)).collect::<Result<Vec<_>>>()?;
        // Its parts have twins of their own.
        let y = case.forward(&arguments[0], &arguments[1])?;
        let step = NormStep::new(0.1, activation);
        let parts = batch_norm_train(&y, &arguments[2], &arguments[3], &step)?;
        let fused =
            |v: &[Tensor]| Ok(conv2d_norm_train(&v[0], &v[1], case.params, (&v[2], &v[3]), &step)?.output);
        compare(&arguments, &parts.output, 2e-5, fused)?;
        match activation {
            // Differences fail where a kink lies between them.
            Activation::Relu | Activation::Relu6 => Ok(()),
            _ => compare_gradients(&arguments, 1e-4, fused),
        }
    });
}
