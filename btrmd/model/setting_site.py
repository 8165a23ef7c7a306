"""The settings of the E-Mail, Network, Authorization and HTTPS pages (manual 9.3, 9.5, 10.4)."""

from __future__ import annotations

from typing import Final

from .origins import MAX_LENGTH as MOST_ORIGINS
from .setting import Setting

EMAIL: Final = "E-Mail Configuration"
NETWORK: Final = "Network Configuration"
AUTHORIZATION: Final = "Authorization"
HTTPS: Final = "HTTPS"

EMAIL_SETTINGS: Final = (
    Setting(
        "site.contact",
        "text",
        "BTRM Contact",
        "Whom to contact in an alarm; stands in mail, in notifications and in sysContact.",
        max_length=22,
        page=EMAIL,
        group="Site",
        label="Contact",
    ),
    Setting(
        "site.location",
        "text",
        "BTRM Location",
        "Where the unit is; stands in mail, in notifications, in sysLocation and on every page.",
        max_length=22,
        page=EMAIL,
        group="Site",
        label="Location",
    ),
    Setting(
        "site.timezone",
        "text",
        "",
        "Time zone of the site: pages, reports, mails and CSV files then show its time beside UTC; "
        "protocols, JSON and the test window stay in UTC. Empty = UTC only.",
        max_length=48,
        format="timezone",
        page=EMAIL,
        group="Site",
        label="Time Zone",
    ),
    Setting(
        "email.enabled",
        "bool",
        False,
        "Send alarms by e-mail; needs a server and an address.",
        page=EMAIL,
        group="Mail server",
        label="Enable",
    ),
    Setting(
        "email.server",
        "text",
        "smtp.xxx.com",
        "Name or address of the outgoing mail server.",
        max_length=64,
        format="host",
        page=EMAIL,
        group="Mail server",
        label="Server Addr",
    ),
    Setting(
        "email.port",
        "int",
        25,
        "Port of the mail server: 25, 587 with STARTTLS, 465 with TLS as a rule.",
        low=1,
        high=65535,
        page=EMAIL,
        group="Mail server",
        label="Port",
    ),
    Setting(
        "email.security",
        "enum",
        "none",
        "How the connection is protected.",
        choices=("none", "starttls", "tls"),
        choice_labels=("None", "STARTTLS", "TLS (SSL)"),
        page=EMAIL,
        group="Mail server",
        label="SSL",
    ),
    Setting(
        "email.ca_file",
        "text",
        "",
        "PEM file of the authority that signed the server's certificate; empty = the system's.",
        max_length=255,
        format="path",
        page=EMAIL,
        group="Mail server",
        label="CA file",
    ),
    Setting(
        "email.user",
        "text",
        "",
        "User name at the mail server; empty = no login.",
        max_length=64,
        page=EMAIL,
        group="Mail server",
        label="User name",
    ),
    Setting(
        "email.password",
        "text",
        "",
        "Password at the mail server.",
        max_length=128,
        secret=True,
        page=EMAIL,
        group="Mail server",
        label="Password",
    ),
    Setting(
        "email.from",
        "text",
        "",
        "Sender's address; empty = the first destination address.",
        max_length=64,
        format="email",
        page=EMAIL,
        group="Addresses",
        label="From",
    ),
    Setting(
        "email.to",
        "text",
        "email@xxx.com",
        "Destination address; several are separated by commas, each at most 32 characters.",
        max_length=263,
        format="email_list",
        page=EMAIL,
        group="Addresses",
        label="Email Addr",
    ),
)

NETWORK_SETTINGS: Final = (
    Setting(
        "network.mac",
        "text",
        "",
        "MAC address; empty = the board's own.",
        max_length=17,
        format="mac",
        page=NETWORK,
        label="MAC Address",
    ),
    Setting(
        "network.host_name",
        "text",
        "BTRM",
        "Name that can be used in place of the address.",
        max_length=63,
        format="hostname",
        page=NETWORK,
        label="Host Name",
    ),
    Setting(
        "network.method",
        "enum",
        "static",
        "Where the address comes from; with DHCP the five fields below are not used.",
        choices=("static", "dhcp"),
        choice_labels=("Static", "DHCP"),
        page=NETWORK,
        label="Addressing",
    ),
    Setting(
        "network.address",
        "text",
        "192.168.1.214",
        "IP address of the unit.",
        max_length=15,
        format="ip",
        page=NETWORK,
        label="IP Address",
    ),
    Setting(
        "network.gateway",
        "text",
        "192.168.1.1",
        "Gateway; 0.0.0.0 = none.",
        max_length=15,
        format="ip",
        page=NETWORK,
        label="Gateway",
    ),
    Setting(
        "network.mask",
        "text",
        "255.255.255.0",
        "Subnet mask.",
        max_length=15,
        format="ip",
        page=NETWORK,
        label="Subnet Mask",
    ),
    Setting(
        "network.dns1",
        "text",
        "192.168.1.1",
        "First name server; 0.0.0.0 = none.",
        max_length=15,
        format="ip",
        page=NETWORK,
        label="Primary DNS",
    ),
    Setting(
        "network.dns2",
        "text",
        "0.0.0.0",
        "Second name server; 0.0.0.0 = none.",
        max_length=15,
        format="ip",
        page=NETWORK,
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
        max_length=MOST_ORIGINS,
        format="origin_list",
        page="Integrations",
        group="Wall of Many Units",
        label="Origins That May Read",
    ),
)

HTTPS_SETTINGS: Final = (
    Setting(
        "web.http",
        "enum",
        "on",
        "What plain HTTP does while HTTPS is open: on = the same as HTTPS, redirect = sends "
        "browsers to HTTPS and refuses changes, off = the port is closed.",
        choices=("on", "redirect", "off"),
        choice_labels=("Works too", "Leads to HTTPS", "Closed"),
        page=HTTPS,
        group="Plain HTTP",
        label="HTTP",
    ),
    Setting(
        "web.hsts_days",
        "int",
        0,
        "How long browsers are told to use nothing but HTTPS here (HSTS); 0 = they are not told. "
        "Only with a certificate that browsers trust: with any other they refuse the pages.",
        unit="days",
        low=0,
        high=730,
        page=HTTPS,
        group="Plain HTTP",
        label="HSTS",
    ),
)
