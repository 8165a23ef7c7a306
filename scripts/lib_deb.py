"""Makes the package: stages the tree, fills in the control files, and lets dpkg-deb pack it."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

from lib_wheels import (
    MACHINES,
    PYTHONS,
    ROOT,
    Component,
    SourceError,
    describe,
    fetch,
    key,
    licence_files,
    sbom,
    unpack,
    vendored,
)

DEB = ROOT / "deb"
VERSION_LINE = re.compile(r'__version__ = "([^"]+)"')
UNITS = ("*.service", "*.socket", "*.path", "*.timer", "*.target")
# Where a file of deb/ goes. Conffiles are everything below etc/.
PLACES = {
    "btrmd": ("usr/bin/btrmd", 0o755),
    "pyvenv.cfg": ("usr/lib/btrmd/pyvenv.cfg", 0o644),
    "default": ("etc/default/btrmd", 0o644),
    "sysusers.conf": ("usr/lib/sysusers.d/btrmd.conf", 0o644),
    "udev.rules": ("usr/lib/udev/rules.d/60-btrmd.rules", 0o644),
    "modules-load.conf": ("usr/lib/modules-load.d/btrmd.conf", 0o644),
    "lintian-overrides": ("usr/share/lintian/overrides/btrmd", 0o644),
}


def build(arch: str, version: str, epoch: int, cache: Path, out: Path) -> Path:
    """Build the package of one architecture; its path. Raises SourceError."""
    stage = ROOT / "build" / f"deb-{arch}"
    shutil.rmtree(stage, ignore_errors=True)
    components = stage_libraries(stage, arch, cache)
    stage_source(stage, version)
    stage_files(stage)
    stage_documents(stage, arch, version, epoch, components)
    set_modes(stage)
    stage_control(stage, arch, version)
    for path in sorted(stage.rglob("*"), reverse=True):
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    out.mkdir(exist_ok=True)
    target = out / f"btrmd_{version}_{arch}.deb"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--threads-max=1", "--build", stage, target],
        check=True, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    shutil.rmtree(stage)
    return target


def stage_libraries(stage: Path, arch: str, cache: Path) -> list[Component]:
    """Wheels that fit every Python into lib/shared, the others into the Python's own folder."""
    home = stage / "usr/lib/btrmd/lib"
    wheels = {python: fetch(cache, arch, python) for python in PYTHONS}
    everywhere = set.intersection(*({w.name for w in found} for found in wheels.values()))
    components = []
    for python, found in wheels.items():
        own = home / f"python{python}" / "site-packages"
        own.mkdir(parents=True)
        (own / "shared.pth").write_text("/usr/lib/btrmd/lib/shared\n")
        for wheel in found:
            if wheel.name not in everywhere:
                unpack(wheel, own)
            elif python == PYTHONS[0]:
                unpack(wheel, home / "shared")
            else:
                continue
            components.append(describe(wheel))
            notes = stage / "usr/share/doc/btrmd/licenses" / key(wheel.name.split("-")[0])
            notes.mkdir(parents=True, exist_ok=True)
            for name, text in licence_files(wheel).items():
                (notes / name).write_bytes(text)
    return components + vendored()


def stage_source(stage: Path, version: str) -> None:
    """btrmd itself, answering as `version`, and the reference HAT where the source tree has it."""
    shared = stage / "usr/lib/btrmd/lib/shared"
    shutil.copytree(
        ROOT / "btrmd", shared / "btrmd",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"),
    )  # fmt: skip
    # An update asks the daemon for its version: it has to be the package's.
    init = shared / "btrmd/__init__.py"
    init.write_text(VERSION_LINE.sub(f'__version__ = "{version}"', init.read_text(), count=1))
    (shared / "etc").mkdir()
    shutil.copy(ROOT / "etc/hardware.toml", shared / "etc")
    notes = stage / "usr/share/doc/btrmd/licenses"
    for folder in (ROOT / "btrmd/servers/web/static/vendor").iterdir():
        (notes / folder.name.lower()).mkdir()
        for licence in folder.glob("LICEN*"):
            shutil.copy(licence, notes / folder.name.lower())
    folder = stage / "usr/lib/btrmd/bin"
    folder.mkdir()
    (folder / "python3").symlink_to("/usr/bin/python3")


def stage_files(stage: Path) -> None:
    """What deb/, etc/ and systemd/ hold; a file added there is packaged without further ado."""
    for name, (place, _) in PLACES.items():
        path = stage / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEB / name, path)
    target = stage / "etc/btrm"
    target.mkdir(parents=True)
    for path in sorted((ROOT / "etc").iterdir()):
        if path.is_file():
            shutil.copy(path, target)
    target = stage / "usr/lib/systemd/system"
    target.mkdir(parents=True)
    for path in units():
        shutil.copy(path, target)


def stage_documents(
    stage: Path, arch: str, version: str, epoch: int, components: list[Component]
) -> None:
    """Manuals, licences, the bill of materials and the changelog."""
    doc = stage / "usr/share/doc/btrmd"
    for path in sorted((ROOT / "docs").glob("*.md")):
        if path.stem not in ("development", "architecture"):
            shutil.copy(path, doc)
    for name in ("install-wiring.svg",):
        if (ROOT / "docs" / name).exists():
            shutil.copy(ROOT / "docs" / name, doc)
    (doc / "btrmd.cdx.json").write_text(sbom(version, epoch, arch, components))
    (doc / "copyright").write_text(copyright_text(components))
    shutil.copy(ROOT / "CHANGELOG.md", doc / "NEWS.md")
    shutil.copy(ROOT / "SECURITY.md", doc)
    entry = (
        f"btrmd ({version}) stable; urgency=medium\n\n"
        "  * What changed: /usr/share/doc/btrmd/NEWS.md.\n\n"
        f" -- btrmd maintainers <maintainers@btrmd.example.org>  {formatdate(epoch)}\n"
    )
    (doc / "changelog.gz").write_bytes(gzip.compress(entry.encode(), 9, mtime=0))
    mibs = stage / "usr/share/btrmd/mibs"
    mibs.mkdir(parents=True)
    for path in sorted((ROOT / "mibs").glob("*.mib")):
        shutil.copy(path, mibs)


def copyright_text(components: list[Component]) -> str:
    """/usr/share/doc/btrmd/copyright: whose is what, and where the words are."""
    lines = [
        "This package is btrmd with the libraries it runs on: it installs without a network.",
        "",
        "btrmd is licensed under the Apache License, Version 2.0: the words are in",
        "/usr/share/common-licenses/Apache-2.0. Copyright: the btrmd authors.",
        "",
        "Bundled libraries; the words of each are in /usr/share/doc/btrmd/licenses/NAME:",
        "",
    ]
    reported = {(c.name, c.version, c.licence, c.homepage) for c in components}
    for name, version, licence, homepage in sorted(reported, key=lambda t: t[0].lower()):
        lines.append(f"  {key(name)} {version}: {licence}{f'; {homepage}' if homepage else ''}")
    return "\n".join(lines) + "\n"


def units() -> list[Path]:
    return sorted(path for pattern in UNITS for path in (ROOT / "systemd").glob(pattern))


def stage_control(stage: Path, arch: str, version: str) -> None:
    """DEBIAN/: control, the maintainer scripts with the units' names, conffiles, md5sums."""
    control = stage / "DEBIAN"
    control.mkdir()
    enabled = [p.name for p in units() if "\n[Install]" in p.read_text()]
    others = [name for name in enabled if name != "btrmd.service"]
    fill = {
        "VERSION": version,
        "ARCH": arch,
        "SIZE": str(sum(f.lstat().st_size for f in stage.rglob("*")) // 1024),
        "ENABLE": " ".join(enabled),
        "SOCKETS": " ".join(name for name in others if name.endswith(".socket")),
        "SERVICES": " ".join(name for name in others if not name.endswith(".socket")),
        "STOP": " ".join([*others, *(p.name for p in units() if "@" not in p.stem
                                     and p.name not in others)]),
    }  # fmt: skip
    for source in ("control.in", "preinst", "postinst.in", "prerm.in", "postrm.in"):
        text = (DEB / source).read_text()
        text = re.sub(r"@([A-Z]+)@", lambda m: fill[m.group(1)], text)
        path = control / source.removesuffix(".in")
        path.write_text(text)
        path.chmod(0o644 if path.name == "control" else 0o755)
    conffiles = sorted(
        f"/{p.relative_to(stage)}" for p in (stage / "etc").rglob("*") if p.is_file()
    )
    (control / "conffiles").write_text("".join(f"{name}\n" for name in conffiles))
    sums = [
        f"{md5(p)}  {p.relative_to(stage)}\n"
        for p in sorted(stage.rglob("*"))
        if p.is_file() and not p.is_symlink() and control not in p.parents
        and f"/{p.relative_to(stage)}" not in conffiles
    ]  # fmt: skip
    (control / "md5sums").write_text("".join(sums))
    (control / "conffiles").chmod(0o644)
    (control / "md5sums").chmod(0o644)


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def set_modes(stage: Path) -> None:
    """As dpkg likes them, whatever the umask was."""
    modes = {place: mode for place, mode in PLACES.values()}
    for path in stage.rglob("*"):
        if path.is_symlink():
            continue
        is_folder = stat.S_ISDIR(path.stat().st_mode)
        path.chmod(0o755 if is_folder else modes.get(str(path.relative_to(stage)), 0o644))
    stage.chmod(0o755)


def source_epoch() -> int:
    """SOURCE_DATE_EPOCH, else the time of the last commit, else the build date of the source."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdigit():
        return int(given)
    git = subprocess.run(
        ["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True
    )
    if git.returncode == 0 and git.stdout.strip().isdigit():
        return int(git.stdout)
    date = re.search(r'__build_date__ = "([\d-]+)"', source_init())
    return int(time.mktime(time.strptime(date.group(1), "%Y-%m-%d"))) if date else 0


def source_init() -> str:
    return (ROOT / "btrmd/__init__.py").read_text()


def source_version() -> str:
    found = VERSION_LINE.search(source_init())
    assert found, "btrmd/__init__.py names its version"
    return found.group(1)


def host_arch() -> str:
    found = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True)
    return found.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/build-deb",
        description="Make dist/btrmd_VERSION_ARCH.deb: one package for bookworm (Python 3.11) and "
        "trixie (3.13) that installs without a network.",
    )
    parser.add_argument(
        "--arch", choices=(*MACHINES, "all"), help="arm64: the Pi; default: this machine's"
    )
    parser.add_argument("--suite", choices=("bookworm", "trixie"), help="one package serves both")
    parser.add_argument("--version", help="another version than the source's, to try an upgrade")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".venv-build/wheels", help=argparse.SUPPRESS
    )
    args = parser.parse_args()
    arch = args.arch or host_arch()
    if arch not in (*MACHINES, "all"):
        sys.stderr.write(
            f"build-deb: there is no package for {arch}; choose --arch amd64 or arm64.\n"
        )
        return 1
    version = args.version or source_version()
    try:
        for one in MACHINES if arch == "all" else (arch,):
            print(build(one, version, source_epoch(), args.cache, args.out))
    except (SourceError, subprocess.CalledProcessError, OSError) as error:
        sys.stderr.write(f"build-deb: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
