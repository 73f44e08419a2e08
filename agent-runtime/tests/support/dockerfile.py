"""Runs the build stage of a Dockerfile without docker: its ENV, COPY, ARG and RUN instructions, with / moved elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    keyword: str
    value: str


def parse(text: str) -> list[list[Instruction]]:
    """The stages of a Dockerfile; instructions before the first FROM are left out."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text))
    stages: list[list[Instruction]] = []
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        keyword, value = line.split(" ", 1)
        if keyword == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(Instruction(keyword, value.strip()))
    return stages


@dataclass
class Build:
    """One stage being built: `/app` is `root`/app, and `path` comes before the machine's own PATH."""

    context: Path
    root: Path
    arguments: Mapping[str, str]
    path: Path
    variables: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    directory: Path = field(init=False)
    ran: list[str] = field(default_factory=list)

    def run(self, stage: list[Instruction]) -> None:
        """Raises subprocess.CalledProcessError if a step fails, ValueError for an instruction that is not known."""
        for instruction in stage:
            getattr(self, f"_{instruction.keyword.lower()}", self._unknown)(self._expand(instruction.value))

    def _unknown(self, value: str) -> None:
        raise ValueError(f"an instruction that cannot be run here: {value}")

    def _from(self, value: str) -> None:
        """The base image is this machine."""

    def _env(self, value: str) -> None:
        self.variables.update({name: self._moved(text) for name, text in _assignments(value)})

    def _arg(self, value: str) -> None:
        name, _, default = value.partition("=")
        self.known[name] = self.arguments.get(name, default)

    def _workdir(self, value: str) -> None:
        self.directory = Path(self._moved(value))
        self.directory.mkdir(parents=True, exist_ok=True)

    def _copy(self, value: str) -> None:
        *sources, target = value.split()
        for source in sources:
            origin, destination = self.context / source, self.directory / target
            if origin.is_dir():
                shutil.copytree(origin, destination, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                destination = destination / origin.name if target.endswith("/") else destination
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(origin, destination)

    def _run(self, value: str) -> None:
        environment = {**os.environ, **self.variables, "PATH": f"{self.path}:{os.environ['PATH']}"}
        environment.pop("VIRTUAL_ENV", None)
        subprocess.run(value, shell=True, check=True, cwd=self.directory, env=environment, capture_output=True)  # noqa: S602
        self.ran.append(value)

    def _expand(self, text: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: self.known.get(found[1], found[0]), text)

    def _moved(self, text: str) -> str:
        return f"{self.root}{text}" if text.startswith("/") else text


def _assignments(value: str) -> Iterator[tuple[str, str]]:
    for found in re.finditer(r'(\w+)=("[^"]*"|\S+)', value):
        yield found[1], found[2].strip('"')
