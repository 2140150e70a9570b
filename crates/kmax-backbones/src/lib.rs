//! ResNet-50, MaX-S, ConvNeXt and EfficientNet-Lite feature extractors on Candle.
