//! Each operation, forward in every precision and with its gradients in float32.

use crate::report::{Report, drawn, largest};
use crate::{Outcome, Run};
use kmax_kernels::{
    self as kernels, Activation, Alignment, AxialTables, ConvParams, Epilogue, NormStep, Result,
};
use kmax_nn::candle_core::{self, DType, Device, Tensor, Var};

/// How the names of operations end that training alone has.
const OF_TRAINING: &str = " of training";

type Op = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// An operation, the shapes of its inputs, and whether gradients go through it.
struct Case(String, Vec<Vec<usize>>, bool, Op);

fn case(
    name: impl Into<String>,
    shapes: &[&[usize]],
    differentiable: bool,
    op: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
) -> Case {
    Case(name.into(), shapes.iter().map(|shape| shape.to_vec()).collect(), differentiable, Box::new(op))
}

pub fn check(run: &Run, report: &mut Report) -> Outcome {
    for Case(name, shapes, differentiable, op) in cases(run) {
        let inputs = shapes.iter().zip(0..).map(|(shape, i)| drawn(&format!("{name} {i}"), shape));
        let inputs = inputs.collect::<Outcome<Vec<_>>>()?;
        let dtypes = kmax_nn::device::dtypes(&run.device).into_iter().chain(on_processor(run));
        // Training is in float32: its norm takes its statistics in the precision of the map.
        let training = name.ends_with(OF_TRAINING);
        for dtype in dtypes.filter(|dtype| !training || *dtype == DType::F32) {
            // Sums are float32 in all precisions: what is rounded is the result.
            let allowed = match dtype {
                DType::F16 => 0.5f64.powi(9),
                DType::BF16 => 0.5f64.powi(6),
                _ => 2e-5,
            };
            match forward(run, &op, &inputs, dtype) {
                Ok(apart) => report.judged(&name, dtype, apart, allowed),
                Err(error) => report.broken(&name, dtype, &*error),
            }
        }
        if differentiable {
            let name = format!("{name}, gradients");
            match gradients(run, &op, &inputs) {
                // A gradient is a sum over pixels.
                Ok(apart) => report.judged(&name, DType::F32, apart, 5e-5),
                Err(error) => report.broken(&name, DType::F32, &*error),
            }
        }
    }
    Ok(())
}

/// Precisions that the emulation has beside the processor's own.
pub fn on_processor(run: &Run) -> Vec<DType> {
    if run.device.is_cpu() { vec![DType::F16, DType::BF16] } else { Vec::new() }
}

fn forward(run: &Run, op: &Op, inputs: &[Tensor], dtype: DType) -> Outcome<f64> {
    let rounded: Vec<_> = inputs.iter().map(|x| x.to_dtype(dtype)).collect::<candle_core::Result<_>>()?;
    let wide = |x: &Tensor| x.to_dtype(DType::F64);
    let there = |x: &Tensor| x.to_device(&run.device);
    let expected = op(&rounded.iter().map(wide).collect::<candle_core::Result<Vec<_>>>()?)?;
    largest(&op(&rounded.iter().map(there).collect::<candle_core::Result<Vec<_>>>()?)?, &expected)
}

/// Of all inputs the farthest.
fn gradients(run: &Run, op: &Op, inputs: &[Tensor]) -> Outcome<f64> {
    let of = |dtype: DType, device: &Device| -> Outcome<Vec<Tensor>> {
        let var = |x: &Tensor| Var::from_tensor(&x.to_dtype(dtype)?.to_device(device)?);
        let vars = inputs.iter().map(var).collect::<candle_core::Result<Vec<_>>>()?;
        let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let y = op(&tensors)?;
        let weights = drawn("weights", y.dims())?.to_dtype(dtype)?.to_device(device)?;
        let gradients = (&y * weights)?.sum_all()?.backward()?;
        tensors
            .iter()
            .map(|x| gradients.get(x).cloned().ok_or_else(|| "an input without a gradient".into()))
            .collect()
    };
    let (found, expected) = (of(DType::F32, &run.device)?, of(DType::F64, &Device::Cpu)?);
    let apart = found.iter().zip(&expected).map(|(a, b)| largest(a, b)).collect::<Outcome<Vec<_>>>()?;
    Ok(apart.into_iter().fold(0.0, |most: f64, apart| if apart <= most { most } else { apart }))
}

fn cases(run: &Run) -> Vec<Case> {
    let (batch, c, side) = (2, run.size(64, 6), run.size(81, 13));
    let map: &[usize] = &[batch, c, side, side + 2];
    let mut cases = Vec::new();
    for (k, stride, dilation) in [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 1), (3, 1, 2), (7, 2, 1)] {
        let name = format!("convolution {k}x{k} stride {stride} dilation {dilation}");
        let reach = (k / 2) * dilation;
        let params = ConvParams { stride, padding: (reach, reach), dilation, groups: 1 };
        cases.push(case(name, &[map, &[c + 2, c, k, k], &[c + 2]], true, move |v| {
            let epilogue = Epilogue { bias: Some(&v[2]), residual: None, activation: Activation::Relu };
            kernels::conv2d_epilogue(&v[0], &v[1], params, epilogue)
        }));
    }
    for (k, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (4, 3)] {
        let params = ConvParams { stride, padding: (k / 2, k / 2), dilation: 1, groups: c };
        let name = format!("depthwise convolution {k}x{k} stride {stride}");
        cases.push(case(name, &[map, &[c, 1, k, k], &[c]], true, move |v| {
            let epilogue = Epilogue { bias: Some(&v[2]), residual: None, activation: Activation::Gelu };
            kernels::conv2d_epilogue(&v[0], &v[1], params, epilogue)
        }));
    }
    cases.push(case("convolution and residual", &[map, &[c, c, 1, 1], map], true, |v| {
        let epilogue = Epilogue { bias: None, residual: Some(&v[2]), activation: Activation::Relu };
        kernels::conv2d_epilogue(&v[0], &v[1], ConvParams::default(), epilogue)
    }));
    cases.push(case("gelu", &[map], true, |v| kernels::gelu(&v[0])));
    cases.push(case("relu", &[map], true, |v| kernels::relu(&v[0])));
    cases.push(case("relu6", &[map], true, |v| kernels::relu6(&v[0])));
    cases.push(case("affine of channels", &[map, &[c], &[c]], true, |v| {
        kernels::channel_affine(&v[0], &v[1], &v[2])
    }));
    cases.push(case("layer norm", &[map, &[c], &[c]], true, |v| {
        kernels::layer_norm(&v[0], 1, &v[1], &v[2], 1e-6)
    }));
    cases.push(case(format!("batch norm{OF_TRAINING}"), &[map, &[c], &[c]], true, |v| {
        let step = NormStep::new(1e-3, Activation::Relu);
        Ok(kernels::batch_norm_train(&v[0], &v[1], &v[2], &step)?.output)
    }));
    cases.push(case("L2 norm", &[map], true, |v| kernels::l2_normalize(&v[0], 1, 1e-12)));
    cases.push(case("softmax over channels", &[map], true, |v| kernels::softmax(&v[0], 1)));
    cases.push(case("softmax over columns", &[map], true, |v| kernels::softmax(&v[0], 3)));
    cases.push(case("max pooling", &[map], true, |v| kernels::max_pool2d(&v[0], 3, 2, 1)));
    for (name, alignment) in [("corners", Alignment::Corners), ("borders", Alignment::Borders)] {
        let size = 2 * side - 1;
        cases.push(case(format!("resizing by {name}"), &[map], true, move |v| {
            kernels::resize_bilinear(&v[0], size, size + 4, alignment)
        }));
    }
    let pixels = side * side;
    cases.push(case("nearest center", &[&[batch, c, pixels]], false, |v| kernels::nearest_center(&v[0])));
    cases.push(case("sums of centers", &[&[batch, c, pixels], &[batch, c + 1, pixels]], false, move |v| {
        kernels::center_sums(&v[0], &kernels::nearest_center(&v[1])?, c + 1)
    }));
    cases.push(case("padding", &[map], true, |v| kernels::pad(&v[0], 1, 2)));
    cases.push(case("sum of parts", &[map], true, |v| kernels::sum_parts(&v[0], 2)));
    cases.push(axial(run));
    cases
}

/// Over columns and rows; without gradients, which its parts have.
fn axial(run: &Run) -> Case {
    let (heads, key, value) = (run.size(8, 2), run.size(16, 3), run.size(32, 4));
    let (height, width) = (run.size(41, 9), run.size(37, 13));
    let longest = height.max(width);
    let positions = 2 * longest - 1;
    let shapes: [&[usize]; 7] = [
        &[1, heads * (2 * key + value), height, width],
        &[positions, key],
        &[positions, key],
        &[positions, value],
        &[3 * heads],
        &[2 * heads * value],
        &[heads * value],
    ];
    case("axial attention", &shapes, false, move |v| {
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
        kernels::axial_attention(&v[0], &tables, false, 1)
    })
}
