"""The settings of the SNMP Configuration page (manual 10.2, 10.3)."""

from __future__ import annotations

from typing import Final

from .setting import Section, Setting

SNMP: Final = "SNMP Configuration"

COMMUNITY: Final = 15  # manual 10.2; the MIB's 7 is overruled (C30)


AUTH_PROTOCOLS: Final = ("sha224", "sha256", "sha384", "sha512")  # RFC 7860; no MD5, no SHA-1
PRIV_PROTOCOLS: Final = ("none", "aes128", "aes192", "aes256")
RECEIVER_KINDS: Final = ("trap_v1", "trap_v2c", "inform_v2c", "trap_v3", "inform_v3")
V3_ROLES: Final = ("read", "write")  # whom the agent answers
USER_ROLES: Final = {"read": "read", "write": "write", "notify": "notification"}
MAY: Final = {"read": "read", "write": "read and write"}
READ_COMMUNITIES: Final = ("snmp.read1", "snmp.read2", "snmp.read3")
WRITE_COMMUNITIES: Final = ("snmp.write1", "snmp.write2", "snmp.write3")
TRAP_ROWS: Final = (0, 1)  # the manual's walk and help page: receivers 0 and 1 (C33)
# Secrets that a form shows as dots: which of the three are in use is seen, and one is emptied.
COMMUNITIES: Final = frozenset(
    (*READ_COMMUNITIES, *WRITE_COMMUNITIES, *(f"snmp.trap{row}.community" for row in TRAP_ROWS))
)


def _community(key: str, default: str, access: str, label: str) -> Setting:
    return Setting(
        key,
        "text",
        default,
        f"Community that may {access}; empty = disabled.",
        max_length=COMMUNITY,
        secret=True,
        page=SNMP,
        group="Communities",
        label=label,
    )


def _receiver(row: int) -> tuple[Setting, ...]:
    """One row of trapTable (manual 10.3, 11.4; C33)."""
    section = Section(SNMP, f"Trap receiver {row}")
    return (
        section.setting(
            f"snmp.trap{row}.enabled",
            "bool",
            False,
            "Send notifications to this receiver.",
            label="Enabled",
        ),
        section.setting(
            f"snmp.trap{row}.address",
            "text",
            "0.0.0.0",
            "Name or address of the receiver; 0.0.0.0 = none. The MIB can show an IPv4 address "
            "only, and shows any other as 0.0.0.0.",
            max_length=64,
            format="host",
            label="IP Address",
        ),
        section.setting(
            f"snmp.trap{row}.community",
            "text",
            "",
            "Community the notification carries; may be empty.",
            max_length=COMMUNITY,
            secret=True,
            label="Community",
        ),
        section.port(f"snmp.trap{row}.port", 162, "UDP port of the receiver."),
        section.setting(
            f"snmp.trap{row}.kind",
            "enum",
            "trap_v2c",
            "What is sent; an inform is repeated until the receiver has confirmed it. SNMPv3 is"
            " sent as the SNMPv3 notification user.",
            choices=RECEIVER_KINDS,
            choice_labels=(
                "SNMPv1 trap",
                "SNMPv2c trap",
                "SNMPv2c inform",
                "SNMPv3 trap",
                "SNMPv3 inform",
            ),
            label="Kind",
        ),
    )


def _switch(key: str, default: bool, text: str, label: str) -> Setting:
    return Setting(key, "bool", default, text, page=SNMP, group="Versions", label=label)


def _user(role: str) -> tuple[Setting, ...]:
    """One user of SNMPv3 (R143): SHA-2 authentication, AES privacy."""
    section = Section(SNMP, f"SNMPv3 {USER_ROLES[role]} user")
    who = f"who may {MAY[role]}" if role in MAY else "that SNMPv3 notifications are sent as"

    def text(name: str, words: str, label: str, **more: object) -> Setting:
        return section.setting(
            f"snmp.v3.{role}_{name}", "text", "", words, label=label,
            **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def choice(
        name: str, default: str, words: str, label: str, choices: tuple[str, ...]
    ) -> Setting:
        return section.setting(
            f"snmp.v3.{role}_{name}", "enum", default, words, choices=choices, label=label,
        )  # fmt: skip

    return (
        text("user", f"Name of the user {who}; empty = none.", "User", max_length=32),
        choice("auth", "sha256", "How messages are authenticated.", "Authentication",
               AUTH_PROTOCOLS),
        text("auth_password", "Passphrase of the authentication.", "Authentication Password",
             max_length=64, format="passphrase", secret=True),
        choice("priv", "aes128", "How messages are encrypted.", "Privacy", PRIV_PROTOCOLS),
        text("priv_password", "Passphrase of the encryption.", "Privacy Password",
             max_length=64, format="passphrase", secret=True),
    )  # fmt: skip


SNMP_SETTINGS: Final = (
    _community("snmp.read1", "public", "read", "Read Comm1"),
    _community("snmp.read2", "read", "read", "Read Comm2"),
    _community("snmp.read3", "", "read", "Read Comm3"),
    _community("snmp.write1", "", "read and write", "Write Comm1"),
    _community("snmp.write2", "", "read and write", "Write Comm2"),
    _community("snmp.write3", "", "read and write", "Write Comm3"),
    *(setting for row in TRAP_ROWS for setting in _receiver(row)),
    _switch("snmp.v1_enabled", True, "Answer SNMPv1.", "SNMPv1"),
    _switch("snmp.v2c_enabled", True, "Answer SNMPv2c.", "SNMPv2c"),
    _switch("snmp.v3.enabled", False, "Answer SNMPv3 users.", "SNMPv3"),
    Setting(
        "snmp.ups_calibration",
        "bool",
        False,
        "Show a capacity test to UPS software as a battery calibration instead of a battery test."
        " With NUT 2.8.0 and 2.8.1 a host that has seen one never shuts down again.",
        page=SNMP,
        group="UPS-MIB",
        label="Tests are calibrations",
    ),
    *_user("read"),
    *_user("write"),
    *_user("notify"),
    Setting(
        "site.name",
        "text",
        "BTRM",
        "Name of the unit; stands in notifications and in sysName.",
        max_length=63,
        page=SNMP,
        group="System group",
        label="Name",
    ),
)
