//! k-means cross-attention and the kMaX transformer decoder.
