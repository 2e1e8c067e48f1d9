"""Runs the commands of the tutorial and compares their output with the output it shows."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import Databases
from tests.e2e.test_process import serving

ROOT = Path(__file__).parents[2]
MARK = "@@@"


def parse_steps(text: str) -> list[tuple[str, str]]:
    """Return the commands of the tutorial, each with the output it shows."""
    steps: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        command, output = "", ""
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                if command:
                    steps.append((command, output))
                command, output = line[2:], ""
            elif line.startswith("> "):
                command += line[2:]
            else:
                output += line
        steps.append((command, output))
    return steps


def pattern(shown: str) -> str:
    """Return a regular expression for an output in which `…` matches any text."""
    return ".*?".join(map(re.escape, shown.strip().split("…")))


def test_every_command_prints_the_output_in_the_tutorial(tmp_path: Path, databases: Databases) -> None:
    """The tutorial is run in one shell, from an empty SQLite file to Postgres."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    name = asyncio.run(databases.create())
    tutorial = (ROOT / "docs" / "tutorial.md").read_text()
    with serving(tmp_path, "sqlite:///catalog.db") as server:
        text = tutorial.replace("http://127.0.0.1:8000", server.url)
        commands = parse_steps(text.replace("postgresql://user:password@localhost/catalog", databases.url(name)))
        script = "".join(f"{command}echo {MARK}\n" for command, _ in commands)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        printed = subprocess.run(
            ["/bin/bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    asyncio.run(databases.drop(name))
    outputs = printed.stdout.split(f"{MARK}\n")
    assert len(outputs) == len(commands) + 1, printed.stderr
    for (command, shown), output in zip(commands, outputs, strict=False):
        assert re.fullmatch(pattern(shown), output.strip(), re.DOTALL), (
            f"{command}\nshown: {shown}\nprinted: {output}{printed.stderr}"
        )
