"""The station: every part of the daemon, wired together."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from threading import Thread
from typing import TYPE_CHECKING

from ..appliance.client import make_client
from ..appliance.slot import Slot
from ..bus import Bus
from ..clock import Clock, RealClock, SimClock
from ..core.state import State
from ..hal.board import HatBoard
from ..hal.calibration import Calibration
from ..hal.config import OPENED, HardwareConfig, find_hardware_file, load_hardware
from ..model.alarms import HISTORY_LOST, SETTINGS_LOST
from ..model.commands import Note, NoteLoss
from ..model.errors import BtrmError, BusyError, SettingError
from ..model.service import Service
from ..model.settings import Settings
from ..model.value_text import CLOCK_SANE_S
from ..net import split_address
from ..notify.mail.sender import MailSender
from ..notify.mail.tester import MailTester
from ..notify.mqtt.publisher import MqttPublisher
from ..notify.notifier import Notifier
from ..notify.syslog.sender import SyslogSender
from ..notify.traps.sender import TrapSender
from ..notify.webhook.sender import WebhookSender
from ..owner.loop import Owner
from ..owner.setting_changes import SettingChanges
from ..owner.sim_speed import SimSpeed
from ..paths import RUN_DIR
from ..run_options import RunOptions
from ..servers.control import ControlServer
from ..servers.control_verbs import ControlExtras
from ..servers.fieldbus.listener_config import FieldbusOptions, SerialLine
from ..servers.fieldbus.service import Fieldbus
from ..servers.nut.server import NutServer
from ..servers.snmp.server import SnmpServer
from ..snmp.engine import SnmpEngine
from ..store.atomic import write_atomic
from ..store.history_db import HistoryDb
from ..store.json_file import JsonFile
from ..store.provision_file import ProvisionFile
from ..store.settings_file import SettingsFile
from ..store.writer import Writer
from .accounts_file import AccountsFile, TokensFile
from .appliance_service import ApplianceService
from .cursors import Cursors
from .known_file import KnownFile
from .memory_trim import drop_references
from .memory_watch import MemoryWatch
from .ready import Readiness
from .recovery import (
    first_snapshot,
    history_loss,
    identity,
    recovered_state,
    refused_events,
    settings_loss,
    store_closed,
)
from .systemd import Supervisor
from .tls_file import TlsFile
from .unit_serial import unit_id, unit_serial

if TYPE_CHECKING:
    from ..hal.sim.world import World
    from ..servers.web.server import WebServer

log = logging.getLogger(__name__)

PROVISION_KEY = "settings.provision"
FINDINGS_EVERY_S = 0.95  # between two looks for findings: an idle station publishes once a second


class Station:
    """Built on the main thread with the state folder locked. Raises BtrmError when it cannot."""

    def __init__(self, options: RunOptions, supervisor: Supervisor) -> None:
        self._stack = ExitStack()
        self._options = options
        try:
            self._build(options, supervisor)
        except BaseException:
            self._stack.close()
            raise

    def _build(self, options: RunOptions, supervisor: Supervisor) -> None:
        """In this order: what is closed last is opened first."""
        settings = self._open_files(options)
        self._open_board(options, settings.blocks)
        state = self._open_history(options, settings)
        self._readiness = Readiness(self.bus, options.run_dir, supervisor)
        self._make_owner(settings, state)
        self._cursors = Cursors(options.state_dir)
        self._static_faults += [self._cursors.fault] if self._cursors.fault else []
        self._make_services(options, settings)

    def _open_files(self, options: RunOptions) -> Settings:
        """What people have set; a file that is not understood is a fault and ends nothing."""
        config_dir, state_dir = options.config_dir, options.state_dir
        self._settings_file = SettingsFile(config_dir)
        loaded = self._settings_file.load()
        self._hardware_file = find_hardware_file(config_dir)
        self._hardware = load_hardware(self._hardware_file)
        self._calibration_file = JsonFile(config_dir / "calibration.json")
        self._calibration, fault = self._load_calibration()
        logins = JsonFile(config_dir / "auth.json")
        self.accounts = AccountsFile(logins)
        machines = JsonFile(config_dir / "tokens.json")
        self._tokens = TokensFile(machines)
        damaged = (file.load().fault for file in (logins, machines))
        self._static_faults = [*loaded.faults, *fault, *filter(None, damaged)]
        self._provision = ProvisionFile(state_dir)
        if (provision := self._provision.load()).is_fault:
            self._static_faults.append(provision.text)
        self.serial = unit_serial(state_dir, options.simulate)
        return loaded.settings

    def _open_board(self, options: RunOptions, blocks: int) -> None:
        """The HAT, or the simulated one with a clock of its own."""
        self._clock: Clock = RealClock()
        self._push: Callable[[float], None] | None = None
        self._sim_speed: SimSpeed | None = None
        self.world: World | None = None
        if options.simulate:
            sim_clock = SimClock()
            self._clock, self._push = sim_clock, sim_clock.advance
            self._sim_speed = SimSpeed(options.speed)
            self.board = self._simulated_board(self._hardware, self._calibration, blocks)
        else:
            from ..hal.pi import open_pi_board

            # For whoever must release the pins when this process no longer can.
            with suppress(OSError):  # without the copy the board file serves
                write_atomic(options.run_dir / OPENED, self._hardware_file.read_bytes(), 0o644)
            self.board = open_pi_board(self._hardware, self._calibration)
        self._stack.callback(self.board.close)

    def _open_history(self, options: RunOptions, settings: Settings) -> State:
        """The store with its writer, and the bus; the state that is gone on from."""
        clock = self._clock
        self._history = history = HistoryDb(options.state_dir)
        self._stack.callback(history.close)
        found = history.recover()
        self._static_faults += found.faults
        self._reported_loss = history.database.lost
        state, closed = recovered_state(
            found, history, settings, clock.now(), clock.wall(), clock.boot_id
        )
        self.bus = Bus(first_snapshot(state, settings, clock.wall(), self.serial))
        if found.lost:  # the first thing that the owner hears
            self.bus.post(NoteLoss(HISTORY_LOST, history_loss(found.lost, at_start=True)))
        self._stack.callback(self.bus.close)
        self._writer = Writer(
            history, self.bus.publish_events, self._settings_file, found.last_event, found.refusal
        )
        self._writer.start()
        self._stack.callback(self._writer.close)
        state = self._report_settings(state)
        for record in closed:
            store_closed(self._writer, record, clock.wall())
        return state

    def _report_settings(self, state: State) -> State:
        """Have it told once what of the settings is at its default though somebody had set it."""
        file = self._settings_file
        text = settings_loss(file, state.has_settings_file)
        self._settings_ok = not text
        if text and text != state.losses.get(SETTINGS_LOST):
            self._writer.commit(events=refused_events(file, self._clock.wall()))
        if text:
            self.bus.post(NoteLoss(SETTINGS_LOST, text))
        return state._replace(has_settings_file=file.path.exists())

    def _make_owner(self, settings: Settings, state: State) -> None:
        changes = SettingChanges(
            self._writer,
            settings.with_changes({}).with_defaults(tuple(settings)),
            lambda made: self._calibration_file.save(made.to_dict()),
            self.accounts.reset,
        )
        self._looked_at = float("-inf")  # for findings
        self._findings: tuple[str, ...] = ()
        self.owner = Owner(
            self.board, self.bus, self._writer, changes, self._clock, state,
            identity(settings, self.serial),
            history=self._history, sim_speed=self._sim_speed, world=self.world, push=self._push,
            alive=self._readiness.look, faults=self._faults,
            restore_network=lambda wanted: self.appliance.restore(wanted),
            settings_ok=self._settings_ok,
        )  # fmt: skip

    def _make_services(self, options: RunOptions, settings: Settings) -> None:
        """Servers and notifiers; nothing is opened yet."""
        bus, history, cursors = self.bus, self._history, self._cursors
        state_dir, site = options.state_dir, settings.site
        http = options.http if options.http is not None else site.http
        # A daemon that is told where HTTP is opens no other web port unless it is told so too.
        https = options.https or (site.https if options.http is None else "none")
        snmp = options.snmp if options.snmp is not None else site.snmp
        self.control = self._control_server(options)
        self._make_web = lambda: self._web_server(options, http, https)
        self._web: WebServer | None = None
        self.fieldbus = Fieldbus(bus, fieldbus_options(options))
        self.appliance = ApplianceService(
            bus, make_client(options.run_dir, state_dir), Slot(state_dir / "update"), cursors,
            is_played=options.simulate and options.run_dir == RUN_DIR,
        )  # fmt: skip
        engine = SnmpEngine(unit_id(state_dir), lambda: cursors.count("snmp.boots"))
        self.snmp = SnmpServer(bus, snmp, engine)
        self._notifiers: tuple[Notifier, ...] = (
            TrapSender(bus, history, cursors, engine),
            MailSender(bus, history, cursors),
            SyslogSender(bus, history, cursors),
            MqttPublisher(bus, history, cursors),
            WebhookSender(bus, history, cursors),
        )
        nut_host = site.nut or host_of((http, https, snmp), site.modbus)
        self.nut = NutServer(bus, options.nut, nut_host)
        self._early: tuple[Service, ...] = (
            self.appliance, self.control, self.fieldbus, self.snmp,
        )  # fmt: skip
        self._starter: Thread | None = None
        self._not_started: Exception | None = None

    def _control_server(self, options: RunOptions) -> ControlServer:
        return ControlServer(
            self.bus,
            self._history,
            options.run_dir / "control.sock",
            ControlExtras(
                sim=None if self.world is None else self._sim,
                check=self._check,
                set_password=self.accounts.set_password,
                tokens=self._tokens,
                calibration=lambda: self.board.calibration.to_dict(),
                pages_fault=lambda: self._web.fault() if self._web else "They are not open yet.",
                config_dir=str(options.config_dir),
                state_dir=str(options.state_dir),
            ),
        )

    def _web_server(self, options: RunOptions, http: str, https: str) -> WebServer:
        # A third of all imports: masters are answered meanwhile, by the first snapshot.
        from ..servers.web.server import WebServer

        drop_references()
        return WebServer(
            self.bus, self._history, self.accounts, http,
            https=https, certificates=TlsFile(options.config_dir),
            known=KnownFile(options.state_dir), tokens=self._tokens,
            hardware=f"{self._hardware.version:.2f}", mail_tester=MailTester(self.bus),
            provisioned=lambda: self._provision.load().text,
        )  # fmt: skip

    def start(self) -> None:
        """Open the servers of masters and of the CLI: all that the control loop waits for."""
        self._start_services(self._early)

    def start_late(self) -> None:
        """Load the pages and open all other servers, in a thread: on a slow processor that takes
        seconds, in which the loop runs already. A web port may stay shut and is retried."""
        self._starter = Thread(target=self._start_late, name="start", daemon=True)
        self._starter.start()

    def finish_start(self) -> None:
        """Wait until `start_late` is done. Raises what ended it, which has ended the loop too."""
        if self._starter is not None:
            self._starter.join()
        if self._not_started is not None:
            raise self._not_started

    def _start_late(self) -> None:
        try:
            web = self._make_web()
            late: tuple[Service, ...] = (web, *self._notifiers, self.nut, MemoryWatch())
            self._start_services(late)
            self._web = web
            self._stack.callback(self._readiness.remove)
            self._readiness.expect([name for one in self._early + late for name in one.listeners])
            self._tell_provision()
            gc.freeze()  # as what was built before the loop began
        except Exception as error:
            self._not_started = error
            self.owner.stop.set()

    def _start_services(self, services: Iterable[Service]) -> None:
        for service in services:
            if self.owner.stop.is_set():  # it ends already
                return
            log.debug("starting %s", service.name)
            service.start()
            self._stack.callback(service.stop)

    def close(self) -> None:
        """Listeners first, then what waits to be written, then the board."""
        if self._starter is not None:
            self._starter.join()
        self._stack.close()

    # --- parts ---------------------------------------------------------------------------------

    def _tell_provision(self) -> None:
        """What `btrmd provision` has done before this start is in the event log, once."""
        report = self._provision.load()
        if not report.is_reported:
            self.bus.post(Note(PROVISION_KEY, report.text, "provision"))
            with suppress(BtrmError):  # told twice rather than not at all
                self._provision.save(report._replace(is_reported=True))

    def _simulated_board(
        self, hardware: HardwareConfig, calibration: Calibration, blocks: int
    ) -> HatBoard:
        from ..hal.chips.i2c import I2CBus
        from ..hal.sim.world import open_world

        options = self._options
        world = open_world(
            hardware, options.state_dir, blocks=blocks, fresh=options.fresh,
            scenario=options.scenario,
        )  # fmt: skip
        world.speed = options.speed
        self._stack.callback(world.close)
        self._static_faults += world.findings
        self.world = world
        bus = I2CBus(lambda: world.wires, hardware.attempts)
        return HatBoard(hardware, bus, lambda: world.pins.factory, calibration)

    def _load_calibration(self) -> tuple[Calibration, list[str]]:
        """A file that is not understood is kept aside; the nominal values serve."""
        data, fault = self._calibration_file.load()
        faults = [fault] if fault else []
        if data is None:
            return Calibration(), faults
        try:
            return Calibration.from_dict(data), faults
        except SettingError as error:
            return Calibration(), [self._calibration_file.reject(str(error))]

    # --- what is asked of it ---------------------------------------------------------------------

    def _sim(self, changes: Mapping[str, object]) -> Mapping[str, object]:
        world = self.world
        if world is None:
            raise BtrmError("The daemon was not started with --simulate.")
        if changes:
            world.change(changes)
        return world.truth()

    def _faults(self) -> tuple[str, ...]:
        """Sentences for people, looked for once a second (on the owner's thread)."""
        now = time.monotonic()
        if now - self._looked_at >= FINDINGS_EVERY_S:
            self._looked_at = now
            self._tell_loss()
            found = [*self._static_faults, *self.board.findings()]
            if self._writer.fault:
                found.append(self._writer.fault)
            found += [lis.fault for lis in self.bus.listeners.values() if lis.fault]
            found += clock_faults(self._clock.wall())
            self._findings = tuple(found)
        return self._findings

    def _tell_loss(self) -> None:
        """A history that was damaged in the running unit."""
        lost = self._history.database.lost
        if lost != self._reported_loss:
            with suppress(BusyError):  # the next look tells it
                self.bus.post(NoteLoss(HISTORY_LOST, history_loss(lost, at_start=False)))
                self._reported_loss = lost

    def _check(self) -> list[str]:
        """The findings of `btrmd check`, as the last tick saw them."""
        return list(self.bus.snapshot.faults)


def fieldbus_options(options: RunOptions) -> FieldbusOptions:
    """The places of masters that the command line names; the settings name the others."""
    line = options.serial
    serial = SerialLine(line.device, line.protocol, line.baud, line.parity) if line else None
    return FieldbusOptions(options.modbus, options.dnp3, serial)


def host_of(addresses: Sequence[str], otherwise: str) -> str:
    """The host of the first listener that is open: where the others are, NUT is too."""
    for address in addresses:
        if address != "none":
            return split_address(address)[0]
    return otherwise


def clock_faults(wall: float) -> list[str]:
    """A board without a battery-backed clock starts in 1970, or where the system put it."""
    if wall >= CLOCK_SANE_S:
        return []
    date = time.strftime("%Y-%m-%d", time.gmtime(wall))
    return [f"The clock says {date}, so it is not set: set it, or let NTP do it."]
