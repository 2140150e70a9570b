"""What torch.onnx makes of kMaX-DeepLab, beside our own file, in ONNX Runtime.

    pip install torch onnx onnxruntime onnxscript
    python torch_onnx.py OURS.onnx SIZE [resnet50|convnext_tiny]      # a file of `kmax export` for that square size, of a model with that backbone

The module is that of `compare.py`, in evaluation mode, with drawn weights: times do not depend on them. Sessions take turns; the best and the median of
each are printed.
"""

import statistics
import sys
import tempfile
import time

import onnxruntime
import torch

from kmax_torch import KMax


def session(file):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 2
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])


ours, size, network = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or ["resnet50"])[0]
torch.manual_seed(1)
image = torch.rand(1, 3, size, size)
with torch.no_grad(), tempfile.TemporaryDirectory() as place:
    file = f"{place}/torch.onnx"
    torch.onnx.export(KMax(network).eval(), (image,), file, input_names=["pixel_values"], opset_version=18, dynamo=True)
    sessions = {"kmax export": session(ours), "torch.onnx": session(file)}
times = {name: [] for name in sessions}
for turn in range(9):
    for name, one in sessions.items():
        start = time.perf_counter()
        one.run(None, {"pixel_values": image.numpy()})
        times[name].append(time.perf_counter() - start)
for name, taken in times.items():
    print(f"{name}: best {min(taken[1:]):.3f} s, median {statistics.median(taken[1:]):.3f} s of {len(taken) - 1}")
