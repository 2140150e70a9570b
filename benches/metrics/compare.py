"""Makes data, lets the official scripts and `kmax eval` evaluate it, and compares numbers and times.

    python compare.py --kmax ../../target/release/kmax --panopticapi DIR [--data DIR] [--only panoptic instances pixels]

README.md says what is needed and what is measured.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

# Python gets its own process, so that it pays for its start as kmax does; it prints its numbers as JSON.
PANOPTICAPI = """
import contextlib, io, json, sys
from panopticapi.evaluation import pq_compute
with contextlib.redirect_stdout(io.StringIO()):
    results = pq_compute(sys.argv[1], sys.argv[2])
print(json.dumps([results["All"][key] for key in ("pq", "sq", "rq")]))
"""
PYCOCOTOOLS = """
import contextlib, io, json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(sys.argv[1])
    evaluation = COCOeval(truth, truth.loadRes(sys.argv[2]), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
print(json.dumps(list(evaluation.stats)))
"""
HOTCOCO = """
import contextlib, io, json, sys
from hotcoco import COCO, COCOeval
truth = COCO(sys.argv[1])
evaluation = COCOeval(truth, truth.loadRes(sys.argv[2]), "segm")
evaluation.evaluate()
evaluation.accumulate()
with contextlib.redirect_stdout(io.StringIO()):
    evaluation.summarize()
print("\\n" + json.dumps(list(evaluation.stats)))
"""
CITYSCAPES = """
import contextlib, glob, io, json, os, sys
import numpy
numpy.in1d = getattr(numpy, "in1d", numpy.isin)  # the script is older than numpy 2.4, which dropped the name
import cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling as e
truths = sorted(glob.glob(sys.argv[1] + "/gtFine/val/*/*_labelIds.png"))
guesses = [os.path.join(sys.argv[1], "results/semantic", os.path.basename(name)) for name in truths]
e.args.quiet, e.args.JSONOutput = True, False
with contextlib.redirect_stdout(io.StringIO()):
    results = e.evaluateImgLists(guesses, truths, e.args)
print(json.dumps([results["averageScoreClasses"], results["averageScoreInstClasses"], bool(e.CSUPPORT)]))
"""


def shapes(rng, height, width, count, first):
    """A map of overlapping ellipses on four bands; ids count up from `first`."""
    ids = np.repeat(np.arange(4), -(-height // 4))[:height, None].repeat(width, 1).astype(np.uint32) + first
    y, x = np.mgrid[:height, :width]
    for number in range(count):
        cy, cx = rng.integers(height), rng.integers(width)
        ry, rx = rng.integers(height // 40 + 2, height // 5), rng.integers(width // 40 + 2, width // 5)
        ids[((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1] = first + 4 + number
    return ids


def shifted(rng, ids, most):
    """The map moved a little, as a prediction would be off."""
    return np.roll(ids, rng.integers(-most, most + 1, 2), (0, 1))


def make_panoptic(folder, images):
    """`images` of 640 x 480 pixels in COCO's panoptic form, 133 classes."""
    rng = np.random.default_rng(1)
    categories = [{"id": i, "name": str(i), "isthing": int(i <= 80), "color": [i, i, i]} for i in range(1, 134)]
    files = {"gt": [], "pred": []}
    for side in files:
        (folder / side).mkdir(parents=True, exist_ok=True)
    for number in range(images):
        truth = shapes(rng, 480, 640, 16, 1 + int(rng.integers(1, 60_000)))
        guess = shifted(rng, truth, 8)
        classes = {}
        for side, ids in (("gt", truth), ("pred", guess)):
            pixels = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], -1).astype(np.uint8)
            name = f"{number:06}.png"
            Image.fromarray(pixels).save(folder / side / name)
            info = []
            for i, area in zip(*np.unique(ids, return_counts=True)):
                label = classes.setdefault(int(i), int(rng.integers(1, 134)))
                if side == "pred" and rng.random() < 0.2:
                    label = int(rng.integers(1, 134))
                info.append({"id": int(i), "category_id": label, "area": int(area), "bbox": [0, 0, 1, 1], "iscrowd": 0})
            files[side].append({"image_id": number, "file_name": name, "segments_info": info})
    listed = [{"id": n, "file_name": f"{n:06}.jpg", "width": 640, "height": 480} for n in range(images)]
    for side, annotations in files.items():
        content = {"images": listed, "annotations": annotations, "categories": categories}
        (folder / f"{side}.json").write_text(json.dumps(content))


def make_instances(folder, images):
    """Seven objects and fifteen detections an image, 80 classes, boxes with ragged sides."""
    rng = np.random.default_rng(2)
    folder.mkdir(parents=True, exist_ok=True)
    height, width = 480, 640

    def rle(x, y, w, h):
        """Columns of wavering height."""
        mask = np.zeros((height, width), np.uint8, order="F")
        for column in range(x, min(x + w, width)):
            mask[max(0, y - column % 5) : y + h - column % 3, column] = 1
        code = coco_mask.encode(mask)
        return {"size": code["size"], "counts": code["counts"].decode()}, int(mask.sum())

    annotations, results = [], []
    for image in range(images):
        for _ in range(7):
            box = [int(v) for v in (rng.integers(560), rng.integers(400), rng.integers(4, 160), rng.integers(4, 160))]
            label = int(rng.integers(1, 81))
            code, area = rle(*box)
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": label, "area": area,
                                "bbox": box, "iscrowd": int(rng.random() < 0.02), "segmentation": code})
            for _ in range(2):
                moved = [max(0, int(v + rng.integers(-6, 7))) for v in box[:2]] + box[2:]
                guess = label if rng.random() < 0.8 else int(rng.integers(1, 81))
                results.append({"image_id": image, "category_id": guess, "segmentation": rle(*moved)[0],
                                "score": float(rng.random())})
    listed = [{"id": n, "file_name": f"{n}.jpg", "width": width, "height": height} for n in range(images)]
    categories = [{"id": i, "name": str(i)} for i in range(1, 81)]
    content = {"images": listed, "annotations": annotations, "categories": categories}
    (folder / "gt.json").write_text(json.dumps(content))
    (folder / "pred.json").write_text(json.dumps(results))


def make_pixels(folder, images):
    """Maps of Cityscapes' size: stuff in bands, things as ellipses, each with its instance."""
    rng = np.random.default_rng(3)
    truths, results = folder / "gtFine/val/city", folder / "results/semantic"
    truths.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    things = [24, 25, 26, 27, 28, 31, 32, 33]
    for number in range(images):
        ids = shapes(rng, 1024, 2048, 20, 0)
        table = np.array([7, 8, 11, 23] + [int(rng.choice(things)) for _ in range(20)])
        labels = table[ids]
        instances = np.where(ids < 4, labels, labels * 1000 + ids)
        stem = f"city_{number:06}_000019_gtFine"
        Image.fromarray(labels.astype(np.uint8)).save(truths / f"{stem}_labelIds.png")
        Image.fromarray(instances.astype(np.uint16)).save(truths / f"{stem}_instanceIds.png")
        Image.fromarray(shifted(rng, labels, 12).astype(np.uint8)).save(results / f"{stem}_labelIds.png")


def run(command, runs, **more):
    """The shortest wall-clock time of some runs, and the JSON that the last one printed."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, **more)
        best = min(best, time.perf_counter() - start)
        if done.returncode:
            sys.exit(f"{command[:3]}: {done.stderr}")
    return best, json.loads(done.stdout[done.stdout.rfind("\n[") + 1 :])


def report(name, official, ours, numbers, wanted):
    """Prints a line; fails if the numbers differ or the factor is too small."""
    (slow, expected), (fast, found) = official, ours
    worst = max(abs(a - b) for a, b in zip(expected, numbers(found)))
    factor = slow / fast
    print(f"{name:36} {slow:8.2f} s {fast:8.3f} s {factor:7.1f} x (at least {wanted}), difference {worst:.1e}", flush=True)
    return worst <= 1e-9 and factor >= wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kmax", required=True, help="the program")
    parser.add_argument("--panopticapi", default="", help="where cocodataset/panopticapi is checked out")
    parser.add_argument("--data", default="bench-data", type=Path, help="data are made here, and kept")
    parser.add_argument("--only", nargs="*", default=["panoptic", "instances", "pixels"])
    parser.add_argument("--make", action="store_true", help="make the data only")
    parser.add_argument("--runs", type=int, default=1, help="runs of each; the shortest counts")
    options = parser.parse_args()
    sizes = {"panoptic": (make_panoptic, 500), "instances": (make_instances, 5000), "pixels": (make_pixels, 40)}
    for name in options.only:
        make, images = sizes[name]
        if not (options.data / name / "made").exists():
            make(options.data / name, images)
            (options.data / name / "made").touch()
    if options.make:
        return
    python = lambda code, *arguments: [sys.executable, "-c", code, *map(str, arguments)]
    kmax = lambda *arguments: [options.kmax, "eval", *map(str, arguments), "--json"]
    good = True
    print(f"{'':36} {'official':>10} {'kmax':>10}   on {os.cpu_count()} cores")
    for name in options.only:
        folder = options.data / name
        gt, pred = folder / "gt.json", folder / "pred.json"
        if name == "panoptic":
            environment = dict(os.environ, PYTHONPATH=options.panopticapi)
            official = run(python(PANOPTICAPI, gt, pred), options.runs, env=environment)
            ours = run(kmax("panoptic", "--gt", gt, "--pred", pred), max(options.runs, 2))
            pick = lambda r: [r["All"][key] for key in ("pq", "sq", "rq")]
            good &= report("PQ, 500 images of 640x480", official, ours, pick, 5)
        if name == "instances":
            official = run(python(PYCOCOTOOLS, gt, pred), options.runs)
            ours = run(kmax("instances", "--gt", gt, "--pred", pred), max(options.runs, 2))
            pick = lambda r: list(r["stats"].values())
            good &= report("mask AP, 5000 images", official, ours, pick, 1)
            if importlib.util.find_spec("hotcoco"):
                # Another implementation as a second witness; nothing is asked of its speed.
                good &= report("the same, hotcoco", run(python(HOTCOCO, gt, pred), 2), ours, pick, 0)
        if name == "pixels":
            official = run(python(CITYSCAPES, folder), options.runs)
            print(f"(cityscapesScripts with its C extension: {official[1].pop()})")
            ours = run(kmax("cityscapes", "--gt", folder, "--pred", folder), max(options.runs, 2))
            pick = lambda r: [r["semantic"]["mIoU_classes"], r["semantic"]["niou_classes"]]
            good &= report("mIoU and nIoU, 40 images of 2048x1024", official, ours, pick, 5)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
