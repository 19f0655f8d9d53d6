#!/usr/bin/env python3
"""Works on jobs of beanstalkd through the gateway. Python 3.9 or later, its standard library alone.

    TUBES=mail,sms python3 worker.py ./command argument

A job's body is the command's standard input; exit code 0 means done. See ../README.md.
"""

import http.client
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlencode, urlsplit

GATEWAY = urlsplit(os.environ.get("GATEWAY_URL", "http://127.0.0.1:8080"))
TUBES = os.environ.get("TUBES", "default").split(",")
KEY = os.environ.get("KEY")
MAX_TRIES = int(os.environ.get("MAX_TRIES", "5"))
WAIT = 30  # seconds that beanstalkd may let us wait for a job
PATIENCE = 10  # seconds for an answer, beyond that
FIRST_DELAY, LONGEST_DELAY = 5, 600  # seconds until a failed job is tried again, doubled each time

HEADERS = {"Accept": "application/octet-stream, */*;q=0.5"}
if KEY:
    HEADERS["Authorization"] = "Bearer " + KEY


def work(body, cancelled):
    """Does one job, and tells whether it is done. Put your own here.

    When cancelled() is true, stop soon: the job is to be given back, or no longer ours.
    """
    # In a session of its own, Ctrl-C does not reach it, and a kill reaches all that it started.
    with tempfile.TemporaryFile() as file:  # A pipe would want somebody to go on writing into it.
        file.write(body)
        file.seek(0)
        command = subprocess.Popen(sys.argv[1:], stdin=file, start_new_session=True)
    while True:
        try:
            return command.wait(timeout=0.2) == 0
        except subprocess.TimeoutExpired:
            if cancelled():
                os.killpg(command.pid, signal.SIGKILL)


class Job:
    def __init__(self, headers, body):
        self.path = "/v1/reservations/" + headers["Reservation"]
        self.name = f"job {headers['Job-Id']} of {headers['Job-Tube']}"
        self.ttr = int(headers["Job-Ttr"])
        self.tries = int(headers["Job-Reserves"])
        self.body = body
        self.lost = False

    def keep(self, finished):
        """Touches until the work is finished. What cannot be touched in time is lost, too."""
        pause = interval = self.ttr / 3
        ours_until = time.monotonic() + self.ttr
        while not finished.wait(pause):
            asked_at = time.monotonic()
            status, _, _ = call("POST", self.path + "/touch", timeout=min(interval, PATIENCE))
            if status == 200:
                pause, ours_until = interval, asked_at + self.ttr
            elif status in (404, 410) or time.monotonic() > ours_until:
                self.lost = True
                return
            else:
                pause = min(interval, 1)

    def settle(self, method, path, what):
        """Repeats the call while the job may be ours. The gateway never carries it out too late."""
        ours_until = time.monotonic() + self.ttr
        attempts = 0
        while True:
            answer = status, _, _ = call(method, self.path + path)
            if status == 204:
                return log(f"{self.name}: {what}")
            if status in (404, 410) or time.monotonic() > ours_until:
                return log(f"{self.name}: {what}, but too late: no longer ours")
            attempts += 1
            time.sleep(hold_off(answer, attempts))


def call(method, path, timeout=PATIENCE):
    """Status, headers and body of the answer. Without one, status is 0 and the body says why."""
    https = GATEWAY.scheme == "https"
    kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
    connection = kind(GATEWAY.netloc, timeout=timeout)
    try:
        connection.request(method, GATEWAY.path.rstrip("/") + path, headers=HEADERS)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, {}, repr(error).encode()
    finally:
        connection.close()


def hold_off(answer, attempts):
    """The seconds until the next attempt. A refusal that does not heal by itself ends the worker."""
    status, headers, body = answer
    what = f"{status or 'no answer'}: {' '.join(body.decode(errors='replace').split())[:300]}"
    if 300 <= status < 500 and status not in (408, 429):
        sys.exit(f"refused, {what}")
    seconds = 2 ** min(attempts, 5) * random.uniform(0.25, 0.5)
    retry_after = headers.get("Retry-After", "")
    if retry_after.isdigit():
        seconds = int(retry_after)
    log(f"{what}; again in {seconds:.1f} s")
    return seconds


def do(job):
    finished = threading.Event()
    threading.Thread(target=job.keep, args=[finished], daemon=True).start()
    try:
        done = work(job.body, cancelled=lambda: job.lost or signals > 1)
    except Exception as error:
        log(f"{job.name}: {error!r}")
        done = False
    finished.set()
    if job.lost:
        log(f"{job.name}: no longer ours, left alone")
    elif done:
        job.settle("DELETE", "", "done")
    elif signals > 1:
        job.settle("POST", "/release", "given back")
    elif job.tries >= MAX_TRIES:
        job.settle("POST", "/bury", f"tried {job.tries} times, buried")
    else:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (job.tries - 1))
        job.settle("POST", f"/release?delay={delay}", f"failed, again in {delay} s")


def log(line):
    print(line, file=sys.stderr, flush=True)


def on_signal(*_):
    """Idle, we end at once. At work, the first makes this job the last, the second gives it back."""
    global signals
    signals += 1
    if idle:
        sys.exit(0)


if len(sys.argv) < 2:
    sys.exit("usage: worker.py command [argument ...]")
signals, idle, attempts = 0, True, 0
signal.signal(signal.SIGTERM, on_signal)
signal.signal(signal.SIGINT, on_signal)
query = urlencode([("timeout", WAIT)] + [("tube", tube) for tube in TUBES])
while not signals:
    answer = status, headers, body = call("POST", "/v1/reservations?" + query, WAIT + PATIENCE)
    if status == 201:
        idle = False
        do(Job(headers, body))
        idle = True
    attempts = 0 if status in (201, 204) else attempts + 1
    if attempts:
        time.sleep(hold_off(answer, attempts))
