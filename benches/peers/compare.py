"""Times of this workspace's networks beside PyTorch's, ONNX Runtime's and OpenVINO's: the same weights, the same sizes, taking turns.

    benches/peers/run                       # installs what it needs in a temporary place, then runs this
    python compare.py [--cases resnet50:641 ...] [--threads 2] [--turns 9] [--train] [--json FILE]

Before anything is measured, the module in `kmax_torch` must give this workspace's own logits, loss and gradient in float64: a time of
other work says nothing. What an engine gives in float32 is compared with PyTorch's before its time counts.
"""

import argparse
import copy
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from safetensors.torch import load_file

from kmax_torch import KMax, folded, load

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Rounding in float64 through some hundred layers, and two ways to compute the error function.
TOLERANCE = 1e-6


def program(threads):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    # The last two are what the program `kmax` sets for itself (docs/SPEED.md, memory and threads).
    settings = {"RAYON_NUM_THREADS": str(threads), "MIMALLOC_PURGE_DELAY": "-1", "CANDLE_BARRIER_POOL_SPIN_LIMIT": "0"}
    return [str(target / "release/examples/peer")], {**os.environ, **settings}


def checked(name, side, folder, threads):
    """The same numbers from the same weights, or the end."""
    command, environment = program(threads)
    file = folder / f"{name}.safetensors"
    subprocess.run([*command, name, "case", str(side), str(file)], env=environment, check=True)
    case = load_file(file)
    weights = {key.removeprefix("weights."): value for key, value in case.items() if key.startswith("weights.")}
    network = load(KMax(name, dropout=0.0).double(), weights).eval()
    with torch.no_grad():
        classes, masks = network(case["image"])
    loss = network.train().loss(case["image"])
    loss.backward()
    gradient_name = next(key for key in case if key.startswith("gradient."))
    gradient = network.get_parameter(gradient_name.removeprefix("gradient.")).grad
    pairs = {"classes": (classes, case["classes"]), "masks": (masks, case["masks"]),
             "loss": (loss.detach(), case["loss"][0]), "gradient": (gradient, case[gradient_name])}
    for what, (found, expected) in pairs.items():
        apart = ((found - expected).abs().max() / expected.abs().max()).item()
        print(f"{name} at {side}, float64: {what} differ by {apart:.1e} of the largest")
        if not apart < TOLERANCE:
            sys.exit(f"error: {name}: {what} are not the same work")
    return {key: value.float() for key, value in weights.items()}


class Ours:
    def __init__(self, name, task, side, batch, threads):
        command, environment = program(threads)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([*command, name, task, str(side), str(batch)], env=environment, **pipes)
        assert self.process.stdout.readline().strip() == "ready", "the program did not start"

    def __call__(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Called:
    """Seconds of a Python function."""

    def __init__(self, run):
        self.run = run
        run()

    def __call__(self):
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start

    def close(self):
        pass


def torch_forward(network, x, kind):
    """In channels last, which is the faster on this side; `bf16` all through, or where autocast says."""
    x = x.contiguous(memory_format=torch.channels_last)
    if kind == "bf16":
        network, x = copy.deepcopy(network).bfloat16(), x.bfloat16()

    def run():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=kind == "autocast"):
            return network(x)
    return run


def agreement(run, expected):
    """Of how many pixels the query is the same, and how far the classes' logits are apart, of the largest."""
    classes, masks = [part.float() for part in run()]
    apart = (classes - expected[0]).abs().max() / expected[0].abs().max()
    return f"{100 * (masks.argmax(1) == expected[1].argmax(1)).float().mean():.1f} % of the pixels have its float32's query, classes {apart:.1e} apart"


def torch_step(network, x):
    def run():
        network.zero_grad(set_to_none=True)
        network.loss(x).backward()
    return run


class Calibration:
    """The image that is measured, as what ONNX Runtime's quantization asks for."""

    def __init__(self, x):
        self.images = [{"pixel_values": x.numpy()}]

    def get_next(self):
        return self.images.pop() if self.images else None


def in_int8(file, x):
    """ONNX Runtime's own static quantization: weights by channel, signed; activations unsigned."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared, quantized = file.replace(".onnx", ".prepared.onnx"), file.replace(".onnx", ".int8.onnx")
    quant_pre_process(file, prepared, skip_symbolic_shape=True)
    quantize_static(prepared, quantized, Calibration(x), quant_format=QuantFormat.QDQ, per_channel=True, weight_type=QuantType.QInt8,
                    activation_type=QuantType.QUInt8, op_types_to_quantize=["Conv", "MatMul", "Gemm", "Add"])
    return quantized


def engines(network, x, folder, threads, wanted, int8):
    """ONNX Runtime and OpenVINO on the graph that torch.onnx makes, if they are installed and give PyTorch's results."""
    file = str(folder / "network.onnx")
    with torch.no_grad():
        expected = [part.numpy() for part in network(x)]
        torch.onnx.export(network, (x,), file, input_names=["pixel_values"], opset_version=18, dynamo=True,
                          external_data=False)
    found = {}
    if "onnxruntime" in wanted:
        import onnxruntime
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.log_severity_level = threads, 3
        session = onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
        found[f"ONNX Runtime {onnxruntime.__version__}"] = lambda: session.run(None, {"pixel_values": x.numpy()})
        if int8:
            quantized = onnxruntime.InferenceSession(in_int8(file, x), settings, providers=["CPUExecutionProvider"])
            found[f"ONNX Runtime {onnxruntime.__version__} int8"] = lambda: quantized.run(None, {"pixel_values": x.numpy()})
    if "openvino" in wanted:
        import openvino
        compiled = openvino.compile_model(file, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"})
        found[f"OpenVINO {openvino.__version__}"] = lambda: list(compiled(x.numpy()).values())
    for name, run in found.items():
        classes, masks = run()
        same = np.mean(masks.argmax(1) == expected[1].argmax(1))
        apart = np.abs(classes - expected[0]).max() / np.abs(expected[0]).max()
        remark = "" if same > 0.999 or name.endswith("int8") else ": NOT the same result, its time says nothing"
        print(f"{name}: {100 * same:.2f} % of the pixels have PyTorch's query, classes {apart:.1e} apart{remark}")
    return found


def measured(contestants, turns):
    times = {name: [] for name in contestants}
    for _ in range(turns):
        for name, run in contestants.items():
            # Threads of the last one may wait for more work for a while, and not asleep.
            time.sleep(0.3)
            times[name].append(run())
    for run in contestants.values():
        run.close()
    return {name: statistics.median(taken) for name, taken in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", nargs="*", default=["resnet50:641", "convnext_tiny:641", "resnet50:1281"])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--train", action="store_true", help="a step of the gradient instead of a forward pass")
    parser.add_argument("--engines", nargs="*", default=["onnxruntime"], choices=["onnxruntime", "openvino"])
    parser.add_argument("--bf16", action="store_true", help="this workspace and PyTorch in bfloat16 as well")
    parser.add_argument("--int8", action="store_true", help="this workspace and ONNX Runtime in 8-bit integers as well")
    parser.add_argument("--check-side", type=int, default=65)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    rows, task = [], "train" if arguments.train else "forward"
    with tempfile.TemporaryDirectory() as place:
        folder, weights = pathlib.Path(place), {}
        for case in arguments.cases:
            name, side = case.split(":")
            if name not in weights:
                weights[name] = checked(name, arguments.check_side, folder, arguments.threads)
            x = torch.randn(arguments.batch, 3, int(side), int(side))
            network = load(KMax(name), weights[name])
            contestants = {"kmax": Ours(name, task, int(side), arguments.batch, arguments.threads)}
            if arguments.train:
                contestants[f"PyTorch {torch.__version__}"] = Called(torch_step(network.train(), x))
            else:
                plain = folded(network)
                exported = (
                    engines(plain, x, folder, arguments.threads, arguments.engines, arguments.int8) if arguments.engines else {})
                last = plain.to(memory_format=torch.channels_last)
                with torch.inference_mode():
                    expected = last(x)
                for kind in ["f32", "bf16", "autocast"] if arguments.bf16 else ["f32"]:
                    run = torch_forward(last, x, kind)
                    if kind != "f32":
                        print(f"PyTorch {kind}: {agreement(run, expected)}")
                    contestants[f"PyTorch {torch.__version__} {kind}"] = Called(run)
                for kind in [kind for kind in ("bf16", "int8") if getattr(arguments, kind)]:
                    contestants[f"kmax {kind}"] = Ours(name, f"forward-{kind}", int(side), arguments.batch, arguments.threads)
                contestants |= {name: Called(run) for name, run in exported.items()}
            times = measured(contestants, arguments.turns)
            for who, seconds in times.items():
                over = {f"{one.replace(' ', '_')}_over": round(times[one] / seconds, 3) for one in times if one.startswith("kmax")}
                rows.append({"network": name, "side": int(side), "batch": arguments.batch, "task": task, "threads": arguments.threads,
                             "who": who, "seconds": round(seconds, 4), **over})
                ours = [f"{one} takes {times[one] / seconds:.2f} of it" for one in ("kmax", "kmax bf16", "kmax int8") if one in times]
                print(f"{name} at {side}, batch {arguments.batch}, {task}: {who:28} {seconds:.3f} s, {', '.join(ours)}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


main()
