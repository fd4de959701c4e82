"""Packages that lists are made of or compared with, and the options that all renew programs share.

Only files are read out of a package: pip downloads wheels, so no code of a package runs. Packages that are needed often stay in
the user's cache."""

import importlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "footfall-lists"
YAML = "pyyaml==6.0.3"


def _pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run([*command, "--quiet", "--no-deps", "--only-binary", ":all:"], check=True)


def wheel(requirement, folder=None):
    """The version and the open archive of a package. Without a version in the requirement, name a temporary folder."""
    folder = folder or CACHE / requirement
    if not list(folder.glob("*.whl")):
        _pip("download", "--dest", folder, requirement)
    (found,) = folder.glob("*.whl")
    return found.name.split("-")[1], zipfile.ZipFile(found)


def date_of(archive):
    return "%04d-%02d-%02d" % max(entry.date_time for entry in archive.infolist())[:3]


def yaml_loader():
    folder = CACHE / YAML
    if not folder.exists():
        _pip("install", "--target", folder, YAML)
    sys.path.insert(0, str(folder))
    yaml = importlib.import_module("yaml")
    return lambda text: yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def rows(text):
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def versions_in(text):
    """Versions of the packages that a list was made of, by package."""
    return dict(re.findall(r"^# source: (\S+) ([^,]+),", text, re.MULTILINE))


def renew(file, compose, usage):
    """Runs a program with the options of its usage: none, --newest or --check."""
    program = Path(sys.argv[0]).name
    if sys.argv[1:] not in ([], ["--newest"], ["--check"]):
        sys.exit(usage)
    old = file.read_text() if file.exists() else ""
    write(program, file, old, compose({} if "--newest" in sys.argv else versions_in(old)))


def write(program, file, old, new):
    """Writes the list, or with --check fails if it differs."""
    if "--check" not in sys.argv:
        file.write_text(new)
        print(f"{program}: {len(new.splitlines())} lines, {'changed' if new != old else 'unchanged'}")
    elif new == old:
        print(f"{program}: {file.name} matches its sources")
    else:
        sys.exit(f"{program}: {file.name} differs from its sources: run handler/lists/{program}")
