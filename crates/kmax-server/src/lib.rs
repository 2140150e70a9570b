//! A server for panoptic segmentation: photos in by HTTP, segments out.
//!
//! ```no_run
//! use kmax_model::Segmenter;
//! use kmax_server::{Server, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let segmenter = Segmenter::load("path/of/a/model-folder")?;
//! let server = Server::bind(Settings::new(([127, 0, 0, 1], 0).into()), vec![("rooms".into(), segmenter)])?;
//! println!("http://{}", server.address());
//! server.run()?;
//! # Ok(())
//! # }
//! ```
//!
//! `docs/SERVER.md` describes the interface, which the server itself tells at `/openapi.json`, and every limit.
//!
//! | module | what |
//! | --- | --- |
//! | `server`, `connections` | listening, connections, stopping |
//! | `middleware`, `access` | who is answered |
//! | `upload`, `multipart`, `photos`, `parameters`, `accept` | what is asked |
//! | `queue`, `work`, `budget` | work in its turn, within the memory for it |
//! | `answers`, `clusters`, `problem`, `metrics`, `exposition` | what is answered |
//! | `routes`, `label_studio`, `kserve`, `openapi` | the interface |

#![forbid(unsafe_code)]

mod accept;
mod access;
mod answers;
mod budget;
mod check;
mod clusters;
mod connections;
mod error;
mod exposition;
mod health;
mod kserve;
mod label_studio;
mod metrics;
mod middleware;
mod models;
mod multipart;
mod openapi;
mod parameters;
mod photos;
mod predictions;
mod problem;
mod queue;
mod reply;
mod routes;
mod server;
mod settings;
mod state;
mod upload;
mod work;

pub use error::{Error, Result};
pub use kmax_base::ErrorKind;
pub use server::{Server, Stopper};
pub use settings::{Access, LabelStudio, Limits, Settings, TOKEN_LENGTH};

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
