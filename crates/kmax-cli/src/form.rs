//! `--form` and what else a dataset in any form may need said.

use crate::things::ThingsArgument;
use kmax_datasets::forms::{Form, Options};
use std::path::PathBuf;

/// For a dataset in any form that annotation tools write.
#[derive(clap::Args)]
pub struct FormArguments {
    /// The form of DATA, where it could be several (docs/FORMS.md lists them)
    #[arg(long, value_name = "FORM", value_parser = form)]
    form: Option<Form>,
    /// The list of classes, for labels that do not name theirs
    #[arg(long, value_name = "FILE")]
    classes: Option<PathBuf>,
    /// The folder of photos, where it is none of the usual places
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    #[command(flatten)]
    things: ThingsArgument,
}

fn form(name: &str) -> Result<Form, String> {
    Form::named(name).ok_or_else(|| format!("expected one of {}", Form::ALL.map(Form::name).join(", ")))
}

impl FormArguments {
    /// What was said, for opening the dataset.
    pub fn options(&self) -> Options {
        Options {
            form: self.form,
            things: self.things.get(),
            classes: self.classes.clone(),
            photos: self.photos.clone(),
        }
    }

    /// The first option given that only matters where a form is to be found out.
    pub fn beyond_things(&self) -> Option<&'static str> {
        let given = [
            ("--form", self.form.is_some()),
            ("--classes", self.classes.is_some()),
            ("--photos", self.photos.is_some()),
        ];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
    }

    /// The form by name.
    pub fn name(&self) -> Option<String> {
        self.form.map(|form| form.name().to_owned())
    }

    /// The classes that are things, by name or id.
    pub fn things(&self) -> Option<Vec<String>> {
        self.things.names()
    }
}
