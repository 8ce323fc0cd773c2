#!/usr/bin/env python3
"""Plants one bug after the other and sees who finds it.

mutants.py BUILD                    all of mutants.txt, with the binaries of a build of the preset "mutants"
mutants.py BUILD NAME...            these (a name, or the beginning of one)
mutants.py BUILD --rotate K         K of them, chosen by the commit that is checked out
mutants.py --check                  the table and the sources name the same bugs, each once; needs no build

A finder has found the bug when it fails, dies or does not come to an end.  Each finder that is used must
pass without a bug first.  Ends with "N passed, N failed"; --report FILE also writes the table of results.
"""
import argparse
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TABLE = HERE / "mutants.txt"
SEEDS = 1000
PATIENCE_S = 300  # a finder that takes longer hangs: without a bug none takes a fifth of it
PLANTED = re.compile(r'\bmutant\("([^"]*)"\)')

SIMULATORS = {"fanout": "fanout_sim", "queues": "queue_model"}


def table_read():
    """[(name, what is wrong, [finder])], in the table's order."""
    rows = []
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 3 or not all(cells):
            sys.exit(f"{TABLE.name}:{number}: not name | what is wrong | finders: {line}")
        rows.append((cells[0], cells[1], cells[2].split()))
    return rows


def planted_in_sources():
    """{name: [file]}"""
    planted = {}
    for folder in ("src", "filters", "deliverers"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            for name in PLANTED.findall(path.read_text()):
                planted.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return planted


def folder_of(path):
    parts = pathlib.Path(path).parts
    if parts[0] != "src":
        return parts[0]
    return parts[2] if parts[1] == "services" else parts[1]


def check(rows):
    """Complaints about the table."""
    complaints = []
    planted = planted_in_sources()
    names = [row[0] for row in rows]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            complaints.append(f"{name}: {names.count(name)} rows in {TABLE.name}")
        if name not in planted:
            complaints.append(f"{name}: in {TABLE.name}, but planted nowhere")
    for name, paths in sorted(planted.items()):
        if name not in names:
            complaints.append(f"{name}: planted in {paths[0]}, but not in {TABLE.name}")
        if len(paths) > 1:
            complaints.append(f"{name}: planted {len(paths)} times: {', '.join(paths)}")
        if name.split(".")[0] != folder_of(paths[0]):
            complaints.append(f"{name}: planted in {paths[0]}, so its name begins with {folder_of(paths[0])}.")
    for name, _, finders in rows:
        for finder in finders:
            if finder not in SIMULATORS and not finder.startswith("ctest:"):
                complaints.append(f"{name}: no such finder: {finder}")
    return complaints


class Finders:
    """Runs finders of one build."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.sound = {}  # finder: whether it passes without a bug

    def command(self, finder):
        if finder in SIMULATORS:
            return [str(self.build / SIMULATORS[finder]), "1", str(SEEDS), "first"]
        return ["ctest", "--test-dir", str(self.build), "-R", finder.removeprefix("ctest:"), "--stop-on-failure",
                "--no-tests=error", "--timeout", str(PATIENCE_S), "--output-on-failure"]

    def run(self, finder, bug):
        """(passes, what it said)"""
        env = dict(os.environ, FANFARE_MUTANT=bug or "")
        process = subprocess.Popen(self.command(finder), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            said, _ = process.communicate(timeout=2 * PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)  # the group is its own
            said, _ = process.communicate()
            return False, "it did not come to an end"
        return process.returncode == 0, said.decode(errors="replace")

    def is_sound(self, finder):
        if finder not in self.sound:
            passes, said = self.run(finder, None)
            self.sound[finder] = passes
            if not passes:
                print(f"{finder} fails without any bug:\n{said[-4000:]}", flush=True)
        return self.sound[finder]

    def find(self, name, finders):
        """The finder that found it, or None; and what it said."""
        for finder in finders:
            if not self.is_sound(finder):
                return None, f"{finder} fails without any bug"
            passes, said = self.run(finder, name)
            if not passes:
                return finder, said
        return None, ""


def seed_of(said):
    """Of a simulator's words, for who wants to see it."""
    seed = re.search(r"^seed (\d+):", said, re.M)
    return f", seed {seed.group(1)}" if seed else ""


def rotated(rows, count):
    """Another handful with each commit, the same for the same commit."""
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout
    return sorted(rows, key=lambda row: hashlib.sha256((commit.strip() + row[0]).encode()).hexdigest())[:count]


def chosen(rows, arguments):
    if arguments.names:
        rows = [row for row in rows if any(row[0].startswith(name) for name in arguments.names)]
    if arguments.rotate:
        rows = rotated(rows, arguments.rotate)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", help="build directory of the preset mutants")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rotate", type=int, default=0, metavar="K")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--report", metavar="FILE")
    arguments = parser.parse_args()
    rows = table_read()
    complaints = check(rows)
    if complaints:
        print("\n".join(complaints))
        sys.exit(f"0 passed, {len(complaints)} failed")
    if arguments.check:
        print(f"{len(rows)} planted bugs\n1 passed, 0 failed")
        return
    if not arguments.build:
        parser.error("a build directory, or --check")
    finders = Finders(arguments.build)
    rows = chosen(rows, arguments)
    lines = []
    missed = 0
    for name, _, wanted in rows:
        began = time.monotonic()
        finder, said = finders.find(name, wanted)
        took = time.monotonic() - began
        missed += finder is None
        result = f"found by {finder}{seed_of(said)}" if finder else f"NOT FOUND {said}"
        lines.append(f"{name:40} {result} in {took:.0f} s")
        print(lines[-1], flush=True)
    if arguments.report:
        pathlib.Path(arguments.report).write_text("\n".join(lines) + "\n")
    print(f"{len(rows) - missed} passed, {missed} failed")
    sys.exit(0 if rows and not missed else 1)


if __name__ == "__main__":
    main()
