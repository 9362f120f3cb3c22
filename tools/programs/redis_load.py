#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# Load a redis on a Unix socket, check each answer, and what is there in the end:
#
#	redis_load.py SOCKET load ROUNDS    many clients at once
#	redis_load.py SOCKET verify ROUNDS  sums, lists, the statistics
#	redis_load.py SOCKET spoil          lose one element
#
# All clients wait for their answers at the same time, so that the server has work
# for its I/O threads.  They add to the same counters, push and pop a list, of
# which each element is popped once, and read back large values of their own.
import socket
import sys

CLIENTS, COUNTERS = 24, 5
LARGE = 3000


class Wrong(Exception):
    pass


def request(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def send(self, *requests):
        self.socket.sendall(b"".join(requests))

    def answer(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        raise Wrong(f"the server answers {line}")

    def ask(self, *words):
        self.send(request(*words))
        return self.answer()


def expect(what, is_, should):
    if is_ != should:
        raise Wrong(f"{what}: {is_!s:.80}, not {should!s:.80}")


def large(me, turn):
    return (b"%d.%d " % (me, turn) * LARGE)[:LARGE]


def load(path, rounds):
    clients = [Client(path) for _ in range(CLIENTS)]
    popped = []
    for turn in range(rounds):
        for me, client in enumerate(clients):
            client.send(request("SET", f"large-{me}", large(me, turn)),
                        *(request("INCRBY", f"count-{i}", me) for i in range(COUNTERS)),
                        request("RPUSH", "list", f"{me}/{turn}/a", f"{me}/{turn}/b"),
                        request("GET", f"large-{me}"),
                        request("LPOP", "list"),
                        request("HINCRBY", "hash", me % 3, 1),
                        request("LRANGE", "list", 0, 20))
        for me, client in enumerate(clients):
            expect("SET", client.answer(), b"OK")
            for _ in range(COUNTERS):
                client.answer()
            client.answer()
            expect(f"what client {me} has set", client.answer(), large(me, turn))
            popped.append(client.answer())
            client.answer()
            client.answer()
    clients[0].send(request("DEL", "popped"), request("RPUSH", "popped", *popped))
    clients[0].answer()
    expect("elements popped", clients[0].answer(), CLIENTS * rounds)


def verify(path, rounds):
    client = Client(path)
    total = rounds * CLIENTS * (CLIENTS - 1) // 2
    for i in range(COUNTERS):
        expect(f"count-{i}", int(client.ask("GET", f"count-{i}")), total)
    for me in range(CLIENTS):
        expect(f"large-{me}", client.ask("GET", f"large-{me}"), large(me, rounds - 1))
    left = client.ask("LRANGE", "list", 0, -1)
    gone = client.ask("LRANGE", "popped", 0, -1)
    expect("what was pushed", sorted(left + gone), sorted(
        b"%d/%d/%s" % (me, turn, end)
        for me in range(CLIENTS) for turn in range(rounds) for end in (b"a", b"b")))
    # One client's elements stay in the order in which it pushed them.
    for me in range(CLIENTS):
        mine = [e.split(b"/") for e in left if e.startswith(b"%d/" % me)]
        expect(f"the order of client {me}", mine, sorted(
            mine, key=lambda e: (int(e[1]), e[2])))
    hashes = client.ask("HGETALL", "hash")
    expect("the hash", sum(map(int, hashes[1::2])), rounds * CLIENTS)
    info = dict(line.split(":", 1) for line in client.ask("INFO").decode().split("\r\n")
                if ":" in line)
    expect("errors", info["total_error_replies"], "0")
    for name in "io_threaded_writes_processed", "io_threaded_reads_processed":
        if int(info[name]) == 0:
            raise Wrong(f"the I/O threads have done nothing: {name} is 0")


def main():
    path, verb = sys.argv[1:3]
    try:
        if verb == "load":
            load(path, int(sys.argv[3]))
        elif verb == "verify":
            verify(path, int(sys.argv[3]))
        elif verb == "spoil":
            Client(path).ask("RPOP", "list")
    except Wrong as fault:
        print(fault)
        return 3
    return 0


sys.exit(main())
