//! The model card.

use crate::config::Config;
use std::fmt::Write;

/// What a model's `README.md` says beside what its configuration tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCard {
    /// The title.
    pub name: String,
    /// Licence of the weights, in the Hub's spelling (`apache-2.0`, `other`).
    pub license: String,
    /// Further sections: title and Markdown text. Where the weights come from belongs here.
    pub sections: Vec<(String, String)>,
}

impl ModelCard {
    /// The card of a model of that configuration, in Markdown with the Hub's header.
    pub fn render(&self, config: &Config) -> String {
        let network = &config.network;
        let [height, width] = config.preprocess.size;
        let things = config.thing_ids().len();
        let names: Vec<&str> = config.categories.iter().map(|class| class.name.as_str()).collect();
        let mut card = format!(
            "---\n\
             library_name: kmax\n\
             license: {}\n\
             pipeline_tag: image-segmentation\n\
             tags:\n- panoptic-segmentation\n- kmax-deeplab\n\
             ---\n\n\
             # {}\n\n\
             A kMaX-DeepLab model ([arXiv 2207.04044](https://arxiv.org/abs/2207.04044)) for panoptic segmentation.\n\n\
             | | |\n| --- | --- |\n\
             | classes | {}: {things} things, {} stuff |\n\
             | queries | {} |\n\
             | input | {height} x {width} |\n\
             | stride of the masks | {} |\n\n\
             ```sh\nkmax segment photo.jpg --model PATH-OF-THIS-FOLDER\n```\n",
            self.license,
            self.name,
            names.len(),
            names.len() - things,
            network.decoder.queries,
            network.mask_stride(),
        );
        for (title, text) in &self.sections {
            // Writing to a string cannot fail.
            let _ = write!(card, "\n## {title}\n\n{}\n", text.trim());
        }
        let _ = write!(card, "\n## Classes\n\n{}.\n", names.join(", "));
        card
    }
}
