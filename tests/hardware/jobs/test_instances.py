"""An account with several instances: jobs are found in the instance that created them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hardware.jobs.trials import Stage, Undisturbed, at, refused
from ibm_service.messages import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.jobs.trials import ForkServer
    from ibm_service.instances import Instance
    from ibm_service.messages import Request

AFTER_CREATION = at("jobs/submit.py", "session = self._mode.session_id")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> Iterator[Stage]:
    instances = {"first": "open", "second": "premium"}
    folder = tmp_path_factory.mktemp("instances")
    with Stage(folder, fork_server, count=1, instances=instances) as stage:
        yield stage
        stage.check_tags()


@pytest.fixture(scope="module")
def template(stage: Stage) -> str:
    return stage.template()


@pytest.fixture(scope="module")
def undisturbed(stage: Stage, template: str) -> Undisturbed:
    return stage.undisturbed(template)


@pytest.mark.parametrize(("begun", "other"), [("first", "second"), ("second", "first")])
def test_gone_on_with_in_another_instance(
    stage: Stage, template: str, undisturbed: Undisturbed, begun: str, other: str
) -> None:
    (ibm,) = stage.services
    order = stage.order(template, f"begun-{begun}", environment=ibm.environment(begun))
    assert stage.fork_server.run(**order, place=AFTER_CREATION)["status"] == -signal.SIGKILL
    (job,) = stage.created(stage.records(order)[0].tag)
    assert job.crn == ibm.account.instances[begun].crn
    assert stage.done({**order, "environment": ibm.environment(other)}) == undisturbed.results


def test_collected_from_another_instance(
    stage: Stage, template: str, undisturbed: Undisturbed
) -> None:
    (ibm,) = stage.services
    order = stage.order(template, "collected", environment=ibm.environment("second"))
    assert stage.fork_server.run(**order, action="submit")["error"] is None
    elsewhere = {**order, "environment": ibm.environment("first")}
    assert stage.done({**elsewhere, "action": "collect"}) == undisturbed.results


def test_an_instance_that_refuses_to_be_asked(
    stage: Stage, template: str, undisturbed: Undisturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no jobs, and the other instances stay usable."""
    (ibm,) = stage.services
    find = ibm.account.instance_of

    def refusing(request: Request) -> Instance:
        instance = find(request)
        if instance.name == "second":
            raise RefusalError(403, 1211, "Forbidden")
        return instance

    monkeypatch.setattr(ibm.account, "instance_of", refusing)
    order = stage.order(template, "refusing", environment=ibm.environment("first"))
    assert stage.done(order) == undisturbed.results


def test_the_plan_is_that_of_the_instance_which_offers_the_device(stage: Stage) -> None:
    """Without a default instance, the client library asks all, and the last stays active."""
    (ibm,) = stage.services
    template = stage.template(mode="batch")
    everywhere = ibm.environment() | {"QISKIT_IBM_INSTANCE": ""}
    order = stage.order(template, "anywhere", environment=everywhere, options={"mode": "session"})
    assert "the open plan has no sessions" in refused(stage.fork_server.run(**order))
