//! Label Studio's machine learning backend: tasks in, brush strokes out.
//!
//! Label Studio asks `/setup` when a project is connected, `/health` now and then, and `/predict` for tasks. The project's labelling
//! configuration says where results go: an `<Image>`, and `<BrushLabels>` for it, whose labels are the classes that are wanted.

mod images;
mod interface;
mod protocol;
mod strokes;

pub(crate) use protocol::router;
