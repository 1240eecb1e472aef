"""What all tools of the operator's shell have in common: help, `--json`, one line for an error, exit codes.

A tool is one file in bin/: its docstring is its help and ends in an example, its one function turns argv into a call
of flow. Data goes to stdout, words to stderr. Everything here is on the way of `hive-send`: import late.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from hivelib.base.errors import HiveError, Misuse, explained

if TYPE_CHECKING:
    from hivelib.flow.opening import Hive
    from hivelib.model.settings import Settings

BUG = 3
INTERRUPTED = 130


class _Number(click.IntRange):
    name = "number"


NUMBER = _Number(1, 2**63 - 1)
"""The number of a message, a turn or an event."""


class _Seconds(click.FloatRange):
    """Seconds to wait: from 0 to a day. FloatRange alone lets `nan` through."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        seconds = float(super().convert(value, param, ctx))
        return seconds if seconds == seconds else self.fail("nan is no number of seconds")


SECONDS = _Seconds(0, 86400)


class Tool(click.Command):
    """A command that, when called, runs with this process's arguments and ends the process."""

    fields: Mapping[str, str]

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Runs the tool; never comes back."""
        run(self)

    def get_help_option(self, _: click.Context) -> click.Option:
        """The same as click's own, but that one is translated: for it Python reads tables of locales, 1 ms."""
        return click.Option(
            ["--help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_help,
            help="Show this message and exit.",
        )


def tool(**fields: str) -> Callable[[Callable[..., None]], Tool]:
    """Makes a function, under click's own decorators, a tool with `--json`; help is its module's docstring.

    `fields` documents the JSON: what each field of an object means. `show` gives out exactly these.
    """

    def made(function: Callable[..., None]) -> Tool:
        words, example = _split(sys.modules[function.__module__].__doc__ or "")
        json = (
            f"JSON fields: {'; '.join(f'{k} = {v}' for k, v in fields.items())}." if fields else ""
        )
        name = function.__name__.strip("_")
        command = click.command(name, Tool, help=words, epilog=f"{json}\n\n\b\n{example}".strip())
        with_json = click.option(
            "--json", is_flag=True, expose_value=False, callback=_want_json, help="JSON lines."
        )
        made = command(with_json(function))
        made.fields = fields
        return made

    return made


def _split(text: str) -> tuple[str, str]:
    words, mark, example = text.strip().partition("\nExample")
    return words, (mark + example).strip()


def _help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(context.get_help())
        context.exit()


def _want_json(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    context.meta["json"] = wanted


def wants_json() -> bool:
    """Whether the tool was called with `--json`."""
    return bool(click.get_current_context().meta["json"])


def show(text: str, /, **data: Any) -> None:
    """Gives out one result: `text` (already safe) for people, with `--json` the documented fields as one line."""
    if not wants_json():
        sys.stdout.write(f"{text}\n")
        return
    import json  # with flow it is there already; help alone does not need it

    command = click.get_current_context().command
    assert isinstance(command, Tool)
    if data.keys() != command.fields.keys():
        wrong = sorted(data.keys() ^ command.fields.keys())
        raise TypeError(f"JSON output: wrong or missing fields {', '.join(wrong)}")
    # ASCII only: no text can steer a terminal.
    sys.stdout.write(json.dumps(data, separators=(",", ":"), default=repr) + "\n")


def show_rows(
    heads: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    cells: Callable[[Any], Sequence[object]],
    nothing: str,
) -> None:
    """Gives out several results: for people one table (`cells` of each row), or on stderr the word for `nothing`."""
    if wants_json():
        for row in rows:
            show("", **row)
    elif rows:
        from hivelib.face.tables import table

        sys.stdout.write(table(heads, [cells(row) for row in rows]) + "\n")
    else:
        say(nothing)


def say(words: str) -> None:
    """Tells the person something that is not data: a line on stderr, made safe."""
    from hivelib.base.text import visible

    sys.stderr.write(f"{_name()}: {visible(words, one_line=True)}\n")
    sys.stderr.flush()


def flush() -> None:
    """Returns once all that was shown has left this process; only then may it be called read."""
    sys.stdout.flush()


def opened(*, deciding: bool = False) -> "Hive":
    """The hive of this user, open; root becomes the owner of the hive first.

    But for `deciding` where operators have a group: there who calls decides, and the owner may not.
    """
    from hivelib.flow.opening import open_hive

    return open_hive(settled(deciding=deciding))


def settled(*, deciding: bool = False) -> "Settings":
    """The settings of this user's hive; root becomes its owner first, as for `opened`."""
    from hivelib.base.config import load_settings

    settings = load_settings()
    if deciding and settings.operator.group:
        os.umask(0o007)  # what is made on the way is the group's too
    elif os.geteuid() == 0:
        from hivelib.base.users import drop_to_owner

        drop_to_owner(settings)
    return settings


def text_or_stdin(text: str, most: int) -> str:
    """`text`, or when it is `-` what stdin holds, without its last newline; reads not much more than `most` bytes.

    Raises Misuse when stdin is closed or not UTF-8, HiveError when there are more bytes.
    """
    if text != "-":
        return text
    if sys.stdin is None:
        raise Misuse("stdin is closed", "give the text as an argument")
    return _decoded(sys.stdin.buffer.read(most + 2), most, "stdin").removesuffix("\n")


def file_or_stdin(path: str, most: int) -> str:
    """The text of a file, or of stdin when it is `-`; raises as `text_or_stdin` does, and OSError."""
    if path == "-":
        return text_or_stdin(path, most)
    with open(path, "rb") as file:
        return _decoded(file.read(most + 2), most, path)


def _decoded(data: bytes, most: int, where: str) -> str:
    if len(data) > most + 1:
        raise HiveError(f"{where} has more than {most} bytes", "write a file and send its path")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Misuse(f"{where} is not valid UTF-8", "give text") from None


def completion(shell: str, names: Sequence[str]) -> str:
    """What a shell (bash, zsh or fish) evaluates so that it completes these tools' options and arguments."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind
    return "\n".join(
        kind(click.Command(name), {}, name, _completing(name)).source() for name in names
    )


def _completing(name: str) -> str:
    return f"_{name.replace('-', '_').upper()}_COMPLETE"


def run(command: Tool) -> NoReturn:
    """Runs a tool with this process's arguments and ends the process with the right status."""
    name = _name()
    if _completing(name) in os.environ:
        command.main(prog_name=name)  # click's shell completion; ends the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  for the rest of the process
    if sys.stdout is None:
        _leave(_told(Misuse("stdout is closed", "send it to a file or to /dev/null")))
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        _refuse_broken(sys.argv[1:])
        with command.make_context(name, sys.argv[1:]) as context:
            command.invoke(context)
        flush()
        status = 0
    except click.exceptions.Exit as leaving:
        status = leaving.exit_code
    except BaseException as error:  # noqa: BLE001  this is where every error becomes a line
        status = _told(error)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """Ends at once: nothing is left to tidy, and Python's own way out costs 5 ms."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, AttributeError):
            pass  # said already, or nobody listens
    os._exit(status)


def _refuse_broken(words: list[str]) -> None:
    for place, word in enumerate(words, 1):
        try:
            word.isascii() or word.encode()
        except UnicodeEncodeError:
            raise Misuse(f"argument {place} is not valid UTF-8", "give text") from None


def _told(error: BaseException) -> int:
    """Tells of what ended the tool in one line; gives back the exit status."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    if isinstance(error, HiveError):
        say(str(error))
        return error.exit_code
    if isinstance(error, click.ClickException):
        message = error.format_message().rstrip(".").replace(". Did you mean", "; did you mean")
        hint = "" if message.endswith("?") else f"; `{_name()} --help` says how"
        if "unexpected extra argument" in message:
            hint = "; text of several words goes into quotes"
        say(f"{message[:1].lower()}{message[1:]}{hint}")
        return Misuse.exit_code
    if isinstance(error, BrokenPipeError):
        return 0  # the reader had enough
    if isinstance(error, OSError) and error.errno:
        return _told(explained(error))
    return _bug(error)


def _bug(error: BaseException) -> int:
    import traceback

    say(f"a bug: {type(error).__name__}: {error}; please report it with the lines below")
    for line in "".join(traceback.format_exception(error)).splitlines()[-30:]:
        say(line)
    return BUG


def _name() -> str:
    return os.path.basename(sys.argv[0])
