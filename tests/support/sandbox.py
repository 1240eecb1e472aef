"""The socket of the sandbox, as hive-fetch.socket gives it: a real bin/hive-fetch for each connection."""

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

from hivelib.flow.opening import Hive
from tests.support.source import ROOT


@contextlib.contextmanager
def sandbox(hive: Hive) -> Iterator[None]:
    """While it lasts, looks at proposed repositories are answered."""
    proposed, scratch = f"{hive.paths.state}/proposed", f"{hive.paths.runtime}/scratch"
    os.makedirs(scratch)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(hive.paths.fetch)
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return  # it is over
                with caller:
                    argv = [ROOT / "bin/hive-fetch", proposed, scratch]
                    fd = caller.fileno()
                    subprocess.run(argv, stdin=fd, stdout=fd, check=False, timeout=60)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(60)
            os.unlink(hive.paths.fetch)
            os.rmdir(scratch)
