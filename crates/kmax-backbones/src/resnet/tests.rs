use super::*;
use candle_core::{DType, Device};
use kmax_nn::Role;
use kmax_nn::layers::RunningVariance;

fn small(base: ResNetConfig) -> ResNetConfig {
    ResNetConfig { depths: [1, 1, 2, 1], width: 8, ..base }
}

fn learned(config: ResNetConfig) -> Result<usize> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    ResNet::new(config, &params)?;
    let parameters = params.parameters().into_iter().filter(|p| p.role != Role::Statistic);
    Ok(parameters.map(|p| p.var.elem_count()).sum())
}

#[test]
fn resnet50_has_its_parameters() -> Result<()> {
    assert_eq!(learned(ResNetConfig::resnet50_pytorch())?, 23_508_032);
    assert_eq!(learned(ResNetConfig::resnet50_deeplab2())?, 23_508_032);
    Ok(())
}

#[test]
fn max_s_is_axial_from_block_2_of_stage_4_on() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    ResNet::new(ResNetConfig { width: 8, ..ResNetConfig::max_s() }, &params)?;
    let asked = params.asked();
    let axial = |stage, block| {
        let start = format!("stages.{stage}.blocks.{block}.attention.width.qkv.weight");
        asked.contains(&start)
    };
    let found: Vec<_> =
        (0..4).flat_map(|s| (0..6).map(move |b| (s, b))).filter(|(s, b)| axial(*s, *b)).collect();
    assert_eq!(found, [(2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (3, 0), (3, 1), (3, 2)]);
    Ok(())
}

#[test]
fn maps_have_their_strides_at_odd_and_even_sizes() -> Result<()> {
    let configs =
        [ResNetConfig::resnet50_deeplab2(), ResNetConfig::resnet50_pytorch(), ResNetConfig::max_s()];
    for config in configs.map(small) {
        let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
        let network = ResNet::new(config, &params)?;
        for (height, width) in [(65, 33), (64, 96), (33, 70), (1, 1)] {
            let image = Tensor::ones((2, 3, height, width), DType::F32, &Device::Cpu)?;
            let features = network.forward(&image, &Mode::eval())?;
            let strides = [config.stem_stride(), 4, 8, 16, 32];
            for (level, stride) in Level::ALL.into_iter().zip(strides) {
                let out = [height, width].map(|size: usize| size.div_ceil(stride));
                let expected = [2, network.channels(level), out[0], out[1]];
                assert_eq!(features.get(level).dims(), expected, "{level:?} of {height}x{width}");
            }
        }
    }
    Ok(())
}

#[test]
fn features_are_tapped_where_the_config_says() -> Result<()> {
    let lowest = |features: FeatureTap| -> Result<(f32, f32)> {
        let config =
            ResNetConfig { features, zero_init_residual: false, ..small(ResNetConfig::resnet50_deeplab2()) };
        let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
        let network = ResNet::new(config, &params)?;
        let image = Tensor::randn(0f32, 1.0, (1, 3, 65, 65), &Device::Cpu)?;
        let features = network.forward(&image, &Mode::eval())?;
        let least = |t: &Tensor| t.min_all()?.to_scalar::<f32>();
        Ok((least(features.get(Level::Res4))?, least(&features.activated(Level::Res4)?)?))
    };
    let before = lowest(FeatureTap::BeforeActivation)?;
    assert!(before.0 < 0.0 && before.1 == 0.0);
    assert_eq!(lowest(FeatureTap::AfterActivation)?, (0.0, 0.0));
    Ok(())
}

#[test]
fn drop_path_rises_over_the_coarse_stages() {
    let config = ResNetConfig { drop_path: 0.2, ..ResNetConfig::max_s() };
    let rates = [2, 4, 8, 16, 32].map(|stride| (config.drop_path_at(stride) * 1000.0).round());
    assert_eq!(rates, [0.0, 0.0, 0.0, 150.0, 200.0]);
}

#[test]
fn training_reaches_every_parameter() -> Result<()> {
    let base = ResNetConfig { zero_init_residual: false, ..ResNetConfig::max_s() };
    let config = ResNetConfig { running_variance: RunningVariance::Unbiased, ..small(base) };
    let params = Params::trainable(None, 1, DType::F64, &Device::Cpu);
    let network = ResNet::new(config, &params)?;
    let image = Tensor::randn(0f64, 1.0, (2, 3, 65, 65), &Device::Cpu)?;
    let features = network.forward(&image, &Mode::train(3))?;
    let mut sum = Tensor::zeros((), DType::F64, &Device::Cpu)?;
    for level in Level::ALL {
        sum = (sum + features.get(level).sqr()?.sum_all()?)?;
    }
    let gradients = sum.backward()?;
    for parameter in params.parameters().iter().filter(|p| p.role != Role::Statistic) {
        let gradient = gradients.get(parameter.var.as_tensor());
        assert!(gradient.is_some(), "no gradient for {}", parameter.name);
    }
    Ok(())
}
