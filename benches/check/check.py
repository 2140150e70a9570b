"""Holds a device against the processor and measures, beside PyTorch where that is installed: `python3 check.py [--dry-run] [--out FOLDER]`.

Needs Python 3.9 or newer alone, and on a device NVIDIA's driver and the libraries of CUDA 13 (those of a PyTorch installation will do). All parts
have a time limit, and all together at most eight minutes; the most important come first, and what is found is printed as it comes. The last
line says how many comparisons passed. Everything is in the output folder: `results.jsonl`, `table.md`, a log for each part.

A dry run has four times as long, and a limit of a part counts its processor time: a busy machine is no fault of it.
"""

import argparse
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = ("resnet50", "convnext_large", "convnext_tiny", "max_s")
WHOLE = 470

# Part, its arguments, seconds at most.
CHECKS = [("operations", [], 50), ("masks", [], 30), ("networks", [], 75), ("training", [], 45)]
TIMES = [
    ("times", ["resnet50"], 30), ("peer", ["resnet50"], 60), ("times", ["convnext_large"], 40), ("peer", ["convnext_large"], 60),
    ("steps", ["resnet50"], 20), ("photos", ["resnet50"], 20), ("times", ["convnext_tiny"], 20), ("peer", ["convnext_tiny"], 45),
    ("times", ["max_s"], 20),
]
DRY = [("times", ["small"], 60), ("steps", ["small"], 60), ("photos", ["small"], 60), ("peer", ["resnet50"], 90)]


def libraries():
    """Folders of CUDA's libraries: those that Python's packages bring, and the usual ones."""
    found = []
    for place in sys.path:
        found += sorted(pathlib.Path(place).glob("nvidia/*/lib")) if place else []
    usual = [pathlib.Path(place) for place in ("/usr/local/cuda/lib64", "/usr/local/cuda-13/lib64", "/usr/local/nvidia/lib64")]
    return [str(place) for place in [*found, *usual] if place.is_dir()]


def program(out):
    packed, path = HERE / "kmax-device-check.gz", out / "kmax-device-check"
    with gzip.open(packed) as source:
        path.write_bytes(source.read())
    path.chmod(0o755)
    return path


class Results:
    def __init__(self, out):
        self.file = (out / "results.jsonl").open("w")
        self.checks, self.times, self.remarks = [], [], []

    def take(self, line):
        try:
            row = json.loads(line)
        except ValueError:
            return False
        self.file.write(line + "\n")
        self.file.flush()
        if "check" in row:
            self.checks.append(row)
            said = row.get("error") or f"{row['apart']:.1e} apart, {row['allowed']:.1e} allowed"
            print(f"{'passed' if row['passed'] else 'FAILED'}  {row['check']}, {row['precision']}: {said}", flush=True)
        elif "time" in row:
            self.times.append(row)
            print(f"        {describe(row)}, {row['who']}: {1000 * row['seconds']:.2f} ms", flush=True)
        else:
            self.remarks.append(row["remark"])
            print(f"        {row['remark']}", flush=True)
        return True

    def fail(self, name, reason):
        self.take(json.dumps({"check": name, "precision": "-", "passed": False, "error": reason}))


def describe(row):
    return f"{row['time']} of {row['batch']} x {row['network']} at {row['side']}, {row['precision']}"


def limited(seconds):
    """What a process does before it begins, so that the system ends it after so many seconds of processor time."""
    import resource  # not on Windows, where there is no dry run
    return lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def run(command, environment, seconds, log, results, of_processor=None):
    """Runs a part and takes its lines; gives its code, or None where its time was up."""
    before = limited(of_processor) if of_processor else None
    with log.open("w") as said:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True, errors="replace", preexec_fn=before)
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        begun = time.monotonic()
        for line in process.stdout:
            if not results.take(line.strip()):
                said.write(line)
        code = process.wait()
        timer.cancel()
    over = time.monotonic() - begun >= seconds or code == -signal.SIGXCPU
    return None if over else code


def table(times):
    """Rows by what was measured, columns by who: milliseconds, and how much of ours of the best peer's."""
    rows = {}
    for row in times:
        key = (row["time"], row["network"], row["side"], row["batch"], row["precision"])
        rows.setdefault(key, {})[row["who"]] = row["seconds"]
    who = sorted({row["who"] for row in times}, key=lambda name: (name != "kmax", name))
    lines = ["| | network | side | batch | precision | " + " | ".join(f"{name}, ms" for name in who) + " | images/s | of the best peer |"]
    lines.append("| --- | --- | --- | --- | --- |" + " --- |" * (len(who) + 2))
    for key, seconds in sorted(rows.items()):
        cells = [f"{1000 * seconds[name]:.2f}" if name in seconds else "-" for name in who]
        ours, peers = seconds.get("kmax"), [value for name, value in seconds.items() if name != "kmax"]
        images = 1 if key[0] == "photo" else key[3]
        rate = f"{images / ours:.1f}" if ours else "-"
        share = f"{ours / min(peers):.2f}" if ours and peers else "-"
        lines.append("| " + " | ".join([*map(str, key), *cells, rate, share]) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dry-run", action="store_true", help="the same on the processor, by an emulation of the kernels, at small sizes")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("device-check-results"))
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    begun, results, path = time.monotonic(), Results(out), program(out)
    environment = {**os.environ, "KMAX_CACHE": str(out / "cache")}
    environment["LD_LIBRARY_PATH"] = os.pathsep.join([*libraries(), os.environ.get("LD_LIBRARY_PATH", "")]).strip(os.pathsep)
    device, size = arguments.device, "full"
    if arguments.dry_run:
        device, size = "cpu", "small"
        environment["KMAX_CPU"] = "emulated"
    parts = [*CHECKS, *(DRY if arguments.dry_run else TIMES)]
    slower = 4 if arguments.dry_run else 1
    for part, rest, seconds in parts:
        name, left = " ".join([part, *rest]), slower * WHOLE - (time.monotonic() - begun)
        measures = part in ("times", "peer", "steps", "photos")
        if left < 5 and measures:
            results.take(json.dumps({"remark": f"{name}: left out, the time is up"}))
            continue
        if left < 5:
            results.fail(name, "left out, the time is up")
            continue
        command = [str(path), part, device, size, *rest]
        if part == "peer":
            command = [sys.executable, str(HERE / "peer.py"), device, size, *rest]
        print(f"== {name}", flush=True)
        limit, before, log = slower * seconds, len(results.checks), out / f"{name.replace(' ', '-')}.log"
        if arguments.dry_run:
            code, stopped = run(command, environment, left, log, results, of_processor=limit), f"stopped after {limit} s of the processor, or with the whole time up"
        else:
            code, stopped = run(command, environment, min(limit, left), log, results), f"stopped after {min(limit, left):.0f} s"
        if code is None and measures:
            results.take(json.dumps({"remark": f"{name}: {stopped}"}))
        elif code is None:
            results.fail(name, stopped)
        elif code not in (0, 1) or (code == 1 and all(row["passed"] for row in results.checks[before:])):
            said = log.read_text().strip().splitlines()
            results.fail(name, f"ended with code {code}: {said[-1] if said else 'it said nothing'}")
    failed = [row for row in results.checks if not row["passed"]]
    text = table(results.times)
    (out / "table.md").write_text(text + "\n")
    path.unlink()
    for row in failed:
        print(f"FAILED  {row['check']}, {row['precision']}")
    print(f"\n{text}\n\n{time.monotonic() - begun:.0f} s; {len(results.checks) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed or not results.checks else 0)


main()
