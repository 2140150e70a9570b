//! `--things`: which classes are things, where a json does not say.

use kmax_datasets::Things;

/// For a json whose classes have no `isthing`.
#[derive(clap::Args)]
pub struct ThingsArgument {
    /// The classes that are things, by name or id, where the json has no `isthing`; all others are stuff
    #[arg(long = "things", value_name = "NAMES", value_delimiter = ',')]
    names: Option<Vec<String>>,
}

impl ThingsArgument {
    /// The names that were given, if the option was.
    pub fn names(&self) -> Option<Vec<String>> {
        let given = self.names.as_ref()?;
        Some(given.iter().filter(|name| !name.is_empty()).cloned().collect())
    }

    /// What was said. `--things ""` says that there are none.
    pub fn get(&self) -> Things {
        self.names().map(Things::named).unwrap_or_default()
    }
}
