//! The photos of a request.

use crate::budget::Held;
use crate::multipart;
use crate::problem::Problem;
use crate::upload::Upload;
use axum::body::Bytes;
use std::sync::Arc;

/// The field of a form that a photo is in.
const FIELD: &str = "image";

/// A photo as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Photo {
    pub bytes: Bytes,
    /// What it was called, if it was.
    pub file: Option<String>,
    /// The memory of the body that it lies in.
    #[expect(dead_code, reason = "held until it is dropped")]
    held: Arc<Held>,
}

impl Photo {
    /// What its results are called: its file's name without folders and ending.
    pub fn stem(&self) -> &str {
        let file = self.file.as_deref().unwrap_or("");
        let name = file.rsplit(['/', '\\']).next().unwrap_or("");
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if stem.is_empty() { "photo" } else { stem }
    }
}

/// The photo that is the body, or the one of a form.
pub(crate) fn one(upload: Upload) -> Result<Photo, Problem> {
    if multipart::is_form(&upload.media_type) {
        let mut photos = several(upload, usize::MAX)?;
        return match (photos.pop(), photos.len()) {
            (Some(photo), 0) => Ok(photo),
            (None, _) => Err(Problem::invalid(format!("the form has no field `{FIELD}`"))),
            (_, more) => {
                Err(Problem::invalid(format!("{} photos, expected one; /v1/batch takes more", more + 1)))
            }
        };
    }
    let (bytes, held) = upload.into_parts();
    if bytes.is_empty() {
        return Err(Problem::invalid(
            "the body is empty, expected the bytes of a photo, or a form with the field `image`",
        ));
    }
    Ok(Photo { bytes, file: None, held: Arc::new(held) })
}

/// The photos of a form.
pub(crate) fn several(upload: Upload, most: usize) -> Result<Vec<Photo>, Problem> {
    if !multipart::is_form(&upload.media_type) {
        let detail = format!("the body is {}, expected multipart/form-data", upload.media_type);
        return Err(Problem::of(kmax_base::ErrorKind::Unsupported, detail));
    }
    let parts = multipart::parts(&upload.media_type, &upload.bytes)?;
    if let Some(part) = parts.iter().find(|part| part.name != FIELD) {
        let detail = format!(
            "the form has a field `{}`, expected `{FIELD}` alone; settings go into the address",
            part.name
        );
        return Err(Problem::invalid(detail));
    }
    if parts.len() > most {
        return Err(Problem::too_large(format!("{} photos, expected at most {most}", parts.len())));
    }
    let held = Arc::new(upload.into_parts().1);
    Ok(parts
        .into_iter()
        .map(|part| Photo { bytes: part.bytes, file: part.file, held: held.clone() })
        .collect())
}
