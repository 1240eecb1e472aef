"""hive-notify as it is typed."""

from pathlib import Path

from tests.bin.conftest import Shell, give
from tests.support.receiver import receiving


def test_a_test_says_for_each_address_whether_it_works(shell: Shell) -> None:
    assert "urls_file" in shell.refusal("hive-notify", "--test", status=1)
    urls = Path(shell.where, "urls")
    with (shell.where / "hive.toml").open("a") as file:
        file.write(f'[notify]\nurls_file = "{urls}"\n')
    with receiving() as service:
        urls.write_text(f"{service.url('secret-path')}\nnonsense\n")
        urls.chmod(0o600)
        give(shell.where)
        done = shell.run("hive-notify", "--test", status=1)
        assert service.got[0]["title"] == "hyperhive: a test"
        assert "apprise" not in str(service.got), "nothing of its makers, no logo to be fetched"
    good, bad = done.stdout.splitlines()
    assert good.startswith("line 1, json://user:****@127.0.0.1") and good.endswith(": worked")
    assert bad == "line 2, …: failed: apprise does not understand this line"
    assert "secret" not in done.stdout + done.stderr
    assert done.stderr == "hive-notify: 1 of 2 did not work; mend that line of the file\n"
