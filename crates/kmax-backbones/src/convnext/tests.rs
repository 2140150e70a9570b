use super::*;
use candle_core::{DType, Device};
use kmax_nn::Role;

fn small() -> ConvNeXtConfig {
    let base = ConvNeXtConfig::new(ConvNeXtSize::Tiny, 0.3);
    ConvNeXtConfig { depths: [1, 1, 2, 1], dims: [8, 16, 24, 32], ..base }
}

#[test]
fn every_size_has_its_parameters() -> Result<()> {
    use ConvNeXtSize::{Base, Large, Small, Tiny};
    // The published counts less classification norm and head.
    let sizes = [(Tiny, 27_818_592), (Small, 49_453_152), (Base, 87_564_416), (Large, 196_227_264)];
    for (size, expected) in sizes {
        assert_eq!(count(ConvNeXtConfig::new(size, 0.0)), expected, "{size:?}");
    }
    // The formula of the counts is that of the network.
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    ConvNeXt::new(small(), &params)?;
    let built: usize = params.parameters().iter().map(|p| p.var.elem_count()).sum();
    assert_eq!(built, count(small()));
    Ok(())
}

/// Parameters by hand, so that the large networks need not be drawn.
fn count(config: ConvNeXtConfig) -> usize {
    let dims = config.dims;
    let block = |d: usize| 49 * d + d + 2 * d + (4 * d * d + 4 * d) + (4 * d * d + d) + d;
    let blocks: usize = config.depths.iter().zip(dims).map(|(n, d)| n * block(d)).sum();
    let downsample: usize = dims.windows(2).map(|d| 2 * d[0] + 4 * d[0] * d[1] + d[1]).sum();
    blocks + downsample + (48 * dims[0] + dims[0] + 2 * dims[0])
}

#[test]
fn maps_have_their_strides_at_odd_and_even_sizes() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    let network = ConvNeXt::new(small(), &params)?;
    let sizes = |height, width| -> Result<Vec<(usize, usize)>> {
        let image = Tensor::ones((1, 3, height, width), DType::F32, &Device::Cpu)?;
        let features = network.forward(&image, &Mode::eval())?;
        Level::ALL.into_iter().map(|l| Ok((features.get(l).dim(2)?, features.get(l).dim(3)?))).collect()
    };
    assert_eq!(sizes(65, 33)?, [(17, 9), (17, 9), (9, 5), (5, 3), (3, 2)]);
    assert_eq!(sizes(64, 96)?, [(16, 24), (16, 24), (8, 12), (4, 6), (2, 3)]);
    assert_eq!(sizes(1, 1)?[4], (1, 1));
    Ok(())
}

#[test]
fn training_reaches_every_parameter_and_the_roles_are_right() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F64, &Device::Cpu);
    let network = ConvNeXt::new(small(), &params)?;
    let image = Tensor::randn(0f64, 1.0, (2, 3, 65, 65), &Device::Cpu)?;
    let last = network.forward(&image, &Mode::train(1))?.get(Level::Res5).clone();
    let gradients = last.sqr()?.sum_all()?.backward()?;
    for parameter in params.parameters() {
        let gradient = gradients.get(parameter.var.as_tensor());
        assert!(gradient.is_some(), "no gradient for {}", parameter.name);
        let role = match parameter.name.rsplit('.').next() {
            Some("scale") => Role::Scale,
            _ if parameter.name.contains("norm") => Role::Norm,
            Some("bias") => Role::Bias,
            _ => Role::Kernel,
        };
        assert_eq!(parameter.role, role, "{}", parameter.name);
    }
    Ok(())
}

#[test]
fn a_changed_linear_kernel_is_seen() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F64, &Device::Cpu);
    let block = ConvNeXtBlock::new(2, 1.0, 0.0, 1e-6, &params)?;
    let x = Tensor::randn(0f64, 1.0, (1, 2, 3, 3), &Device::Cpu)?;
    for parameter in params.parameters().iter().filter(|p| p.name == "project.weight") {
        parameter.var.set(&parameter.var.zeros_like()?)?;
    }
    let difference = (block.forward(&x, &Mode::eval())? - &x)?.abs()?.max_all()?.to_scalar::<f64>()?;
    assert_eq!(difference, 0.0);
    Ok(())
}
