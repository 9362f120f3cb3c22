#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# Load a memcached on a Unix socket, check each answer, and what is there in the end:
#
#	memcached_load.py SOCKET load ROUNDS    several clients at once
#	memcached_load.py SOCKET verify ROUNDS  every value, every counter, the statistics
#	memcached_load.py SOCKET spoil          lose one value
#	memcached_load.py SOCKET stop
#
# Each client has keys of its own, whose values say who wrote them and when; all
# add to the same counters, append to the same log, and compare-and-swap one sum.
import os
import socket
import sys

CLIENTS, KEYS, COUNTERS = 6, 60, 8


class Wrong(Exception):
    pass


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, commands, lines):
        self.socket.sendall(b"".join(commands))
        return [self.file.readline() for _ in range(lines)]

    def all_are(self, commands, expected):
        for line in self.ask(commands, len(commands)):
            if line != expected:
                raise Wrong(f"{line} instead of {expected}")

    def get(self, keys):
        """Return {key: value}; values have no line ends."""
        self.socket.sendall(b"get " + b" ".join(keys) + b"\r\n")
        found = {}
        while (line := self.file.readline()) != b"END\r\n":
            word = line.split()
            if word[:1] != [b"VALUE"]:
                raise Wrong(f"{line} as the answer to a get")
            found[word[1]] = self.file.read(int(word[3]) + 2)[:-2]
        return found


def key(client, i):
    return b"key-%d-%d" % (client, i)


def value(client, i, turn):
    return (b"%d/%d/%d:" % (client, i, turn)) * (1 + (i * 7 + turn) % 40)


def stored(verb, name, data, more=b""):
    return b"%s %s 0 0 %d%s\r\n%s\r\n" % (verb, name, len(data), more, data)


def add_by_cas(client, amount):
    while True:
        client.socket.sendall(b"gets sum\r\n")
        word = client.file.readline().split()
        old = int(client.file.read(int(word[3]) + 2))
        client.file.readline()
        new = b"%d" % (old + amount)
        answer = client.ask([stored(b"cas", b"sum", new, b" " + word[4])], 1)[0]
        if answer == b"STORED\r\n":
            return
        if answer != b"EXISTS\r\n":
            raise Wrong(f"{answer} as the answer to a cas")


def one_client(path, me, rounds):
    client = Client(path)
    for turn in range(rounds):
        client.all_are([stored(b"set", key(me, i), value(me, i, turn)) for i in range(KEYS)],
                       b"STORED\r\n")
        client.ask([b"incr count-%d %d\r\n" % (i, me + 1) for i in range(COUNTERS)], COUNTERS)
        client.all_are([stored(b"append", b"log", b"%d;" % me)], b"STORED\r\n")
        add_by_cas(client, me * 1000 + turn)
        found = client.get([key(me, i) for i in range(KEYS)])
        if found != {key(me, i): value(me, i, turn) for i in range(KEYS)}:
            raise Wrong(f"client {me} reads in round {turn} what it has not written")
        # Others write these meanwhile: whatever is read has to be whole.
        other = (me + 1) % CLIENTS
        for name, data in client.get([key(other, i) for i in range(KEYS)]).items():
            whole = data.split(b":")[0] + b":"
            if data != whole * (len(data) // len(whole)) or b"%d/" % other != whole[:2]:
                raise Wrong(f"a torn value of {name}")


def load(path, rounds):
    client = Client(path)
    client.all_are([stored(b"set", b"count-%d" % i, b"0") for i in range(COUNTERS)] +
                   [stored(b"set", b"log", b""), stored(b"set", b"sum", b"0")], b"STORED\r\n")
    children = []
    for me in range(CLIENTS):
        if (pid := os.fork()) == 0:
            status = 1
            try:
                one_client(path, me, rounds)
                status = 0
            except Wrong as fault:
                print(fault)
            finally:
                sys.stdout.flush()
                os._exit(status)
        children.append(pid)
    return [os.waitpid(pid, 0)[1] for pid in children] == [0] * CLIENTS


def expect(what, is_, should):
    if is_ != should:
        raise Wrong(f"{what}: {is_!s:.80}, not {should!s:.80}")


def verify(path, rounds):
    client = Client(path)
    for me in range(CLIENTS):
        found = client.get([key(me, i) for i in range(KEYS)])
        for i in range(KEYS):
            expect(f"the value of {key(me, i)}", found.get(key(me, i)), value(me, i, rounds - 1))
    total = rounds * CLIENTS * (CLIENTS + 1) // 2
    for i in range(COUNTERS):
        name = b"count-%d" % i
        expect(f"the counter {name}", int(client.get([name])[name]), total)
    entries = client.get([b"log"])[b"log"].split(b";")[:-1]
    expect("what was appended", sorted(entries), sorted(
        b"%d" % me for me in range(CLIENTS) for _ in range(rounds)))
    expect("the sum by cas", int(client.get([b"sum"])[b"sum"]), sum(
        me * 1000 + turn for me in range(CLIENTS) for turn in range(rounds)))
    client.socket.sendall(b"stats\r\n")
    stats = {}
    while (line := client.file.readline()) != b"END\r\n":
        stats[line.split()[1]] = line.split()[2]
    expect("curr_items", int(stats[b"curr_items"]), CLIENTS * KEYS + COUNTERS + 2)
    expect("incr_hits", int(stats[b"incr_hits"]), rounds * CLIENTS * COUNTERS)
    expect("cas_hits", int(stats[b"cas_hits"]), rounds * CLIENTS)
    expect("evictions", int(stats[b"evictions"]), 0)


def main():
    path, verb = sys.argv[1:3]
    try:
        if verb == "load":
            return 0 if load(path, int(sys.argv[3])) else 3
        if verb == "verify":
            verify(path, int(sys.argv[3]))
        elif verb == "spoil":
            Client(path).all_are([b"delete key-3-7\r\n"], b"DELETED\r\n")
        elif verb == "stop":
            Client(path).socket.sendall(b"shutdown graceful\r\n")
    except Wrong as fault:
        print(fault)
        return 3
    return 0


sys.exit(main())
