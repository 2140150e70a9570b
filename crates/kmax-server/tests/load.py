"""A load: load.py ADDRESS SECONDS [CONNECTIONS] PHOTO...

First one client asks for one photo after the other, for a tenth of the time: that is the capacity. Then CONNECTIONS clients (32) ask for twice as many, at even
times. Of what was accepted the times are told, of the others how many there were, and what became of the server's memory.
"""

import http.client
import statistics
import sys
import threading
import time
from collections import Counter

address, seconds = sys.argv[1].removeprefix("http://"), float(sys.argv[2])
rest = sys.argv[3:]
connections = int(rest.pop(0)) if rest[0].isdigit() else 32
photos = [open(name, "rb").read() for name in rest]


def memory():
    client = http.client.HTTPConnection(address, timeout=60)
    client.request("GET", "/metrics")
    for line in client.getresponse().read().decode().splitlines():
        if line.startswith("process_resident_memory_bytes "):
            return float(line.split()[1])


def ask(client, number):
    begun = time.monotonic()
    client.request("POST", "/v1/segment", photos[number % len(photos)])
    answer = client.getresponse()
    answer.read()
    return answer.status, time.monotonic() - begun


client = http.client.HTTPConnection(address, timeout=300)
times, end = [], time.monotonic() + seconds / 10
while time.monotonic() < end:
    status, took = ask(client, len(times))
    assert status == 200, status
    times.append(took)
capacity = len(times) / sum(times)
print(f"alone: {capacity:.2f} photos a second, {1e3 * statistics.median(times):.0f} ms each, {memory() / 1e6:.0f} MB")

statuses, accepted, errors, sizes = Counter(), [], Counter(), []
begun = time.monotonic()
pace = connections / (2 * capacity)
lock = threading.Lock()


def work(index):
    client = http.client.HTTPConnection(address, timeout=300)
    due = begun + pace * index / connections
    number = index
    while due < begun + seconds:
        time.sleep(max(0, due - time.monotonic()))
        try:
            status, took = ask(client, number)
        except Exception as error:
            with lock:
                errors[type(error).__name__] += 1
            client = http.client.HTTPConnection(address, timeout=300)
        else:
            with lock:
                statuses[status] += 1
                if status == 200:
                    accepted.append(took)
        number += connections
        # Who is late does not make up for it: the client waits for its answer.
        due = max(due + pace, time.monotonic())


threads = [threading.Thread(target=work, args=(index,)) for index in range(connections)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    sizes.append(memory())
    time.sleep(seconds / 60)
took = time.monotonic() - begun
accepted.sort()
print(f"{connections} connections, {seconds:.0f} s at twice that: {dict(statuses)}, errors {dict(errors)}")
print(f"accepted: {len(accepted) / took:.2f} a second, p50 {accepted[len(accepted) // 2]:.2f} s, p99 {accepted[int(len(accepted) * 0.99)]:.2f} s")
print(f"memory: {min(sizes) / 1e6:.0f} to {max(sizes) / 1e6:.0f} MB, at the end {memory() / 1e6:.0f} MB")
