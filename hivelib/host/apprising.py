"""apprise, which speaks to notification services: an address of the operator's in, whether it took the message out.

apprise costs 0.4 s and 50 MB, and what it speaks to may hang or worse: so each message is sent by a process of its own,
this file, which ends. An address is a secret: it goes over stdin, and comes back only as far as it tells nothing.
"""

import hashlib
import importlib.util
import json
import os
import re
import stat
import sys
from typing import NamedTuple

from hivelib.base.errors import HiveError, NotNow, Refused
from hivelib.base.proc import run
from hivelib.base.sd import credential
from hivelib.base.text import shortened
from hivelib.model.notices import Letter
from hivelib.model.settings import Settings

CREDENTIAL = "notify-urls"
"""What systemd may hand over (LoadCredential=); it goes before the file that hive.toml names."""

MOST_BYTES = 65536
_START_SECONDS = 15.0
"""Beside the time for sending: until Python and apprise are there, on a machine that is busy."""


class Address(NamedTuple):
    """One apprise URL and the number of its line; `key` names it in the database without saying it."""

    line: int
    url: str

    @property
    def key(self) -> str:
        """A digest of the URL."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


class Outcome(NamedTuple):
    """What came of a message to one address: `name` is the URL as it may be shown, `why` is empty when it worked."""

    name: str
    worked: bool
    why: str


def missing() -> bool:
    """Whether apprise is not installed."""
    return importlib.util.find_spec("apprise") is None


def refuse_missing() -> None:
    """Raises Refused when apprise is not installed."""
    if missing():
        hint = "run `hive-up`, which installs what `[notify]` needs (pip's `hyperhive[notify]`)"
        raise Refused("apprise is not installed", hint)


def addresses(settings: Settings) -> list[Address]:
    """The operator's addresses, each once: one a line, `#` begins a comment.

    Raises Refused when there are none, or when others than the hive's user may read or change the file.
    """
    handed = credential(CREDENTIAL)
    path = handed or settings.notify.urls_file
    if not path:
        raise Refused("nobody said where to tell", "name a file: `[notify] urls_file` in hive.toml")
    try:
        with open(path, "rb", opener=_opener) as file:
            facts = os.fstat(file.fileno())
            if why := _why_not(facts, path, is_ours=not handed):
                raise why
            text = file.read(MOST_BYTES + 1).decode()
    except OSError as error:
        raise Refused(
            f"{path}: {(error.strerror or str(error)).lower()}", "mend the file"
        ) from None
    except UnicodeDecodeError:
        raise Refused(f"{path} is not UTF-8", "mend the file") from None
    if len(text) > MOST_BYTES:
        raise Refused(f"{path} has more than {MOST_BYTES} bytes", "mend the file")
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    found = {url: Address(number, url) for number, url in lines if url and url[0] != "#"}
    if not found:
        raise Refused(f"{path} has no address", "write an apprise URL on a line")
    return list(found.values())


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo must not be waited for


def _why_not(facts: os.stat_result, path: str, *, is_ours: bool) -> Refused | None:
    if not stat.S_ISREG(facts.st_mode):
        return Refused(f"{path} is no plain file", "mend `[notify] urls_file` in hive.toml")
    if is_ours and facts.st_uid not in (0, os.geteuid()):
        return Refused(f"{path} belongs to somebody else", "chown it to the hive's user")
    if is_ours and facts.st_mode & 0o077:
        return Refused(f"others can read {path}", f"chmod 600 {path}; then hive-up")
    return None


def deliver(address: Address, letter: Letter, seconds: float) -> Outcome:
    """Sends a message to one address in a process of its own, for at most `seconds`; never raises for what a service
    does."""
    task = json.dumps({"url": address.url, "seconds": seconds, **letter._asdict()})
    # -I: neither the environment nor the working directory say what it imports.
    argv = [sys.executable, "-I", "-m", "hivelib.host.apprising"]
    scheme = re.match(r"[a-z0-9]{1,20}://", address.url)
    name = f"line {address.line}, {scheme[0] if scheme else ''}…"
    try:
        told = json.loads(run(argv, stdin=task, seconds=seconds + _START_SECONDS).out)
        name = f"line {address.line}, {shortened(told['name'], 60)}" if told["name"] else name
        return Outcome(name, told["why"] == "", shortened(told["why"], 160))
    except NotNow:
        return Outcome(name, False, f"no answer within {seconds:g} s")
    except (HiveError, OSError, ValueError, KeyError, TypeError) as error:
        return Outcome(name, False, shortened(f"apprise failed: {error}", 160))


def _send(url: str, title: str, body: str, seconds: float) -> dict[str, str]:
    """What the process of its own does; `name` is the URL without secrets and paths, for a path may be one."""
    import apprise

    # Nothing of apprise's own, or phones would fetch its logo and its makers learn of it.
    asset = apprise.AppriseAsset(
        app_id="hyperhive", app_desc="hyperhive", app_url="", image_url_mask="", image_url_logo=""
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        return {"name": "", "why": "apprise does not understand this line"}
    shown = service[0].url(privacy=True)  # type: ignore[no-untyped-call] # theirs
    safe = re.match(r"[^:]+://[^/?]*", shown)
    result = service.notify(
        body=body, title=title, body_format="text", interpret_escapes=False, timeout=seconds
    )
    why = ""
    if not result:
        said = [entry.message for entry in result.logs() if entry.level in ("WARNING", "ERROR")]
        why = said[-1] if said else result.status.name.lower()
    return {"name": safe[0] if safe else "", "why": why}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_send(**json.load(sys.stdin))))
    sys.stdout.flush()
    os._exit(0)  # a service that hangs still has a thread
