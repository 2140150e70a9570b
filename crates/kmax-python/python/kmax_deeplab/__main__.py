"""The whole program ``kmax``: ``python -m kmax_deeplab segment photo.jpg``."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Runs the command line; gives the exit code that the program documents."""
    from ._native import run

    # Python would only take note of Ctrl-C. The program ends by it, or sets a handler of its own.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    return run(["kmax", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
