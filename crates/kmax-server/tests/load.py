"""A load: load.py ADDRESS SECONDS [CONNECTIONS] PHOTO...

First one client asks for one photo after the other, for a tenth of the time: that is the capacity. Then CONNECTIONS clients (32) ask each for the next photo as
soon as they have an answer, or a second after they were told that there is no room: many times the capacity. Of what was accepted the times are told, of the others
how many there were, and what became of the server's memory.
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


def ask(number):
    begun = time.monotonic()
    client = http.client.HTTPConnection(address, timeout=300)
    client.request("POST", "/v1/segment", photos[number % len(photos)])
    answer = client.getresponse()
    answer.read()
    client.close()
    return answer.status, time.monotonic() - begun


times, end = [], time.monotonic() + seconds / 10
while time.monotonic() < end:
    status, took = ask(len(times))
    assert status == 200, status
    times.append(took)
capacity = len(times) / sum(times)
print(f"alone: {capacity:.2f} photos a second, {1e3 * statistics.median(times):.0f} ms each, {memory() / 1e6:.0f} MB")

statuses, accepted, errors, sizes = Counter(), [], Counter(), []
begun = time.monotonic()
lock = threading.Lock()


def work(index):
    number = index
    while time.monotonic() < begun + seconds:
        try:
            status, took = ask(number)
        except Exception as error:
            with lock:
                errors[type(error).__name__] += 1
            continue
        with lock:
            statuses[status] += 1
            if status == 200:
                accepted.append(took)
        number += connections
        if status == 429:
            time.sleep(1)


threads = [threading.Thread(target=work, args=(index,)) for index in range(connections)]
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    sizes.append(memory())
    time.sleep(seconds / 60)
took = time.monotonic() - begun
accepted.sort()
rate = len(accepted) / took
print(f"{connections} connections, {seconds:.0f} s: {sum(statuses.values()) / took / rate:.1f} times what is accepted: {dict(statuses)}, errors {dict(errors)}")
print(f"accepted: {rate:.2f} a second, p50 {accepted[len(accepted) // 2]:.2f} s, p99 {accepted[int(len(accepted) * 0.99)]:.2f} s")
print(f"memory: {min(sizes) / 1e6:.0f} to {max(sizes) / 1e6:.0f} MB, at the end {memory() / 1e6:.0f} MB")
