"""The story of a few jobs, told by the client that openapi-python-client makes of openapi/openapi.yaml.

mypy reads it together with that client. Run, it asserts, and says nothing when all is well.
"""

import asyncio
import base64
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from io import BytesIO
from typing import TypeVar

import httpx

from beanstalkd_gateway_client import AuthenticatedClient, Client
from beanstalkd_gateway_client.api.consume import (
    bury_reserved_job,
    delete_reserved_job,
    get_reservation,
    release_reserved_job,
    reserve_jobs,
    reserve_jobs_from_tubes,
    settle_reservations,
    touch_reserved_job,
)
from beanstalkd_gateway_client.api.produce import put_job, put_jobs
from beanstalkd_gateway_client.api.tend import (
    delete_job,
    get_job,
    get_server,
    get_tube,
    kick_job,
    kick_jobs,
    list_tubes,
    peek_job,
)
from beanstalkd_gateway_client.models import (
    Encoding,
    FoundJob,
    JobState,
    Kicked,
    NewJob,
    NewJobs,
    Outcome,
    Problem,
    PutAnswer,
    PutResults,
    Reservation,
    ReservationList,
    Server,
    SettleItem,
    SettleItemAction,
    SettleRequest,
    SettleResults,
    Touched,
    Tube,
    TubeList,
    UnheldState,
)
from beanstalkd_gateway_client.types import File

GATEWAY_URL = os.environ["GATEWAY_URL"]
MADE_UP = "0" * 32

T = TypeVar("T")

gateway = Client(base_url=GATEWAY_URL, raise_on_unexpected_status=True)


def expect(kind: type[T], answer: object) -> T:
    assert isinstance(answer, kind), answer
    return answer


def refused(name: str, answer: object) -> Problem:
    problem = expect(Problem, answer)
    assert problem.type_ == f"/problems/{name}", problem
    return problem


def put(tube: str, body: bytes = b"a job") -> PutAnswer:
    return expect(PutAnswer, put_job.sync(tube, client=gateway, body=File(BytesIO(body))))


def take(tube: str, client: Client = gateway, timeout: int = 10) -> Reservation:
    """The next job of a tube, waited for."""
    answer = reserve_jobs.sync(tube, client=client, timeout=timeout)
    [taken] = expect(ReservationList, answer).reservations
    return taken


def finish(reservation: str) -> HTTPStatus:
    return delete_reserved_job.sync_detailed(reservation, client=gateway).status_code


def someone_waits(tube: str) -> None:
    """The first who waits for a tube makes it."""
    deadline = time.monotonic() + 5
    while True:
        answer = get_tube.sync(tube, client=gateway)
        if isinstance(answer, Tube) and answer.current_waiting > 0:
            return
        assert time.monotonic() < deadline, f"nobody waits for {tube}"
        time.sleep(0.01)


def bytes_come_back_as_they_went() -> None:
    # 0.26.2, for older Pythons, does not percent-encode paths.
    tube = "story-bytes/raw" if sys.version_info >= (3, 11) else "story-bytes"
    body = b"\x00\xff\xfe\x0a\x80"
    job = expect(
        PutAnswer,
        put_job.sync(tube, client=gateway, body=File(BytesIO(body)), priority=7, ttr=30),
    )
    job_id: str = job.id
    taken = take(tube)
    assert (taken.job.id, taken.job.priority, taken.job.ttr) == (job_id, 7, 30)
    assert taken.encoding is Encoding.BASE64
    assert base64.b64decode(taken.body) == body
    released = release_reserved_job.sync_detailed(taken.reservation, client=gateway)
    assert released.status_code == 204

    raw = Client(base_url=GATEWAY_URL, headers={"Accept": "application/octet-stream"})
    answer = reserve_jobs.sync_detailed(tube, client=raw)
    assert expect(File, answer.parsed).payload.read() == body
    assert answer.headers["Job-Id"] == job_id
    assert finish(answer.headers["Reservation"]) == 204


def asyncio_sends_bytes() -> None:
    """httpx takes no file there, and the types know nothing else."""
    body = File(b"a job")  # type: ignore[arg-type]
    answer = asyncio.run(put_job.asyncio("story-async", client=gateway, body=body))
    assert take("story-async").job.id == expect(PutAnswer, answer).id


def a_retry_with_its_key_puts_nothing() -> None:
    def put_once(body: bytes) -> object:
        file = File(BytesIO(body))
        return put_job.sync("story-once", client=gateway, body=file, idempotency_key="story-4711")

    job_id = expect(PutAnswer, put_once(b"a job")).id
    assert expect(PutAnswer, put_once(b"a job")).id == job_id
    refused("idempotency-key-reused", put_once(b"another job"))


def one_bad_job_does_not_fail_the_others() -> None:
    jobs = NewJobs(
        jobs=[
            NewJob(body="one", priority=1),
            NewJob(body="no base64", encoding=Encoding.BASE64),
            NewJob(body="dHdv", encoding=Encoding.BASE64, delay=60),
        ]
    )
    answer = put_jobs.sync("story-batch", client=gateway, body=jobs)
    one, bad, two = expect(PutResults, answer).results
    assert (one.status, bad.status, two.status) == (201, 400, 201)
    assert one.state is JobState.READY
    assert two.state is JobState.DELAYED
    assert bad.type_ == "/problems/invalid-request"
    assert bad.outcome is Outcome.NONE
    assert bad.title and bad.detail


def a_wait_is_answered_by_a_put() -> None:
    tube = "story-wait"
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(take, tube)
        someone_waits(tube)
        job_id = put(tube).id
        assert waiting.result().job.id == job_id


def a_touch_gains_time() -> None:
    tube = "story-touch"
    put(tube)
    taken = take(tube)
    time.sleep(0.005)
    touched = touch_reserved_job.sync(taken.reservation, client=gateway)
    assert expect(Touched, touched).expires_at > taken.expires_at
    assert taken.expires_at.tzinfo is not None


def a_released_job_is_kicked() -> None:
    tube = "story-release"
    job_id = put(tube).id
    reservation = take(tube).reservation
    released = release_reserved_job.sync_detailed(reservation, client=gateway, delay=100)
    assert released.status_code == 204
    found = expect(FoundJob, get_job.sync(job_id, client=gateway))
    assert found.job.state is JobState.DELAYED
    assert kick_job.sync_detailed(job_id, client=gateway).status_code == 204
    assert take(tube).job.id == job_id


def a_buried_job_is_kicked_and_done() -> None:
    tube = "story-bury"
    job_id = put(tube).id
    buried = bury_reserved_job.sync_detailed(take(tube).reservation, client=gateway)
    assert buried.status_code == 204
    found = peek_job.sync(tube, client=gateway, state=UnheldState.BURIED)
    assert expect(FoundJob, found).job.id == job_id
    assert expect(Kicked, kick_jobs.sync(tube, client=gateway, bound=10)).kicked == 1
    reservation = take(tube).reservation
    assert finish(reservation) == 204
    assert finish(reservation) == 204
    ended = touch_reserved_job.sync(reservation, client=gateway)
    problem = refused("reservation-ended", ended)
    assert (problem.status, problem.reason) == (410, "deleted")


def two_tubes_are_one_wait() -> None:
    tubes = ["story-a", "story-b"]
    for tube in tubes:
        put(tube)
    answer = reserve_jobs_from_tubes.sync(client=gateway, tube=tubes, count=2)
    taken = expect(ReservationList, answer).reservations
    assert sorted(each.job.tube for each in taken) == tubes


def reservations_are_settled_together() -> None:
    tube = "story-settle"
    put(tube, b"one")
    put(tube, b"two")
    request = SettleRequest(
        settle=[
            SettleItem(take(tube).reservation, SettleItemAction.DELETE),
            SettleItem(take(tube).reservation, SettleItemAction.RELEASE, delay=5),
            SettleItem(MADE_UP, SettleItemAction.TOUCH),
        ]
    )
    answer = settle_reservations.sync(client=gateway, body=request)
    statuses = [result.status for result in expect(SettleResults, answer).results]
    assert statuses == [204, 204, 404]


def figures_are_numbers() -> None:
    tube = "story-figures"
    put(tube)
    ready: int = expect(Tube, get_tube.sync(tube, client=gateway)).current_jobs_ready
    assert ready == 1
    tubes = expect(TubeList, list_tubes.sync(client=gateway)).tubes
    assert [each.total_jobs for each in tubes if each.name == tube] == [1]
    server = expect(Server, get_server.sync(client=gateway))
    cpu: float = server.rusage_utime
    assert server.max_job_size == 65_535 and cpu >= 0


def problems_are_typed() -> None:
    tube = "story-problems"
    invalid = refused("invalid-request", reserve_jobs.sync(tube, client=gateway, count=101))
    assert invalid.errors and invalid.errors[0].name == "count"
    refused("job-not-found", get_job.sync("999999", client=gateway))
    refused("tube-not-found", get_tube.sync("story-nowhere", client=gateway))
    refused("reservation-not-found", get_reservation.sync(MADE_UP, client=gateway))
    job_id = put(tube).id
    take(tube)
    held = refused("job-state-conflict", delete_job.sync(job_id, client=gateway))
    assert held.state is JobState.RESERVED
    too_big = File(BytesIO(bytes(65_536)))
    problem = refused("job-too-big", put_job.sync(tube, client=gateway, body=too_big))
    assert problem.max_job_size == 65_535


def a_key_opens_its_tubes() -> None:
    keyed_url = os.environ["KEYED_URL"]
    stranger = Client(base_url=keyed_url)
    insider = AuthenticatedClient(base_url=keyed_url, token=os.environ["KEY"])

    def body() -> File:
        return File(BytesIO(b"a job"))

    refused("unauthorized", put_job.sync("story-keys", client=stranger, body=body()))
    refused("forbidden", put_job.sync("elsewhere", client=insider, body=body()))
    expect(PutAnswer, put_job.sync("story-keys", client=insider, body=body()))


def every_other_problem_is_typed() -> None:
    mirror = Client(base_url=os.environ["MIRROR_URL"], raise_on_unexpected_status=True)
    for name in os.environ["MIRRORED"].split(","):
        answer = put_job.sync_detailed(name, client=mirror, body=File(BytesIO(b"a job")))
        problem = refused(name, answer.parsed)
        assert problem.status == answer.status_code
        assert problem.outcome in (Outcome.NONE, Outcome.UNKNOWN)


def who_gives_up_loses_nothing() -> None:
    tube = "story-patience"
    assert gateway.get_httpx_client().timeout == httpx.Timeout(None)
    impatient = Client(base_url=GATEWAY_URL, timeout=httpx.Timeout(1))
    patient = Client(base_url=GATEWAY_URL, timeout=httpx.Timeout(5, read=35))
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(take, tube, impatient, 30)
        someone_waits(tube)
        assert isinstance(waiting.exception(), httpx.ReadTimeout)
        job_id = put(tube).id
        assert take(tube).job.id == job_id

        waiting = threads.submit(take, tube, patient, 30)
        someone_waits(tube)
        job_id = put(tube).id
        assert waiting.result().job.id == job_id


bytes_come_back_as_they_went()
asyncio_sends_bytes()
a_retry_with_its_key_puts_nothing()
one_bad_job_does_not_fail_the_others()
a_wait_is_answered_by_a_put()
a_touch_gains_time()
a_released_job_is_kicked()
a_buried_job_is_kicked_and_done()
two_tubes_are_one_wait()
reservations_are_settled_together()
figures_are_numbers()
problems_are_typed()
a_key_opens_its_tubes()
every_other_problem_is_typed()
who_gives_up_loses_nothing()
