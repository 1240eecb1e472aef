"""Whoever reads what a tool shows."""

import os
import select
import sys
import threading


def end_with_reader() -> None:
    """From now on, ends this process when whoever reads its stdout goes: `--follow | head` ends like any pipe."""

    def wait_for_end() -> None:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # POLLERR and POLLHUP always come
        poll.poll()
        os._exit(0)

    threading.Thread(target=wait_for_end, daemon=True).start()
