//! Panoptic quality, mask AP and mIoU with the official conventions, streaming and mergeable.
