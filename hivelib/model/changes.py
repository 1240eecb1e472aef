"""The events of what changes by the operator's word: approvals, deploys, jobs. Their base is in model/events.py."""

from hivelib.model.events import Event

# approvals


class ApprovalAdded(Event):
    """Something waits for the operator's decision, or will once it was fetched and looked at."""

    kind = "approval_added"
    fields = {
        "id": "the approval",
        "kind": "init_config, apply_commit, spawn or schedule",
        "agent": "whom it is about",
        "commit_ref": "what was asked for: a ref, or how often a schedule comes",
        "by": "who asked",
    }


class ApprovalPending(Event):
    """The proposal was fetched and its objects checked, or is a schedule: it can be looked at and decided."""

    kind = "approval_pending"
    fields = {
        "id": "the approval",
        "agent": "whom it is about",
        "sha": "the commit, or the digest of a schedule's text",
    }


class ApprovalDecided(Event):
    """The operator said yes or no."""

    kind = "approval_decided"
    fields = {
        "id": "the approval",
        "verdict": "approve or deny",
        "by": "login name",
        "uid": "the kernel's number of who decided",
        "surface": "shell or web",
    }


class ApprovalResolved(Event):
    """An approval is over; the manager was told the same."""

    kind = "approval_resolved"
    fields = {
        "id": "the approval",
        "agent": "whom it was about",
        "kind": "init_config, apply_commit, spawn or schedule",
        "commit_ref": "what was asked for",
        "status": "deployed, failed, denied, expired or superseded",
        "note": "why, in words",
        "sha": "the commit",
        "tag": "the tag in applied that says so, empty where there is none",
    }


class ApprovalSuperseded(Event):
    """A newer proposal for the same agent was approved."""

    kind = "approval_superseded"
    fields = {"id": "the approval", "by": "the newer one"}


class ApprovalExpired(Event):
    """Nobody decided in time."""

    kind = "approval_expired"
    fields = {"id": "the approval"}


class DecisionRefused(Event):
    """A decision was not believed: not an operator's, used before, or not about what is there."""

    kind = "decision_refused"
    fields = {"id": "the approval", "why": "words"}


class ConfigReady(Event):
    """A new agent's config repository is there for the manager to edit."""

    kind = "config_ready"
    fields = {"agent": "its name", "sha": "the seed commit"}


# deploys


class DeployStarted(Event):
    """The worker began to deploy an approval."""

    kind = "deploy_started"
    fields = {"id": "the approval", "agent": "whose", "sha": "the commit"}


class DeployProgressed(Event):
    """A deploy reached its next step."""

    kind = "deploy_progressed"
    fields = {"id": "the approval", "step": "words"}


class DeployEnded(Event):
    """A deploy is over."""

    kind = "deploy_ended"
    fields = {
        "id": "the approval",
        "agent": "whose",
        "ok": "whether it runs now",
        "note": "words",
        "sha": "the commit",
        "tag": "deployed/ID or failed/ID",
    }


class Rebuilt(Event):
    """An agent's box was built anew, of a new commit or of the same."""

    kind = "rebuilt"
    fields = {
        "agent": "its name",
        "ok": "whether it went well",
        "note": "words",
        "sha": "the commit that runs now",
        "tag": "its tag",
    }


class NeedsUpdate(Event):
    """What an agent runs was built by an older program."""

    kind = "needs_update"
    fields = {"agent": "its name"}


# jobs


class JobQueued(Event):
    """A worker has something to do."""

    kind = "job_queued"
    fields = {
        "job": "its number",
        "lane": "which worker",
        "kind": "what",
        "approval": "for which, or null",
        "by": "who asked",
    }


class JobStarted(Event):
    """A worker began a job."""

    kind = "job_started"
    fields = {"job": "its number", "kind": "what"}


class JobEnded(Event):
    """A job is over."""

    kind = "job_ended"
    fields = {"job": "its number", "kind": "what", "ok": "whether it was done", "note": "words"}
