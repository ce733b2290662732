"""Installs one version of one client into a folder, and says how its driver is started."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DRIVERS = HERE / "drivers"
ROOT = HERE.parent.parent

CARGO_TOML = """\
[package]
name = "rmcp-driver"
edition = "2024"
publish = false

[workspace]

[[bin]]
name = "rmcp-driver"
path = "rmcp.rs"

[dependencies]
anyhow = "1"
serde_json = "1"
tokio = {{ version = "1", features = ["macros", "process", "rt", "time"] }}

[dependencies.rmcp]
version = "={version}"
default-features = false
features = ["client", "transport-child-process", "transport-streamable-http-client-reqwest"]
"""


def install(client, folder):
    """Returns the driver's command; wire, target and mode are to be added."""
    if "npm" in client:
        return with_npm(client, folder)
    if "pip" in client:
        return with_pip(client, folder)
    return with_cargo(client, folder)


def with_npm(client, folder):
    place = new(folder, client["npm"].replace("/", "-").strip("@"), client["version"])
    if not (place / "node_modules").exists():
        (place / "package.json").write_text('{"private": true}')
        call("npm", "install", "--silent", "--no-audit", "--no-fund", f"{client['npm']}@{client['version']}", cwd=place)
    copy(place, "session.mjs", client["driver"])
    return ["node", str(place / client["driver"])]


def with_pip(client, folder):
    place = new(folder, client["pip"], client["version"])
    python = place / "bin/python"
    if not python.exists():
        call(sys.executable, "-m", "venv", place)
        call(python, "-m", "pip", "install", "--quiet", f"{client['pip']}=={client['version']}", *client.get("with", []))
    copy(place, "session.py", client["driver"])
    return [str(python), str(place / client["driver"])]


def with_cargo(client, folder):
    place = new(folder, "rmcp", client["version"])
    (place / "Cargo.toml").write_text(CARGO_TOML.format(version=client["version"]))
    # The versions below rmcp are those that this workspace is tested with.
    shutil.copy(ROOT / "Cargo.lock", place)
    copy(place, client["driver"])
    call("cargo", "build", "--quiet", "--target-dir", place / "target", cwd=place)
    return [str(place / "target/debug/rmcp-driver")]


def new(folder, name, version):
    place = folder / f"{name}-{version}"
    place.mkdir(parents=True, exist_ok=True)
    return place


def copy(place, *drivers):
    for driver in drivers:
        shutil.copy(DRIVERS / driver, place)


def call(*command, cwd=None):
    subprocess.run([str(word) for word in command], cwd=cwd, check=True)
