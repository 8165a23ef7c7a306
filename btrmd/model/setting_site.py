"""The settings of the E-Mail, Network, Authorization and HTTPS pages (manual 9.3, 9.5, 10.4)."""

from __future__ import annotations

from typing import Final

from .setting import Section, Setting
from .setting_format import MAX_ORIGINS_LENGTH

EMAIL: Final = "E-Mail Configuration"
NETWORK: Final = "Network Configuration"
AUTHORIZATION: Final = "Authorization"
HTTPS: Final = "HTTPS"

_SITE = Section(EMAIL, "Site")
_SERVER = Section(EMAIL, "Mail server")
_ADDRESSES = Section(EMAIL, "Addresses")
_NETWORK = Section(NETWORK)
_PLAIN_HTTP = Section(HTTPS, "Plain HTTP")

EMAIL_SETTINGS: Final = (
    _SITE.setting(
        "site.contact",
        "text",
        "BTRM Contact",
        "Whom to contact in an alarm; stands in mail, in notifications and in sysContact.",
        max_length=22,
        label="Contact",
    ),
    _SITE.setting(
        "site.location",
        "text",
        "BTRM Location",
        "Where the unit is; stands in mail, in notifications, in sysLocation and on every page.",
        max_length=22,
        label="Location",
    ),
    _SITE.setting(
        "site.timezone",
        "text",
        "",
        "Time zone of the site: pages, reports, mails and CSV files then show its time beside UTC; "
        "protocols, JSON and the test window stay in UTC. Empty = UTC only.",
        max_length=48,
        format="timezone",
        label="Time Zone",
    ),
    _SERVER.setting(
        "email.enabled",
        "bool",
        False,
        "Send alarms by e-mail; needs a server and an address.",
        label="Enable",
    ),
    _SERVER.setting(
        "email.server",
        "text",
        "smtp.xxx.com",
        "Name or address of the outgoing mail server.",
        max_length=64,
        format="host",
        label="Server Addr",
    ),
    _SERVER.port(
        "email.port", 25, "Port of the mail server: 25, 587 with STARTTLS, 465 with TLS as a rule."
    ),
    _SERVER.setting(
        "email.security",
        "enum",
        "none",
        "How the connection is protected.",
        choices=("none", "starttls", "tls"),
        choice_labels=("None", "STARTTLS", "TLS (SSL)"),
        label="SSL",
    ),
    _SERVER.setting(
        "email.ca_file",
        "text",
        "",
        "PEM file of the authority that signed the server's certificate; empty = the system's.",
        max_length=255,
        format="path",
        label="CA file",
    ),
    _SERVER.setting(
        "email.user",
        "text",
        "",
        "User name at the mail server; empty = no login.",
        max_length=64,
        label="User name",
    ),
    _SERVER.setting(
        "email.password",
        "text",
        "",
        "Password at the mail server.",
        max_length=128,
        secret=True,
        label="Password",
    ),
    _ADDRESSES.setting(
        "email.from",
        "text",
        "",
        "Sender's address; empty = the first destination address.",
        max_length=64,
        format="email",
        label="From",
    ),
    _ADDRESSES.setting(
        "email.to",
        "text",
        "email@xxx.com",
        "Destination address; several are separated by commas, each at most 32 characters.",
        max_length=263,
        format="email_list",
        label="Email Addr",
    ),
)

NETWORK_SETTINGS: Final = (
    _NETWORK.setting(
        "network.mac",
        "text",
        "",
        "MAC address; empty = the board's own.",
        max_length=17,
        format="mac",
        label="MAC Address",
    ),
    _NETWORK.setting(
        "network.host_name",
        "text",
        "BTRM",
        "Name that can be used in place of the address.",
        max_length=63,
        format="hostname",
        label="Host Name",
    ),
    _NETWORK.setting(
        "network.method",
        "enum",
        "static",
        "Where the address comes from; with DHCP the five fields below are not used.",
        choices=("static", "dhcp"),
        choice_labels=("Static", "DHCP"),
        label="Addressing",
    ),
    _NETWORK.setting(
        "network.address",
        "text",
        "192.168.1.214",
        "IP address of the unit.",
        max_length=15,
        format="ip",
        label="IP Address",
    ),
    _NETWORK.setting(
        "network.gateway",
        "text",
        "192.168.1.1",
        "Gateway; 0.0.0.0 = none.",
        max_length=15,
        format="ip",
        label="Gateway",
    ),
    _NETWORK.setting(
        "network.mask",
        "text",
        "255.255.255.0",
        "Subnet mask.",
        max_length=15,
        format="ip",
        label="Subnet Mask",
    ),
    _NETWORK.setting(
        "network.dns1",
        "text",
        "192.168.1.1",
        "First name server; 0.0.0.0 = none.",
        max_length=15,
        format="ip",
        label="Primary DNS",
    ),
    _NETWORK.setting(
        "network.dns2",
        "text",
        "0.0.0.0",
        "Second name server; 0.0.0.0 = none.",
        max_length=15,
        format="ip",
        label="Secondary DNS",
    ),
)

AUTHORIZATION_SETTINGS: Final = (
    Setting(
        "web.authorization",
        "enum",
        "writes",
        "What needs a login: writes = every change, all = everything but /healthz and the login "
        "page; a machine comes with a token. off = nothing, which only the [site] table of the "
        "site file can choose.",
        choices=("off", "writes", "all"),
        choice_labels=("Nothing", "Every change", "Everything"),
        page=AUTHORIZATION,
        label="Enable Authorization",
    ),
)

WALL_SETTINGS: Final = (
    Setting(
        "web.cors_origins",
        "text",
        "",
        "Web sites whose pages may read this unit's API with a token, for a wall of many units "
        "(contrib/wall.html). Empty = none.",
        max_length=MAX_ORIGINS_LENGTH,
        format="origin_list",
        page="Integrations",
        group="Wall of Many Units",
        label="Origins That May Read",
    ),
)

HTTPS_SETTINGS: Final = (
    _PLAIN_HTTP.setting(
        "web.http",
        "enum",
        "on",
        "What plain HTTP does while HTTPS is open: on = the same as HTTPS, redirect = sends "
        "browsers to HTTPS and refuses changes, off = the port is closed.",
        choices=("on", "redirect", "off"),
        choice_labels=("Works too", "Leads to HTTPS", "Closed"),
        label="HTTP",
    ),
    _PLAIN_HTTP.setting(
        "web.hsts_days",
        "int",
        0,
        "How long browsers are told to use nothing but HTTPS here (HSTS); 0 = they are not told. "
        "Only with a certificate that browsers trust: with any other they refuse the pages.",
        unit="days",
        low=0,
        high=730,
        label="HSTS",
    ),
)
