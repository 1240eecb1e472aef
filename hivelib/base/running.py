"""A program that runs, and can be waited for until a time without looking again and again whether it has ended."""

import os
import select
import subprocess


class Running(subprocess.Popen[bytes]):
    """As its base, whose `wait` with a timeout sleeps and looks, up to twenty times a second."""

    def wait(self, timeout: float | None = None) -> int:
        """The status of the program once it has ended; raises TimeoutExpired after so many seconds."""
        if timeout is not None and self.returncode is None:
            ended = os.pidfd_open(self.pid)
            try:
                poll = select.poll()
                poll.register(ended, select.POLLIN)
                if not poll.poll(max(0.0, timeout) * 1000):
                    raise subprocess.TimeoutExpired(self.args, timeout)
            finally:
                os.close(ended)
        return super().wait()
