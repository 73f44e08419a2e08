"""`python -m tests.support.search FILE…`: exit 1 if a file holds a planted text."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support import markers


def main() -> int:
    found = [f"{name} holds {marker}" for name in sys.argv[1:] for marker in markers.leaks(Path(name).read_text())]
    sys.stdout.writelines(line + "\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
