//! The model that a run trains: its network, its classes and its sizes, which belong together.

use crate::config::TrainConfig;
use crate::data::row;
use crate::error::{Error, Result};
use kmax_masks::Categories;
use kmax_model::{Config, Draft, Parsed, PreprocessConfig};

/// A configuration, and what was decided on the way.
pub(crate) struct Assembled {
    pub config: Config,
    pub notes: Vec<String>,
}

/// The configuration that `config` names, for the classes of the dataset: a trained model says what it was trained on.
pub(crate) fn assemble(config: &TrainConfig, categories: &Categories) -> Result<Assembled> {
    let Parsed { value: draft, warnings } = Draft::named(&config.model.config)?;
    let mut notes: Vec<String> = warnings
        .into_iter()
        .map(|name| format!("{}: `{name}` means nothing here and is left out", config.model.config))
        .collect();
    let preprocess = preprocess(&draft, config, &mut notes)?;
    let mut named = draft.with_preprocess(preprocess)?;
    if let Some(queries) = config.model.queries {
        named.network.decoder.queries = queries;
    }
    if let Some(drop_path) = config.model.drop_path {
        named.network.backbone.set_drop_path(drop_path);
    }
    named.validate()?;
    let own = named.categories.clone();
    if same(&own, categories) {
        return Ok(Assembled { config: named, notes });
    }
    notes.push(format!(
        "the model takes the {} classes of the dataset in place of the {} of {}",
        categories.len(),
        own.len(),
        config.model.config
    ));
    Ok(Assembled { config: named.with_categories(categories.clone())?, notes })
}

impl TrainConfig {
    /// The model that a run of these settings trains on a dataset of these classes: network, losses, sizes.
    ///
    /// # Errors
    /// If there is no such model, or a setting does not fit it.
    pub fn assembled(&self, categories: &Categories) -> Result<Config> {
        Ok(assemble(self, categories)?.config)
    }
}

/// Size and normalisation that the model will run at: one description for training, measuring and the exported folder.
fn preprocess(draft: &Draft, config: &TrainConfig, notes: &mut Vec<String>) -> Result<PreprocessConfig> {
    let crop = config.augment.crop.into_iter().max().unwrap_or(1);
    let normalization = draft.network().backbone.normalization();
    let fit = |edge: usize| match draft.preprocess() {
        Some(known) => PreprocessConfig { mean: known.mean, std: known.std, ..PreprocessConfig::fit(edge) },
        None => PreprocessConfig::fit(edge).normalized(normalization),
    };
    let of_crop = crop.saturating_sub(1).next_multiple_of(32) + 1;
    let chosen = match (config.model.input, draft.preprocess()) {
        (Some(edge), _) if edge % 32 == 1 && edge > 1 => return Ok(fit(edge)),
        (Some(edge), _) => {
            let reason = format!("model.input must be 32 k + 1, not {edge}");
            return Err(Error::Setting(reason));
        }
        (None, Some(known)) if known.size.into_iter().max() <= Some(2 * crop) => return Ok(known.clone()),
        (None, Some(known)) => {
            let [height, width] = known.size;
            format!("not at the {height} x {width} of its configuration, which is more than twice the crop")
        }
        (None, None) => "the configuration says no size".into(),
    };
    notes.push(format!(
        "the model is measured and exported for images with a longer edge of {of_crop} pixels, as its crops are: \
         {chosen} (`input` in [model] chooses)"
    ));
    Ok(fit(of_crop))
}

/// Whether two lists name the same classes by the same ids.
fn same(a: &Categories, b: &Categories) -> bool {
    let rows = |categories: &Categories| -> Vec<(u32, String, bool)> {
        let mut rows: Vec<_> = categories.iter().map(row).collect();
        rows.sort_unstable();
        rows
    };
    rows(a) == rows(b)
}
