"""The one root of every error btrmd raises on purpose."""


class BtrmError(Exception):
    """Base class: its text is one sentence a person at the site can act on."""


class SettingError(BtrmError, ValueError):
    """A setting was refused.

    Attributes: `key`, `value` (as it was given), `allowed` (the allowed range in words), `why`
    (what exactly is wrong, where the range alone does not tell; else empty).
    """

    def __init__(
        self, key: str, value: object, allowed: str, text: str | None = None, why: str = ""
    ) -> None:
        self.key = key
        self.value = value
        self.allowed = allowed
        self.why = why
        super().__init__(text or f"{key} = {value!r} is refused: allowed is {allowed}.")


class ConfigError(BtrmError, ValueError):
    """A hand-written file is wrong; the text names file, key, value and what is allowed."""


class DataError(BtrmError, ValueError):
    """A data file (CSV, scenario) is wrong; the text names file, line and what was expected."""


class BusError(BtrmError, OSError):
    """An I2C transfer failed after its retries."""


class BusyError(BtrmError, RuntimeError):
    """The owner's inbox is full or did not answer in time."""


def format_error(error: BaseException) -> str:
    """An error in words for people: what the system says of it and of which file, no number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def sentence_of(error: BaseException) -> str:
    """The same with one full stop, to end a sentence with."""
    return f"{format_error(error).rstrip('.')}."
