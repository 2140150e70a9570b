//! Building blocks of the decoders and heads against the PyTorch port: evaluation, training, every gradient, running
//! statistics.

use kmax_attention::{DecoderConfig, DecoderLayer};
use kmax_convert::names::pytorch::from_pytorch;
use kmax_goldens::ModuleCase;
use kmax_heads::{Aspp, Predictor, PredictorConfig, SemanticConfig, SemanticHead, SemanticKind};
use kmax_nn::BatchNormConfig;
use kmax_nn::layers::{AxialAttention, AxialAttention2d, AxialConfig};
use kmax_pixel_decoder::{PixelDecoderConfig, ResizeRule, ResizedFuse, StageBlock, StageConfig, StageKind};
use std::error::Error;

type Result = std::result::Result<(), Box<dyn Error>>;

/// Turns a module's parameter names into ours, by way of the whole model that has it at `port`, in ours at `ours`.
fn within(port: &str, ours: &str) -> impl Fn(&str) -> String {
    move |name| {
        let full =
            from_pytorch(&format!("{port}{name}")).unwrap_or_else(|| panic!("{name}: no name of ours"));
        full.strip_prefix(ours).unwrap_or_else(|| panic!("{full} is not below {ours}")).to_string()
    }
}

const BLOCK: (&str, &str) = ("sem_seg_head.pixel_decoder._stages.0._blocks.0.", "pixel_decoder.stages.0.0.");

fn axial_attention() -> Result {
    if let Some(case) = ModuleCase::open("axial1d") {
        let port = format!("{}_attention._height_axis.", BLOCK.0);
        case.run(&["x"], within(&port, "pixel_decoder.stages.0.0.attention.height."), |params| {
            let config = AxialConfig::new(16, 32, BatchNormConfig::default());
            let attention = AxialAttention::new(config, params)?;
            Ok(Box::new(move |x, mode| Ok(vec![("out", attention.forward(&x[0], mode)?)])))
        })?;
    }
    let Some(case) = ModuleCase::open("axial2d") else { return Ok(()) };
    let (port, ours) = (format!("{}_attention.", BLOCK.0), "pixel_decoder.stages.0.0.attention.");
    case.run(&["x"], within(&port, ours), |params| {
        let config = AxialConfig::new(16, 16, BatchNormConfig::default());
        let attention = AxialAttention2d::new(config, 1, params)?;
        Ok(Box::new(move |x, mode| Ok(vec![("out", attention.forward(&x[0], mode)?)])))
    })
}

fn blocks() -> Result {
    for (name, input, kind) in [
        ("block_axial_shortcut", 24, StageKind::Axial),
        ("block_axial_identity", 32, StageKind::Axial),
        ("block_bottleneck_shortcut", 24, StageKind::Bottleneck),
        ("block_bottleneck_identity", 32, StageKind::Bottleneck),
    ] {
        let Some(case) = ModuleCase::open(name) else { return Ok(()) };
        case.run(&["x"], within(BLOCK.0, BLOCK.1), |params| {
            let stage = StageConfig { kind, blocks: 1, channels: 8 };
            let block = StageBlock::new(input, stage, &PixelDecoderConfig::pytorch(), params)?;
            Ok(Box::new(move |x, mode| Ok(vec![("out", block.forward(&x[0], mode)?)])))
        })?;
    }
    Ok(())
}

fn resized_fuse() -> Result {
    for (name, low, high) in [
        ("fuse_odd", 24, 16),
        ("fuse_even", 24, 16),
        ("fuse_low_w_even_h_odd", 24, 16),
        ("fuse_low_w_odd_h_even", 24, 16),
        ("fuse_low_identity", 8, 16),
        ("fuse_high_identity", 24, 8),
    ] {
        let Some(case) = ModuleCase::open(name) else { return Ok(()) };
        let rename = within("sem_seg_head.pixel_decoder._resized_fuses.0.", "pixel_decoder.fuses.0.");
        case.run(&["low", "high"], rename, |params| {
            let fuse =
                ResizedFuse::new(low, high, 8, ResizeRule::Parity, &PixelDecoderConfig::pytorch(), params)?;
            Ok(Box::new(move |x, mode| Ok(vec![("out", fuse.forward(&x[0], &x[1], mode)?)])))
        })?;
    }
    Ok(())
}

fn predictor() -> Result {
    let Some(case) = ModuleCase::open("predictor") else { return Ok(()) };
    let inputs = ["pixel_feature", "mask_embeddings", "class_embeddings"];
    let rename = within("sem_seg_head.predictor._predcitor.", "decoder.predictor.");
    case.run(&inputs, rename, |params| {
        let norm = BatchNormConfig::default();
        let config =
            PredictorConfig { pixel: 32, query: 256, hidden: 256, embedding: 128, classes: 10, norm };
        let predictor = Predictor::new(config, params)?;
        Ok(Box::new(move |x, mode| {
            let said = predictor.forward(&x[0], &x[1], Some(&x[2]), mode)?;
            Ok(vec![
                ("class_logits", said.class_logits.ok_or("no class logits")?),
                ("mask_logits", said.mask_logits),
                ("pixel_feature", said.pixel_feature),
            ])
        }))
    })
}

fn decoder_layer() -> Result {
    let Some(case) = ModuleCase::open("transformer_layer") else { return Ok(()) };
    let rename = within("sem_seg_head.predictor._kmax_transformer_layers.0.", "decoder.layers.0.");
    case.run(&["pixel_feature", "query_feature"], rename, |params| {
        let config = DecoderConfig { queries: 16, channels: 32, ..DecoderConfig::default() };
        let layer = DecoderLayer::new(24, 10, &config, params)?;
        Ok(Box::new(move |x, mode| {
            let output = layer.forward(&x[0], &x[1], true, mode)?;
            Ok(vec![
                ("query_feature", output.queries),
                ("class_logits", output.prediction.class_logits.ok_or("no class logits")?),
                ("mask_logits", output.prediction.mask_logits),
                ("pixel_feature", output.prediction.pixel_feature),
                ("assignment", output.assignment),
            ])
        }))
    })
}

const SEMANTIC: &str = "sem_seg_head.predictor._auxiliary_semantic_predictor.";

fn aspp() -> Result {
    for name in ["aspp", "aspp_even"] {
        let Some(case) = ModuleCase::open(name) else { return Ok(()) };
        case.run(&["x"], within(&format!("{SEMANTIC}_aspp."), "semantic_head.aspp."), |params| {
            let aspp = Aspp::new(16, 8, 0.0, BatchNormConfig::default(), params)?;
            Ok(Box::new(move |x, mode| Ok(vec![("out", aspp.forward(&x[0], mode)?)])))
        })?;
    }
    Ok(())
}

fn semantic_head() -> Result {
    let Some(case) = ModuleCase::open("semantic_predictor") else { return Ok(()) };
    case.run(&["res5", "res3", "res2"], within(SEMANTIC, "semantic_head."), |params| {
        let config = SemanticConfig {
            kind: SemanticKind::Decoder,
            inputs: [16, 12, 8],
            outputs: 11,
            always_corners: false,
            norm: BatchNormConfig::default(),
        };
        let head = SemanticHead::new(config, params)?.without_dropout();
        Ok(Box::new(move |x, mode| Ok(vec![("out", head.forward(&x[0], &x[1], &x[2], mode)?)])))
    })
}

kmax_goldens::tests!(axial_attention, blocks, resized_fuse, predictor, decoder_layer, aspp, semantic_head);
