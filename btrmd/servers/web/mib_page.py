"""The SNMP MIB File page: the MIB for download, plain and zipped, and its objects with values."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Final

from flask import Response

from btrmd.docgen.mib_text import FILE, MODULE, mib_text

from .pages import Pages
from .point_map import snmp_rows
from .routes import Route, RouteAccess

PATH: Final = "/snmp-mib"
TITLE: Final = "SNMP MIB File"
ZIP: Final = f"{MODULE}.zip"
_ZIP_TIME: Final = (2026, 1, 1, 0, 0, 0)  # the same bytes every time


@lru_cache(maxsize=1)
def _mib() -> bytes:
    return mib_text().encode()


@lru_cache(maxsize=1)
def _zipped() -> bytes:
    made = io.BytesIO()
    import zipfile  # for this alone

    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(FILE, _ZIP_TIME), _mib(), zipfile.ZIP_DEFLATED)
    return made.getvalue()


class MibPage:
    """Views of the page and of its two files."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self) -> str:
        snapshot = self._pages.services.bus.snapshot
        return self._pages.render(
            "snmp_mib.html",
            TITLE,
            file=FILE,
            zip=ZIP,
            sizes=(len(_mib()), len(_zipped())),
            rows=snmp_rows(snapshot),
        )

    def plain(self) -> Response:
        return _download(_mib(), FILE, "text/plain; charset=utf-8")

    def zipped(self) -> Response:
        return _download(_zipped(), ZIP, "application/zip")


def _download(data: bytes, name: str, content_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, content_type=content_type, headers=headers)


def mib_routes(pages: Pages) -> list[Route]:
    """The page and the files."""
    page = MibPage(pages)
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("GET", f"{PATH}/{FILE}", page.plain, RouteAccess.PAGE),
        Route("GET", f"{PATH}/{ZIP}", page.zipped, RouteAccess.PAGE),
    ]
