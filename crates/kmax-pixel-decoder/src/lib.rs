//! The kMaX-DeepLab pixel decoder: axial and bottleneck stages joined by resized fuse.
