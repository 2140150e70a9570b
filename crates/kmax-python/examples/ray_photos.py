"""Segments a folder of photos on a Ray cluster: python ray_photos.py PHOTOS OUT [--workers 2] [--model kmax-people]

Each worker holds the model and takes photos as it has time. A photo's results are written whole before it counts as done, under names
that follow from the photo's: a worker that dies is started again, what it had not finished is done again by any worker, and nothing is
there twice. Started again, the program does what is lacking. PHOTOS and OUT are folders that all workers see.

Needs `pip install kmax-deeplab "ray[data]"`.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
from typing import Any

import ray

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"}


def write(file: pathlib.Path, data: bytes) -> None:
    """Whole or not at all, whoever else writes the same."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(file)


class Segment:
    """One worker."""

    def __init__(self, model: str, out: str) -> None:
        import kmax_deeplab as kmax

        self.segmenter = kmax.Segmenter(model, threads=1)
        self.failure = kmax.Error
        self.out = pathlib.Path(out)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        photo = pathlib.Path(row["photo"])
        try:
            result = self.segmenter.segment(photo)
        except self.failure as error:
            return {"photo": str(photo), "segments": 0, "error": str(error)}
        write(self.out / f"{photo.name}.png", result.panoptic_png())
        # Last: a photo with this file is done.
        segments = [segment._asdict() for segment in result]
        write(self.out / f"{photo.name}.json", json.dumps({"photo": photo.name, "segments": segments}).encode())
        return {"photo": str(photo), "segments": len(segments), "error": ""}


def run(photos: pathlib.Path, out: pathlib.Path, workers: int, model: str) -> list[dict[str, Any]]:
    """What became of each photo that was not done yet."""
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".*.part"):
        # By a worker that was killed while it wrote.
        left.unlink()
    files = sorted(file for file in photos.iterdir() if file.suffix.lower() in ENDINGS)
    rows = [{"photo": str(file)} for file in files if not (out / f"{file.name}.json").is_file()]
    if not rows:
        return []
    # Small blocks: what is lost with a worker is one of them.
    work = ray.data.from_items(rows, override_num_blocks=min(len(rows), 16 * workers))
    done = work.map(Segment, fn_constructor_args=(model, str(out)), concurrency=workers, num_cpus=1)
    return sorted(done.take_all(), key=lambda row: row["photo"])


def main() -> int:
    arguments = argparse.ArgumentParser(description="Segments a folder of photos on a Ray cluster.")
    arguments.add_argument("photos", type=pathlib.Path)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--workers", type=int, default=2)
    arguments.add_argument("--model", default="kmax-people")
    given = arguments.parse_args()
    rows = run(given.photos.resolve(), given.out.resolve(), given.workers, given.model)
    failed = [row for row in rows if row["error"]]
    for row in failed:
        print(f"error: {row['photo']}: {row['error']}", file=sys.stderr)
    print(f"{len(rows) - len(failed)} photos done, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
