//! `kmax pull`: published models by name, into the cache.

use crate::commands::each::each;
use crate::exit::Outcome;
use crate::model;
use crate::output::{print, remark};
use kmax::pull::{Options, WeightSet};

/// Fetch published models by name and convert them
///
/// NAME is one of `kmax models`, an encoder trained on ImageNet for `backbone_weights` of a training (`kmax models` lists them as well),
/// hf://owner/name for a model folder on the Hugging Face Hub, or hf://owner/name/file.pth for a checkpoint there. Downloads are resumed
/// where they broke off and compared with the server's checksum; what is in the cache is not fetched again. Prints where each is.
///
/// KMAX_CACHE names another folder for the cache, KMAX_ENDPOINT a mirror of the servers.
#[derive(clap::Args)]
pub struct Arguments {
    /// What to fetch
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// The variant that a checkpoint on the Hub is (`kmax models` lists them); else it is guessed from the tensors
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Which weights, where a checkpoint on the Hub holds several sets: `model`, `ema`, or their key or prefix in it
    #[arg(long, value_name = "SET", default_value_t)]
    weights: WeightSet,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { names, variant, weights } = arguments;
    let options = Options { variant: variant.clone(), weights: weights.clone() };
    each(names, |name| {
        let pulled = model::pull(name, &options)?;
        if pulled.was_cached {
            remark(&format!("{} is in the cache", pulled.name));
        }
        print(&pulled.path.display().to_string())
    })
}
