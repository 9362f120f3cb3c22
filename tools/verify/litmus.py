#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Run litmus tests, with herd7 where it is installed, and always by the small
simulation in this file.

	litmus.py FILE.litmus...

A file is in herd7's format: LKMM's C, or C11 where it says 'memory_order'.  Two
sorts of comment in it are ours:

	claim: FILE: LINE	the code that the claim is about; has to be there
	without: OLD -> NEW	with OLD replaced (all of them) the result must be
				Sometimes; without any, as it stands, it must be Never

The simulation is not herd7.  It is operational: one memory, which all threads
see alike (multi-copy atomic), and each thread executes its instructions in any
order but where the rules below forbid it (before()).  It goes through all orders.
TSO allows a later load before an earlier store and nothing else.

It allows more than LKMM and C11 where these order by dependencies that it does not
know (control), and less: stores are seen by all at once (no Power), a load does not
take the value of an earlier store of its own thread before that is in memory, and a
cmpxchg that fails orders like one that succeeds.  A C11 read-modify-write is a load
and a store, other accesses of its thread may come between; the kernel's is one step
and, without suffix, a full barrier.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Op:
    """One access or fence."""

    def __init__(self, kind, loc=None, val=None, reg=None, want=None, order=frozenset()):
        self.kind = kind  # R, W, U (read-modify-write in one step), F, L (lock)
        self.loc, self.val, self.reg, self.want = loc, val, reg, want
        self.order = frozenset(order)  # acq, rel, sc, mb, rmb, wmb
        self.pair = None  # C11 read-modify-write: the other half

    def reads(self):
        return self.kind in "RUL"

    def writes(self):
        return self.kind in "WUL"


C11 = {"relaxed": (), "acquire": ("acq",), "release": ("rel",),
       "acq_rel": ("acq", "rel"), "seq_cst": ("acq", "rel", "sc")}
FENCES = {"smp_mb": ("mb",), "smp_rmb": ("rmb",), "smp_wmb": ("wmb",),
          "smp_mb__before_atomic": ("mb",), "smp_mb__after_atomic": ("mb",)}


def value_of(text):
    text = text.strip()
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def split_rmw(loc, val, reg, want, orders):
    """C11: a load and a store."""
    load = Op("R", loc, None, reg, want, [o for o in orders if o in ("acq", "sc")])
    store = Op("W", loc, val, None, None, [o for o in orders if o in ("rel", "sc")])
    load.pair, store.pair = store, load
    return [load, store]


def parse_c11(name, args, reg):
    orders = [C11[m] for m in re.findall(r"memory_order_(\w+)", " ".join(args))]
    loc = args[0].lstrip("*& ")
    if name == "atomic_thread_fence":
        return [Op("F", order=("mb",) if "sc" in orders[0] else orders[0])]
    if name == "atomic_load_explicit":
        return [Op("R", loc, None, reg, None, [o for o in orders[0] if o != "rel"])]
    if name == "atomic_store_explicit":
        return [Op("W", loc, value_of(args[1]), None, None, [o for o in orders[0] if o != "acq"])]
    if name in ("atomic_exchange_explicit", "atomic_fetch_add_explicit"):
        add = name == "atomic_fetch_add_explicit"
        val = ("add", int(args[1])) if add else value_of(args[1])
        return split_rmw(loc, val, reg, None, orders[0])
    raise SyntaxError(name)


def parse_kernel(name, args, reg):
    if name in FENCES:
        return [Op("F", order=FENCES[name])]
    loc = args[0].lstrip("*& ")
    if name == "READ_ONCE":
        return [Op("R", loc, None, reg)]
    if name == "smp_load_acquire":
        return [Op("R", loc, None, reg, None, ("acq",))]
    if name == "WRITE_ONCE":
        return [Op("W", loc, value_of(args[1]))]
    if name == "smp_store_release":
        return [Op("W", loc, value_of(args[1]), None, None, ("rel",))]
    if name in ("spin_lock", "spin_unlock"):
        lock = name == "spin_lock"
        return [Op("L" if lock else "W", loc, int(lock), None, None, ("acq",) if lock else ("rel",))]
    base, _, suffix = name.partition("_")
    order = {"": ("mb",), "relaxed": (), "acquire": ("acq",), "release": ("rel",)}[suffix]
    if base == "xchg":
        return [Op("U", loc, value_of(args[1]), reg, None, order)]
    if base == "cmpxchg":
        return [Op("U", loc, value_of(args[2]), reg, value_of(args[1]), order)]
    raise SyntaxError(name)


def parse_thread(body):
    ops = []
    for line in body.replace("\n", " ").split(";"):
        line = line.strip()
        if not line or re.fullmatch(r"int r\d+", line):
            continue
        m = re.fullmatch(r"(?:(?:int )?(r\d+) = )?(\w+)\((.*)\)", line)
        if not m:
            raise SyntaxError(line)
        args = [a.strip() for a in m.group(3).split(",")]
        parse = parse_c11 if m.group(2).startswith("atomic_") else parse_kernel
        ops += parse(m.group(2), args, m.group(1))
    return ops


def parse(text):
    text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
    init = dict((k, int(v)) for k, v in re.findall(r"(\w+)=(\d+);", text[:text.index("P0(")]))
    threads = [parse_thread(b) for b in re.findall(r"P\d\([^)]*\)\s*{(.*?)}", text, flags=re.S)]
    exists = re.search(r"exists\s*\((.*)\)", text, flags=re.S).group(1)
    wanted = [re.fullmatch(r"(?:(\d):)?(\w+)=(\d+)", c.strip()).groups()
              for c in exists.split("/\\")]
    return init, threads, wanted


def before(a, b, between, tso):
    """Must a, earlier in its thread, be executed before b?"""
    if a.loc is not None and a.loc == b.loc:
        return True
    if a.pair is b or (isinstance(b.val, str) and a.reg == b.val):
        return True
    if a.kind == "U" and "mb" in a.order or b.kind == "U" and "mb" in b.order:
        return True
    for f in between:
        if "mb" in f.order or f.kind == "U" and "mb" in f.order:
            return True
        if "rmb" in f.order and a.reads() and b.reads():
            return True
        if "wmb" in f.order and a.writes() and b.writes():
            return True
        if f.kind == "F" and "acq" in f.order and a.reads():
            return True
        if f.kind == "F" and "rel" in f.order and b.writes():
            return True
    if tso:
        return not (a.kind == "W" and a.pair is None and b.kind == "R" and b.pair is None)
    return "acq" in a.order or "rel" in b.order or ("sc" in a.order and "sc" in b.order)


def constraints(ops, tso):
    """For each access, which must have been executed."""
    need = []
    for j, b in enumerate(ops):
        need.append([i for i in range(j) if ops[i].kind != "F" and b.kind != "F" and
                     before(ops[i], b, ops[i + 1:j], tso)])
    return need


class Machine:
    def __init__(self, init, threads, tso):
        self.threads = threads
        self.need = [constraints(t, tso) for t in threads]
        self.ends = set()
        self.seen = set()
        locs = {o.loc for t in threads for o in t if o.loc}
        self.start = {loc: init.get(loc, 0) for loc in locs}

    def explore(self):
        done = tuple(frozenset(i for i, o in enumerate(t) if o.kind == "F") for t in self.threads)
        self.visit(done, tuple(sorted(self.start.items())), (), ())
        return self.ends

    def visit(self, done, memory, regs, held):
        state = (done, memory, regs, held)
        if state in self.seen:
            return
        self.seen.add(state)
        if all(len(d) == len(t) for d, t in zip(done, self.threads)):
            self.ends.add((memory, regs))
        for t, ops in enumerate(self.threads):
            for j, op in enumerate(ops):
                if j in done[t] or not all(i in done[t] for i in self.need[t][j]):
                    continue
                self.step(t, j, op, done, dict(memory), dict(regs), dict(held))

    def step(self, t, j, op, done, memory, regs, held):
        # Between the halves of a read-modify-write nobody else writes there.
        if op.writes() and held.get(op.loc, t) != t:
            return
        if op.kind == "L" and memory[op.loc]:
            return
        if op.kind == "R" and op.pair:
            if op.loc in held:
                return
            held[op.loc] = t
        old = memory[op.loc]
        if op.reads() and op.reg:
            regs[(t, op.reg)] = old
        if op.writes() and (op.want is None or op.want == old):
            val = op.val
            if isinstance(val, tuple):
                val = old + val[1]
            elif isinstance(val, str):
                val = regs[(t, val)]
            memory[op.loc] = val
        if op.kind == "W" and op.pair:
            del held[op.loc]
        new = tuple(d | {j} if i == t else d for i, d in enumerate(done))
        self.visit(new, tuple(sorted(memory.items())), tuple(sorted(regs.items())),
                   tuple(sorted(held.items())))


def simulate(text, tso):
    init, threads, wanted = parse(text)
    ends = Machine(init, threads, tso).explore()
    if not ends:
        return "none"

    def hit(end):
        memory, regs = dict(end[0]), dict(end[1])
        return all((regs.get((int(t), n)) if t else memory.get(n)) == int(v) for t, n, v in wanted)
    return "Sometimes" if any(hit(e) for e in ends) else "Never"


def herd(text):
    with tempfile.NamedTemporaryFile("w", suffix=".litmus") as f:
        f.write(text)
        f.flush()
        how = ["-c11", "true"] if "memory_order" in text else ["-conf", "linux-kernel.cfg"]
        out = subprocess.run(["herd7"] + how + [f.name], capture_output=True, text=True, check=False)
    m = re.search(r"^Observation \S+ (\w+)", out.stdout, flags=re.M)
    return m.group(1) if m else "error: " + out.stderr.strip()


def report(good, text):
    print(("ok" if good else "not ok") + " - " + text, flush=True)


def check(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    name = "litmus: " + os.path.basename(path)[:-7]
    claims = re.findall(r"claim: (\S+): (.*?)\s*(?:\*\)|$)", text, flags=re.M)
    variants = re.findall(r"without: (.*?) -> (.*?)\s*(?:\*\)|$)", text, flags=re.M)
    for file, line in claims:
        with open(os.path.join(TOP, file), encoding="utf-8") as f:
            if line not in f.read():
                report(False, f"{name}: {file} has no such line: {line}")
    if not claims or not variants:
        report(False, f"{name}: names a claim, and what to take out")
    weak, tso = simulate(text, False), simulate(text, True)
    report(weak == tso == "Never", f"{name}: Never (weak: {weak}, TSO: {tso})")
    for old, new in variants:
        code = text[text.index("P0("):]
        changed = text[:text.index("P0(")] + code.replace(old, new)
        weak, tso = simulate(changed, False), simulate(changed, True)
        report(old in code and weak == "Sometimes",
               f"{name}: without '{old}': Sometimes (weak: {weak}, TSO: {tso})")
        if shutil.which("herd7"):
            result = herd(changed)
            report(result == "Sometimes", f"{name}: without '{old}': herd7 says {result}")
    if shutil.which("herd7"):
        result = herd(text)
        report(result == "Never", f"{name}: herd7 says {result}")


def main():
    if not shutil.which("herd7"):
        print("# herd7 is not installed: the simulation alone")
    for path in sys.argv[1:]:
        check(path)
    print(f"# figure: litmus tests = {len(sys.argv) - 1} tests")


if __name__ == "__main__":
    main()
