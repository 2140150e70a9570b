//! `kmax convert`: from a checkpoint of a reference implementation to a model folder.

use crate::conversion;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{megabytes, print, remark};
use clap::ValueEnum;
use image::RgbImage;
use kmax::Model;
use kmax::convert::{Conversion, EncoderSummary, Fingerprint, Summary, WeightSet, encoder};
use std::path::{Path, PathBuf};

/// Convert a checkpoint of deeplab2, its PyTorch port or COCONut into a model folder
///
/// Reads TensorFlow checkpoints (the prefix, the folder, or the published archive), `.pth`, `.bin`, `.pkl` and safetensors, in
/// several files with an index too. Nothing of Python is needed, and nothing in a checkpoint is executed.
///
/// An encoder trained on ImageNet (deeplab2's, torchvision's, detectron2's, timm's, facebookresearch's) becomes one file for
/// `backbone_weights` of a training configuration: give `--to FILE.safetensors`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The checkpoint
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// The model folder to write, in place of an older model folder there; for an encoder alone FILE.safetensors
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// The variant that it is (`kmax models` lists them); else it is guessed from the tensors, where they can tell
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Which weights, where the file holds several sets: `model`, `ema`, or their key or prefix in the file
    #[arg(long, value_name = "SET", default_value_t)]
    weights: WeightSet,
    /// Type of the weights written
    #[arg(long, value_enum, default_value = "f32")]
    dtype: Dtype,
    /// Run the converted model on this photo, or on a synthetic picture, and print a fingerprint of its outputs
    #[arg(long, value_name = "PHOTO", num_args = 0..=1)]
    verify: Option<Option<PathBuf>>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Dtype {
    F32,
    F16,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { from, to, variant, weights, dtype, verify } = arguments;
    let half = matches!(dtype, Dtype::F16);
    if to.extension().is_some_and(|e| e == "safetensors") {
        if variant.is_some() || verify.is_some() || half {
            let whole = "--variant, --dtype f16 and --verify are for whole models, whose --to is a folder";
            return Err(Failure::new(Code::Usage, format!("{}: {whole}", to.display())));
        }
        return convert_encoder(from, to, weights);
    }
    // Before the work: a photo that is not there should not cost a conversion.
    let photo = match verify {
        Some(Some(file)) => Some(kmax_transforms::read_image(file).or_exit(Code::Input)?),
        _ => None,
    };
    let conversion = Conversion { from, to, variant: variant.as_deref(), half, weights };
    print_summary(&conversion.run()?, to);
    match (verify, photo) {
        (None, _) => Ok(()),
        (_, Some(photo)) => fingerprint(to, &photo),
        (_, None) => fingerprint(to, &Fingerprint::picture()),
    }
}

fn convert_encoder(from: &Path, to: &Path, weights: &WeightSet) -> Outcome {
    let summary = encoder(from, to, weights)?;
    let EncoderSummary { backbone, naming, chosen, mapped, left_out, bytes, .. } = summary;
    remark(&format!("{backbone}, named as by {naming}"));
    conversion::chosen(&chosen).iter().for_each(|note| remark(note));
    remark(&format!(
        "{mapped} tensors mapped, {left_out} left out (counters, optimizer, a classification head)"
    ));
    remark(&format!("{} written: {}", megabytes(bytes), to.display()));
    Ok(())
}

fn print_summary(summary: &Summary, to: &Path) {
    let Summary { variant, alike, reference, format, chosen, read, mapped, skipped, bytes, time, .. } =
        summary;
    remark(&format!("{variant}, from {} ({format})", reference.name()));
    conversion::chosen(chosen).iter().for_each(|note| remark(note));
    remark(&format!("{read} tensors read: {mapped} mapped, {skipped} skipped (counters, optimizer)"));
    remark(&format!("{} written in {:.2} s: {}", megabytes(*bytes), time.as_secs_f64(), to.display()));
    conversion::alike(alike).iter().for_each(|note| remark(note));
}

fn fingerprint(folder: &Path, photo: &RgbImage) -> Outcome {
    let model = Model::open(folder).or_fail_loading()?;
    let fingerprint = Fingerprint::of(&model, photo)?;
    print(&fingerprint.to_string())
}
