"""What the Python drivers of the interop rig share: jobs as JSON lines on stdin, events as JSON lines on stdout (see driver.ts)."""
import base64
import json
import signal
import sys
import time

stopping = False


def event(name, **body):
    body["ev"] = name
    sys.stdout.write(json.dumps(body) + "\n")
    sys.stdout.flush()


def decode(text):
    return None if text is None else base64.b64decode(text)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def emit(partition, offset, timestamp, key, value, headers):
    event("record", partition=partition, offset=offset, timestamp=timestamp, key=encode(key), value=encode(value),
          headers=[[name, encode(data)] for name, data in headers or []])


def stop(*_):
    global stopping
    stopping = True


def stopped():
    return stopping


def deadline(job):
    return time.time() + job["timeoutMs"] / 1000


def main(ops):
    """Runs one job after the other; an exception is the job's error."""
    signal.signal(signal.SIGTERM, stop)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            event("done", **(ops[job["op"]](job) or {}))
        except Exception as error:  # every failure is an answer
            event("error", message="%s: %s" % (type(error).__name__, error))
