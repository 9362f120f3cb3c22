#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# Compute the same five sums with threads and what they synchronize by, or alone:
#
#	threads.py [--alone] N
#
# A sum that a lost or doubled item, a lost wake-up or a race would change: each
# item has a value of its own.
import concurrent.futures
import queue
import sys
import threading
import zlib

THREADS = 6


def value(i):
    return zlib.crc32(b"%d" % i)


def in_threads(body, *args):
    threads = [threading.Thread(target=body, args=(t, *args)) for t in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def by_queue(n):
    """Producers, a full queue, consumers that pass on to a second one."""
    first, second = queue.Queue(8), queue.PriorityQueue()

    def consume():
        while (i := first.get()) is not None:
            second.put((value(i), i))
            first.task_done()
        first.task_done()

    consumers = [threading.Thread(target=consume) for _ in range(THREADS)]
    for t in consumers:
        t.start()
    in_threads(lambda t: [first.put(i) for i in range(t, n, THREADS)])
    for _ in consumers:
        first.put(None)
    first.join()
    for t in consumers:
        t.join()
    order = [second.get() for _ in range(n)]
    assert order == sorted(order) and second.empty()
    return sum(v ^ i for v, i in order)


def by_condition(n):
    """A bounded buffer of a list and two conditions on one lock."""
    lock = threading.Lock()
    space, items = threading.Condition(lock), threading.Condition(lock)
    buffer, sums = [], [0] * THREADS

    def put(t):
        for i in range(t, n, THREADS):
            with lock:
                while len(buffer) >= 4:
                    space.wait()
                buffer.append(i)
                items.notify()

    def take(t):
        for _ in range(t, n, THREADS):
            with lock:
                while not buffer:
                    items.wait()
                sums[t] += value(buffer.pop())
                space.notify()

    threads = [threading.Thread(target=f, args=(t,)) for f in (put, take) for t in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not buffer
    return sum(sums)


def by_barrier(n):
    """Rounds: each thread adds what its neighbour had in the round before."""
    rounds = max(n // 20, 1)
    barrier = threading.Barrier(THREADS)
    cells = [[value(t) for t in range(THREADS)] for _ in range(2)]

    def turn(t):
        for r in range(rounds):
            old, new = cells[r % 2], cells[(r + 1) % 2]
            new[t] = (old[t] + 31 * old[(t + 1) % THREADS]) % (1 << 61)
            barrier.wait()

    in_threads(turn)
    return sum(cells[rounds % 2])


def by_semaphore(n):
    """No more than two inside, and what they do there is not lost."""
    sem, lock, inside, total = threading.BoundedSemaphore(2), threading.RLock(), [0, 0], [0]

    def enter(t):
        for i in range(t, n, THREADS):
            with sem:
                with lock, lock:
                    inside[0] += 1
                    inside[1] = max(inside)
                    total[0] += value(i)
                with lock:
                    inside[0] -= 1

    in_threads(enter)
    assert inside[0] == 0 and inside[1] <= 2
    return total[0]


def by_pool(n):
    """Futures of a pool, in order and as they come."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        first = list(pool.map(value, range(n)))
        second = [pool.submit(value, i) for i in range(n)]
        done = sum(f.result() for f in concurrent.futures.as_completed(second))
    assert sum(first) == done
    return sum(v ^ i for i, v in enumerate(first))


def alone(n):
    total = sum(map(value, range(n)))
    mixed = sum(value(i) ^ i for i in range(n))
    cells = [value(t) for t in range(THREADS)]
    for _ in range(max(n // 20, 1)):
        cells = [(cells[t] + 31 * cells[(t + 1) % THREADS]) % (1 << 61)
                 for t in range(THREADS)]
    return [mixed, total, sum(cells), total, mixed]


def main():
    n = int(sys.argv[-1])
    sys.setswitchinterval(0.0005)
    parts = [by_queue, by_condition, by_barrier, by_semaphore, by_pool]
    answers = alone(n) if sys.argv[1] == "--alone" else [part(n) for part in parts]
    for part, answer in zip(parts, answers):
        print(part.__name__.removeprefix("by_"), answer)


main()
