//! COCO, Cityscapes and ADE20K on disk: readers, writers and transforms for panoptic segmentation.
