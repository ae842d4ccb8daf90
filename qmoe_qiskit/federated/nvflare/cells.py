"""NVFlare's cells: coordinator and sites send each other bytes on 127.0.0.1, both certified."""

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from qmoe_qiskit.errors import InputError

if TYPE_CHECKING:
    from nvflare.fuel.f3.cellnet.core_cell import CoreCell

# NVFlare's name of the cell that listens.
SERVER = "server"
HOST = "127.0.0.1"
CHANNEL, TO_SITE, TO_SERVER = "qmoe", "request", "reply"
_AUTHORITY = "authority"
_VALID_DAYS = 30
_WAIT_S = 0.2


def require_nvflare() -> None:
    """Raise InputError, with the extra's name, if NVFlare is not installed."""
    if importlib.util.find_spec("nvflare") is None:
        raise InputError(
            "engine 'nvflare' needs NVFlare, which is not installed: "
            "pip install 'qmoe-qiskit[federated]'"
        )


def open_cell(name: str, port: int, certificates: Path) -> CoreCell:
    """Return a cell that is not started; the server's listens, a site's connects to it.

    TLS takes no peer without a certificate of this federation, and NVFlare none whose certificate
    is of another name than its cell.
    """
    _keep_from_searching(certificates)
    from nvflare.fuel.f3.cellnet.core_cell import CoreCell
    from nvflare.fuel.f3.drivers.driver_params import DriverParams

    is_server = name == SERVER
    certificate = DriverParams.SERVER_CERT if is_server else DriverParams.CLIENT_CERT
    key = DriverParams.SERVER_KEY if is_server else DriverParams.CLIENT_KEY
    return CoreCell(
        name,
        f"stcp://{HOST}:{port}",
        secure=True,
        credentials={
            DriverParams.CA_CERT.value: str(certificates / f"{_AUTHORITY}.crt"),
            certificate.value: str(certificates / f"{name}.crt"),
            key.value: str(certificates / f"{name}.key"),
        },
    )


def _keep_from_searching(folder: Path) -> None:
    """Let NVFlare look for settings of its own in this folder only, where there are none.

    By default it looks through the current folder and all below it, however many files they hold,
    and obeys the first `comm_config.json` that it meets there. It looks once per process.
    """
    from nvflare.fuel.f3.comm_config import CommConfigurator
    from nvflare.fuel.utils.config_service import ConfigService

    if ConfigService._config_path:  # noqa: SLF001 - a program that uses NVFlare itself has settings
        return
    ConfigService.initialize({}, [str(folder)])
    try:
        CommConfigurator()
    finally:
        ConfigService.reset()


@contextmanager
def server_cell(port: int, certificates: Path) -> Iterator[CoreCell]:
    """Open the server's cell, and close it after the block as if it had never been.

    NVFlare takes one server per process: it leaves the listening socket open, and keeps stopped
    cells and their statistics by name, so that a second or third server would be refused.
    """
    from nvflare.fuel.f3.stats_pool import StatsPoolManager

    known = set(StatsPoolManager.pools)
    cell = open_cell(SERVER, port, certificates)
    try:
        yield cell
    finally:
        cell.stop()
        for connector in cell.communicator.conn_manager.connectors.values():
            server = getattr(connector.driver, "server", None)
            if server is not None:
                server.server_close()
        cell.ALL_CELLS.pop(SERVER, None)
        for name in StatsPoolManager.pools.keys() - known:
            StatsPoolManager.delete_pool(name)


def send(
    cell: CoreCell, topic: str, target: str, message: bytes, is_over: Callable[[], bool]
) -> bool:
    """Send bytes as soon as the target is connected; return False if `is_over` comes first."""
    from nvflare.fuel.f3.message import Message

    while not is_over():
        if cell.is_cell_connected(target):
            errors = cell.fire_and_forget(CHANNEL, topic, target, Message(None, message))
            if not errors.get(target):
                return True
        time.sleep(_WAIT_S)
    return False


def write_certificates(folder: Path, names: list[str]) -> None:
    """Write an authority of this federation, and a certificate and key for every name.

    Keys can be read by this user alone; that of the authority is not written at all.
    """
    from nvflare.lighter.utils import (
        Identity,
        generate_cert,
        generate_keys,
        serialize_cert,
        serialize_pri_key,
    )

    authority, authority_key = Identity(_AUTHORITY), generate_keys()
    root = generate_cert(authority, authority, *authority_key, valid_days=_VALID_DAYS, ca=True)
    (folder / f"{_AUTHORITY}.crt").write_bytes(serialize_cert(root))
    for name in names:
        private_key, public_key = generate_keys()
        certificate = generate_cert(
            Identity(name),
            authority,
            authority_key[0],
            public_key,
            valid_days=_VALID_DAYS,
            server_default_host=HOST if name == SERVER else None,
        )
        (folder / f"{name}.crt").write_bytes(serialize_cert(certificate))
        key = folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(serialize_pri_key(private_key))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep NVFlare's log of lost connections off stderr: what matters is in our own messages."""
    log = logging.getLogger("nvflare")
    before, handler = log.propagate, logging.NullHandler()
    log.propagate = False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before
