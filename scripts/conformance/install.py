"""Installs the official suite and official clients at the versions of their lock files, once for a target folder."""

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOLDER = ROOT / "target/conformance"
APT_INSTALL = ROOT / "scripts/apt-install"
# FastMCP stands on Python `mcp` 2, so one list has both.
PYTHON = {
    "python1": HERE / "python1.txt",
    "python2": ROOT / "harness/tests/other_servers/python/requirements.txt",
}
# What the Inspector needs; the suite needs a 22.
NODE = (22, 19)


def npm():
    """The folder with `node_modules`."""
    files = [HERE / "package.json", HERE / "package-lock.json"]
    with installed("npm", files) as folder:
        if folder.is_new:
            if not shutil.which("npm"):
                run(APT_INSTALL, "npm")
            for file in files:
                shutil.copy(file, folder.path)
            run("npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder.path)
    return folder.path


def node():
    """A Node that is new enough: the system's, or that of npm's package."""
    system = shutil.which("node")
    if system:
        version = subprocess.run([system, "--version"], capture_output=True, text=True, check=True).stdout
        if tuple(map(int, version.strip().lstrip("v").split(".")[:2])) >= NODE:
            return Path(system)
    found = sorted((npm() / "node_modules").glob("node-linux-*/bin/node"))
    if not found:
        sys.exit(f"conformance: Node {NODE[0]}.{NODE[1]} or newer is needed, and npm has none for this machine")
    return found[0]


def python(name):
    """The interpreter of one of the lists in `PYTHON`."""
    with installed(name, [PYTHON[name]]) as folder:
        interpreter = folder.path / "venv/bin/python"
        if folder.is_new:
            # Debian's Python makes no virtual environments without this package.
            if not importlib.util.find_spec("ensurepip"):
                run(APT_INSTALL, "python3-venv")
            run(sys.executable, "-m", "venv", "--clear", folder.path / "venv")
            pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            run(*pip, "--no-deps", "--requirement", PYTHON[name])
    return interpreter


class Folder:
    def __init__(self, path, is_new):
        self.path = path
        self.is_new = is_new


@contextmanager
def installed(name, files):
    """A folder of its own, which is new unless these files were installed there. Others wait meanwhile."""
    path = FOLDER / name
    path.mkdir(parents=True, exist_ok=True)
    with open(path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
        stamp = path / "installed"
        folder = Folder(path, not stamp.exists() or stamp.read_text() != wanted)
        yield folder
        stamp.write_text(wanted)


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"conformance: {' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
