//! What a name means.

use crate::error::{Error, Result};
use kmax_base::nearest;
use kmax_hub::{HubFile, HubRepo, SCHEME};
use kmax_model::{Encoder, Preset, Published};

/// Something that can be pulled.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// A published variant.
    Published(Published),
    /// An encoder trained on ImageNet.
    Encoder(Encoder),
    /// A model folder on the Hub.
    Repo(HubRepo),
    /// A checkpoint on the Hub.
    File(HubFile),
}

impl Target {
    /// What `name` means: a preset or its alias, an encoder, `hf://owner/name[@revision]`, or `hf://owner/name/file[@revision]`.
    ///
    /// # Errors
    /// If it means nothing that can be pulled.
    pub fn named(name: &str) -> Result<Self> {
        if name.starts_with(SCHEME) {
            return Ok(if HubFile::is_spelled(name) {
                Self::File(name.parse()?)
            } else {
                Self::Repo(name.parse()?)
            });
        }
        match Preset::named(name) {
            Some(Preset::Published(variant)) => return Ok(Self::Published(variant)),
            Some(preset) => {
                let reason = "is built in: there is nothing to fetch";
                return Err(Error::Name(format!("{} {reason}", preset.name())));
            }
            None => {}
        }
        if let Some(encoder) = Encoder::named(name) {
            return Ok(Self::Encoder(encoder));
        }
        let presets = Preset::all();
        let known: Vec<_> =
            presets.iter().map(Preset::name).chain(Encoder::all().map(|e| e.name.into())).collect();
        let like = nearest(name, known.iter().map(String::as_str));
        let like = like.map_or_else(String::new, |like| format!("; did you mean {like}?"));
        Err(Error::Name(format!(
            "{name} is no published model (`kmax models` lists them), and neither hf://owner/name nor hf://owner/name/file{like}"
        )))
    }

    /// Its name, in full.
    pub fn name(&self) -> String {
        match self {
            Self::Published(variant) => Preset::Published(*variant).name(),
            Self::Encoder(encoder) => encoder.name.into(),
            Self::Repo(repo) => repo.to_string(),
            Self::File(file) => file.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_things() -> Result<()> {
        let name = |text: &str| Target::named(text).map(|target| target.name());
        assert_eq!(name("kmax-convnext-tiny-coco")?, "kmax-convnext-tiny-coco.deeplab2");
        assert_eq!(name("imagenet-maxs")?, "imagenet-maxs.deeplab2");
        assert!(matches!(Target::named("hf://a/b@v1")?, Target::Repo(_)));
        assert!(matches!(Target::named("hf://a/b/c.pth@v1")?, Target::File(_)));
        let message = |text: &str| Target::named(text).expect_err("no target").to_string();
        assert!(message("kmax-people").contains("built in"));
        assert!(message("kmax-resnet50-coca").contains("did you mean kmax-resnet50-coco"));
        assert!(Target::named("hf://a").is_err());
        Ok(())
    }
}
