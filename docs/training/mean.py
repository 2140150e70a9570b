"""The mean of two models of one network: python mean.py SHARE ONE.safetensors OTHER.safetensors MEAN.safetensors

SHARE is that of OTHER, from 0 to 1. Needs NumPy and safetensors.
"""

import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

share, one, other, mean = float(sys.argv[1]), load_file(sys.argv[2]), load_file(sys.argv[3]), sys.argv[4]
if one.keys() != other.keys():
    sys.exit("the models have other tensors")
with safe_open(sys.argv[3], "numpy") as file:
    metadata = file.metadata()
wide = np.float32
weights = {
    name: (one[name].astype(wide) * (1 - share) + other[name].astype(wide) * share).astype(other[name].dtype)
    for name in one
}
save_file(weights, mean, metadata=metadata)
