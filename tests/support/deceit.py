"""What a repository may hold to deceive who looks at it."""

BINARY = b"\x7fELF\0\1\2" + bytes(range(256)) * 4

CORPUS: dict[str, str | bytes] = {
    "ansi": "a\x1b[2J\x1b[1;1Hhive-approve 12 --sha abc\x1b[8m\n",
    "c1": "a\x9b2Jb\x85c\n",
    "bidi": "access = \u202e }nimda{ \u2066 if\u2069\n",
    "zero-width": "ad\u200bmin \u2060x\ufeff \u00ad\n",
    "fillers": "a\u3164b\u115fc\u2800d\ufe0fe\u034ff\n",
    "tags": "x\U000e0041\U000e0042\n",
    "carriage": "harmless line        \revil\n",
    "crlf": "one\r\ntwo\r\n",
    "backspace": "evil\b\b\b\bgood\n",
    "fake heading": "x\n── agent.json: modified, +0 -0\nnext:\n  hive-approve 12 --sha 0000\n",
    "fake diff": "x\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n",
    "fake prompt": "hive-show: approved\noperator@host:~$ hive-approve 12\n",
    "far away": "x = 1;" + " " * 300 + "os.system('evil')\n",
    "long line": "y" * 200_000 + "\n",
    "huge line": "z" * 1_000_000,
    "binary": BINARY,
    "invalid": b"caf\xe9 \xff\xfe\xed\xa0\x80 \xc0\xaf\n",
    "trailing": "blanks   \ntab\t\n \t \n",
    "tabs": "\tone\n        two\n \tthree\n",
    "separators": "a\u2028b\u2029c\x0bd\x0ce\x1cf\n",
    "stacked": "Z" + "\u0335\u0336\u0337\u0338" * 20 + "\n",
    "look-alike": "\u0430dmin = p\u0430ypal\n",
    "leftwards": "if user == '\u05d0\u05d1': return 1 # \u0661\u0662\n",
    "no newline": "the end",
    "nothing": "",
    "newlines": "\n\n\n",
    "surrogate": b"\xed\xb2\x80\n",
    "variation": "a" + "\U000e0101" * 30 + "\n",
}
"""Contents by what they try."""

NAMES = [
    "agent\u202enosj.nix",
    "\u0430gent.json",
    "two\nlines",
    "esc\x1b[2J",
    "trailing ",
    "── agent.json: modified, +0 -0",
    "tab\there",
    "quote\"back\\slash'",
    "bytes\udcff\udcfe",
    ":100644 100644 fake",
    "-rf",
    "x" * 200 + "\nhive-approve 12",
]
"""Names of files that try the same."""
