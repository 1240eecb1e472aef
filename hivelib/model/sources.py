"""Where a flake's input may come from: URLs that name something on the internet, and nothing of the host's."""

import re

_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}", re.IGNORECASE
)
_PART = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~+-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SAFE = re.compile(r"[A-Za-z0-9:/?&=.,_~+@-]+")
_FORGES = ("github", "gitlab", "sourcehut")
_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")
_HINT = "allowed: github:, gitlab:, sourcehut:, git+https:, https: to an archive"
_QUERY = {"git": {"ref", "rev", "dir"}, "tarball": {"dir"}, "forge": {"ref", "rev", "dir"}}


def why_not_url(url: str) -> str | None:
    """Given the url of an input; gives back None when it may be fetched, else why not and what is allowed."""
    scheme, colon, _ = url.partition(":")
    if url.startswith(("/", ".", "~")) or scheme in (
        "path",
        "file",
        "git+file",
        "tarball+file",
        "file+file",
    ):
        return f"it names files of this machine, which nix would publish in its store; {_HINT}"
    if not colon:
        return f"a registry name can come to mean anything; {_HINT}"
    if scheme not in (*_FORGES, "git+https", "https", "tarball+https"):
        return f"the scheme {scheme[:20]!r} is not allowed; {_HINT}"
    if not _SAFE.fullmatch(url) or ".." in url:
        return "it has characters or a .. that no plain url needs; write it plainly"
    try:
        original = original_of(url)
    except ValueError as error:
        return str(error)
    if original["type"] in _FORGES:
        return None
    return why_not_https(original["url"])


def why_not_https(url: str) -> str | None:
    """Given an absolute url; gives back None when it is https to a public-looking host name, else why not."""
    host, slash, _ = url.removeprefix("https://").partition("/")
    if not url.startswith("https://") or not slash or not _SAFE.fullmatch(url) or ".." in url:
        return f"it must be https://HOST/…; {_HINT}"
    name, _, port = host.partition(":")
    if not _HOST.fullmatch(name) or name.lower().endswith(
        (".local", ".internal", ".localhost", ".arpa")
    ):
        return "its host is no public name; addresses, users and names of a local network are not allowed"
    if port not in ("", "443"):
        return "a port of its own is not allowed"
    return None


def original_of(url: str) -> dict[str, str]:
    """An allowed url as nix writes it into a lock as `original`. Raises ValueError with what is wrong with it."""
    scheme, _, rest = url.partition(":")
    rest, _, query = rest.partition("?")
    kind = "forge" if scheme in _FORGES else "git" if scheme == "git+https" else "tarball"
    asked = dict(part.partition("=")[::2] for part in query.split("&")) if query else {}
    if unknown := sorted(asked.keys() - _QUERY[kind]):
        raise ValueError(
            f"?{unknown[0][:20]}= is not allowed; only {', '.join(sorted(_QUERY[kind]))}"
        )
    if not all(asked.values()):
        raise ValueError("a parameter has no value; leave it out")
    if kind == "forge":
        owner, _, rest = rest.partition("/")
        repository, _, ref = rest.partition("/")
        if not _PART.fullmatch(owner) or not _PART.fullmatch(repository):
            raise ValueError("it must be OWNER/REPOSITORY, or OWNER/REPOSITORY/REF")
        if ref and asked.keys() & {"ref", "rev"}:
            raise ValueError("it names its ref twice; say it once")
        if ref:
            asked["rev" if _COMMIT.fullmatch(ref) else "ref"] = ref
        return {"type": scheme, "owner": owner, "repo": repository, **asked}
    if kind == "git":
        return {"type": "git", "url": f"https:{rest}", **asked}
    if scheme == "https" and not rest.endswith(_ARCHIVES):
        raise ValueError(
            f"an https url must name an archive ({', '.join(_ARCHIVES[:4])}, …); a repository is git+https:"
        )
    return {"type": "tarball", "url": f"https:{rest}" + (f"?dir={asked['dir']}" if asked else "")}
