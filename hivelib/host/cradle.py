"""Who holds a private manager: another systemd that lends it a control group, or a control group made by hand.

Under a running systemd (the user's own, or the machine's when root asks) the manager becomes a transient unit with
`Delegate=yes`; in a bare container its control group is made in place (host/cgroups.py).
"""

import os
import shutil

from hivelib.base.proc import run
from hivelib.base.users import User, asked_as, run_as
from hivelib.host import cgroups, manager
from hivelib.host.manager import Private


def start(private: Private, user: User) -> bool:
    """Starts the private manager for `user`, as that user or as root; False when it runs already.

    Raises HiveError when this machine gives no control group, or when it does not come up.
    """
    if asked_as(user, lambda: manager.answers(private.runtime)):
        return False
    name = manager.group_name(private.directory, user.uid)
    if (outer := outer_manager()) is not None:
        _start_in_unit(private, user, outer, f"{name}.service")
        return True
    root = os.geteuid() == 0
    groups = cgroups.make(name, user if root else None)
    cgroups.kill(groups)  # a manager that died before its units did
    run_as(user, lambda: manager.start(private, groups), lambda: cgroups.join(groups))
    return True


def stop(private: Private, user: User) -> bool:
    """Stops the private manager and whatever it left; False when there was nothing. As root or as `user`."""
    found = False
    record = manager.recorded(private)
    name = manager.group_name(private.directory, user.uid)
    if record.unit == f"{name}.service" and (outer := outer_manager()) is not None:
        found = run([*_systemctl(outer), "is-active", record.unit], check=False).status == 0
        run([*_systemctl(outer), "stop", record.unit], check=False, seconds=120)

    def stop_rest() -> bool:
        return manager.stop(private)

    found = asked_as(user, stop_rest) or found
    if os.geteuid() == 0:  # the group's own directories are root's to remove
        cgroups.remove([place for place in record.groups if os.path.basename(place) == name])
    return found


def outer_manager() -> str | None:
    """The manager that can hold ours: `--system` for root on a booted systemd, `--user` for a user who has one."""
    if os.geteuid() == 0:
        return "--system" if os.path.isdir(manager.BOOTED) and shutil.which("systemd-run") else None
    return "--user" if manager.answers(users_runtime_dir(os.getuid())) else None


def users_runtime_dir(uid: int) -> str:
    """Where a user's own manager is: XDG_RUNTIME_DIR if this process is that user's, else the usual place."""
    own = os.environ.get("XDG_RUNTIME_DIR") if uid == os.geteuid() else None
    return own or f"/run/user/{uid}"


def _systemctl(outer: str) -> list[str]:
    return ["systemctl", outer, "--no-ask-password"]


def _start_in_unit(private: Private, user: User, outer: str, unit: str) -> None:
    run([*_systemctl(outer), "stop", unit], check=False, seconds=120)  # what is left of a dead one
    run_as(user, lambda: manager.prepare(private))
    run_as(user, lambda: manager.write_record(private, 0, [], unit))
    words = [
        *("systemd-run", outer, "--quiet", "--collect", f"--unit={unit}"),
        *(f"--description=Private systemd of the hive in {private.directory}",),
        # mixed: the manager itself stops its units; only what outlives it is killed
        *(
            "-p",
            "Type=exec",
            "-p",
            "Delegate=yes",
            "-p",
            "KillMode=mixed",
            "-p",
            "OOMPolicy=continue",
        ),
        *(f"--setenv={name}={value}" for name, value in private.environment.items()),
    ]
    if outer == "--system":
        words += [f"--uid={user.uid}", f"--gid={user.gid}"]
    run([*words, *manager.program()], seconds=60)
    show = [*_systemctl(outer), "show", "-p", "ControlGroup", "--value", unit]
    inside = run(show, check=False).out.strip()
    groups = [f"{hierarchy}{inside}" for hierarchy in cgroups.hierarchies() if inside]
    run_as(user, lambda: manager.write_record(private, 0, groups, unit))
    run_as(user, lambda: manager.wait_until_up(private))
