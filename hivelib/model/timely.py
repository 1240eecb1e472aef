"""The events of time and watch: questions, reminders, crashes, settings. Their base is in model/events.py."""

from hivelib.model.events import Event

# questions


class QuestionAsked(Event):
    """Somebody asked something and goes on; the answer will come as mail."""

    kind = "question_asked"
    fields = {
        "id": "the question",
        "asker": "who asked",
        "target": "operator, or the agent that was asked",
        "question": "its words",
        "options": "what the asker offers; any other answer is allowed",
        "multi": "whether several may be chosen",
        "deadline_at": "when it expires, UTC seconds; null: never",
    }


class QuestionAnswered(Event):
    """A question has its answer; the asker has it in its inbox."""

    kind = "question_answered"
    fields = {
        "id": "the question",
        "question": "its words",
        "answer": "the answer",
        "answerer": "operator, or the agent that was asked",
    }


class QuestionCancelled(Event):
    """A question was taken back, or its asker or target is gone."""

    kind = "question_cancelled"
    fields = {"id": "the question", "by": "who"}


class QuestionExpired(Event):
    """Nobody answered in time: neither yes nor no."""

    kind = "question_expired"
    fields = {"id": "the question"}


# reminders


class ReminderAdded(Event):
    """A reminder waits for its time."""

    kind = "reminder_added"
    fields = {
        "id": "the reminder",
        "owner": "whom it reminds",
        "due_at": "UTC seconds of its first time",
        "every": "seconds between two, or null",
        "calendar": "systemd's calendar expression, or empty",
        "by": "who",
    }


class ReminderFired(Event):
    """A reminder is in its owner's inbox."""

    kind = "reminder_fired"
    fields = {
        "id": "the reminder",
        "owner": "whom it reminds",
        "message": "the message it became",
        "late": "seconds after its time",
        "skipped": "times of a recurring one that passed meanwhile and are not made up for",
        "next_at": "its next time, UTC seconds; null: that was all",
    }


class ReminderFailed(Event):
    """A reminder could not be delivered; it is tried again, or waits for the operator after the last attempt."""

    kind = "reminder_failed"
    fields = {
        "id": "the reminder",
        "owner": "whom it reminds",
        "attempts": "how often it was tried",
        "why": "words",
        "again_at": "when it is tried again, UTC seconds; null: it waits for the operator",
    }


class ReminderCancelled(Event):
    """A reminder will not come (again)."""

    kind = "reminder_cancelled"
    fields = {"id": "the reminder", "owner": "whom it would have reminded", "by": "who"}


class ScheduleChanged(Event):
    """A recurring reminder has another next time than it had: added, retried, or the clock was set."""

    kind = "schedule_changed"
    fields = {
        "id": "the reminder",
        "owner": "whom it reminds",
        "next_at": "UTC seconds",
        "why": "words",
    }


# crashes


class ContainerCrash(Event):
    """A box ended in the middle of its work, and no job of ours had ended it."""

    kind = "container_crash"
    fields = {"agent": "whose box", "note": "the reason: exit status, signal, out of memory"}


# settings


class SettingsChanged(Event):
    """hive.toml was edited; it is valid, and what runs has it."""

    kind = "settings_changed"
    fields = {"names": "the settings that are others now, as table.name"}
