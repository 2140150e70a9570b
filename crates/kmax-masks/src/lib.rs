//! What a segmentation is: label maps, panoptic maps, categories, run-length codes and colours.
