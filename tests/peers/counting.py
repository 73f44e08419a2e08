"""Counts the calls whose answers were compared: fewer than the committed number fails."""

import json
import pathlib

MINIMUM = json.loads((pathlib.Path(__file__).parent / "minimum.json").read_text())


class Counter:
    """Counts compared calls of one peer."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.calls = 0

    def same(self, what: str, seen: object, expected: object) -> None:
        """One call's answer, compared."""
        self.calls += 1
        if seen != expected:
            raise SystemExit(f"{self.peer}: {what}: expected {expected!r}, saw {seen!r}")

    def close(self) -> None:
        """The closing line; fails if too little was compared."""
        minimum = MINIMUM[self.peer]
        print(f"peers: {self.peer}: {self.calls} calls compared (at least {minimum})")
        if self.calls < minimum:
            raise SystemExit(f"{self.peer}: {self.calls} calls compared, fewer than {minimum}")
