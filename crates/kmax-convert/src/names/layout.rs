//! How values of a TensorFlow variable are arranged in our tensor.

/// How a TensorFlow variable becomes our tensor: its axes are reordered, then it is reshaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Convolution kernel `[h, w, in, out]`; ours `[out, in, h, w]`.
    Kernel,
    /// Depthwise kernel `[h, w, channels, 1]`; ours `[channels, 1, h, w]`.
    Depthwise,
    /// Kernel over a sequence `[1, in, out]`; ours `[out, in, 1]`.
    Sequence,
    /// The same where ours is a kernel over a map, `[out, in, 1, 1]`.
    SequenceAsMap,
    /// Matrix `[in, out]`; ours the kernel of a 1x1 convolution over a sequence, `[out, in, 1]`.
    Matrix,
    /// Matrix `[in, out]` of a linear layer; ours `[out, in]`.
    Linear,
    /// Cluster centers `[1, queries, channels]`; ours `[channels, queries]`.
    Queries,
    /// A table, taken as it is.
    Table,
    /// Any shape; ours has one axis.
    Flat,
}

impl Layout {
    /// The order of the variable's axes before it is reshaped to [`Self::shape`]; `None` for a variable of another rank.
    pub fn permutation(self, rank: usize) -> Option<Vec<usize>> {
        match (self, rank) {
            (Self::Kernel, 4) => Some(vec![3, 2, 0, 1]),
            (Self::Depthwise, 4) => Some(vec![2, 3, 0, 1]),
            (Self::Sequence | Self::SequenceAsMap, 3) => Some(vec![2, 1, 0]),
            (Self::Matrix | Self::Linear, 2) => Some(vec![1, 0]),
            (Self::Queries, 3) => Some(vec![0, 2, 1]),
            (Self::Table, 2) | (Self::Flat, _) => Some((0..rank).collect()),
            _ => None,
        }
    }

    /// Shape of our tensor for a variable of shape `variable`; `None` for another rank, or if the size overflows.
    pub fn shape(self, variable: &[usize]) -> Option<Vec<usize>> {
        let order = self.permutation(variable.len())?;
        let mut shape: Vec<usize> = order.into_iter().map(|axis| variable[axis]).collect();
        match self {
            Self::Matrix | Self::SequenceAsMap => shape.push(1),
            Self::Queries if shape[0] == 1 => {
                shape.remove(0);
            }
            Self::Queries => return None,
            Self::Flat => shape = vec![shape.into_iter().try_fold(1usize, usize::checked_mul)?],
            Self::Kernel | Self::Depthwise | Self::Sequence | Self::Linear | Self::Table => {}
        }
        Some(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_the_layouts() {
        for (layout, variable, ours) in [
            (Layout::Kernel, vec![3, 3, 64, 128], Some(vec![128, 64, 3, 3])),
            (Layout::Depthwise, vec![5, 5, 320, 1], Some(vec![320, 1, 5, 5])),
            (Layout::Sequence, vec![1, 256, 128], Some(vec![128, 256, 1])),
            (Layout::SequenceAsMap, vec![1, 2048, 256], Some(vec![256, 2048, 1, 1])),
            (Layout::Matrix, vec![512, 1024], Some(vec![1024, 512, 1])),
            (Layout::Linear, vec![96, 384], Some(vec![384, 96])),
            (Layout::Queries, vec![1, 128, 256], Some(vec![256, 128])),
            (Layout::Queries, vec![2, 128, 256], None),
            (Layout::Table, vec![509, 64], Some(vec![509, 64])),
            (Layout::Flat, vec![3, 1, 8, 1, 1], Some(vec![24])),
            (Layout::Flat, vec![], Some(vec![1])),
            (Layout::Flat, vec![usize::MAX, 2], None),
            (Layout::Kernel, vec![3, 3], None),
        ] {
            assert_eq!(layout.shape(&variable), ours, "{layout:?} {variable:?}");
        }
    }
}
