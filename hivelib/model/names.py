"""Names of agents and recipients: what is allowed, what is reserved, what was probably meant.

An agent's name has at most nine characters so that `h-NAME` fits the eleven that `nixos-container create`
allows (SPEC section 1; facts/systemd-nix.md D1).
"""

import re

MANAGER = "manager"
OPERATOR = "operator"
SYSTEM = "system"
REMINDER = "reminder"
EVERYBODY = "*"
RESERVED = frozenset({OPERATOR, SYSTEM, REMINDER, "self", MANAGER, EVERYBODY})

_AGENT = re.compile(r"[a-z][a-z0-9-]{0,8}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


def why_not_agent_name(name: str) -> str | None:
    """Given a wished name for a new agent; gives back None when it may be used, else the reason in words."""
    if name in RESERVED:
        return f"the name {name!r} is reserved"
    if not _AGENT.fullmatch(name):
        return "an agent's name is a lower-case letter and up to eight of a-z, 0-9 and -"
    return None


def is_name(name: str) -> bool:
    """Whether an agent could have this name (the manager's too); everything else is safe from here on."""
    return name == MANAGER or (name not in RESERVED and _AGENT.fullmatch(name) is not None)


def box(name: str) -> str:
    """What the box of an agent is called for nixos-container: at most eleven characters."""
    return "hm1nd" if name == MANAGER else f"h-{name}"


def why_not_label(label: str) -> str | None:
    """Given the label of a wake call; gives back None when it may be shown as `NAME/label`, else why not."""
    if not _LABEL.fullmatch(label):
        return "a label is a letter or digit and up to 31 of letters, digits, '.', '_' and '-'"
    return None


def nearest(name: str, known: list[str]) -> list[str]:
    """Up to three of the `known` names that look most like `name`, best first."""
    from difflib import get_close_matches  # 6 ms, and only a mistake needs it

    return get_close_matches(name, known, n=3, cutoff=0.5)
