//! Opening a dataset whose form nobody has to name.

use std::path::Path;

use super::form::Form;
use super::options::{Opened, Options, Split};
use super::sniff::{Kind, sniff};
use super::splits::ALL;
use super::survey::{Survey, ends, unwrapped};
use super::{binary, cityscapes, coco, label_studio, labelme, semantic, voc, yolo};
use crate::error::{Error, Result};

/// Opens a folder or a file in any of the forms. A folder that only holds another, as archives unpack, is looked into.
///
/// # Errors
/// If nothing known is there, or if it could be read in two forms; the message names them and the option that says which. Further
/// those of the form: a list that is damaged or contradicts itself, or photos that are not found.
pub fn open(path: &Path, options: &Options) -> Result<Opened> {
    if path.is_file() {
        return open_file(path, options);
    }
    let (survey, forms) = unwrapped(path, forms_of)?;
    let form = match (options.form, &forms[..]) {
        (Some(form), _) if forms.contains(&form) => form,
        (Some(form), _) => return Err(Error::file(path, not_so(form, &forms))),
        (None, [form]) => *form,
        (None, []) => return Err(Error::file(path, unknown())),
        (None, several) => {
            let reason = format!("could be read as {}: choose with `--form`", names(several));
            return Err(Error::file(path, reason));
        }
    };
    let mut notes = Vec::new();
    if survey.root != path {
        notes.push(format!("the dataset is in {}", survey.root.display()));
    }
    let splits = splits_of(form, &survey, options, &mut notes)?;
    opened(path, form, splits, notes)
}

fn open_file(file: &Path, options: &Options) -> Result<Opened> {
    let mut notes = Vec::new();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let form = if ends(&name, &["yaml", "yml"]) {
        Form::Yolo
    } else {
        match sniff(file)? {
            Kind::CocoPanoptic => Form::CocoPanoptic,
            Kind::CocoInstances => Form::CocoInstances,
            Kind::LabelStudio => Form::LabelStudio,
            _ => return Err(Error::file(file, unknown())),
        }
    };
    if let Some(other) = options.form.filter(|other| *other != form) {
        return Err(Error::file(file, not_so(other, &[form])));
    }
    let splits = match form {
        Form::CocoPanoptic => {
            vec![Split { name: ALL.into(), data: coco::panoptic_json(file, options)? }]
        }
        Form::LabelStudio => vec![label_studio::split(ALL.into(), file, options, &mut notes)?],
        Form::Yolo => yolo::splits(&yolo::Start::Yaml(file.to_path_buf()), options, &mut notes)?,
        _ => coco::instances(vec![(ALL.into(), file.to_path_buf())], options, &mut notes)?,
    };
    opened(file, form, splits, notes)
}

fn opened(path: &Path, form: Form, splits: Vec<Split>, mut notes: Vec<String>) -> Result<Opened> {
    let (full, empty): (Vec<_>, Vec<_>) = splits.into_iter().partition(|split| !split.data.is_empty());
    notes.extend(empty.iter().map(|split| format!("`{}` has no image: left out", split.name)));
    if full.is_empty() {
        return Err(Error::file(path, format!("as {}: there is no labelled image", form.name())));
    }
    Ok(Opened { form, splits: full, notes })
}

/// The forms in which the folder could be read.
fn forms_of(survey: &Survey) -> Result<Vec<Form>> {
    let mut forms = Vec::new();
    for form in Form::ALL {
        if is_there(form, survey)? {
            forms.push(form);
        }
    }
    Ok(forms)
}

fn is_there(form: Form, survey: &Survey) -> Result<bool> {
    let has = |kind| !survey.jsons(kind).is_empty();
    let ade = || survey.jsons(Kind::CocoPanoptic).iter().any(|json| coco::is_ade(json));
    Ok(match form {
        Form::CocoPanoptic => has(Kind::CocoPanoptic) && !ade(),
        Form::CocoInstances => has(Kind::CocoInstances),
        Form::Cityscapes => cityscapes::is_there(survey),
        Form::Ade20k => ade() || semantic::is_ade(survey),
        // The folders of the challenge would do for this form as well.
        Form::Semantic => !semantic::is_ade(survey) && has_class_maps(survey)?,
        Form::BinaryMasks => !binary::parts(&survey.root)?.is_empty(),
        Form::Yolo => yolo::start(survey)?.is_some(),
        Form::Labelme => has(Kind::Labelme),
        Form::LabelStudio => has(Kind::LabelStudio),
        Form::Voc | Form::CvatMask => voc::form(survey) == Some(form),
    })
}

/// Whether there are PNGs that belong to photos.
fn has_class_maps(survey: &Survey) -> Result<bool> {
    // The PNGs of these forms lie in folders that are called like those of class maps.
    if voc::form(survey).is_some() || !survey.jsons(Kind::CocoPanoptic).is_empty() {
        return Ok(false);
    }
    for folders in semantic::folders(&survey.root)? {
        // A map without its photo is told of when the folder is opened.
        if semantic::pairs(&folders).map_or(true, |(pairs, _)| !pairs.is_empty()) {
            return Ok(binary::parts(&survey.root)?.is_empty());
        }
    }
    Ok(false)
}

fn splits_of(form: Form, survey: &Survey, options: &Options, notes: &mut Vec<String>) -> Result<Vec<Split>> {
    let root = &survey.root;
    let jsons = |kind| coco::by_split(root, survey.jsons(kind));
    match form {
        Form::Ade20k if survey.jsons(Kind::CocoPanoptic).is_empty() => semantic::ade(root, options, notes),
        Form::CocoPanoptic | Form::Ade20k => coco::panoptic(survey, options),
        Form::CocoInstances => coco::instances(jsons(Kind::CocoInstances)?, options, notes),
        Form::Cityscapes => cityscapes::splits(root, options, notes),
        Form::Semantic => semantic::splits(root, options, notes),
        Form::BinaryMasks => binary::splits(root, options, notes),
        Form::Yolo => match yolo::start(survey)? {
            Some(start) => yolo::splits(&start, options, notes),
            None => Ok(Vec::new()),
        },
        Form::Labelme => labelme::splits(root, options, notes),
        Form::LabelStudio => {
            let jsons = jsons(Kind::LabelStudio)?.into_iter();
            jsons.map(|(name, json)| label_studio::split(name, &json, options, notes)).collect()
        }
        Form::Voc | Form::CvatMask => voc::splits(form, root, options, notes),
    }
}

fn names(forms: &[Form]) -> String {
    let names: Vec<&str> = forms.iter().map(|form| form.name()).collect();
    names.join(" or ")
}

fn unknown() -> String {
    let names: Vec<&str> = Form::ALL.iter().map(|form| form.name()).collect();
    format!(
        "holds no dataset in a form that is known ({}); docs/FORMS.md says where each has its files",
        names.join(", ")
    )
}

fn not_so(form: Form, found: &[Form]) -> String {
    let what = if found.is_empty() { "nothing known".to_owned() } else { names(found) };
    format!("`--form {}`, but it holds {what}", form.name())
}
