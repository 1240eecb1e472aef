"""The pictures of the docs: `python -m tests.support.shots` makes them anew. No test does: no two are alike."""

from hivelib.flow.opening import Hive
from tests.support import scene
from tests.support.chromium import Person, launched
from tests.support.page import open_page
from tests.support.source import ROOT
from tests.support.state import make_state, short_directory

FOLDER = ROOT / "docs/screenshots"


def take(person: Person, path: str, scheme: str, name: str) -> None:
    """One picture of a wide screen."""
    tab = person.open(path)
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tab.screenshot(path=FOLDER / f"{name}.png")
    tab.close()


def main() -> None:
    """Makes all of them."""
    FOLDER.mkdir(exist_ok=True)
    with short_directory() as where, launched() as chromium:
        hive: Hive = make_state(where)
        with hive.db, open_page(scene.fill(hive), where / "hive.toml") as page, chromium.used():
            person = Person(chromium, page.port, page.cookie)
            take(person, "/", "light", "hive")
            take(person, "/approval/4", "dark", "approval")


if __name__ == "__main__":
    main()
