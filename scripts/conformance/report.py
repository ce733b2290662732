#!/usr/bin/env python3
"""Runs the official suite and official clients against every program, and keeps the tables in docs/conformance.md.

  report.py [--runtime NAME]... [--no-build]

The exit code is 1 when something is not as it is due. With `--runtime` the tables are printed and
not kept.
"""

import argparse
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import clients
import suite

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/conformance.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
RUNTIMES = (ROOT / "scripts/runtimes").read_text().split()
TRANSPORTS = ["http-json", "http-stream"]
SESSIONS = ["stateful", "stateless"]


def build(runtimes):
    subprocess.run(
        ["scripts/build", *(word for name in runtimes for word in ("--runtime", name))], cwd=ROOT, check=True
    )
    for runtime in runtimes:
        cargo = ["cargo", "build", "--locked", "--package", "conformance", "--no-default-features"]
        subprocess.run([*cargo, "--features", f"conformance/{runtime}"], cwd=ROOT, check=True)


def binary(name):
    return str(ROOT / "target/debug" / name)


def fixtures(transport, runtime, sessions):
    command = [binary(f"mcp-conformance-{runtime}"), transport, "--sessions", sessions]
    return suite.Server(False, command)


def ordinary(folder):
    database = f"sqlite:{folder}/products.db"

    def server(transport, runtime, sessions):
        program = binary(f"mcp-{transport}-{runtime}")
        return suite.Server(True, [program, "--sessions", sessions, "--database-url", database])

    return server


def suite_table(server, runtimes, problems):
    """A row for each transport, mode and requirement set; a column for each runtime."""
    rows = {}
    for runtime in runtimes:
        for transport in TRANSPORTS:
            for sessions in SESSIONS:
                tested = server(transport, runtime, sessions)
                for report in suite.run(tested, suite.REVISIONS):
                    name = f"{transport}, {sessions}, {report.revision}"
                    rows.setdefault(name, []).append(cell(report))
                    problems += [f"{name}, {runtime}: {difference}" for difference in report.differences]
                    print(f"{runtime}, {name}: {report}", file=sys.stderr)
    return table("server", rows, runtimes)


def cell(report):
    """Scenarios that passed, and those that cannot."""
    cannot = [f"{report.counts[verdict]} {verdict}" for verdict in suite.VERDICTS[1:] if report.counts[verdict]]
    return ", ".join([f"{report.counts['passed']} passed ({report.checks} checks)", *cannot])


def client_table(runtimes, problems):
    rows = {}
    for client in clients.PROGRAMS:
        for runtime in runtimes:
            well, failures = clients.run(client, binary(f"mcp-conformance-{runtime}"))
            rows.setdefault(client, []).append(f"{len(well)} of {len(well) + len(failures)}")
            problems += [f"{client}, {runtime}: {failure}" for failure in failures]
            print(f"{runtime}, {client}: {', '.join(well)}", file=sys.stderr)
    return table("client", rows, runtimes)


def table(head, rows, runtimes):
    lines = [[head, *runtimes], ["---"] * (1 + len(runtimes)), *([name, *cells] for name, cells in rows.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def commit():
    git = ["git", "-C", str(ROOT)]
    revision = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    return revision.strip() + (" with changes" if changed else "")


def keep(text):
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", action="append", choices=RUNTIMES)
    parser.add_argument("--no-build", action="store_true")
    arguments = parser.parse_args()
    runtimes = arguments.runtime or RUNTIMES
    if not arguments.no_build:
        build(runtimes)
    problems = []
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        tables = [
            f"Tested on {datetime.now(UTC):%Y-%m-%d}, at commit {commit()}.",
            "### The suite, with its fixtures\n\n" + suite_table(fixtures, runtimes, problems),
            "### The suite, with the lab's tools\n\n" + suite_table(ordinary(folder), runtimes, problems),
            "### Official clients: transports that went well\n\n" + client_table(runtimes, problems),
        ]
    text = "\n\n".join(part.strip() for part in tables) + "\n"
    print(text)
    if not arguments.runtime:
        keep(text)
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
