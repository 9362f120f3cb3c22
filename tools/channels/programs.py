#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Programs of channels, what each may do, and whether it did something else.

    programs.py make SEED COUNT DIR     DIR/programs (for tasks.c), DIR/main.go
    programs.py compare SEED COUNT TASKS GO

A program is some channels, and goroutines that each run down a list: send, receive,
close, range, and select, maybe with default, maybe with a channel that is nil.  What
may come of it, each goroutine's results and whether all ended or wait for ever, is found
by trying all orders of steps in a model of channels as the language Go defines them.
Every third program is a network of another kind: each channel has one sender and one
receiver, and nobody selects, so that just one outcome is possible (G. Kahn, "The
semantics of a simple language for parallel programming", 1974), however long it is.

compare: TASKS and GO have an outcome a line, "NUMBER OUTCOME"; each must be possible,
each program must be there, and of those with one outcome both have it.
"""
import random
import sys

MAX_STATES = 3000


# The model. A state: goroutines [pc, waits, results], channels [buffer, closed, queue
# of senders (goroutine, case, value), queue of receivers (goroutine, case)].
def freeze(state):
    gs, cs = state
    return (tuple((pc, waits, tuple(out)) for pc, waits, out in gs),
            tuple((tuple(b), closed, tuple(s), tuple(r)) for b, closed, s, r in cs))


def thaw(state):
    gs, cs = state
    return ([[pc, waits, list(out)] for pc, waits, out in gs],
            [[list(b), closed, list(s), list(r)] for b, closed, s, r in cs])


def finish(program, state, g, case, text):
    """The operation that g is at is done, by itself or by another."""
    gs, cs = state
    ranges = program[1][g][gs[g][0]][0] == "G"
    more = ranges and text != "nodata"
    gs[g][2].append("end" if ranges and not more else
                    text if case < 0 or text == "epipe" else f"{case}:{text}")
    gs[g][0] += not more
    gs[g][1] = False
    for c in cs:
        c[2] = [w for w in c[2] if w[0] != g]
        c[3] = [w for w in c[3] if w[0] != g]


def first(queue):
    """Who has waited for longest; by which of its cases is not said."""
    return [w for w in queue if w[0] == queue[0][0]]


def do(program, frozen, g, case, op, c, value):
    """A list of what may come of an operation; none: it waits."""
    buffer, closed, senders, receivers = frozen[1][c]

    def result(text, *others, put=None, get=False):
        state = thaw(frozen)
        if get:
            state[1][c][0].pop(0)
        if put is not None:
            state[1][c][0].append(put)
        for other, its_case, said in others:
            finish(program, state, other, its_case, said)
        finish(program, state, g, case, text)
        return freeze(state)

    if op == "S":
        if closed:
            return [result("epipe")]
        if receivers:
            return [result("ok", (w[0], w[1], str(value))) for w in first(receivers)]
        return [result("ok", put=value)] if len(buffer) < program[0][c] else []
    if buffer and senders:
        return [result(str(buffer[0]), (w[0], w[1], "ok"), get=True, put=w[2])
                for w in first(senders)]
    if buffer:
        return [result(str(buffer[0]), get=True)]
    if senders:
        return [result(str(w[2]), (w[0], w[1], "ok")) for w in first(senders)]
    return [result("nodata")] if closed else []


def close(program, frozen, g, c):
    """Receivers first, then senders; each by any of its cases here."""
    if frozen[1][c][1]:
        state = thaw(frozen)
        finish(program, state, g, -1, "epipe")
        return [freeze(state)]
    state = thaw(frozen)
    state[1][c][1] = True
    finish(program, state, g, -1, "ok")
    todo, done = [freeze(state)], []
    while todo:
        at = todo.pop()
        queue = at[1][c][3] or at[1][c][2]
        for w in first(queue) if queue else []:
            state = thaw(at)
            finish(program, state, w[0], w[1], "nodata" if at[1][c][3] else "epipe")
            todo.append(freeze(state))
        if not queue:
            done.append(at)
    return done


def enqueue(state, g, case, op, c, value):
    state[1][c][2 if op == "S" else 3].append((g, case, value) if op == "S" else (g, case))


def step(program, frozen, g):
    op = program[1][g][frozen[0][g][0]]
    if op[0] == "C":
        return close(program, frozen, g, op[1])
    if op[0] == "T":
        cases, default = op[1], op[2]
    else:
        cases, default = [("S" if op[0] == "S" else "R", op[1], op[2])], False
    several = op[0] == "T"
    found = [s for i, (kind, c, value) in enumerate(cases) if c >= 0
             for s in do(program, frozen, g, i if several else -1, kind, c, value)]
    if found:
        return found
    state = thaw(frozen)
    if default:
        finish(program, state, g, -1, "default")
        return [freeze(state)]
    state[0][g][1] = True
    for i, (kind, c, value) in enumerate(cases):
        if c >= 0:
            enqueue(state, g, i if several else -1, kind, c, value)
    return [freeze(state)]


def outcome(program, frozen):
    ended = all(pc == len(ops) for (pc, _, _), ops in zip(frozen[0], program[1]))
    return ";".join(",".join(out) for _, _, out in frozen[0]) + (
        ";done" if ended else ";deadlock")


def explore(program, one_order):
    """All outcomes; None: they are too many."""
    start = freeze(([[0, False, []] for _ in program[1]], [[[], False, [], []]
                                                           for _ in program[0]]))
    todo, seen, found = [start], {start}, set()
    while todo:
        at = todo.pop()
        runnable = [g for g, (pc, waits, _) in enumerate(at[0])
                    if not waits and pc < len(program[1][g])]
        if not runnable:
            found.add(outcome(program, at))
        for g in runnable[:1] if one_order else runnable:
            for after in step(program, at, g):
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        if len(seen) > MAX_STATES and not one_order:
            return None
    return found


# The generator. An operation: (S, channel, value), (R, channel, 0), (C, channel, 0),
# (G, channel, 0), (T, cases, default), whose cases are of the first two kinds.
def some_op(rng, channels, value):
    kind = rng.choices("SRCGT", [5, 5, 1, 1, 5])[0]
    if kind != "T":
        return (kind, rng.randrange(channels), value if kind == "S" else 0)
    cases = []
    for i in range(rng.randint(1, 3)):
        c = rng.randrange(channels) if rng.random() < 0.9 else -1
        send = rng.random() < 0.5
        cases.append(("S" if send else "R", c, value + i if send else 0))
    return ("T", cases, rng.random() < 0.4)


def any_program(rng):
    caps = [rng.choice([0, 0, 1, 2]) for _ in range(rng.randint(1, 3))]
    return caps, [[some_op(rng, len(caps), 100 * g + 10 * i)
                   for i in range(rng.randint(1, 4))] for g in range(rng.randint(2, 4))]


def network(rng):
    n = rng.randint(3, 5)
    ends = [rng.sample(range(n), 2) for _ in range(rng.randint(2, 6))]
    ops = [[] for _ in range(n)]
    for i in range(rng.randint(10, 50)): # a send and its receive, mostly
        c = rng.randrange(len(ends))
        if rng.random() < 0.98:
            ops[ends[c][0]].append(("S", c, i))
        if rng.random() < 0.98:
            ops[ends[c][1]].append(("R", c, 0))
    for c, (sender, receiver) in enumerate(ends):
        if rng.random() < 0.7:
            ops[sender].append(("C", c, 0))
        if rng.random() < 0.5:
            ops[receiver].append(("G", c, 0))
    return [rng.choice([0, 0, 1, 2, 5]) for _ in ends], ops


def programs(seed, count):
    """Pairs of a program and its outcomes."""
    rng = random.Random(seed)
    made = []
    while len(made) < count:
        alone = len(made) % 3 == 2
        program = network(rng) if alone else any_program(rng)
        found = explore(program, alone)
        if found:
            assert not alone or len(found) == 1
            made.append((program, found))
    return made


def as_text(program):
    """Numbers and letters, for tasks.c."""
    caps, goroutines = program
    words = [len(caps), *caps, len(goroutines)]
    for ops in goroutines:
        words.append(len(ops))
        for op in ops:
            if op[0] == "T":
                words += ["T", len(op[1]), int(op[2])]
                words += [w for case in op[1] for w in case]
            else:
                words += op
    return " ".join(map(str, words))


GO_HEAD = """package main

import (
	"os"
	"strconv"
	"sync"
)

func say(g int, text string) { os.Stdout.WriteString(strconv.Itoa(g) + " " + text + "\\n") }

func caught(r *string) {
	if recover() != nil {
		*r = "epipe"
	}
}

func got(v int, ok bool) string {
	if ok {
		return strconv.Itoa(v)
	}
	return "nodata"
}

func send(c chan int, v int) (r string) { defer caught(&r); c <- v; return "ok" }
func recv(c chan int) string            { v, ok := <-c; return got(v, ok) }
func end(c chan int) (r string)         { defer caught(&r); close(c); return "ok" }

"""


def go_op(g, op):
    name = lambda c: f"c[{c}]" if c >= 0 else "none"
    if op[0] == "S":
        return f"say({g}, send(c[{op[1]}], {op[2]}))"
    if op[0] == "R":
        return f"say({g}, recv(c[{op[1]}]))"
    if op[0] == "C":
        return f"say({g}, end(c[{op[1]}]))"
    if op[0] == "G":
        return f"for v := range c[{op[1]}] {{ say({g}, got(v, true)) }}; say({g}, \"end\")"
    lines = [f"case {name(c)} <- {value}: return \"{i}:ok\"" if kind == "S" else
             f"case v, ok := <-{name(c)}: return \"{i}:\" + got(v, ok)"
             for i, (kind, c, value) in enumerate(op[1])]
    lines += ["default: return \"default\""] if op[2] else []
    return (f"say({g}, func() (r string) {{ defer caught(&r); select {{\n\t\t" +
            "\n\t\t".join(lines) + " } }())")


def as_go(number, program):
    caps, goroutines = program
    text = f"func p{number}() {{\n\tvar none chan int\n\t_ = none\n\tc := []chan int{{"
    text += ", ".join(f"make(chan int, {cap})" for cap in caps)
    text += f"}}\n\tvar all sync.WaitGroup\n\tall.Add({len(goroutines)})\n"
    for g, ops in enumerate(goroutines):
        body = "".join(f"\t\t{go_op(g, op)}\n" for op in ops)
        text += f"\tgo func() {{\n{body}\t\tall.Done()\n\t}}()\n"
    return text + "\t_ = c\n\tall.Wait()\n\tsay(-1, \"done\")\n}\n\n"


def make(seed, count, where):
    made = programs(seed, count)
    with open(f"{where}/programs", "w", encoding="ascii") as out:
        for program, _ in made:
            print(as_text(program), file=out)
    with open(f"{where}/main.go", "w", encoding="ascii") as out:
        out.write(GO_HEAD)
        for number, (program, _) in enumerate(made):
            out.write(as_go(number, program))
        names = ", ".join(f"p{i}" for i in range(count))
        out.write(f"func main() {{\n\tn, _ := strconv.Atoi(os.Args[1])\n"
                  f"\t[]func(){{{names}}}[n]()\n}}\n")


def read(path, count):
    seen = [set() for _ in range(count)]
    with open(path, encoding="ascii") as lines:
        for line in lines:
            number, text = line.split(" ", 1)
            seen[int(number)].add(text.rstrip("\n"))
    return seen


def compare(seed, count, tasks, go):
    made = programs(seed, count)
    tasks, go = read(tasks, count), read(go, count)
    bad = possible = 0
    for number, (program, found) in enumerate(made):
        possible += len(found)
        for who, seen in ("ksync", tasks[number]), ("Go", go[number]):
            wrong = seen - found
            if seen and not wrong:
                continue
            bad += 1
            print(f"program {number} of seed {seed}: {who} did what cannot be: "
                  f"{sorted(wrong) or 'nothing at all'}\n  {as_text(program)}")
    one = sum(len(found) == 1 for _, found in made)
    dead = sum(any(o.endswith("deadlock") for o in found) for _, found in made)
    print(f"channels: {count} programs, {one} with one outcome, {dead} that may wait for "
          f"ever; of {possible} outcomes ksync had {sum(map(len, tasks))}, "
          f"Go {sum(map(len, go))}; {bad} did what cannot be")
    return bad


def main():
    what, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if what == "make":
        make(seed, count, sys.argv[4])
        return 0
    return 1 if compare(seed, count, sys.argv[4], sys.argv[5]) else 0


sys.exit(main())
