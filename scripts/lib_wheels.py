"""The libraries that go into the package: fetched, unpacked, and described (SBOM, licences)."""

from __future__ import annotations

import base64
import email.parser
import hashlib
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.13")  # bookworm, trixie
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = ("2_34", "2_28", "2_17")  # bookworm has 2.36
# SPDX names of those whose METADATA gives another word or none, as docs/dependencies.md has them.
LICENCES = {
    "blinker": "MIT",
    "colorzero": "BSD-3-Clause",
    "gpiozero": "BSD-3-Clause",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "lgpio": "Unlicense",
    "pyserial": "BSD-3-Clause",
    "waitress": "ZPL-2.1",
}


class Component(NamedTuple):
    """One bundled library: its wheel, and what its METADATA says."""

    name: str
    version: str
    licence: str
    homepage: str
    wheel: str
    sha256: str


class SourceError(Exception):
    """Something needed for the package is missing; one sentence."""


def pins(python: str) -> dict[str, str]:
    """package -> version of what the device runs on, for Python `python` ("3.11")."""
    found = {}
    for name in ("run.txt", "pi.txt"):
        for line in (ROOT / "requirements" / name).read_text().splitlines():
            line, _, marker = line.split("#")[0].partition(";")
            if not line.strip():
                continue
            if marker.strip() and python not in marker:
                continue
            package, _, version = line.strip().partition("==")
            found[package] = version
    return found


def folder_of(cache: Path, arch: str, python: str) -> Path:
    return cache / f"{arch}-{python}"


def fetch(cache: Path, arch: str, python: str) -> list[Path]:
    """The wheels for `arch` and `python`, from `cache` or by pip. Raises SourceError."""
    folder = folder_of(cache, arch, python)
    wanted = {key(name): version for name, version in pins(python).items()}
    found = chosen(folder, wanted)
    if len(found) < len(wanted):
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        command += ["--no-input", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--implementation", "cp", "--python-version", python, "--dest", str(folder)]
        for glibc in GLIBC:
            command += ["--platform", f"manylinux_{glibc}_{MACHINES[arch]}"]
        command += ["--platform", f"manylinux2014_{MACHINES[arch]}"]
        command += [f"{name}=={version}" for name, version in pins(python).items()]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        found = chosen(folder, wanted)
        if len(found) < len(wanted):
            sys.stderr.write(done.stdout + done.stderr)
            missing = ", ".join(sorted(set(wanted) - set(found)))
            raise SourceError(
                f"The libraries for {arch}, Python {python} could not be fetched (no network?): "
                f"{missing}."
            )
    return [found[name] for name in sorted(found)]


def chosen(folder: Path, wanted: dict[str, str]) -> dict[str, Path]:
    """name -> wheel of those in `folder` that are wanted, in that very version."""
    found = {}
    for path in sorted(folder.glob("*.whl")) if folder.is_dir() else []:
        name, version = path.name.split("-")[:2]
        if wanted.get(key(name)) == version and zipfile.is_zipfile(path):
            found[key(name)] = path
    return found


def key(name: str) -> str:
    """The one spelling of a package's name (PEP 503)."""
    return name.lower().replace("_", "-").replace(".", "-")


def unpack(wheel: Path, target: Path) -> None:
    """The wheel's modules and its dist-info into `target`; its scripts stay out.

    Checked against the hashes of the wheel's own RECORD. Raises SourceError.
    """
    with zipfile.ZipFile(wheel) as archive:
        record = next(n for n in archive.namelist() if n.endswith(".dist-info/RECORD"))
        hashes = {}
        for line in archive.read(record).decode().splitlines():
            name, digest, _ = line.rsplit(",", 2)
            hashes[name.strip('"')] = digest
        for info in archive.infolist():
            if info.is_dir() or info.filename.endswith(".DS_Store"):
                continue
            data = archive.read(info)
            digest = hashes.get(info.filename, "")
            if digest.startswith("sha256="):
                is_so = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
                if is_so.rstrip("=") != digest[7:]:
                    raise SourceError(f"{wheel.name} is damaged: {info.filename}.")
            place = Path(info.filename)
            if place.parts[0].endswith(".data"):
                if place.parts[1] not in ("purelib", "platlib"):
                    continue
                place = Path(*place.parts[2:])
            if ".." in place.parts or place.is_absolute():
                raise SourceError(f"{wheel.name} reaches out of its folder: {info.filename}.")
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def describe(wheel: Path) -> Component:
    """What the wheel's METADATA says of it."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        reported = email.parser.Parser().parsestr(archive.read(name).decode())
    licence = LICENCES.get(key(reported["Name"])) or reported.get("License-Expression") or ""
    if not licence and reported.get("License") in (
        "MIT",
        "Apache-2.0",
        "BSD-3-Clause",
        "BSD-2-Clause",
    ):
        licence = reported["License"]
    if not licence:
        raise SourceError(
            f"{wheel.name} names no SPDX licence: say which in scripts/lib_wheels.py."
        )
    links = dict(
        link.split(", ", 1) for link in reported.get_all("Project-URL") or [] if ", " in link
    )
    homepage = reported.get("Home-page") or next(
        (links[n] for n in ("Homepage", "Source", "Repository") if n in links),
        next(iter(links.values()), ""),
    )
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Component(reported["Name"], reported["Version"], licence, homepage, wheel.name, digest)


def licence_files(wheel: Path) -> dict[str, bytes]:
    """Name -> text of the licence files in the wheel, or of the one kept in deb/licenses."""
    words = ("licen", "copying", "notice", "authors")
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            parts = Path(info.filename).parts
            name = parts[-1]
            if info.is_dir() or not any(word in name.lower() for word in words):
                continue
            if name.endswith((".py", ".pyi")):
                continue
            inside = parts[0].endswith(".dist-info")
            found[name if inside else "_".join(parts)] = archive.read(info)
    if not any("licen" in name.lower() or "copying" in name.lower() for name in found):
        kept = ROOT / "deb" / "licenses" / f"{key(wheel.name.split('-')[0])}.txt"
        if not kept.exists():
            raise SourceError(f"{wheel.name} carries no licence and there is no {kept}.")
        found["LICENSE.txt"] = kept.read_bytes()
    return found


def vendored() -> list[Component]:
    """Libraries that are part of the source: docs/dependencies.md."""
    folder = ROOT / "btrmd/servers/web/static/vendor"
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        version = next(
            (w for f in path.glob("*.js") for w in f.read_text()[:400].split() if w[:1] == "v"
             and w[1:2].isdigit()), "")  # fmt: skip
        digest = hashlib.sha256()
        for file in sorted(path.iterdir()):
            digest.update(file.read_bytes())
        found.append(
            Component(path.name, version[1:], "MIT", "", f"source tree, {path.name}/",
                      digest.hexdigest())
        )  # fmt: skip
    return found


def sbom(version: str, epoch: int, arch: str, components: Iterable[Component]) -> str:
    """A CycloneDX 1.5 bill of materials as JSON; the same input gives the same bytes."""
    from datetime import UTC, datetime

    listed = sorted(set(components))
    me = f"pkg:deb/btrmd/btrmd@{version}?arch={arch}"
    entries = []
    for c in listed:
        is_wheel = c.wheel.endswith(".whl")
        entry: dict[str, object] = {
            "type": "library",
            "bom-ref": f"{c.name}@{c.version}#{c.wheel}",
            "name": c.name,
            "version": c.version,
            "licenses": [{"expression": c.licence}],
            "hashes": [{"alg": "SHA-256", "content": c.sha256}],
            "purl": f"pkg:{'pypi' if is_wheel else 'npm'}/{key(c.name)}@{c.version}",
            "properties": [{"name": "btrmd:source", "value": c.wheel}],
        }
        if c.homepage:
            entry["externalReferences"] = [{"type": "website", "url": c.homepage}]
        entries.append(entry)
    text = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, me + repr(listed))}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": me,
                "name": "btrmd",
                "version": version,
                "purl": me,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": entries,
        "dependencies": [{"ref": me, "dependsOn": [e["bom-ref"] for e in entries]}],
    }
    return json.dumps(text, indent=1) + "\n"
