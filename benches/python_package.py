"""What the Python package costs beside its Rust, and its metrics beside the originals: ``python python_package.py``.

Needs the package, Pillow, pycocotools and panopticapi; docs/PYTHON.md has the numbers. Each is the median of several runs.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import kmax_deeplab as kmax

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crates" / "kmax-python" / "tests"))


def median(work: Callable[[], object], runs: int) -> float:
    """Seconds."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def imports() -> None:
    """A process that imports the package against one that imports nothing; processor time, too, which others do not disturb."""
    for clock, name in ((wall, "on the clock"), (processor, "of the processor")):
        cost = clock("import kmax_deeplab") - clock("pass")
        print(f"import kmax_deeplab: {1e3 * cost:.1f} ms {name}")


def wall(code: str) -> float:
    return median(lambda: subprocess.run([sys.executable, "-c", code], check=True), 15)


def processor(code: str) -> float:
    times = []
    for _ in range(15):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def calls() -> None:
    """All that a call does but the forward pass, at 1024 x 1024: translation, the thread, the copy, the result."""
    image = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), dtype=np.uint8)
    segmenter = kmax.Segmenter("kmax-people")
    native = segmenter._native
    segmenter.segment(image)
    whole = [time_of(segmenter, image) for _ in range(15)]
    print(f"segment at 1024 x 1024: {1e3 * statistics.median(whole):.0f} ms")
    answer = native.segment(image)
    result = lambda: kmax.Result(image, answer[0], answer[1], segmenter.categories)
    print(f"  making the result: {1e6 * median(result, 200):.0f} us")
    print(f"  a copy of the image, as is made of it: {1e6 * median(image.copy, 200):.0f} us")
    tiny = kmax.rle.encode(np.ones((2, 2), np.uint8))
    print(f"  a call of a native function: {1e6 * median(lambda: kmax._native.rle_area([tiny]), 2000):.1f} us")
    bundle = Path(__file__).resolve().parents[1] / "crates/kmax-checkpoints/tests/data/bundle"
    checkpoint = kmax.checkpoints.open(bundle)
    name = next(name for name, info in checkpoint.infos.items() if info.dtype == "f32")
    print(f"  a call that works on a thread of its own: {1e6 * median(lambda: checkpoint._native.read(name), 500):.0f} us")


def time_of(segmenter: kmax.Segmenter, image: np.ndarray) -> float:
    begun = time.perf_counter()
    segmenter.segment(image)
    return time.perf_counter() - begun


def metrics() -> None:
    """1,000 images of 480 x 640."""
    import generated
    from panopticapi import evaluation
    from panopticapi.utils import id2rgb
    from PIL import Image
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    generated.HEIGHT, generated.WIDTH = 480, 640
    count = 1000
    images = [generated.panoptic(seed) for seed in range(count)]
    quality = lambda: update(kmax.metrics.PanopticQuality(generated.CATEGORIES), images)
    print(f"PQ of arrays: {median(quality, 3):.2f} s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, what in enumerate(("gt", "pred")):
            (folder / what).mkdir()
            rows = []
            for number, image in enumerate(images):
                Image.fromarray(id2rgb(image[side][0])).save(folder / what / f"{number}.png")
                rows.append({"image_id": number, "file_name": f"{number}.png", "segments_info": image[side][1]})
            listed = [{"id": n, "file_name": f"{n}.jpg", "height": 480, "width": 640} for n in range(count)]
            whole = {"images": listed, "annotations": rows, "categories": generated.CATEGORIES}
            (folder / f"{what}.json").write_text(json.dumps(whole))
        files = str(folder / "gt.json"), str(folder / "pred.json")
        quiet = contextlib.redirect_stdout(io.StringIO())
        with quiet:
            official = lambda: evaluation.pq_compute(*files)
            ours = median(lambda: kmax.metrics.evaluate_panoptic(*files), 3)
            theirs = median(official, 2)
        print(f"PQ of files: {ours:.2f} s, panopticapi {theirs:.2f} s ({theirs / ours:.1f} times as long)")

        masks = [generated.instances(seed, 1 + 10 * seed) for seed in range(count)]
        ap = lambda: update(kmax.metrics.MaskAP(CLASSES), [(t, d) for t, d in masks])
        of_arrays = median(ap, 3)
        whole = {"images": listed, "annotations": [t for m in masks for t in m[0]], "categories": CLASSES}
        (folder / "i.json").write_text(json.dumps(whole))
        (folder / "d.json").write_text(json.dumps([d for m in masks for d in m[1]]))

        def coco() -> None:
            truth = COCO(str(folder / "i.json"))
            evaluation = COCOeval(truth, truth.loadRes(str(folder / "d.json")), "segm")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()

        with contextlib.redirect_stdout(io.StringIO()):
            ours = median(lambda: kmax.metrics.evaluate_instances(folder / "i.json", folder / "d.json"), 3)
            theirs = median(coco, 2)
        print(f"AP of dictionaries {of_arrays:.2f} s, of files {ours:.2f} s, pycocotools {theirs:.2f} s")


CLASSES = [{"id": id, "name": str(id), "isthing": 1} for id in (10, 20, 30)]


def update(metric: object, images: list) -> object:
    for number, (truth, found) in enumerate(images):
        metric.update(found, truth, number)  # type: ignore[attr-defined]
    return metric.compute()  # type: ignore[attr-defined]


if __name__ == "__main__":
    imports()
    calls()
    metrics()
