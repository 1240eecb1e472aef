"""What a flake.nix may name as its inputs: nothing of the host's, nothing computed, nothing that reads in two ways."""

import pytest

from hivelib.host import templates
from hivelib.model.flakes import Input, Unplain, inputs_of

HEAD, TAIL = '{\n  description = "x";\n', "\n  outputs = inputs: { };\n}\n"


def flake(inputs: str) -> str:
    return HEAD + inputs + TAIL


def test_the_template_has_no_inputs() -> None:
    assert inputs_of(templates.files("alice", "agent")["flake.nix"]) == {}


def test_inputs_are_found_however_they_are_spelled() -> None:
    text = """
  # a comment
  inputs.one.url = "github:owner/repo";
  inputs = {
    two = { url = "git+https://example.org/two?ref=main"; flake = false; };
    "three".url /* here */ = "https://example.org/three.tar.gz";
    three.inputs.one.follows = "one";
    three.inputs.none.follows = "";
  };
  inputs.four.follows = "three/one";
"""
    assert inputs_of(flake(text)) == {
        "one": Input("one", "github:owner/repo"),
        "two": Input("two", "git+https://example.org/two?ref=main", flake=False),
        "three": Input(
            "three",
            "https://example.org/three.tar.gz",
            overrides={"one": "one", "none": ""},
        ),
        "four": Input("four", "", "three/one"),
    }


def test_outputs_may_be_anything() -> None:
    text = "{ outputs = { self, ... }@inputs: let a = ./x; in with builtins; { b = import a; }; }"
    assert inputs_of(text) == {}


URLS = {
    "path:/root/secret": "files of this machine",
    "/root/secret": "files of this machine",
    "./lib": "files of this machine",
    "../bob": "files of this machine",
    ".": "files of this machine",
    "~/x": "files of this machine",
    "file:///etc/passwd": "files of this machine",
    "git+file:///var/lib/hyperhive/applied/bob": "files of this machine",
    "tarball+file:///x.tar.gz": "files of this machine",
    "nixpkgs": "registry name",
    "flake:nixpkgs": "scheme",
    "indirect:nixpkgs": "scheme",
    "git+ssh://git@example.org/x": "scheme",
    "git+http://example.org/x": "scheme",
    "http://example.org/x.tar.gz": "scheme",
    "git:///x": "scheme",
    "hg+https://example.org/x": "scheme",
    "PATH:/x": "scheme",
    "github:owner": "OWNER/REPOSITORY",
    "github:../x/y": "..",
    "github:a/b?host=127.0.0.1": "not allowed",
    "github:a/b/main?ref=other": "twice",
    "gitlab:a%2f..%2fb/c": "characters",
    "git+https://example.org/x?submodules=1": "not allowed",
    "git+https://example.org/x?ref=": "no value",
    "git+https://127.0.0.1/x": "no public name",
    "git+https://[::1]/x": "characters",
    "git+https://localhost/x": "no public name",
    "git+https://door.internal/x": "no public name",
    "git+https://2130706433/x": "no public name",
    "git+https://user@example.org/x": "no public name",
    "git+https://example.org:8080/x": "port",
    "git+https:example.org/x": "https://HOST",
    "https://example.org/x": "archive",
    "https://example.org/../x.zip": "..",
}


@pytest.mark.parametrize("url", URLS)
def test_an_input_from_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(Unplain, match=r"^inputs\.a\.url: ") as error:
        inputs_of(flake(f'  inputs.a.url = "{url}";'))
    assert URLS[url] in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "github:owner/repo",
        "github:owner/repo/release-1.2",
        "gitlab:owner/repo?dir=nix",
        "sourcehut:~owner/repo",
        "git+https://example.org/a/b.git?ref=main&rev=" + "a" * 40,
        "https://example.org/a.tar.gz",
        "tarball+https://example.org/a",
    ],
)
def test_an_input_from_the_internet_is_fine(url: str) -> None:
    assert inputs_of(flake(f'  inputs.a.url = "{url}";'))["a"].url == url


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ('inputs.a.url = "github:a/${b}";', "interpolation"),
        ('inputs.${"a"}.url = "github:a/b";', "interpolation"),
        ("inputs.a.url = ''github:a/b'';", "indented string"),
        ('inputs.a.url = "github:a\\/b";', "backslash"),
        ('inputs.a.url = "github:a/b" + "c";', "nothing computed"),
        ("inputs.a.url = github:a/b;", "nothing computed"),
        ("inputs.a.url = ./x;", "nothing computed"),
        ("inputs.a.url = toString ./x;", "nothing computed"),
        ("inputs = import ./inputs.nix;", "nothing computed"),
        ('inputs = rec { a.url = "github:a/b"; };', "nothing computed"),
        ('inputs = let b = { }; in { a.url = "github:a/b"; };', "nothing computed"),
        ('inputs = { } // { a.url = "path:/x"; };', "nothing computed"),
        ("inputs = { inherit (x) a; };", "inherit"),
        ("inherit inputs;", "inherit"),
        ('inputs.a = "path:/x";', "must be a set"),
        ('inputs.a = { type = "path"; path = "/x"; };', "say all of it in the url"),
        ('inputs.a = { type = "indirect"; id = "nixpkgs"; };', "say all of it in the url"),
        ("inputs.a = { };", "needs a url or follows"),
        ("inputs.a.flake = false;", "needs a url or follows"),
        ('inputs.a = { url = "github:a/b"; follows = "b"; };', "one of them"),
        ('inputs.a.url = "github:a/b"; inputs.a.url = "path:/x";', "said twice"),
        ('inputs.a = { url = "github:a/b"; }; inputs.a.url = "path:/x";', "said twice"),
        ('inputs = { }; inputs = "x";', "said twice"),
        ('inputs.a.follows = "b";', "no input of this flake"),
        ('inputs.a = { url = "github:a/b"; inputs.c.follows = "d"; };', "no input of this flake"),
        ('inputs.a = { url = "github:a/b"; inputs.c.url = "path:/x"; };', "only NAME.follows"),
        ('inputs.a = { url = "github:a/b"; inputs = "x"; };', "only NAME.follows"),
        ("inputs.self.submodules = true;", "no name for an input"),
        ('inputs."a b".url = "github:a/b";', "no name for an input"),
        ("inputs.a.url = true;", "url and follows are strings"),
        ("nixConfig.allow-import-from-derivation = true;", "not allowed; a flake here has"),
        ("edition = 201909;", "not allowed; a flake here has"),
        ("inputs.a.url = ;", "no valid nix"),
        ('# \rinputs.a.url = "path:/x";', "line 3: has control"),
        ('# \u2028 inputs.a.url = "path:/x";', "line 3: has control"),
        ("# \u202e", "line 3: has control"),
        ("# \ufffd", "line 3: has control"),
        ('inputs.a.url =/* */ "github:a/b";', "put a blank before it"),
    ],
)
def test_what_is_not_literal_is_refused(inputs: str, why: str) -> None:
    with pytest.raises(Unplain) as error:
        inputs_of(flake(inputs))
    assert why in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{ }: { }",
        "rec { outputs = 1; }",
        "let a = 1; in { outputs = a; }",
        "{ } { }",
        "import ./x",
        "[ ]",
        "{",
    ],
)
def test_a_flake_is_one_plain_set(text: str) -> None:
    with pytest.raises(Unplain, match=r"one plain set|no valid nix"):
        inputs_of(text)


@pytest.mark.parametrize("part", ["{ a = ", "a.", "(", "/* "])
def test_a_flake_without_end_is_refused_in_words(part: str) -> None:
    with pytest.raises(Unplain, match=r"16384 characters"):
        inputs_of("{ inputs = " + part * 20_000)
    with pytest.raises(Unplain, match=r"no valid nix"):
        inputs_of("{ inputs = " + part * (8_000 // len(part)))


def test_sets_within_sets_without_end_are_refused_in_words() -> None:
    with pytest.raises(Unplain, match=r"nested without end|say all of it"):
        inputs_of("{ inputs.a = " + "{ a = " * 1_500 + "true" + "; }" * 1_500 + "; }")
