//! Label Studio's machine learning backend: tasks in, brush strokes out.
//!
//! Label Studio asks `/setup` when a project is connected, `/health` and `/versions` now and then, and `/predict` for tasks; it tells `/webhook` what
//! people annotate, from which nothing is learnt. The project's labelling
//! configuration says where results go: an `<Image>`, and `<BrushLabels>` for it, whose labels are the classes that are wanted.

mod asked;
mod images;
mod interface;
mod protocol;
mod strokes;
mod token;

pub(crate) use protocol::router;
