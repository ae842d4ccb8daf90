"""The process of a site: it answers the coordinator until that closes its end of stdin.

A coordinator that is killed closes it as well, so that no site outlives it.
"""

import os
import queue
import sys
import threading
from pathlib import Path
from typing import Any

from qmoe_qiskit.federated.nvflare.cells import (
    CHANNEL,
    SERVER,
    TO_SERVER,
    TO_SITE,
    open_cell,
    quiet,
    send,
)
from qmoe_qiskit.federated.nvflare.site_files import read_site


def main(folder: Path, port: int, certificates: Path) -> None:
    """Take part in a federation as the site of a folder."""
    threading.Thread(target=_end_with_coordinator, daemon=True).start()
    client = read_site(folder)
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def receive(message: Any) -> None:  # noqa: ANN401 - NVFlare's message
        requests.put(bytes(message.payload))

    with quiet():
        cell = open_cell(client.settings.name, port, certificates)
        cell.register_request_cb(CHANNEL, TO_SITE, receive)
        cell.start()
        while True:
            # Here and not in a thread of NVFlare's: a failure ends the process, and is seen.
            reply = client.handle(requests.get())
            send(cell, TO_SERVER, SERVER, reply, lambda: False)


def _end_with_coordinator() -> None:
    while os.read(sys.stdin.fileno(), 1024):  # sys.stdin itself would be locked at the end
        pass
    # At once, in the middle of whatever it does: states are written as a whole or not at all.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
