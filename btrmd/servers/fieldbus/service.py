"""The fieldbus service: one thread, one loop, and the listeners that are asked for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Collection, Mapping
from typing import Final

from ...bus import Bus
from ...model.errors import BtrmError
from ...model.service import Service
from ...model.settings import Settings
from ...net import split_address
from ...retry import SETTLED_S, RetryPauses, keep_running
from .context import Endpoint, Factory, FieldbusContext
from .listener_config import (
    FieldbusOptions,
    ListenerConfig,
    SerialLine,
    TcpPlace,
    listener_configs,
)
from .waker import Waker

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5  # between two looks at all endpoints, as long as nothing happens,
ALONE_S: Final = 2.0  # and when no master is connected
FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 30.0
LONGEST_SERIAL_RETRY_S: Final = 2.0  # an adapter that is put back should be in use at once
STOP_S: Final = 5.0


def _modbus_tcp(context: FieldbusContext, plan: ListenerConfig) -> Endpoint:
    from .modbus_tcp import ModbusTcp

    return ModbusTcp(context, plan)


def _modbus_rtu(context: FieldbusContext, plan: ListenerConfig) -> Endpoint:
    from .modbus_rtu import ModbusRtu

    return ModbusRtu(context, plan)


def _dnp3_tcp(context: FieldbusContext, plan: ListenerConfig) -> Endpoint:
    from .dnp3_tcp import Dnp3Tcp

    return Dnp3Tcp(context, plan)


def _dnp3_serial(context: FieldbusContext, plan: ListenerConfig) -> Endpoint:
    from .dnp3_serial import Dnp3Serial

    return Dnp3Serial(context, plan)


# (protocol, is serial) -> factory. Libraries are imported by the first listener that needs them.
FACTORIES: Final[Mapping[tuple[str, bool], Factory]] = {
    ("modbus", False): _modbus_tcp,
    ("modbus", True): _modbus_rtu,
    ("dnp3", False): _dnp3_tcp,
    ("dnp3", True): _dnp3_serial,
}


def wanted_listeners(settings: Settings, options: FieldbusOptions) -> frozenset[str]:
    """The names of listeners.json that must be bound before the station is ready."""
    return frozenset(listener_configs(settings, options))


class Fieldbus(Service, name="fieldbus"):
    """`start` and `stop` from any thread. Nothing in here raises into the daemon.

    A listener that cannot be opened is reported on the bus and tried again with growing pauses; a
    settings change closes and opens the listeners it concerns and no others.
    """

    def __init__(
        self,
        bus: Bus,
        options: FieldbusOptions,
        factories: Mapping[tuple[str, bool], Factory] = FACTORIES,
    ) -> None:
        self._bus = bus
        self._options = options
        self._factories = factories
        self._open: dict[str, Endpoint] = {}  # by the name of the listener
        self._adopted: dict[
            str, ListenerConfig
        ] = {}  # what an open listener has taken over since it was planned
        self._ports: dict[tuple[str, TcpPlace], TcpPlace] = {}  # what "any free port" became
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._stopping = threading.Event()
        self._names: frozenset[str] = frozenset()  # of the listeners that are wanted
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fieldbus", daemon=True)

    @property
    def listeners(self) -> Collection[str]:
        return wanted_listeners(self._bus.snapshot.settings, self._options)

    def start(self) -> None:
        self._thread.start()
        self._started.wait(STOP_S)

    def stop(self) -> None:
        """Close all listeners; waits for the thread."""
        self._stopping.set()
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(wake.set)
            self._thread.join(STOP_S)

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        pauses = RetryPauses(FIRST_RETRY_S, LONGEST_RETRY_S)
        keep_running(lambda: asyncio.run(self._main()), self._stopping, self._ended, pauses)

    def _ended(self, error: Exception) -> None:
        """The loop has ended by an error and is started again."""
        log.error("the fieldbus ended and is started again", exc_info=error)
        self._adopted.clear()
        for name in self._names or ("modbus", "dnp3"):  # ended before it knew what is wanted
            fault = f"{name} stopped by an error ({error}) and is started again."
            self._bus.report_listener(name, "", fault)
        self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_note)
        self._wake = wake = asyncio.Event()
        self._started.set()
        context = FieldbusContext(self._bus)
        endpoints: dict[str, tuple[ListenerConfig, asyncio.Task[None]]] = {}
        seen: Settings | None = None
        timer: asyncio.Handle

        def look() -> None:
            context.look()
            if self._bus.snapshot.settings is not seen:
                wake.set()

        def look_again() -> None:
            nonlocal timer
            timer = context.loop.call_later(LOOK_S if context.connections else ALONE_S, look_again)
            look()

        def woken() -> None:
            """An event; what it changed may show in the snapshot a moment later."""
            nonlocal timer
            timer.cancel()
            timer = context.loop.call_later(LOOK_S, look_again)
            look()

        timer = context.loop.call_soon(look_again)
        waker = Waker(self._bus, context.loop, woken)
        waker.start()
        try:
            while not self._stopping.is_set():
                settings = self._bus.snapshot.settings
                if settings is not seen:
                    seen = settings
                    wanted = listener_configs(settings, self._options)
                    self._names = frozenset(wanted)
                    await self._follow(wanted, endpoints, context)
                await wake.wait()
                wake.clear()
        finally:
            timer.cancel()
            waker.stop()
            await self._follow({}, endpoints, context)

    async def _follow(
        self,
        wanted: Mapping[str, ListenerConfig],
        endpoints: dict[str, tuple[ListenerConfig, asyncio.Task[None]]],
        context: FieldbusContext,
    ) -> None:
        """Close what is not wanted any more, open what is; the rest is not touched."""
        for name, (plan, task) in list(endpoints.items()):
            new = wanted.get(name)
            if new is not None and new != plan and self._adopts(plan, new):
                endpoints[name] = (new, task)
            elif new != plan:
                del endpoints[name]
                self._adopted.pop(name, None)
                task.cancel()
                await asyncio.wait({task})
                if name not in wanted:
                    self._bus.report_listener(name, "")
        for name, plan in wanted.items():
            if name not in endpoints:
                endpoints[name] = (plan, asyncio.create_task(self._keep(plan, context)))

    def _adopts(self, plan: ListenerConfig, new: ListenerConfig) -> bool:
        """The listener stays open, with its connections, and goes by the new settings."""
        endpoint = self._open.get(plan.name)
        if endpoint is None or plan._replace(settings=new.settings) != new:
            return False
        if not endpoint.adopt(new):
            return False
        self._adopted[plan.name] = new
        shown = self._bus.listeners[plan.name]
        self._bus.report_listener(plan.name, shown.address, shown.fault)
        return True

    async def _keep(self, plan: ListenerConfig, context: FieldbusContext) -> None:
        """Keep one listener open until this task is cancelled."""
        is_serial = isinstance(plan.place, SerialLine)
        factory = self._factories[plan.protocol, is_serial]
        longest = LONGEST_SERIAL_RETRY_S if is_serial else LONGEST_RETRY_S
        pauses, reported = RetryPauses(FIRST_RETRY_S, longest), ""
        while True:
            opened = context.loop.time()
            plan = self._adopted.get(plan.name, plan)
            fault = await self._serve(factory, plan, context)
            if context.loop.time() - opened > SETTLED_S:
                pauses.reset()
            if fault != reported:
                log.warning("%s", fault)
                reported = fault
            self._bus.report_listener(plan.name, "", fault)
            await asyncio.sleep(pauses.next())

    async def _serve(self, factory: Factory, plan: ListenerConfig, context: FieldbusContext) -> str:
        """Open the listener and wait until it is lost; the reason as a sentence."""
        endpoint: Endpoint | None = None
        place = plan.place
        if isinstance(place, TcpPlace):  # a listener that is opened again is at the same place
            plan = plan._replace(place=self._ports.get((plan.name, place), place))
        try:
            endpoint = factory(context, plan)
            address = await endpoint.start()
            self._open[plan.name] = endpoint
            if isinstance(place, TcpPlace) and place.port == 0:
                self._ports[plan.name, place] = TcpPlace(*split_address(address))
            self._bus.report_listener(plan.name, address, endpoint.warning)
            log.info("%s is open at %s", plan.name, address)
            return await endpoint.lost
        except BtrmError as error:
            return str(error)
        except OSError as error:
            where = plan.place.device if isinstance(plan.place, SerialLine) else str(plan.place)
            reason = error.strerror or str(error)
            return f"{plan.name} ({plan.protocol}) cannot open {where}: {reason}."
        except Exception as error:
            # Whatever goes wrong behind one listener must not shut the others.
            log.exception("%s: internal error", plan.name)
            return f"{plan.name} stopped by an internal error: {type(error).__name__}: {error}."
        finally:
            self._open.pop(plan.name, None)
            if endpoint is not None:
                try:
                    await endpoint.stop()
                except Exception:
                    log.exception("%s: could not be closed cleanly", plan.name)


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """A callback failed: one line, and the loop goes on."""
    error = context.get("exception")
    detail = error if isinstance(error, Exception) else None
    log.error("fieldbus: %s", context.get("message", "a callback failed"), exc_info=detail)
