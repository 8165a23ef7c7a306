"""Bundles made with the real tool and real keys; then everything that may be wrong with one."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from appliance_fixtures import ROOT

from btrmd.appliance.bundle import BundleError, Key, decode_manifest, load_keys, read_bundle

pytestmark = pytest.mark.skipif(
    not (shutil.which("dpkg-deb") and shutil.which("openssl")),
    reason="needs dpkg-deb and openssl",
)
Member = tuple[str, bytes]


class Maker:
    """A key pair by scripts/sign-update and a bundle of a real little package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tool("keys", str(folder / "keys"))
        tree = folder / "tree"
        (tree / "DEBIAN").mkdir(parents=True, mode=0o755)
        (tree / "DEBIAN/control").write_text(
            "Package: btrmd\nVersion: 1.2.3\nArchitecture: all\nMaintainer: a <a@b.example>\n"
            "Description: a\n"
        )
        (tree / "data").write_bytes(random.Random(7).randbytes(3000))
        deb = folder / "x.deb"
        subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
        self.deb = deb.read_bytes()
        self.path = folder / "good.btrm-update"
        self.tool("bundle", str(deb), "--key", str(folder / "keys/update.key"),
                  "--suite", "bookworm", "--out", str(self.path))  # fmt: skip
        self.data = self.path.read_bytes()
        self.key = Key("update.pem", (folder / "keys/update.pem").read_bytes())

    def tool(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/sign-update", *words], capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def members(self) -> list[Member]:
        with tarfile.open(fileobj=io.BytesIO(self.data)) as tar:
            return [(item.name, tar.extractfile(item).read()) for item in tar]  # type: ignore[union-attr]

    def read(self, data: bytes, *keys: Key) -> bytes:
        """The package of a bundle. Raises BundleError."""
        target = io.BytesIO()
        read_bundle(io.BytesIO(data), keys or (self.key,), target)
        return target.getvalue()


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("bundle"))


def pack(members: list[Member], how: int = tarfile.USTAR_FORMAT, **header: object) -> bytes:
    """A tar of `members`; `header` changes the header of the last one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=how) as tar:
        for place, (name, data) in enumerate(members):
            item = tarfile.TarInfo(name)
            item.size = len(data)
            if place == len(members) - 1:
                for key, value in header.items():
                    setattr(item, key, value)
            tar.addfile(item, io.BytesIO(data))
    return out.getvalue()


def test_a_good_bundle_gives_its_package(maker: Maker) -> None:
    target = io.BytesIO()
    manifest = read_bundle(io.BytesIO(maker.data), (maker.key,), target)
    assert target.getvalue() == maker.deb
    assert (manifest.version, manifest.architecture, manifest.suites) == (
        "1.2.3", "all", ("bookworm",),
    )  # fmt: skip
    assert maker.read(pack(maker.members())) == maker.deb, "any tar with these members will do"
    said = maker.tool("verify", str(maker.path), "--key", str(maker.folder / "keys/update.pem"))
    assert "btrmd 1.2.3, signed by" in said


def test_the_secret_key_is_its_owners_and_never_overwritten(maker: Maker) -> None:
    assert (maker.folder / "keys/update.key").stat().st_mode & 0o777 == 0o600
    assert "has a key already" in maker.tool("keys", str(maker.folder / "keys"), code=1)


def test_another_key_has_not_signed_it(maker: Maker, tmp_path: Path) -> None:
    maker.tool("keys", str(tmp_path))
    other = Key("other.pem", (tmp_path / "update.pem").read_bytes())
    with pytest.raises(BundleError, match="no key of this unit has signed it"):
        maker.read(maker.data, other)
    assert maker.read(maker.data, other, maker.key) == maker.deb
    with pytest.raises(BundleError, match="is not a public key"):
        maker.read(maker.data, Key("x.pem", b"-----BEGIN PUBLIC KEY-----\nzzz\n"))
    subprocess.run(
        ["openssl", "genrsa", "-out", tmp_path / "rsa", "2048"], check=True, capture_output=True
    )
    subprocess.run(["openssl", "pkey", "-in", tmp_path / "rsa", "-pubout", "-out", tmp_path / "p"],
                   check=True, capture_output=True)  # fmt: skip
    with pytest.raises(BundleError, match="is not an Ed25519 key"):
        maker.read(maker.data, Key("p.pem", (tmp_path / "p").read_bytes()))


def test_no_bit_may_differ(maker: Maker) -> None:
    """Manifest, signature, package and every header: flipped anywhere, it is refused."""
    used = 512 * 4 + 512 * 3 + len(maker.deb)
    for place in [*range(0, 512 * 4, 5), *range(512 * 4, min(used, len(maker.data)), 97)]:
        data = bytearray(maker.data)
        data[place] ^= 0x04
        with pytest.raises(BundleError):
            maker.read(bytes(data))


@pytest.mark.parametrize("length", [0, 1, 511, 512, 700, 1024, 1600, 2048, 2100, 3000, 4000])
def test_a_truncated_one_is_refused(length: int, maker: Maker) -> None:
    cut = maker.data[:length]
    with pytest.raises(BundleError, match=r"ends too early|not an update file"):
        maker.read(cut)


HOSTILE: list[tuple[str, Callable[[list[Member]], bytes]]] = [
    ("a path for a name", lambda m: pack([*m[:2], ("../../etc/cron.d/x", m[2][1])])),
    ("an absolute name", lambda m: pack([*m[:2], ("/" + m[2][0], m[2][1])])),
    ("a path before the manifest", lambda m: pack([("../manifest.json", m[0][1]), *m[1:]])),
    ("another order", lambda m: pack([m[1], m[0], m[2]])),
    ("the package first", lambda m: pack([m[2], *m[:2]])),
    ("one member more", lambda m: pack([*m, ("evil", b"x" * 9)])),
    ("one member less", lambda m: pack(m[:2])),
    ("the package twice", lambda m: pack([*m, m[2]])),
    ("a symbolic link", lambda m: pack(m, type=tarfile.SYMTYPE, linkname="/etc/shadow", size=0)),
    ("a hard link", lambda m: pack(m, type=tarfile.LNKTYPE, linkname="x", size=0)),
    ("a device", lambda m: pack(m, type=tarfile.CHRTYPE, size=0)),
    ("a folder", lambda m: pack(m, type=tarfile.DIRTYPE, size=0)),
    ("a pax header", lambda m: pack(m, tarfile.PAX_FORMAT, pax_headers={"comment": "x"})),
    ("a GNU long name", lambda m: pack([*m[:2], ("a" * 120, m[2][1])], tarfile.GNU_FORMAT)),
    ("a long manifest", lambda m: pack([(m[0][0], m[0][1] + b" " * 20000), *m[1:]])),
    ("a short signature", lambda m: pack([m[0], (m[1][0], m[1][1][:63]), m[2]])),
    ("a long signature", lambda m: pack([m[0], (m[1][0], m[1][1] + b"x"), m[2]])),
    ("a zero signature", lambda m: pack([m[0], (m[1][0], bytes(64)), m[2]])),
    ("a longer package", lambda m: pack([*m[:2], (m[2][0], m[2][1] + b"x")])),
    ("something behind it", lambda m: pack(m) + b"x"),
    ("gzip", lambda m: __import__("gzip").compress(pack(m))),
    ("nothing but zeros", lambda m: bytes(4096)),
]


@pytest.mark.parametrize(("name", "make"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_a_hostile_one_is_refused(
    name: str, make: Callable[[list[Member]], bytes], maker: Maker
) -> None:
    with pytest.raises(BundleError, match=r"^The bundle is refused: "):
        maker.read(make(maker.members()))


class Endless(io.RawIOBase):
    """A package that never ends, behind a header that says what it likes."""

    def __init__(self, head: bytes) -> None:
        self._head = io.BytesIO(head)
        self.given = 0

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        assert 0 <= size <= 1 << 20, "never all at once"
        self.given += size
        return self._head.read(size) or bytes(size)


def test_a_huge_one_is_not_even_read(maker: Maker) -> None:
    header = bytearray(pack([("manifest.json", b"")])[:512])
    header[124:136] = b"77777777777\0"  # 8 GB
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    source = Endless(bytes(header))
    with pytest.raises(BundleError, match="longer than 16384 bytes"):
        read_bundle(source, (maker.key,), io.BytesIO())  # type: ignore[arg-type]
    assert source.given <= 1024


def test_even_a_signed_manifest_must_make_sense(maker: Maker) -> None:
    """A key that signs nonsense by mistake still names no file of its own choosing."""
    good = json.loads(maker.members()[0][1])
    for change in (
        {"deb": "../x.deb"}, {"version": "1; rm"}, {"size": 1 << 40}, {"size": True}, {"size": 0},
        {"architecture": "x"}, {"sha256": "00"}, {"suites": "bookworm"}, {"suites": ["a/b"]},
        {"format": "2"}, {"package": "bash"}, {"more": 1}, {"version": 3},
    ):  # fmt: skip
        with pytest.raises(BundleError):
            decode_manifest(json.dumps({**good, **change}).encode())
    for data in (b"", b"[]", b"{", b"[" * 9999, b"\xff", b"null"):
        with pytest.raises(BundleError):
            decode_manifest(data)
    assert decode_manifest(json.dumps(good).encode()).version == "1.2.3"


def test_only_roots_own_keys_count(maker: Maker, tmp_path: Path) -> None:
    me = os.getuid()
    folder = tmp_path / "update.pub.d"
    with pytest.raises(BundleError, match="No update key is installed"):
        load_keys(folder, me)
    folder.mkdir(mode=0o755)
    with pytest.raises(BundleError, match="No update key is installed"):
        load_keys(folder, me)
    path = folder / "a.pem"
    path.write_bytes(maker.key.pem)
    path.chmod(0o644)
    assert [key.name for key in load_keys(folder, me)] == ["a.pem"]
    path.chmod(0o664)
    with pytest.raises(BundleError, match="writable by root only"):
        load_keys(folder, me)
    path.unlink()
    path.symlink_to(maker.folder / "keys/update.pem")
    with pytest.raises(BundleError, match="writable by root only"):
        load_keys(folder, me)
    path.unlink()
    path.write_bytes(maker.key.pem)
    folder.chmod(0o777)
    with pytest.raises(BundleError, match="No update key is installed"):
        load_keys(folder, me)
    folder.chmod(0o755)
    with pytest.raises(BundleError):
        load_keys(folder, me + 1)  # somebody else's
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(BundleError, match="No update key is installed"):
        load_keys(tmp_path / "link", me)
