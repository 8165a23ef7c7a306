"""Text formats: what addresses, names and paths among the settings must look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from .battery_table import GRAMMAR, plain_table, read_battery_table
from .schedule import MAX_DATES, read_dates, read_days
from .value_text import find_zone
from .webhook_template import GRAMMAR as WEBHOOK_GRAMMAR
from .webhook_template import plain_template, template_fault

MAX_EMAIL = 32  # manual 9.3: "32 for Email Addr" (R63)
MAX_RECIPIENTS = 8
MAX_NETWORKS = 32
MAX_ORIGINS = 8
MAX_ORIGINS_LENGTH = 600

ORIGINS_GRAMMAR: Final = (
    f"at most {MAX_ORIGINS} origins such as https://noc.example.com or http://10.0.0.5:8080, "
    "without a path, separated by commas; * and null are none"
)

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]{1,253})")
_TOPIC = re.compile(r"[^\x00/+#$ ][^\x00/+#]*(/[^\x00/+#]+)*")  # MQTT 5.0, 4.7.1 and 4.7.2
_URL = re.compile(r"https://[!-\"$-~]+", re.IGNORECASE)  # RFC 3986, without a fragment
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\])(?::[0-9]{1,5})?",
    re.ASCII,
)
_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?")
_PATH = re.compile(r"/[^\x00]*")
_PASSPHRASE = re.compile(r"[ -~]{8,64}")  # RFC 3414 11.2: at least 8 characters


def split_list(text: str) -> tuple[str, ...]:
    """The items of a list setting, separated by commas, semicolons or spaces."""
    return tuple(item for item in re.split(r"[,;\s]+", text) if item)


def has_control(text: str) -> bool:
    """True when a character is a control, a format, a surrogate or not assigned at all."""
    if text.isascii():
        return not text.isprintable()
    import unicodedata  # 0.6 MB, for names beyond ASCII only

    return any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Co") for char in text)


def is_ip(text: str) -> bool:
    """An IPv4 address in dotted notation."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    """An IPv6 address, with or without a zone (fe80::1%eth0)."""
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def plain_host(text: str) -> str:
    """A host as it is stored: an IPv6 address without the brackets that a URL has."""
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else ""
    return inside if is_ipv6(inside) else text


def is_hostname(text: str) -> bool:
    """A single host label (RFC 1123)."""
    return _LABEL.fullmatch(text) is not None


def is_host(text: str) -> bool:
    """A host name with or without domain, or an IPv4 or IPv6 address."""
    if is_ip(text) or is_ipv6(text):
        return True
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or labels[-1].isdigit():
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


def is_email(text: str) -> bool:
    """One mail address with a plausible host part."""
    match = _EMAIL.fullmatch(text)
    return match is not None and is_host(match.group(1))  # no IPv6: it has no colons


def is_email_list(text: str) -> bool:
    """1..8 mail addresses of at most 32 characters each."""
    items = split_list(text)
    return 0 < len(items) <= MAX_RECIPIENTS and all(
        len(item) <= MAX_EMAIL and is_email(item) for item in items
    )


def is_cidr_list(text: str) -> bool:
    """1..32 addresses or networks, IPv4 or IPv6; host bits must be zero."""
    items = split_list(text)
    if not 0 < len(items) <= MAX_NETWORKS:
        return False
    try:
        for item in items:
            ip_network(item)
    except ValueError:
        return False
    return True


def is_mac(text: str) -> bool:
    """A machine's MAC address with colons: the lowest bit of a group's is set (IEEE 802)."""
    if _MAC.fullmatch(text) is None:
        return False
    return not int(text[:2], 16) & 1 and text.replace(":", "").strip("0") != ""


def is_passphrase(text: str) -> bool:
    """A passphrase of SNMPv3's user-based security."""
    return _PASSPHRASE.fullmatch(text) is not None


def is_day_list(text: str) -> bool:
    """Days of the week by their first three letters."""
    try:
        return bool(read_days(text))
    except ValueError:
        return False


def is_date_list(text: str) -> bool:
    """Dates, and first..last of several."""
    try:
        return bool(read_dates(text))
    except ValueError:
        return False


def is_battery_table(text: str) -> bool:
    """A maker's table of discharge times."""
    return not battery_table_fault(text)


def battery_table_fault(text: str) -> str:
    """What is wrong with a maker's table, as half a sentence; "" where nothing is."""
    try:
        read_battery_table(text)
    except ValueError as error:
        return str(error)
    return ""


def is_topic(text: str) -> bool:
    """Levels of an MQTT topic that is published to: no wildcards, no empty level."""
    return _TOPIC.fullmatch(text) is not None


def is_https_url(text: str) -> bool:
    """An address by https, printable ASCII, without user name, password and fragment."""
    if not _URL.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return is_host(parts.hostname or "") and "@" not in parts.netloc and port != 0


def read_origins(text: str) -> tuple[str, ...]:
    """The web sites of a list whose pages may read this unit with a token, as browsers send them
    (Fetch standard, CORS). Raises ValueError for what is none."""
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    if not 0 < len(origins) <= MAX_ORIGINS:
        raise ValueError(text)
    for origin in origins:
        port = origin.rpartition("]")[2].removeprefix("https://").removeprefix("http://")
        number = port.partition(":")[2]
        if _ORIGIN.fullmatch(origin) is None or (number and not 1 <= int(number) <= 65535):
            raise ValueError(origin)
    return origins


def is_origin_list(text: str) -> bool:
    """1..8 origins."""
    try:
        return bool(read_origins(text))
    except ValueError:
        return False


def is_webhook_template(text: str) -> bool:
    """A body with fields that are known."""
    return not template_fault(text)


def is_header(text: str) -> bool:
    """The value of an HTTP header (RFC 9110 5.5, without what is obsolete)."""
    return _HEADER.fullmatch(text) is not None


def is_timezone(text: str) -> bool:
    """A zone that the system has the rules of."""
    return find_zone(text) is not None


def is_path(text: str) -> bool:
    """An absolute path without steps upwards."""
    return _PATH.fullmatch(text) is not None and ".." not in text.split("/")


class TextFormat(NamedTuple):
    """`fits(text)` of a text that is not empty; `allowed` in words. `plain(text)`: what is done to
    it before it is judged and stored (line breaks are no part of a value). `fault(text)`: half a
    sentence where it can say more than `allowed`, "" where nothing is wrong. `has_length`: the
    words say already how long it can be."""

    fits: Callable[[str], bool]
    allowed: str
    plain: Callable[[str], str] = str
    fault: Callable[[str], str] | None = None
    has_length: bool = False


FORMATS: Final[Mapping[str, TextFormat]] = {
    "ip": TextFormat(is_ip, "an IPv4 address such as 192.168.1.214", has_length=True),
    "host": TextFormat(is_host, "a host name, an IPv4 or an IPv6 address", plain_host),
    "hostname": TextFormat(
        is_hostname, "letters, digits and hyphens, not starting or ending with a hyphen"
    ),
    "email": TextFormat(is_email, "a mail address such as name@host.com"),
    "email_list": TextFormat(
        is_email_list,
        f"1 to {MAX_RECIPIENTS} mail addresses of at most {MAX_EMAIL} characters each, "
        "separated by commas",
        has_length=True,
    ),
    "cidr_list": TextFormat(
        is_cidr_list,
        f"at most {MAX_NETWORKS} addresses or networks such as 10.0.0.0/8, separated by commas",
    ),
    "device": TextFormat(is_path, "the absolute path of a serial port such as /dev/serial0"),
    "path": TextFormat(is_path, "an absolute path"),
    "timezone": TextFormat(is_timezone, "a time zone such as Europe/Berlin, America/Denver or UTC"),
    "passphrase": TextFormat(is_passphrase, "8 to 64 printable ASCII characters"),
    "day_list": TextFormat(is_day_list, "days such as mon, tue, sat, separated by commas"),
    "date_list": TextFormat(
        is_date_list,
        f"at most {MAX_DATES} dates or stretches of them such as 2026-12-24..2027-01-06, "
        "separated by commas",
    ),
    "mac": TextFormat(is_mac, "a MAC address such as 80:1f:12:88:92:48", has_length=True),
    "battery_table": TextFormat(is_battery_table, GRAMMAR, plain_table, battery_table_fault),
    "https_url": TextFormat(
        is_https_url,
        "an address such as https://host.com/path in ASCII, without user name, password and #",
    ),
    "webhook_template": TextFormat(
        is_webhook_template, WEBHOOK_GRAMMAR, plain_template, template_fault
    ),
    "header": TextFormat(is_header, "printable ASCII characters"),
    "origin_list": TextFormat(is_origin_list, ORIGINS_GRAMMAR),
    "topic": TextFormat(is_topic, "levels of a topic such as site/btrmd, without + # and $"),
}
