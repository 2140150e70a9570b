//! Matching and the training criterion of kMaX-DeepLab.
