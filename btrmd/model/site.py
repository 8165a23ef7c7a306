"""The site: what only the hand-edited site file may decide, and no page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..net import split_address
from .errors import ConfigError
from .setting_format import is_host

MODELS: Final = ("300", "400")
VOLTAGES: Final[Mapping[str, tuple[int, ...]]] = {"300": (12, 24), "400": (12, 24, 36, 48)}

_LISTEN = {"http": True, "https": True, "snmp": True, "modbus": False, "dnp3": False, "nut": False}

_CONTACTS: Final[Mapping[str, re.Pattern[str]]] = {
    "mailto:": re.compile(r"mailto:[^@<>\"]+@[^@<>\"]+"),
    "https:": re.compile(r"https://[^/<>\"]+(/[^<>\"]*)?"),
    "tel:": re.compile(r"tel:\+?[0-9().-]+"),
}


@dataclass(frozen=True, slots=True)
class Site:
    """The `[site]` table of the site file.

    `model` "300" (20 A, 12 and 24 V) or "400" (10 A, 12 to 48 V). `authorization_off` is the
    manual's factory state: every page and every change open to all. `web_names`: names with dots
    under which such changes are taken, beside address, plain name and NAME.local. `ch2_output`
    makes CH2 an output too (C5). `http`, `https`, `snmp`: HOST:PORT or "none"; `modbus`, `dnp3`,
    `nut`: the HOST to listen on, their ports are settings; `nut` "" = that of `http`.
    `security_contact`: a URI for who has found a hole (RFC 9116, 2.5.3); "" = nobody is named.
    """

    model: str = "300"
    authorization_off: bool = False
    ch2_output: bool = False
    http: str = "0.0.0.0:80"
    https: str = "0.0.0.0:443"
    snmp: str = "0.0.0.0:161"
    modbus: str = "0.0.0.0"
    dnp3: str = "0.0.0.0"
    nut: str = ""
    web_names: tuple[str, ...] = ()
    security_contact: str = ""

    @property
    def voltages(self) -> tuple[int, ...]:
        """System voltages this model can be set to, V."""
        return VOLTAGES[self.model]


def flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested TOML tables as dotted keys: {"io2": {"output": True}} -> {"io2.output": True}."""
    flat: dict[str, object] = {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{key}."))
        else:
            flat[key] = value
    return flat


def decode_site(table: Mapping[str, object], file: str = "btrmd.toml") -> Site:
    """The `[site]` table as a Site.

    Keys: `model`, `web.authorization`, `web.names`, `io2.output`, `security.contact`,
    `listen.http`, `listen.https`, `listen.snmp`, `listen.modbus`, `listen.dnp3`, `listen.nut`.
    Raises ConfigError naming file, key, value and what is allowed.
    """
    values: dict[str, str] = {}
    authorization_off = ch2_output = False
    names: tuple[str, ...] = ()
    for key, value in flatten(table).items():
        if key == "model":
            if isinstance(value, bool) or str(value) not in MODELS:
                raise _wrong(file, key, value, '"300" or "400"')
            values["model"] = str(value)
        elif key == "web.authorization":
            if value != "off":
                raise _wrong(file, key, value, '"off"; "writes" and "all" belong to [defaults]')
            authorization_off = True
        elif key == "web.names":
            names = _names(file, key, value)
        elif key == "security.contact":
            values["security_contact"] = _contact(file, key, value)
        elif key == "io2.output":
            if not isinstance(value, bool):
                raise _wrong(file, key, value, "true or false")
            ch2_output = value
        elif key.removeprefix("listen.") in _LISTEN and key.startswith("listen."):
            name = key.removeprefix("listen.")
            if (name, value) != ("nut", ""):
                values[name] = _listen(file, key, value, with_port=_LISTEN[name])
        else:
            allowed = (
                "model, web.authorization, web.names, io2.output, security.contact, "
                + ", ".join(f"listen.{name}" for name in _LISTEN)
            )
            raise ConfigError(f"{file}: [site] {key} is not known; allowed keys are {allowed}.")
    return Site(
        authorization_off=authorization_off, ch2_output=ch2_output, web_names=names, **values
    )


def _names(file: str, key: str, value: object) -> tuple[str, ...]:
    """A list of host names."""
    allowed = 'a list of host names, as ["btrm7.plant.example"]'
    if not isinstance(value, list):
        raise _wrong(file, key, value, allowed)
    names = tuple(name for name in value if isinstance(name, str) and is_host(name))
    if len(names) != len(value):
        raise _wrong(file, key, value, allowed)
    return names


def _contact(file: str, key: str, value: object) -> str:
    """A URI that RFC 9116 allows for a contact. It stands on a line of its own in security.txt."""
    allowed = (
        "a mailto:, https: or tel: address of at most 200 characters, "
        'as "mailto:security@plant.example"'
    )
    if not isinstance(value, str):
        raise _wrong(file, key, value, allowed)
    is_text = value.isascii() and value.isprintable() and " " not in value and len(value) <= 200
    shape = next((s for start, s in _CONTACTS.items() if value.startswith(start)), None)
    if value and not (is_text and shape and shape.fullmatch(value)):
        raise _wrong(file, key, value, allowed)
    return value


def _listen(file: str, key: str, value: object, with_port: bool) -> str:
    """A listen address, checked for shape only: the server finds out whether it exists."""
    allowed = 'HOST:PORT with port 0..65535, or "none"' if with_port else 'a host address or "none"'
    if not isinstance(value, str) or not value or not value.isprintable() or " " in value:
        raise _wrong(file, key, value, allowed)
    if with_port and value != "none":
        try:
            split_address(value)
        except ValueError:
            raise _wrong(file, key, value, allowed) from None
        if value.startswith(":"):
            raise _wrong(file, key, value, allowed)
    return value


def _wrong(file: str, key: str, value: object, allowed: str) -> ConfigError:
    return ConfigError(f"{file}: [site] {key} = {value!r} is refused: allowed is {allowed}.")
