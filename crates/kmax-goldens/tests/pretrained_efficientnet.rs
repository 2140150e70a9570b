//! The ImageNet weights of EfficientNet-Lite0: they fit, and with the stated normalisation of pixels a batch norm sees
//! on photographs what it saw in training.

use candle_core::{DType, Device, Tensor};
use kmax_backbones::efficientnet::{EfficientNetLite, EfficientNetLiteConfig, pretrained_name};
use kmax_backbones::{Backbone, BackboneConfig, Level};
use kmax_nn::{Mode, Params, TensorSource};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

/// The published tensors under our names.
struct Published(HashMap<String, Tensor>);

impl TensorSource for Published {
    fn tensor(&self, name: &str) -> kmax_nn::Result<Option<Tensor>> {
        Ok(pretrained_name(name).and_then(|theirs| self.0.get(&theirs).cloned()))
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn published(shared: &Path) -> Result<HashMap<String, Tensor>, Box<dyn Error>> {
    let file = std::fs::read(shared.join("weights/efficientnet_lite0_imagenet1k.safetensors"))?;
    Ok(candle_core::safetensors::load_buffer(&file, &Device::Cpu)?)
}

/// Eight photographs of people, scaled to 225x225 as the network knows them, values 0 to 255.
fn photos(shared: &Path) -> Result<Tensor, Box<dyn Error>> {
    let mut files: Vec<_> = std::fs::read_dir(shared.join("datasets/clothing/val"))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let photo = |file| -> Result<Tensor, Box<dyn Error>> {
        let photo = image::open(file)?.to_rgb8();
        let photo = image::imageops::resize(&photo, 225, 225, image::imageops::FilterType::Triangle);
        let pixels = Tensor::from_vec(photo.into_raw(), (225, 225, 3), &Device::Cpu)?;
        Ok(pixels.permute((2, 0, 1))?.to_dtype(DType::F32)?)
    };
    let photos = files.iter().take(8).map(photo).collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::stack(&photos, 0)?)
}

/// Over the channels of the norms whose name begins with `norms`: the mean of `|batch mean - running mean|` over the running
/// deviation, and the mean of `|ln(batch deviation / running deviation)|`; for pixels `(x - mean) / std`.
fn mismatch(shared: &Path, norms: &str, mean: f64, std: f64) -> Result<(f64, f64), Box<dyn Error>> {
    let source = Published(published(shared)?);
    let params = Params::trainable(Some(Box::new(source)), 0, DType::F32, &Device::Cpu);
    // With momentum 1 the running statistics become the batch's.
    let config = EfficientNetLiteConfig { drop_path: 0.0, norm_momentum: 1.0, ..Default::default() };
    let network = EfficientNetLite::new(config, &params)?;
    let before = statistics(&params)?;
    network.forward(&((photos(shared)? - mean)? / std)?, &Mode::train(0))?;
    let after = statistics(&params)?;
    let (mut shift, mut stretch, mut count) = (0.0, 0.0, 0.0);
    let chosen = |name: &str| name.starts_with(norms) && name.ends_with("running_var");
    for (name, variance) in before.iter().filter(|(name, _)| chosen(name)) {
        let mean = name.replace("running_var", "running_mean");
        for (i, v) in variance.iter().enumerate() {
            let deviation = f64::from(*v).sqrt() + 1e-6;
            shift += f64::from(after[&mean][i] - before[&mean][i]).abs() / deviation;
            stretch += ((f64::from(after[name][i]).sqrt() + 1e-6) / deviation).ln().abs();
            count += 1.0;
        }
    }
    Ok((shift / count, stretch / count))
}

fn statistics(params: &Params) -> Result<HashMap<String, Vec<f32>>, Box<dyn Error>> {
    let running = params.parameters().into_iter().filter(|p| p.name.contains("running_"));
    Ok(running.map(|p| Ok((p.name, p.var.to_vec1()?))).collect::<candle_core::Result<_>>()?)
}

fn the_published_weights_fit() -> Result<(), Box<dyn Error>> {
    let Some(shared) = kmax_goldens::shared("EfficientNet-Lite0 weights") else { return Ok(()) };
    let tensors = published(&shared)?;
    let params = Params::frozen(Published(tensors.clone()), DType::F32, &Device::Cpu);
    let network = EfficientNetLite::new(EfficientNetLiteConfig::default(), &params)?;
    let used: Vec<_> = params.asked().iter().filter_map(|name| pretrained_name(name)).collect();
    let mut unused: Vec<_> = tensors.keys().filter(|name| !used.contains(name)).cloned().collect();
    unused.sort_unstable();
    let head = ["_bn1.bias", "_bn1.running_mean", "_bn1.running_var", "_bn1.weight", "_conv_head.weight"];
    assert_eq!(unused, head);
    assert_eq!(network.channels(Level::Res5), 320);
    Ok(())
}

fn photographs_look_to_the_norms_as_in_their_training() -> Result<(), Box<dyn Error>> {
    let Some(shared) = kmax_goldens::shared("EfficientNet-Lite0 weights") else { return Ok(()) };
    let (mean, std) = BackboneConfig::efficientnet_lite0().normalization();
    // Only the first norm sees the scale of the pixels: behind it all is normalised.
    let first = "stem.";
    let stated = mismatch(&shared, first, mean, std)?;
    kmax_goldens::say(&format!("({mean}, {std}): shift {:.3}, stretch {:.3}", stated.0, stated.1));
    for (mean, std) in [(0.0, 255.0), (0.0, 1.0), (117.0, 58.0), (127.0, 256.0), (127.0, 64.0), (0.0, 128.0)]
    {
        let other = mismatch(&shared, first, mean, std)?;
        kmax_goldens::say(&format!("({mean}, {std}): shift {:.3}, stretch {:.3}", other.0, other.1));
        assert!(stated.0 + stated.1 < other.0 + other.1, "({mean}, {std}): {other:?} against {stated:?}");
    }
    let all = mismatch(&shared, "", mean, std)?;
    kmax_goldens::say(&format!("all norms: shift {:.3}, stretch {:.3}", all.0, all.1));
    assert!(all.0 < 0.1 && all.1 < 0.2, "{all:?}");
    Ok(())
}

kmax_goldens::tests!(the_published_weights_fit, photographs_look_to_the_norms_as_in_their_training);
