use super::*;
use candle_core::{DType, Device};

fn sizes(image: (usize, usize)) -> Result<Vec<(usize, usize, usize)>> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    let network = EfficientNetLite::new(EfficientNetLiteConfig::default(), &params)?;
    let image = Tensor::zeros((1, 3, image.0, image.1), DType::F32, &Device::Cpu)?;
    let features = network.forward(&image, &Mode::eval())?;
    let shape = |level| -> Result<_> {
        let (_, c, h, w) = features.get(level).dims4()?;
        assert_eq!(c, network.channels(level));
        Ok((c, h, w))
    };
    Level::ALL.into_iter().map(shape).collect()
}

#[test]
fn maps_have_their_strides_at_odd_and_even_sizes() -> Result<()> {
    let odd = sizes((65, 33))?;
    assert_eq!(odd, [(16, 33, 17), (24, 17, 9), (40, 9, 5), (112, 5, 3), (320, 3, 2)]);
    let even = sizes((64, 35))?;
    assert_eq!(even, [(16, 32, 18), (24, 16, 9), (40, 8, 5), (112, 4, 3), (320, 2, 2)]);
    assert_eq!(sizes((1, 1))?[4], (320, 1, 1));
    Ok(())
}

#[test]
fn parameters_are_those_of_the_published_network() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    EfficientNetLite::new(EfficientNetLiteConfig::default(), &params)?;
    let parameters = params.parameters();
    let learned = parameters.iter().filter(|p| p.role != kmax_nn::Role::Statistic);
    let count: usize = learned.map(|p| p.var.elem_count()).sum();
    // 4 652 008 of the classifier less its 320 -> 1280 convolution, that norm and the 1280 -> 1000 linear layer.
    assert_eq!(count, 4_652_008 - 320 * 1280 - 2 * 1280 - 1281 * 1000);
    let names: std::collections::BTreeSet<_> = parameters.iter().map(|p| pretrained_name(&p.name)).collect();
    assert!(names.len() == parameters.len() && !names.contains(&None));
    Ok(())
}

#[test]
fn an_image_of_another_shape_is_refused() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F32, &Device::Cpu);
    let network = EfficientNetLite::new(EfficientNetLiteConfig::default(), &params)?;
    for shape in [&[1, 1, 8, 8][..], &[3, 8, 8], &[1, 3, 0, 8]] {
        let image = Tensor::zeros(shape, DType::F32, &Device::Cpu)?;
        assert!(matches!(network.forward(&image, &Mode::eval()), Err(crate::Error::Input(_))));
    }
    Ok(())
}

/// TensorFlow's `SAME` at an even size: the window of output 0 begins at pixel 0.
#[test]
fn even_sizes_are_padded_after() -> Result<()> {
    let params = Params::trainable(None, 1, DType::F64, &Device::Cpu);
    let conv = SameConv::full(1, 1, Default::default(), &params)?;
    for parameter in params.parameters() {
        if parameter.name == "weight" {
            let kernel: Vec<f64> = (0..9).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect();
            parameter.var.set(&Tensor::from_vec(kernel, (1, 1, 3, 3), &Device::Cpu)?)?;
        }
    }
    let x = Tensor::arange(0f64, 4.0, &Device::Cpu)?.reshape((1, 1, 1, 4))?;
    let x = Tensor::cat(&[&x, &(&x + 4.0)?], 2)?;
    let y = conv.forward(&x, &Mode::eval())?.flatten_all()?.to_vec1::<f64>()?;
    // The top-left tap reads pixels 0 and 2 of the first row, but for the norm's eps.
    assert!(y[0].abs() < 1e-12 && (y[1] - 2.0).abs() < 2e-3, "{y:?}");
    Ok(())
}
