"""The settings: one immutable, validated set of values, read by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from .block_taps import TAPS, check_taps, tap_choices
from .errors import SettingError
from .setting import Setting, SettingValue, decode_value, format_setting
from .setting_battery import TYPE2_MINIMUM_MV
from .setting_format import FORMATS
from .setting_table import (
    GATEWAY,
    MAIL,
    NO_GATEWAY,
    SETTINGS,
    check_relations,
    loses_gateway,
    placeholder_of,
)
from .site import Site

__all__ = [
    "SETTINGS",
    "Setting",
    "SettingValue",
    "Settings",
    "allowed_choices",
    "allowed_limits",
    "allowed_text",
    "find_setting",
    "format_setting",
    "parse_value",
]

_VOLTAGE = "system.voltage"
_TYPE2 = "test.type2_minimum_mv"
_TYPICAL_PARITY: Mapping[SettingValue, str] = {"modbus": "even", "dnp3": "none"}  # manual 10


class Settings(Mapping[str, SettingValue]):
    """Every setting that is kept in a file, by key; live ones (test.next_h) are not among them.

    Values are bool, int, float, str or None as their declaration says. A change makes a new
    object; the old one stays as it was.
    """

    __slots__ = ("_overrides", "_values", "site")

    site: Site

    def __init__(
        self, values: Mapping[str, SettingValue], site: Site, overrides: Mapping[str, SettingValue]
    ) -> None:
        """Use `defaults()` and `with_changes()`: here nothing is checked."""
        self._values = MappingProxyType(dict(values))
        self._overrides = MappingProxyType(dict(overrides))
        self.site = site

    @classmethod
    def defaults(cls, site: Site | None = None, overrides: Mapping[str, object] = {}) -> Settings:
        """The declared defaults, then `overrides` (`[defaults]` of the site file, dotted keys).

        Raises SettingError when an override is refused.
        """
        site = site or Site()
        values = {key: setting.default for key, setting in SETTINGS.items() if not setting.live}
        if site.authorization_off:
            values["web.authorization"] = "off"
        changed = cls(values, site, {})._with(overrides)
        parsed = {key: changed[key] for key in overrides if key in changed}
        parsed.update(changed.live_changes(overrides))
        return cls(changed, site, parsed)

    def __getitem__(self, key: str) -> SettingValue:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Settings):
            return self._values == other._values and self.site == other.site
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Without secrets: this ends up in logs and tracebacks."""
        return f"Settings({self.public()!r})"

    # --- typed reading -----------------------------------------------------------------------

    def flag(self, key: str) -> bool:
        """A bool setting."""
        return self._values[key] is True

    def integer(self, key: str) -> int:
        """An int setting, or an enum of ints."""
        value = self._values[key]
        if isinstance(value, int):
            return int(value)
        raise TypeError(f"{key} is not an integer setting.")

    def number(self, key: str) -> float | None:
        """An int or float setting; None where an optional one is not set."""
        value = self._values[key]
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise TypeError(f"{key} is not a number.")

    def text(self, key: str) -> str:
        """A text setting, or an enum of texts."""
        value = self._values[key]
        if isinstance(value, str):
            return value
        raise TypeError(f"{key} is not a text setting.")

    @property
    def blocks(self) -> int:
        """12 V blocks in series, 1..4."""
        return self.integer(_VOLTAGE) // 12

    # --- changing ----------------------------------------------------------------------------

    def with_changes(self, raw: Mapping[str, object]) -> Settings:
        """These settings with the raw changes, all or none; live keys are checked and left out.

        Raises SettingError on the first unknown key or refused value, and for values that cannot
        be together.
        """
        changed = self._with(raw)
        check_relations(changed, raw)
        return changed

    def _with(self, raw: Mapping[str, object]) -> Settings:
        """The same, without a look at how they go together."""
        if not raw:
            return self
        for key, value in raw.items():
            find_setting(key, value)
        # The system voltage first: it decides which Type 2 minimum is allowed.
        base = self
        if _VOLTAGE in raw:
            voltage = parse_value(_VOLTAGE, raw[_VOLTAGE], self)
            if not self._has(_VOLTAGE, voltage):
                values = {**self._values, _VOLTAGE: voltage}
                base = Settings(values, self.site, self._overrides)
        made = {}
        for key, value in raw.items():
            parsed = parse_value(key, value, base)
            if not SETTINGS[key].live and not base._has(key, parsed):
                made[key] = parsed
        # What is written as it is already, as masters do, copies no table: the checks stay.
        changed = base
        if made:
            changed = Settings({**base._values, **made}, self.site, self._overrides)
        moved = _followers(self, changed, raw)
        if moved:
            changed = Settings({**changed._values, **moved}, self.site, self._overrides)
        check_taps(changed._values, raw)
        return changed

    def _has(self, key: str, value: SettingValue) -> bool:
        """Whether `key` has this very value: 1, 1.0 and True are three."""
        old = self._values[key]
        return old is value or (type(old) is type(value) and old == value)

    def followers(self, raw: Mapping[str, object]) -> tuple[str, ...]:
        """The keys that move along with the changes `raw`, though nobody names them."""
        try:
            moved = self._with(raw).differing(self)
        except SettingError:
            return ()
        return tuple(key for key in moved if key not in raw)

    def live_changes(self, raw: Mapping[str, object]) -> dict[str, SettingValue]:
        """The checked values of the live keys in `raw`; raises SettingError."""
        return {
            key: parse_value(key, value, self)
            for key, value in raw.items()
            if find_setting(key, value).live
        }

    def restored(self, raw: Mapping[str, object]) -> tuple[Settings, list[SettingError]]:
        """These settings with whatever is good in `raw` (a stored file), and why the rest is not.

        A stored web.authorization is passed over in silence where the site file fixes it.
        """
        fixed = "web.authorization" if self.site.authorization_off else ""
        raw = {key: value for key, value in raw.items() if key != fixed}
        try:
            return self._with(raw), []  # together: what is named does not follow another setting
        except SettingError:
            pass
        restored, errors = self, []
        good: dict[str, object] = {}
        # The voltage first, so that a stored Type 2 minimum is judged by the stored voltage.
        for key in sorted(raw, key=_restore_order):
            try:
                restored = self._with({**good, key: raw[key]})
            except SettingError as error:
                errors.append(error)
            else:
                good[key] = raw[key]
        return restored, errors

    def default(self, key: str) -> SettingValue:
        """The default of `key` at the present system voltage, the site file's own one first."""
        setting = find_setting(key, None)
        if key == "web.authorization" and self.site.authorization_off:
            return "off"
        if key in self._overrides:
            try:
                return parse_value(key, self._overrides[key], self)
            except SettingError:
                pass  # the site file's Type 2 minimum belongs to another system voltage
        return TYPE2_MINIMUM_MV[self.integer(_VOLTAGE)][2] if key == _TYPE2 else setting.default

    def site_default(self, key: str) -> SettingValue:
        """What the site file says of `key`; None where it says nothing."""
        return self.default(key) if key in self._overrides else None

    def with_defaults(self, keys: tuple[str, ...]) -> Settings:
        """These settings with `keys` at their defaults (resets, C21); live ones are passed over."""
        # The voltage first: it decides the default of the Type 2 minimum.
        base = self
        if _VOLTAGE in keys:
            base = self._with({_VOLTAGE: self.default(_VOLTAGE)})
        return base._with(
            {key: base.default(key) for key in keys if not find_setting(key, None).live}
        )

    def differing(self, other: Settings) -> tuple[str, ...]:
        """Keys whose values differ, in the order of the table."""
        if other is self:
            return ()
        others = other._values
        # most values are the very same objects: a change copies the table and puts few anew
        return tuple(
            key
            for key, value in self._values.items()
            if value is not others[key] and value != others[key]
        )

    def public(self) -> dict[str, SettingValue]:
        """All values, secrets as None."""
        return {key: None if SETTINGS[key].secret else value for key, value in self._values.items()}


def find_setting(key: str, value: object = None) -> Setting:
    """The declaration of `key`. Raises SettingError for an unknown one, with the closest known."""
    setting = SETTINGS.get(key)
    if setting is not None:
        return setting
    shown = repr(key if len(str(key)) <= 60 else f"{str(key)[:60]}...")
    near = get_close_matches(str(key)[:60], SETTINGS, n=1)
    hint = f"did you mean {near[0]}?" if near else "btrmd get lists them all."
    allowed = f"a setting such as {near[0]}" if near else "a setting that btrmd get lists"
    raise SettingError(key, value, allowed, f"{shown} is not a setting; {hint}")


def parse_value(key: str, raw: object, settings: Settings) -> SettingValue:
    """`raw` (typed, or text of the command line) as the value of `key` under `settings`.

    Raises SettingError with key, value and what is allowed under the present model, site file and
    system voltage.
    """
    setting = find_setting(key, raw)
    low, high = allowed_limits(setting, settings)
    choices = allowed_choices(setting, settings)
    return decode_value(setting, raw, lambda: allowed_text(key, settings), choices, low, high)


def allowed_text(key: str, settings: Settings) -> str:
    """What `key` accepts now, in words: "0..500 h", "12 or 24 V", "true or false"."""
    setting = find_setting(key)
    unit = f" {setting.unit}" if setting.unit else ""
    none = "none or " if setting.optional else ""
    if setting.kind == "bool":
        return "true or false"
    if setting.kind == "enum":
        text = _choices_text(allowed_choices(setting, settings))
        if key in TAPS and text == "none":
            return f"none at {settings[_VOLTAGE]} V: its blocks have no such tap"
        if key == _VOLTAGE and settings.site.model == "300":
            return f"{text}{unit} on the BTRM300"
        if key == "web.authorization":
            fixed = settings.site.authorization_off
            return f"{text}, which the site file fixes" if fixed else text
        return f"{text}{unit}"
    if setting.kind in ("int", "float"):
        low, high = allowed_limits(setting, settings)
        whole = " (whole number)" if setting.kind == "int" else ""
        at = f" at {settings[_VOLTAGE]} V" if key == _TYPE2 else ""
        return f"{none}{low:g}..{high:g}{unit}{at}{whole}"
    most = f"at most {setting.max_length} characters without control characters"
    if setting.format:
        empty = "empty or " if setting.allows_empty else ""
        form = FORMATS[setting.format]
        length = "" if form.has_length else f", at most {setting.max_length} characters"
        return f"{empty}{form.allowed}{length}"
    return most


def allowed_choices(setting: Setting, settings: Settings) -> tuple[int | str, ...]:
    """The choices of an enum that model and site file leave."""
    if setting.key == _VOLTAGE:
        return settings.site.voltages
    if setting.key in TAPS:
        return tap_choices(setting.key, settings.blocks)
    if setting.key == "io2.config" and not settings.site.ch2_output:
        return setting.choices[:3]
    if setting.key == "web.authorization":
        return ("off",) if settings.site.authorization_off else ("writes", "all")
    return setting.choices


def allowed_limits(setting: Setting, settings: Settings) -> tuple[float | None, float | None]:
    """The inclusive limits of an int or float at the present system voltage."""
    if setting.key == _TYPE2:
        low, high, _ = TYPE2_MINIMUM_MV[settings.integer(_VOLTAGE)]
        return low, high
    return setting.low, setting.high


def _followers(old: Settings, new: Settings, raw: Mapping[str, object]) -> dict[str, SettingValue]:
    """Settings that move because another one did and nobody said otherwise."""
    loses = GATEWAY not in raw and loses_gateway(new, raw)
    moved: dict[str, SettingValue] = {GATEWAY: NO_GATEWAY} if loses else {}
    if new is old:  # nothing that the others follow has moved
        return moved
    low, high, _ = TYPE2_MINIMUM_MV[new.integer(_VOLTAGE)]
    if _TYPE2 not in raw and not low <= new.integer(_TYPE2) <= high:
        moved[_TYPE2] = new.default(_TYPE2)
    moved.update({key: "none" for key in TAPS if new[key] not in tap_choices(key, new.blocks)})
    if "email.enabled" not in raw and _gets_mail(old, new):
        moved["email.enabled"] = True
    protocol = new["serial.protocol"]
    if "serial.parity" not in raw and protocol != old["serial.protocol"]:
        moved["serial.parity"] = _TYPICAL_PARITY.get(protocol, new["serial.parity"])
    return moved


def _gets_mail(old: Settings, new: Settings) -> bool:
    """Whether this change has made mail possible: server and recipient are no longer the
    placeholders of the factory. Whoever enters them wants mail; whoever has switched it off, and
    enters another recipient, is not overruled."""
    is_touched = any(old[key] != new[key] for key in MAIL)
    return is_touched and bool(placeholder_of(old)) and not placeholder_of(new)


def _choices_text(choices: tuple[int | str, ...]) -> str:
    """The choices in words: "1 or 2", "0..4", "none, starttls or tls"."""
    words = [str(choice) for choice in choices]
    if len(choices) > 2 and choices == tuple(range(len(choices))):
        return f"{words[0]}..{words[-1]}"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _restore_order(key: str) -> tuple[bool, str]:
    """What others follow comes first."""
    return (key not in (_VOLTAGE, "serial.protocol"), key)
