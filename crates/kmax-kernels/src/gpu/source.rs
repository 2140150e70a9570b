//! The text of the kernels, and the pieces that make up a module of one.

use candle_core::DType;
#[cfg(any(unix, feature = "cuda"))]
use candle_core::{Error, Result};
#[cfg(any(unix, feature = "cuda"))]
use std::path::Path;

/// Bytes of a piece that are read from a file.
#[cfg(any(unix, feature = "cuda"))]
const LARGEST: u64 = 1 << 20;

/// What is compiled together: an operation and its gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Module {
    Axial,
    Channels,
    Columns,
    Depthwise,
    DepthwiseGradients,
    Epilogue,
    KMeans,
    Pool,
    Resize,
    Winners,
}

/// What every module begins with, behind the words of its target.
#[cfg(any(unix, feature = "cuda"))]
const COMMON: [(&str, &str); 3] = [
    ("common.h", include_str!("../../gpu/common.h")),
    ("windows.h", include_str!("../../gpu/windows.h")),
    ("sample.h", include_str!("../../gpu/sample.h")),
];

#[cfg(any(unix, feature = "cuda"))]
impl Module {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 10] = [
        Self::Axial,
        Self::Channels,
        Self::Columns,
        Self::Depthwise,
        Self::DepthwiseGradients,
        Self::Epilogue,
        Self::KMeans,
        Self::Pool,
        Self::Resize,
        Self::Winners,
    ];

    /// Its file in the folder `gpu`, and that file's text.
    pub fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Axial => ("axial.h", include_str!("../../gpu/axial.h")),
            Self::Channels => ("channels.h", include_str!("../../gpu/channels.h")),
            Self::Columns => ("columns.h", include_str!("../../gpu/columns.h")),
            Self::Depthwise => ("depthwise.h", include_str!("../../gpu/depthwise.h")),
            Self::DepthwiseGradients => {
                ("depthwise_gradients.h", include_str!("../../gpu/depthwise_gradients.h"))
            }
            Self::Epilogue => ("epilogue.h", include_str!("../../gpu/epilogue.h")),
            Self::KMeans => ("kmeans.h", include_str!("../../gpu/kmeans.h")),
            Self::Pool => ("pool.h", include_str!("../../gpu/pool.h")),
            Self::Resize => ("resize.h", include_str!("../../gpu/resize.h")),
            Self::Winners => ("winners.h", include_str!("../../gpu/winners.h")),
        }
    }

    /// The whole text behind the words of a target, which stand in a file of the folder `gpu` as well. Each piece is the one that is
    /// built in, or with `KMAX_GPU_SOURCE` the file of that folder: so a kernel can be changed where no Rust is.
    ///
    /// # Errors
    /// If a piece cannot be read.
    pub fn text(self, (words, built_in): (&str, &str)) -> Result<String> {
        let folder = std::env::var_os("KMAX_GPU_SOURCE");
        let read = |(file, built_in): (&str, &str)| match &folder {
            None => Ok(built_in.to_owned()),
            Some(folder) => {
                let path = Path::new(folder).join(file);
                let fail = |error| Error::msg(format!("{} (of KMAX_GPU_SOURCE): {error}", path.display()));
                kmax_base::read::read_text(&path, LARGEST).map_err(fail)
            }
        };
        let pieces = [(words, built_in)].into_iter().chain(COMMON).chain([self.file()]);
        Ok(pieces.map(read).collect::<Result<Vec<_>>>()?.join("\n"))
    }
}

/// The number by which the text knows an element type.
pub(crate) fn real(dtype: DType) -> Option<u8> {
    match dtype {
        DType::F32 => Some(0),
        DType::F16 => Some(1),
        DType::BF16 => Some(2),
        _ => None,
    }
}
