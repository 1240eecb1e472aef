"""The tree that a new agent's config repository begins with: nix/templates, with the agent.json that was wished."""

from hivelib.base import bootstrap
from hivelib.base.errors import HiveError

SEED = ("flake.nix", "agent.nix", "agent.json")
"""The files of a config repository; the other templates are the boxes', and meta brings them."""


def files(name: str, role: str, config: str = "") -> dict[str, str]:
    """The seed tree of an agent: file name → text. `config` is the text of its agent.json, when it is to have one.

    Raises HiveError when the installation has no templates.
    """
    texts = {one: _template(one) for one in SEED}
    head = f'description = "{name}, {role} of a hyperhive";'
    texts["flake.nix"] = texts["flake.nix"].replace(
        'description = "An agent of a hyperhive";', head
    )
    return {**texts, "agent.json": config} if config else texts


def _template(name: str) -> str:
    path = f"{bootstrap.ROOT}/nix/templates/{name}"
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        raise HiveError(f"{path} is missing", "run the hive from a whole checkout") from None
