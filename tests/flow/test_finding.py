"""Mail is found again: whole conversations, and words taken as they are."""

import pytest

from hivelib.base.errors import Misuse, Refused
from hivelib.flow import finding, mailing
from hivelib.flow.mailing import SHELL
from hivelib.flow.opening import Hive
from tests.support.residents import voice


def test_a_thread_is_the_whole_conversation_from_wherever_one_looks(hive: Hive) -> None:
    root = mailing.send(hive, SHELL, "alice", "root").id
    left = mailing.send(hive, voice("alice"), "operator", "left", in_reply_to=root).id
    right = mailing.send(hive, voice("alice"), "bob", "right", in_reply_to=root).id
    leaf = mailing.send(hive, voice("bob"), "alice", "leaf", in_reply_to=right).id
    mailing.send(hive, SHELL, "alice", "another conversation")
    for number in (root, left, right, leaf):
        assert [message.id for message in finding.thread(hive, number)] == [root, left, right, leaf]
    with pytest.raises(Refused, match="no message 99"):
        finding.thread(hive, 99)


def test_search_finds_what_was_just_sent_by_all_its_words(hive: Hive) -> None:
    mailing.send(hive, SHELL, "alice", "The build failed on Tuesday")
    mailing.send(hive, SHELL, "alice", "The build is green")
    assert [message.body for message in finding.search(hive, "BUILD failed")] == [
        "The build failed on Tuesday"
    ]
    mailing.send(hive, SHELL, "bob", "a build, failed again")
    assert len(finding.search(hive, "failed build")) == 2, "the index catches up by itself"


@pytest.mark.parametrize("words", ["build OR", "NEAR(", "body:x", "NOT the", "a\0b"])
def test_search_takes_words_literally_and_never_breaks(hive: Hive, words: str) -> None:
    mailing.send(hive, SHELL, "alice", "the build")
    assert finding.search(hive, words) == []


@pytest.mark.parametrize("words", ["", "- *", '""', "\0", "\udcff"])
def test_search_for_nothing_is_misuse(hive: Hive, words: str) -> None:
    with pytest.raises(Misuse):
        finding.search(hive, words)
