"""The update bundle: a tar of three members, read so narrowly that a hostile one has no room.

manifest.json, manifest.sig, then the .deb, plain files with ustar headers and nothing else. The
signature (64 bytes of Ed25519) is over the manifest; the manifest holds size and SHA-256 of the
package. Nothing is unpacked by a name the bundle chooses, and nothing after the manifest is looked
at before a trusted key has signed it. Plain `tar tf` lists it, `openssl pkeyutl` verifies it.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from ..model.appliance import MAX_BUNDLE
from ..model.errors import BtrmError

BLOCK: Final = 512  # of a tar
FORMAT: Final = "btrmd-update-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MAX_MANIFEST: Final = 16 * 1024  # bytes
SIGNATURE_BYTES: Final = 64  # RFC 8032
PIECE: Final = 1 << 20
MOST_KEYS: Final = 16

# deb-version(5) and what a shell or a path could take for something else is not in it
VERSION: Final = re.compile(r"[0-9][A-Za-z0-9.+~-]{0,63}")
ARCHITECTURES: Final = ("all", "arm64", "armhf", "amd64")
DEB: Final = re.compile(r"btrmd_[0-9][A-Za-z0-9.+~-]{0,63}_(all|arm64|armhf|amd64)\.deb")
SUITE: Final = re.compile(r"[a-z]{1,20}")
SHA256: Final = re.compile(r"[0-9a-f]{64}")


class BundleError(BtrmError, ValueError):
    """The bundle is refused; the text is one sentence."""


class Manifest(NamedTuple):
    """What the signature vouches for. `suites` empty = any release; `size` in bytes."""

    version: str
    architecture: str
    suites: tuple[str, ...]
    deb: str
    size: int
    sha256: str


class Key(NamedTuple):
    """A trusted public key and the file it is in."""

    name: str
    pem: bytes


def load_keys(folder: Path, owner: int = 0) -> tuple[Key, ...]:
    """The *.pem of `folder`. Folder and files must be the property of `owner` and writable by
    nobody else: a daemon that was taken over must not be able to bring its own key."""
    missing = f"No update key is installed in {folder}, so no update can be verified."
    try:
        paths = sorted(folder.glob("*.pem")) if _is_trusted(folder, owner, stat.S_ISDIR) else []
    except OSError:
        paths = []
    keys = []
    for path in paths[:MOST_KEYS]:
        if not _is_trusted(path, owner, stat.S_ISREG):
            text = f"{path} is refused: a key file must belong to root and be writable by root only"
            raise BundleError(f"{text}.")
        with path.open("rb") as file:
            keys.append(Key(path.name, file.read(4096)))
    if not keys:
        raise BundleError(missing)
    return tuple(keys)


def _is_trusted(path: Path, owner: int, is_kind: Any) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return bool(is_kind(found.st_mode)) and found.st_uid == owner and not found.st_mode & 0o022


def read_bundle(source: BinaryIO, keys: Iterable[Key], target: BinaryIO) -> Manifest:
    """Verify `source` and write its .deb into `target`. Raises BundleError; what `target` holds
    then is not to be used."""
    manifest_bytes = _member(source, MANIFEST, MAX_MANIFEST)
    signature = _member(source, SIGNATURE, SIGNATURE_BYTES)
    if len(signature) != SIGNATURE_BYTES:
        raise BundleError(f"The bundle is refused: {SIGNATURE} is not 64 bytes.")
    if not any(_is_signed(manifest_bytes, signature, key) for key in keys):
        raise BundleError("The bundle is refused: no key of this unit has signed it.")
    manifest = decode_manifest(manifest_bytes)
    name, size = _header(source)
    if name != manifest.deb or size != manifest.size:
        raise BundleError("The bundle is refused: its package is not the one of its manifest.")
    digest = hashlib.sha256()
    left = size
    while left:
        piece = _read(source, min(PIECE, left))
        digest.update(piece)
        target.write(piece)
        left -= len(piece)
    _padding(source, size)
    if digest.hexdigest() != manifest.sha256:
        raise BundleError("The bundle is refused: its package has been changed after signing.")
    rest = source.read(PIECE)
    if rest.strip(b"\0") or source.read(1):
        raise BundleError("The bundle is refused: it holds more than it should.")
    return manifest


def named_version(source: BinaryIO) -> str:
    """The version a bundle says it brings; nothing is verified. Raises BundleError."""
    return decode_manifest(_member(source, MANIFEST, MAX_MANIFEST)).version


def decode_manifest(data: bytes) -> Manifest:
    """The manifest, field by field. Raises BundleError."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        fields = None
    names = {"format", "package", *Manifest._fields}
    if not isinstance(fields, dict) or set(fields) != names:
        raise BundleError("The bundle is refused: its manifest is not of this format.")
    if fields["format"] != FORMAT or fields["package"] != "btrmd":
        raise BundleError(f"The bundle is refused: it is no btrmd update of format {FORMAT}.")
    suites, size = fields["suites"], fields["size"]
    good = (
        _matches(VERSION, fields["version"])
        and fields["architecture"] in ARCHITECTURES
        and isinstance(suites, list)
        and all(_matches(SUITE, suite) for suite in suites)
        and fields["deb"] == f"btrmd_{fields['version']}_{fields['architecture']}.deb"
        and _matches(DEB, fields["deb"])
        and _matches(SHA256, fields["sha256"])
        and type(size) is int
        and 0 < size <= MAX_BUNDLE
    )
    if not good:
        raise BundleError("The bundle is refused: its manifest has a field out of range.")
    return Manifest(
        fields["version"], fields["architecture"], tuple(suites), fields["deb"], size,
        fields["sha256"],
    )  # fmt: skip


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_signed(data: bytes, signature: bytes, key: Key) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(key.pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BundleError(f"Update key {key.name} is not a public key in PEM form.") from error
    if not isinstance(public, Ed25519PublicKey):
        raise BundleError(f"Update key {key.name} is not an Ed25519 key.")
    try:
        public.verify(signature, data)
    except InvalidSignature:
        return False
    return True


# --- the tar, as much of it as there is to be ----------------------------------------------------


def _member(source: BinaryIO, wanted: str, most: int) -> bytes:
    name, size = _header(source)
    if name != wanted:
        raise BundleError(f"The bundle is refused: {wanted} is not where it should be.")
    if size > most:
        raise BundleError(f"The bundle is refused: {wanted} is longer than {most} bytes.")
    data = _read(source, size)
    _padding(source, size)
    return data


def _header(source: BinaryIO) -> tuple[str, int]:
    """Name and size of a plain file by its ustar header."""
    block = _read(source, BLOCK)
    size, check = _octal(block[124:136]), _octal(block[148:156])
    added = sum(block[:148]) + 8 * 0x20 + sum(block[156:])
    is_plain = block[156:157] in (b"0", b"\0") and block[257:262] == b"ustar"
    has_prefix = block[345:500].strip(b"\0") != b""
    name = block[:100].partition(b"\0")[0]
    if size is None or check != added or not is_plain or has_prefix or not name.isascii():
        raise BundleError("The bundle is refused: it is not an update file of btrmd.")
    return name.decode("ascii"), size


def _octal(field: bytes) -> int | None:
    digits = field.rstrip(b" \0").lstrip(b" ")
    if not re.fullmatch(rb"[0-7]{1,11}", digits):
        return None
    return int(digits, 8)


def _padding(source: BinaryIO, size: int) -> None:
    if _read(source, -size % BLOCK).strip(b"\0"):
        raise BundleError("The bundle is refused: it holds more than it should.")


def _read(source: BinaryIO, size: int) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise BundleError("The bundle is refused: it ends too early; upload it again.")
    return data
