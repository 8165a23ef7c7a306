"""Assets: the files a page needs, read once, kept compressed, named by their content."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from flask import Response, request

from .answers import refuse, takes_gzip

FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PLAIN: Final = " /:='"  # what an address of data may have as it is
_FOREVER: Final = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """One file. `tag` changes with its content."""

    mimetype: str
    plain: bytes
    gzip: bytes
    tag: str


class Assets:
    """All files of the folder `static` and below with a known ending."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files: dict[str, Asset] = {}
        for path in sorted(folder.rglob("*")):
            mimetype = _TYPES.get(path.suffix)
            if mimetype is None:
                continue
            data = path.read_bytes()
            tag = hashlib.sha256(data).hexdigest()[:16]
            name = path.relative_to(folder).as_posix()
            self._files[name] = Asset(mimetype, data, gzip.compress(data, 9, mtime=0), tag)

    def url(self, name: str) -> str:
        """The path of a file; it changes with the content, so that it may be cached for ever."""
        return f"/static/{name}?v={self._files[name].tag}"

    def inline(self, name: str) -> str:
        """A picture as the address itself, for what is too small to ask for."""
        asset = self._files[name]
        text = asset.plain.decode().strip().replace('"', "'")
        return f"data:{asset.mimetype},{quote(text, safe=_PLAIN)}"

    def serve(self, name: str) -> Response:
        """The view of /static/NAME."""
        asset = self._files.get(name)
        if asset is None:
            return refuse(404, "unknown", "There is no such file.")
        is_versioned = request.args.get("v") == asset.tag
        headers = {
            "Cache-Control": _FOREVER if is_versioned else "no-cache",
            "Vary": "Accept-Encoding",
        }
        body = asset.plain
        if takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            body = asset.gzip
        answer = Response(body, mimetype=asset.mimetype, headers=headers)
        answer.set_etag(asset.tag, weak=True)
        answer.make_conditional(request)
        return answer
