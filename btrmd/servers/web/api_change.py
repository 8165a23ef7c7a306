"""The API that changes: logging in and out, settings, tests, alarms and the password."""

from __future__ import annotations

from typing import Final

from flask import Response, g, request

from btrmd.model.commands import (
    AckAlarm,
    Answer,
    CapacityCheck,
    ChangeSettings,
    ResetData,
    StartTest,
    StopTest,
)
from btrmd.model.errors import SettingError
from btrmd.model.settings import find_setting

from ..replacement import RATED, TYPE, replace_battery
from .accounts import STATUS, LoginRefusal
from .answers import answer_json, refuse
from .bodies import BodyError, fields, flag, json_object, refuse_field
from .cookies import DEVICE_COOKIE, drop_session, keep_session
from .roles import Role
from .routes import Route, RouteAccess
from .services import USERS_KEY, Services, source
from .sessions import WebSession

MAX_DELAY_H: Final = 500
TYPES: Final = {"1": "1", "2": "2", 1: "1", 2: "2", None: None}
BUSY_RETRY_S: Final = 1
_BATTERY: Final = {"rated_ah": RATED, "type": TYPE}  # field -> setting


class ChangeApi:
    """Views that send a command, or open and close a session. The gate has let them pass."""

    def __init__(self, services: Services) -> None:
        self._services = services

    # --- who ----------------------------------------------------------------------------------

    def log_in(self) -> Response:
        body = json_object(request)
        fields(body, "username", "password")
        opened = self._services.accounts.log_in(
            body.get("username"),
            body.get("password"),
            request.remote_addr or "",
            request.cookies.get(DEVICE_COOKIE),
        )
        if isinstance(opened, LoginRefusal):
            return _refuse_login(opened)
        if g.session is not None:
            self._services.sessions.close(g.session)
        answer: dict[str, object] = {"csrf": opened.csrf}
        if opened.is_factory:
            answer["set_password"] = True
        return keep_session(answer_json(answer), opened)

    def log_out(self) -> Response:
        self._services.sessions.close(g.session)
        return drop_session(answer_json({}))

    def set_password(self) -> Response:
        body = json_object(request)
        fields(body, "password", "current")
        session: WebSession = g.session
        changed = self._services.accounts.set_password(
            session, body.get("password"), body.get("current"), request.remote_addr or ""
        )
        if isinstance(changed, LoginRefusal):
            return _refuse_login(changed)
        g.session = changed
        self._services.note(USERS_KEY, f"The password of {changed.user} was set.")
        return keep_session(answer_json({"csrf": changed.csrf}), changed)

    # --- what ---------------------------------------------------------------------------------

    def change_settings(self) -> Response:
        body = json_object(request)
        if not body:
            raise BodyError(422, "empty", "There is no setting in the body.")
        answer = self._services.bus.submit(ChangeSettings(body, source()))
        if answer.ok:
            return answer_json({"changed": list(body)})
        return _refuse_setting(answer, body)

    def start_test(self) -> Response:
        body = json_object(request)
        fields(body, "type", "delay_h")
        kind, delay = body.get("type"), body.get("delay_h", 0)
        if isinstance(kind, bool | float) or kind not in TYPES:
            refuse_field("type", kind, "1 or 2")
        answer = self._services.bus.submit(StartTest(TYPES[kind], _hours(delay), source()))
        if not answer.ok:
            return _refuse_command(answer)
        return answer_json({"n": answer.data.get("n")}, 201)

    def stop_test(self) -> Response:
        fields(json_object(request))
        return self._command(StopTest(source()))

    def acknowledge(self, key: str) -> Response:
        fields(json_object(request))
        return self._command(AckAlarm(key, source()))

    def check_capacity(self) -> Response:
        body = json_object(request)
        fields(body, "low")
        return self._command(CapacityCheck(flag(body, "low"), source()))

    def reset_data(self) -> Response:
        body = json_object(request)
        fields(body, "settings")
        return self._command(ResetData(flag(body, "settings", default=False), source()))

    def battery_replaced(self) -> Response:
        body = json_object(request)
        fields(body, *_BATTERY)
        changes = {key: body[name] for name, key in _BATTERY.items() if name in body}
        settings = self._services.bus.snapshot.settings
        try:
            answer = replace_battery(self._services.bus.submit, settings, changes, source())
        except SettingError as error:
            names = {key: name for name, key in _BATTERY.items()}
            facts = {"key": names[error.key], "value": error.value, "allowed": error.allowed}
            return refuse(422, "range", str(error), facts=facts)
        return answer_json({}) if answer.ok else _refuse_command(answer)

    def _command(self, command: StopTest | AckAlarm | CapacityCheck | ResetData) -> Response:
        answer = self._services.bus.submit(command)
        return answer_json({}) if answer.ok else _refuse_command(answer)


def _hours(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_DELAY_H:
        return float(value)
    refuse_field("delay_h", value, f"0..{MAX_DELAY_H} h")


def _refuse_login(refusal: LoginRefusal) -> Response:
    status = STATUS[refusal.code]
    if refusal.code == "password":
        key = "current" if "(current)" in refusal.text else "password"
        facts = {"key": key, "value": None, "allowed": "8..128 characters"}
        return refuse(status, "password", refusal.text, facts=facts)
    retry = refusal.retry_after_s if status in (401, 429, 503) else None
    return refuse(status, refusal.code, refusal.text, retry)


def _refuse_setting(answer: Answer, body: dict[str, object]) -> Response:
    if answer.code == "busy":
        return refuse(503, "busy", answer.text, BUSY_RETRY_S)
    key = answer.data.get("key", next(iter(body)))
    value: object = answer.data.get("value", body.get(str(key)))
    if _is_secret(str(key)):
        value = None
    facts = {"key": key, "value": value, "allowed": answer.data.get("allowed", answer.text)}
    return refuse(422, answer.code, answer.text, facts=facts)


def _is_secret(key: str) -> bool:
    try:
        return find_setting(key).secret
    except SettingError:
        return False


def _refuse_command(answer: Answer) -> Response:
    if answer.code == "busy":
        return refuse(503, "busy", answer.text, BUSY_RETRY_S)
    return refuse(404 if answer.code == "unknown" else 409, answer.code, answer.text)


def change_routes(services: Services) -> list[Route]:
    """The changing half of the API."""
    api = ChangeApi(services)
    v1 = "/api/v1"
    change = RouteAccess.CHANGE
    refused = (409, "Refused; reason is one sentence.")
    field = (422, "A field is refused; the answer names key, value and what is allowed.")
    wait = (429, "Too many wrong passwords; Retry-After says how long to wait.")
    return [
        Route(
            "POST",
            f"{v1}/login",
            api.log_in,
            RouteAccess.PUBLIC,
            "Log in: sets the cookie btrm_session",
            "LoggedIn",
            "Login",
            answers=((401, "Wrong user name or password."), wait),
        ),
        Route("POST", f"{v1}/logout", api.log_out, RouteAccess.LEAVE, "Log out", "Empty"),
        Route(
            "POST",
            f"{v1}/password",
            api.set_password,
            RouteAccess.PASSWORD,
            "Set the password; current is not needed under the factory login",
            "LoggedIn",
            "Password",
            answers=(field, wait),
        ),
        Route(
            "PATCH",
            f"{v1}/settings",
            api.change_settings,
            change,
            "Change settings, all or none",
            "Changed",
            "Settings",
            answers=(field,),
            role=Role.ADMIN,
        ),
        Route(
            "POST",
            f"{v1}/tests",
            api.start_test,
            change,
            "Start a capacity test",
            "Started",
            "StartTest",
            answers=(refused, field),
            role=Role.OPERATOR,
        ),
        Route(
            "POST",
            f"{v1}/tests/current/stop",
            api.stop_test,
            change,
            "Stop the test, or cancel the delayed start",
            "Empty",
            answers=(refused,),
            role=Role.OPERATOR,
        ),
        Route(
            "POST",
            f"{v1}/alarms/<key>/ack",
            api.acknowledge,
            change,
            "Acknowledge an alarm",
            "Empty",
            answers=((404, "There is no such alarm."), refused),
            role=Role.OPERATOR,
        ),
        Route(
            "POST",
            f"{v1}/capacity-check",
            api.check_capacity,
            change,
            "Capacity IO Check: force the capacity low, or back to nominal",
            "Empty",
            "CapacityCheck",
            answers=(refused, field),
            role=Role.OPERATOR,
        ),
        Route(
            "POST",
            f"{v1}/reset-data",
            api.reset_data,
            change,
            "Clear the battery test data, and the battery test settings too if asked",
            "Empty",
            "ResetData",
            answers=(refused, field),
            role=Role.ADMIN,
        ),
        Route(
            "POST",
            f"{v1}/battery/replaced",
            api.battery_replaced,
            change,
            "Another battery was put in: earlier discharges are kept and count no more",
            "Empty",
            "BatteryReplaced",
            answers=(refused, field),
            role=Role.ADMIN,
        ),
    ]
