"""The example for Ray: two workers, one of which is killed on the way."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import signal
import sys
import threading
import time

import numpy as np
import pytest

ray = pytest.importorskip("ray", reason="ray is not installed")
Image = pytest.importorskip("PIL.Image")

EXAMPLE = pathlib.Path(__file__).parent.parent / "examples" / "ray_photos.py"
PHOTOS = 40


def example():
    spec = importlib.util.spec_from_file_location("ray_photos", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["ray_photos"] = module
    # Workers get the class by value, as they have no such module.
    ray.cloudpickle.register_pickle_by_value(module)
    return module


def workers() -> list[int]:
    """The processes that hold a model."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and b"MapWorker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            pass
    return found


def test_a_killed_worker_loses_nothing(tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    rng = np.random.default_rng(3)
    for i in range(PHOTOS):
        size = (int(rng.integers(200, 400)), int(rng.integers(200, 400)))
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)).save(photos / f"{i:02}.png")
    (photos / "07.png").write_bytes(b"no picture")
    killed = []

    def kill() -> None:
        end = time.monotonic() + 300
        while time.monotonic() < end and not killed:
            done = len(list(out.glob("*.json"))) if out.is_dir() else 0
            running = workers()
            if done >= 3 and len(running) == 2:
                os.kill(running[0], signal.SIGKILL)
                killed.append((running[0], done))
            time.sleep(0.01)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        module = example()
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        rows = module.run(photos, out, 2, "kmax-people")
        again = module.run(photos, out, 2, "kmax-people")
    finally:
        ray.shutdown()
    assert killed and killed[0][1] < PHOTOS - 5, f"no worker was killed in time: {killed}"
    # Every photo once, and the failed one told once.
    assert [pathlib.Path(row["photo"]).name for row in rows] == [f"{i:02}.png" for i in range(PHOTOS)]
    assert [row["photo"][-6:] for row in rows if row["error"]] == ["07.png"]
    lists = sorted(out.glob("*.json"))
    assert len(lists) == PHOTOS - 1 and len(list(out.glob("*.png"))) == PHOTOS - 1
    assert all(json.loads(file.read_text())["photo"] == file.stem for file in lists)
    assert not list(out.glob(".*")), "leftovers of the killed one"
    # What is lacking is tried again, and nothing else is done.
    assert [row["photo"][-6:] for row in again] == ["07.png"]
