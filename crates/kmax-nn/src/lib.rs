//! Layers and tensor functions for kMaX-DeepLab on Candle, each with its gradient.
