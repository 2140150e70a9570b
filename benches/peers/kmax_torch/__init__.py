"""kMaX-DeepLab in PyTorch, for measuring beside it: the PyTorch form, with ResNet-50 or ConvNeXt, and our names of parameters.

Written from the paper and from this workspace's own layers. `compare.py` holds it against this workspace's results in float64 before it
measures anything.
"""

from .network import KMax, folded, load

__all__ = ["KMax", "folded", "load"]
