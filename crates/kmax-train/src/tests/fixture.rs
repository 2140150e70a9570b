//! A dataset of a few small images, and a network for it. The tests under MPI have the same.

use image::{Rgb, RgbImage};
use kmax_attention::DecoderConfig;
use kmax_backbones::{BackboneConfig, ResNetConfig};
use kmax_losses::LossConfig;
use kmax_masks::{Categories, Category};
use kmax_model::{ClassOrder, Config, NetworkConfig, PostprocessConfig, PreprocessConfig};
use kmax_pixel_decoder::PixelDecoderConfig;
use serde_json::json;
use std::path::Path;

/// A network of a few thousand parameters that has everything random: drop paths, dropout, sampled pixels.
pub(crate) fn tiny() -> Config {
    let class = |id: u32, isthing| Category {
        id,
        name: format!("class {id}"),
        isthing,
        color: [0; 3],
        supercategory: None,
    };
    let resnet = ResNetConfig { depths: [1; 4], width: 8, drop_path: 0.2, ..ResNetConfig::max_s() };
    let mut network = NetworkConfig::small(2);
    network.backbone = BackboneConfig::ResNet(resnet);
    network.pixel_decoder = PixelDecoderConfig { drop_path: 0.2, ..PixelDecoderConfig::small() };
    network.pixel_decoder.stages.iter_mut().for_each(|stage| stage.channels = 8);
    network.decoder = DecoderConfig {
        queries: 6,
        channels: 16,
        width: 16,
        feed_forward: 32,
        drop_path: 0.3,
        ..DecoderConfig::small()
    };
    Config {
        network,
        categories: Categories::new(vec![class(1, false), class(2, true)]).unwrap_or_default(),
        class_order: ClassOrder::Contiguous,
        losses: LossConfig { pixel_samples: 32, ..LossConfig::pytorch() },
        postprocess: PostprocessConfig::coco().pytorch(),
        preprocess: PreprocessConfig::pytorch([33; 2]),
    }
}

/// Draws five images of a bright box on a dark ground, with their annotations; the first box has none.
pub(crate) fn draw(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for i in 0..5u32 {
        let inside = |x: u32, y: u32| (4 + 3 * i..24 + 3 * i).contains(&x) && (6..26).contains(&y);
        let shade = |x: u32, y: u32| ((x * 7 + y * 13 + i * 29) % 60) as u8;
        let image = RgbImage::from_fn(48, 36, |x, y| {
            let level = if inside(x, y) { 150 } else { 40 } + shade(x, y);
            Rgb([level, level / 2, 255 - level])
        });
        // Ids are red + 256 green + 65536 blue.
        let map = RgbImage::from_fn(48, 36, |x, y| Rgb([if i > 0 && inside(x, y) { 2 } else { 1 }, 0, 0]));
        let name = format!("{i}.png");
        image.save(folder.join(format!("image{name}")))?;
        map.save(folder.join(&name))?;
        images.push(json!({ "id": i, "file_name": format!("image{name}"), "width": 48, "height": 36 }));
        let segments: Vec<_> = (1..=1 + i.min(1)).map(|id| json!({ "id": id, "category_id": id })).collect();
        annotations.push(json!({ "image_id": i, "file_name": name, "segments_info": segments }));
    }
    let categories = json!(tiny().categories);
    let file = json!({ "images": images, "annotations": annotations, "categories": categories });
    std::fs::write(folder.join("panoptic.json"), file.to_string())?;
    std::fs::write(folder.join("config.json"), tiny().to_json().to_string())?;
    Ok(())
}
