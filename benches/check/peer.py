"""Times of the PyTorch module in `kmax_torch`, on the same sizes: `peer.py DEVICE full|small NETWORK`. A line of JSON for each, as they come.

Eager in every precision first, then compiled in bfloat16: compiling takes the longest. Batch norms are folded, maps are channels last.
"""

import json
import sys
import time


def say(**row):
    print(json.dumps(row), flush=True)


def measured(torch, device, work, least=0.8):
    wait = torch.cuda.synchronize if device != "cpu" else lambda: None
    work()
    work()
    wait()
    seconds, begun = [], time.perf_counter()
    while not seconds or time.perf_counter() - begun < least:
        start = time.perf_counter()
        work()
        wait()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[len(seconds) // 2]


def main(place, size, name):
    try:
        import torch
    except ImportError:
        say(remark="PyTorch is not installed: nothing to measure beside")
        return
    from kmax_torch import KMax, folded
    small, device = size == "small", "cpu" if place == "cpu" else place
    torch.manual_seed(1)
    network = KMax(name).to(device)
    images = lambda batch, side: torch.randn(batch, 3, side, side, device=device)
    kinds = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
    if not small and name == "resnet50":
        batch, side = 8, 641
        x = images(batch, side)
        for precision in ("f32", "bf16"):
            def step():
                network.train().zero_grad(set_to_none=True)
                with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
                    loss = network.loss(x)
                loss.backward()
            say(time="step", network=name, side=side, batch=batch, precision=precision, who="PyTorch", seconds=measured(torch, device, step))
        network.zero_grad(set_to_none=True)
        del x
    plain = folded(network).to(memory_format=torch.channels_last)
    cases = [(65, 1)] if small else [(641, 1), (1281, 4), (1281, 1), (641, 16), (1281, 16), (641, 4)]
    compiled = [] if small else [(1281, 4), (641, 1)]

    def forward(model, who, precision, sizes):
        for side, batch in sizes:
            x = images(batch, side).to(kinds[precision]).contiguous(memory_format=torch.channels_last)
            try:
                with torch.inference_mode():
                    seconds = measured(torch, device, lambda: model(x))
                say(time="forward", network=name, side=side, batch=batch, precision=precision, who=who, seconds=seconds)
            except Exception as error:
                say(remark=f"PyTorch, {name} at {side} x {batch}, {precision}: {str(error).splitlines()[0]}")

    for precision in ("bf16",) if small else ("bf16", "f16", "f32"):
        forward(plain.to(kinds[precision]), "PyTorch", precision, cases)
    if compiled:
        half = plain.to(torch.bfloat16)
        forward(torch.compile(half), "PyTorch, compiled", "bf16", compiled)


main(*sys.argv[1:])
