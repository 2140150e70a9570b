"""The package among signals, threads, forks and logs."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import kmax_deeplab as kmax
from kmax_deeplab import errors


def _python(code: str, *arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_long_calls() -> None:
    child = _python("""
        import numpy as np, kmax_deeplab as kmax
        segmenter = kmax.Segmenter(threads=1)
        image = np.zeros((96, 96, 3), np.uint8)
        print("ready", flush=True)
        def images():
            while True:
                yield image
        try:
            segmenter.segment(images())
        except KeyboardInterrupt:
            print("interrupted", len(segmenter.segment([image])), flush=True)
    """)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (out, err) == ("interrupted 1\n", "")


def test_ctrl_c_stops_work_inside_one_call(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "gt").mkdir()
    for number in range(400):
        Image.new("L", (800, 800), number % 3).save(tmp_path / "gt" / f"{number}.png")
    child = _python(
        """
        import sys, kmax_deeplab as kmax
        print("ready", flush=True)
        def heard(done, total):
            if done == 1:
                print("working", flush=True)
        try:
            while True:
                kmax.metrics.evaluate_semantic(sys.argv[1], sys.argv[1], 3, progress=heard)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """,
        tmp_path / "gt",
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    assert child.stdout.readline() == "working\n"
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert out.endswith("interrupted\n") and err == ""


def test_a_callback_may_stop_the_work(tmp_path: Path) -> None:
    from PIL import Image

    for number in range(20):
        Image.new("L", (9, 9)).save(tmp_path / f"{number}.png")

    def stop(done: int, total: int) -> None:
        raise ZeroDivisionError(f"{done} of {total}")

    with pytest.raises(ZeroDivisionError, match="of 20"):
        kmax.metrics.evaluate_semantic(tmp_path, tmp_path, 3, progress=stop)


def test_other_threads_run_meanwhile(segmenter: kmax.Segmenter) -> None:
    image = np.zeros((1200, 1200, 3), dtype=np.uint8)
    done = threading.Event()
    beats = 0

    def beat() -> None:
        nonlocal beats
        while not done.is_set():
            beats += 1
            time.sleep(0.001)

    thread = threading.Thread(target=beat)
    thread.start()
    segmenter.segment(image)
    done.set()
    thread.join()
    # Held all the time, the lock would let one beat through.
    assert beats > 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_fork_after_work_is_refused_and_one_before_works() -> None:
    child = _python("""
        import os, sys, numpy as np, kmax_deeplab as kmax
        image = np.zeros((64, 64, 3), np.uint8)
        def forked():
            pid = os.fork()
            if pid == 0:
                try:
                    kmax.Segmenter().segment(image)
                except kmax.errors.UnsupportedError as error:
                    assert "spawn" in str(error)
                    os._exit(7)
                os._exit(0)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        before = forked()
        kmax.Segmenter().segment(image)
        print(before, forked())
    """)
    out, err = child.communicate(timeout=120)
    assert (out, err) == ("0 7\n", "")


def test_errors_have_a_hierarchy() -> None:
    classes = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(cls, kmax.Error) for cls in classes)
    kinds = [cls.kind for cls in classes]
    assert len(set(kinds)) == len(kinds)
    assert issubclass(errors.NotFoundError, FileNotFoundError) and issubclass(errors.OutOfMemoryError, MemoryError)
    for cls in classes:
        assert str(cls("what and where")) == "what and where"


def test_the_log_is_pythons(tmp_path: Path, caplog: pytest.LogCaptureFixture, segmenter: kmax.Segmenter) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40)).save(
        tmp_path / "two.gif", save_all=True, append_images=[Image.new("RGB", (40, 40), "red")]
    )
    with caplog.at_level(logging.INFO, logger="kmax_deeplab"):
        segmenter.segment(tmp_path / "two.gif")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "two.gif" in caplog.text


def test_the_import_brings_nothing() -> None:
    child = _python("""
        import sys, json
        before = set(sys.modules)
        import kmax_deeplab
        print(json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
    """)
    brought = set(json.loads(child.communicate(timeout=60)[0]))
    assert brought <= {"__future__", "kmax_deeplab"}


def test_every_name_is_there() -> None:
    assert set(dir(kmax)) == set(kmax.__all__)
    assert all(getattr(kmax, name) is not None for name in kmax.__all__)
    with pytest.raises(AttributeError, match="Segmentor"):
        kmax.Segmentor  # noqa: B018
    child = _python("import sys, kmax_deeplab as k; k.Segmenter; print('numpy' in sys.modules)")
    assert child.communicate(timeout=60) == ("False\n", "")


def test_the_whole_program_is_there(photo: Path, tmp_path: Path) -> None:
    def kmax_program(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "kmax_deeplab", *words], capture_output=True, text=True, check=False)

    assert kmax.__version__ in kmax_program("--version").stdout
    done = kmax_program("segment", str(photo), "--json", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    names = [segment["name"] for segment in json.loads(done.stdout)["segments"]]
    assert "top" in names and (tmp_path / "astronaut.panoptic.png").is_file()
    failed = kmax_program("segment", str(tmp_path / "none.jpg"))
    assert failed.returncode == 3 and failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
    assert kmax_program("segment").returncode == 2


def test_bytes_are_read_where_they_are() -> None:
    child = _python("""
        import resource, kmax_deeplab as kmax
        segmenter = kmax.Segmenter()
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Said to be a PNG, which it is not: refused once it is read.
        file = b"\\x89PNG\\r\\n\\x1a\\n".ljust(1 << 28, b"x")
        before = peak()
        try:
            segmenter.segment(file)
        except kmax.Error as error:
            print(error.kind, (peak() - before) // 1024)
    """)
    out, err = child.communicate(timeout=60)
    kind, grown = out.split()
    # Of 256 MB in memory; a copy would be as many.
    assert kind == "damaged" and int(grown) < 128, (out, err)
