#!/usr/bin/env python3
"""Runs the official conformance suite against one server, and says what differs from what is due.

  suite.py --fixtures|--ordinary [--requirements REVISION]... COMMAND...

COMMAND starts the server and prints `ready URL`. With `--fixtures` it has those of the suite
(`mcp-conformance-*`), with `--ordinary` tools of its own. The exit code is 1 when a scenario fails
that is due, or when one passes or does not apply that is listed here as another.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import install
import servers

REVISIONS = ["2025-11-25", "2026-07-28"]
# The suite itself gives up on a scenario after 30 s.
PATIENCE_S = 15 * 60
# Scenarios of extensions, which no revision requires.
EXTENSIONS = ("tasks-", "sep-2640-")

# Without sessions a server cannot ask its client anything before 2026-07-28.
ASK_THE_CLIENT = {
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "tools-call-elicitation",
    "tools-call-sampling",
}
# Of these the suite warns that there is no session id, and asks no more.
WANT_A_SESSION = {"server-sse-multiple-streams", "server-sse-polling"}
# What has no meaning for a server: without sessions, or where answers are JSON.
WITHOUT_SESSIONS = {"server-session-lifecycle"}
WITHOUT_STREAMS = {"server-sse-polling"}
# Scenarios that need nothing but tools.
NEED_NO_FIXTURE = {
    "2025-11-25": {
        "dns-rebinding-protection",
        "ping",
        "server-initialize",
        "server-session-lifecycle",
        "server-sse-multiple-streams",
        "tools-list",
    },
    "2026-07-28": {
        "dns-rebinding-protection",
        "http-header-validation",
        "input-required-result-unsupported-methods",
        "input-required-result-validate-input",
        "server-sse-multiple-streams",
        "tools-list",
    },
}
# What may come of a scenario. A warning is a SHOULD that is not kept.
VERDICTS = ["passed", "failed", "warned", "does not apply"]


class Outcome:
    """What came of one scenario."""

    def __init__(self, name, passed, failed, checks):
        self.name = name
        self.checks = passed
        problems = [check for check in checks if check["status"] in ("FAILURE", "WARNING")]
        self.messages = [f"{check['id']}: {check.get('errorMessage', check['description'])}" for check in problems]
        if failed > 0:
            self.verdict = "failed"
        elif problems:
            self.verdict = "warned"
        else:
            self.verdict = "passed" if passed > 0 else "does not apply"


def outcomes(url, revision):
    """Runs all scenarios of a requirement set, but those of extensions."""
    script = install.npm() / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        command = [install.node(), script, "server", "--url", url, "--requirements", revision, "-o", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        # A scenario that gave up has written no file; the summary has all of them.
        summary = re.findall(r"^[✓✗] ([a-z0-9-]+): (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
        if not summary:
            sys.exit(f"conformance: the suite printed no summary:\n{done.stdout}{done.stderr}")
        found = []
        for name, passed, failed in summary:
            if not name.startswith(EXTENSIONS):
                found.append(Outcome(name, int(passed), int(failed), checks(Path(folder), name)))
        return found


def checks(folder, scenario):
    # The name of a scenario's folder ends in the time of its run.
    files = [
        file for file in folder.glob("*/checks.json") if re.fullmatch(rf"server-{scenario}-\d.*", file.parent.name)
    ]
    return [check for file in files for check in json.loads(file.read_text())]


def due(scenario, revision, server):
    """What is due of a scenario."""
    if server.ordinary and scenario not in NEED_NO_FIXTURE[revision]:
        return None
    if revision == "2025-11-25" and not server.sessions:
        if scenario in ASK_THE_CLIENT:
            return "failed"
        if scenario in WANT_A_SESSION:
            return "warned"
        if scenario in WITHOUT_SESSIONS:
            return "does not apply"
    if scenario in WITHOUT_STREAMS and server.json:
        return "does not apply"
    return "passed"


class Server:
    """What is known of a server from its command."""

    def __init__(self, ordinary, command):
        self.ordinary = ordinary
        self.command = command
        self.sessions = "stateful" in command
        self.json = any("http-json" in word for word in command)


class Report:
    """The outcomes of one requirement set, beside what was due."""

    def __init__(self, revision, server, found):
        self.revision = revision
        judged = [(outcome, due(outcome.name, revision, server)) for outcome in found]
        judged = [(outcome, wanted) for outcome, wanted in judged if wanted]
        missing = NEED_NO_FIXTURE[revision] - {outcome.name for outcome in found}
        self.counts = Counter(outcome.verdict for outcome, _ in judged)
        self.checks = sum(outcome.checks for outcome, _ in judged)
        self.differences = [
            f"{outcome.name} {outcome.verdict}, {wanted} was due"
            + "".join(f"\n    {line}" for line in outcome.messages)
            for outcome, wanted in judged
            if outcome.verdict != wanted
        ] + [f"{name} is not in the suite any more" for name in sorted(missing)]

    def __str__(self):
        counts = [f"{self.counts[verdict]} {verdict}" for verdict in VERDICTS]
        return f"{self.revision}: {', '.join(counts)}; {self.checks} checks"


def run(server, revisions):
    """The report of each requirement set."""
    with servers.serving(server.command) as url:
        return [Report(revision, server, outcomes(url, revision)) for revision in revisions]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tools = parser.add_mutually_exclusive_group(required=True)
    tools.add_argument("--fixtures", action="store_true")
    tools.add_argument("--ordinary", action="store_true")
    parser.add_argument("--requirements", action="append", choices=REVISIONS)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    reports = run(Server(arguments.ordinary, arguments.command), arguments.requirements or REVISIONS)
    for report in reports:
        print(report)
        for difference in report.differences:
            print(f"  {difference}")
    sys.exit(any(report.differences for report in reports))


if __name__ == "__main__":
    main()
