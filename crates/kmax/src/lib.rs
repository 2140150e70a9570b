//! kMaX-DeepLab panoptic segmentation: models, inference, the Hugging Face Hub and training.
