"""The About page (manual 10.5): the five lines, the self-test's result and the licences."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from btrmd import __build_date__, __version__
from btrmd.docgen.event_text import with_names
from btrmd.model.encoding import firmware_register

from .pages import Pages
from .routes import Route, RouteAccess

PATH: Final = "/about"
TITLE: Final = "About"
SELF_TEST: Final = {"good": "passed", "failed": "failed", "running": "is still running"}

# What the daemon may load, by the name of its package, with its licence (docs/dependencies.md).
LIBRARIES: Final = (
    ("flask", "BSD-3-Clause"),
    ("werkzeug", "BSD-3-Clause"),
    ("jinja2", "BSD-3-Clause"),
    ("markupsafe", "BSD-3-Clause"),
    ("itsdangerous", "BSD-3-Clause"),
    ("click", "BSD-3-Clause"),
    ("blinker", "MIT"),
    ("waitress", "ZPL-2.1"),
    ("gpiozero", "BSD-3-Clause"),
    ("colorzero", "BSD-3-Clause"),
    ("smbus2", "MIT"),
    ("adafruit-circuitpython-ina219", "MIT"),
    ("adafruit-circuitpython-busdevice", "MIT"),
    ("adafruit-circuitpython-register", "MIT"),
    ("adafruit-circuitpython-typing", "MIT"),
    ("typing_extensions", "PSF-2.0"),
    ("pymodbus", "BSD-3-Clause"),
    ("pyserial", "BSD-3-Clause"),
    ("py1815", "Apache-2.0"),
    ("paho-mqtt", "EPL-2.0 or EDL-1.0"),
    ("cryptography", "Apache-2.0 or BSD-3-Clause"),
)

# Files of others that lie in this package (static/vendor), each beside its licence.
VENDORED: Final = (("uPlot (plots)", "1.6.32", "MIT"),)


@lru_cache(maxsize=1)
def _libraries() -> tuple[tuple[str, str, str], ...]:
    """Name, version and licence of each library that is installed here."""
    from importlib.metadata import PackageNotFoundError, version  # brings `email` and `zipfile`

    found = []
    for name, licence in LIBRARIES:
        try:
            found.append((name, version(name), licence))
        except PackageNotFoundError:
            continue
    return (*found, *VENDORED)


class AboutPage:
    """The view of the page."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self) -> str:
        services = self._pages.services
        snapshot = services.bus.snapshot
        self_test = snapshot.points["system.self_test"].value
        lines = (
            ("BTRM Web Version", f"{__build_date__.replace('-', '')} (btrmd {services.version})"),
            ("BTRM Firmware Version", f"v{__version__}"),
            ("BTRM Type", snapshot.settings.site.model),
            ("BTRM HW Version", services.hardware or "not known"),
            ("Build Date", __build_date__),
            ("Serial Number", str(snapshot.points["system.serial"].value or "not known")),
        )
        return self._pages.render(
            "about.html",
            TITLE,
            lines=lines,
            register=firmware_register(__version__),
            self_test=SELF_TEST.get(str(self_test), "has not run"),
            is_good=self_test == "good",
            faults=tuple(map(with_names, snapshot.faults)),
            libraries=_libraries(),
        )


def about_routes(pages: Pages) -> list[Route]:
    """The page."""
    return [Route("GET", PATH, AboutPage(pages).show, RouteAccess.PAGE)]
