"""What the build cache saves, as ratios against the bare toolchain, taken in one run.

Each row runs ``wasmrun compile`` on a project that is in the cache and the bare compiler in turn. The last
row is the fingerprint of 10,000 unchanged files, in seconds of processor time.

    python bench/cache.py [--quick] [--strict]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wasmrun_py.build.fingerprint.kept_hashes import KeptHashes
from wasmrun_py.build.fingerprint.key import read_project

HELLO = Path(__file__).parent.parent / "fixtures" / "projects" / "c-hello" / "main.c"
SOURCES = 50
FILES_A_FOLDER = 100
FOLDERS = 100
LEAST_TIMES_HELLO = 4.0
LEAST_TIMES_MANY = 20.0
MOST_FINGERPRINT_S = 0.5


def main() -> int:
    """Print one line a row; 1 when a budget is missed and ``--strict`` was given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five pairs a row instead of fifteen")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a budget is missed")
    options = parser.parse_args()
    pairs = 5 if options.quick else 15
    with tempfile.TemporaryDirectory(prefix="wasmrun-bench-") as folder:
        work = Path(folder)
        kept = [
            compare(work, "emcc -O3, hello", lay_out(work / "hello", 0), pairs, LEAST_TIMES_HELLO),
            compare(
                work, f"emcc -O3, {SOURCES} files", lay_out(work / "many", SOURCES), pairs, LEAST_TIMES_MANY
            ),
            fingerprint(work, pairs),
        ]
    return 1 if options.strict and not all(kept) else 0


def lay_out(project: Path, count: int) -> Path:
    """A program of one file and ``count`` further ones."""
    project.mkdir()
    if not count:
        shutil.copyfile(HELLO, project / "main.c")
        return project
    for number in range(count):
        text = f'#include <stdio.h>\nint part{number}(int x) {{ printf("%d", x); return x + {number}; }}\n'
        (project / f"part{number}.c").write_text(text)
    calls = "".join(f"int part{number}(int);\n" for number in range(count))
    body = " + ".join(f"part{number}(1)" for number in range(count))
    (project / "main.c").write_text(f"{calls}int main(void) {{ return {body}; }}\n")
    return project


def compare(work: Path, title: str, project: Path, pairs: int, least: float) -> bool:
    """A hit against the bare compiler."""
    environ = {**os.environ, "WASMRUN_HOME": str(work / "home"), "NO_COLOR": "1"}
    hit = [sys.executable, "-m", "wasmrun_py", "compile", str(project), "--toolchain", "emcc"]
    bare = ["emcc", "-O3", *sorted(map(str, project.glob("*.c"))), "-o", str(work / "bare.wasm")]
    seconds(hit, environ)
    timed = [(seconds(hit, environ), seconds(bare, environ)) for _ in range(pairs)]
    times = statistics.median(theirs / ours for ours, theirs in timed)
    return show(f"a hit against {title}", f"{times:.1f} times as fast", f">= {least:g}", good=times >= least)


def seconds(command: list[str], environ: dict[str, str]) -> float:
    """Wall-clock seconds of one run, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - started


def fingerprint(work: Path, pairs: int) -> bool:
    """10,000 files that did not change, with ignore files to ask."""
    project = work / "wide"
    for folder in range(FOLDERS):
        place = project / f"a{folder // 10}" / f"b{folder}"
        place.mkdir(parents=True)
        for number in range(FILES_A_FOLDER):
            (place / f"{number}.c").write_text(f"int x{folder}_{number};\n")
    (project / ".git").mkdir()
    (project / ".gitignore").write_text("*.log\nbuild/\n!keep.log\n/tmp*\n**/gen/*.c\n")
    # What was written a moment ago is not remembered yet.
    time.sleep(0.1)
    timed = []
    for _ in range(pairs + 1):
        started = time.process_time()
        hashes = KeptHashes(work / "hashes.json")
        found = read_project(project, (), hashes)
        hashes.save()
        timed.append(time.process_time() - started)
    took = statistics.median(timed[1:])
    title = f"fingerprint of {len(found):,} unchanged files"
    return show(title, f"{took:.2f} s", f"<= {MOST_FINGERPRINT_S:g} s", good=took <= MOST_FINGERPRINT_S)


def show(title: str, figure: str, budget: str, *, good: bool) -> bool:
    """Print a row; whether it kept its budget."""
    print(f"{title:<40} {figure:>22}   budget {budget:<9} {'ok' if good else 'MISSED'}")
    return good


if __name__ == "__main__":
    sys.exit(main())
