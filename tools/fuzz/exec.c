// SPDX-License-Identifier: GPL-2.0
/*
 * Running a program: call by call, with everything that a call needs set up, and its
 * answer looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fuzz.h"

/* A call that may block; the watcher of the host, who sees @seat, can end it. */
long exec_syscall(struct exec *x, long nr, const long *a)
{
	long ret;

	if (sigsetjmp(x->out, 0)) {
		x->armed = 0;
		atomic_store(&x->seat->in_call, 0);
		atomic_fetch_add(&sh->abandoned, 1);
		return ABANDONED;
	}
	atomic_fetch_add_explicit(&x->seat->seq, 1, memory_order_relaxed);
	atomic_store(&x->seat->in_call, 1);
	x->armed = 1;
	ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	ret = ret == -1 ? -errno : ret;
	x->armed = 0;
	atomic_store(&x->seat->in_call, 0);
	return ret;
}

void exec_close(struct exec *x, unsigned int slot)
{
	if (x->fd[slot] >= 0)
		close(x->fd[slot]);
	x->fd[slot] = -1;
	if (slot >= DOMAINS)
		return;
	x->handle[slot] = 0;
	x->cell[slot] = 0;
	if (slot >= SHARED_DOMAINS) {
		memset(&x->own[slot - SHARED_DOMAINS], 0, sizeof(*x->own));
		if (x->mem.cells[slot])
			munmap(x->mem.cells[slot], 65 * 4096);
		x->mem.cells[slot] = NULL;
	}
}

static void attach(struct exec *x, unsigned int slot)
{
	struct ksync_attach arg = { .size = sizeof(arg) };

	if (x->handle[slot] || ioctl(x->fd[slot], KSYNC_IOC_ATTACH, &arg))
		return;
	x->handle[slot] = arg.thread;
	if (slot < SHARED_DOMAINS)
		sh->handle[slot][x->who] = arg.thread;
}

/* Some objects of each kind, flags as @slot says; two mutexes with a ceiling. */
void exec_fill(int fd, struct pool *pool, unsigned int slot)
{
	struct ksync_create arg = { .size = sizeof(arg), .count = POOL };

	for (arg.kind = KSYNC_KIND_SPIN; arg.kind < KINDS; arg.kind++) {
		arg.ids = (uintptr_t)pool->id[arg.kind];
		arg.flags = 0;
		if (arg.kind == KSYNC_KIND_MUTEX)
			arg.flags = slot % 4;
		else if (arg.kind == KSYNC_KIND_RWLOCK || arg.kind == KSYNC_KIND_EVENT)
			arg.flags = slot & 1;
		ioctl(fd, KSYNC_IOC_CREATE, &arg);
	}
	arg.kind = KSYNC_KIND_MUTEX;
	arg.flags = KSYNC_MUTEX_PROTECT;
	arg.count = 2;
	arg.ids = (uintptr_t)&pool->id[KSYNC_KIND_MUTEX][POOL - 2];
	ioctl(fd, KSYNC_IOC_CREATE, &arg);
}

static void open_own(struct exec *x, unsigned int slot)
{
	void *p;

	x->fd[slot] = open(KSYNC_DEVICE, O_RDWR | O_CLOEXEC);
	if (x->fd[slot] < 0)
		return;
	exec_fill(x->fd[slot], &x->own[slot - SHARED_DOMAINS], x->who);
	p = mmap(NULL, 65 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, x->fd[slot], 0);
	x->mem.cells[slot] = p == MAP_FAILED ? NULL : p;
}

/*
 * What a program begins with: a handle in each domain, one of which is its own.  An
 * eighth of them begins anew, others with what the one before has left.
 */
static void exec_reset(struct exec *x)
{
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
	uint64_t rng = seed_of(0, x->program->name);
	unsigned int i;
	int pair[2];

	if (one_in(&rng, 8))
		for (i = SHARED_DOMAINS; i < SLOTS; i++)
			exec_close(x, i);
	if (x->fd[SHARED_DOMAINS] < 0)
		open_own(x, SHARED_DOMAINS);
	for (i = 0; i <= SHARED_DOMAINS; i++)
		attach(x, i);
	if (x->fd[SOCKET_FIRST] < 0 && !socketpair(AF_UNIX, SOCK_DGRAM | flags, 0, pair)) {
		x->fd[SOCKET_FIRST] = pair[0];
		exec_close(x, SOCKET_FIRST + 1);
		x->fd[SOCKET_FIRST + 1] = pair[1];
	}
}

/* The call's name in an oops of the kernel is that of its program. */
static void say_who(struct exec *x)
{
	char comm[16];

	snprintf(comm, sizeof(comm), "%.15s", x->program->name);
	prctl(PR_SET_NAME, comm);
	snprintf(x->seat->program, sizeof(x->seat->program), "%s", x->program->name);
}

static void run_call(struct exec *x, const struct call *c, uint32_t i, bool *new)
{
	const struct op *op = &ops[c->op];
	long ret;

	x->rng = seed_of(i, x->program->name);
	x->shape = 0;
	x->gist = 0;
	atomic_store_explicit(&x->seat->free, 0, memory_order_relaxed);
	atomic_store_explicit(&x->seat->op, c->op, memory_order_relaxed);
	ret = op->run(x, op, c->arg);
	atomic_fetch_add_explicit(&sh->calls[c->op], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&sh->total, 1, memory_order_relaxed);
	if (ret < 0)
		atomic_fetch_add_explicit(&sh->failed[c->op], 1, memory_order_relaxed);
	expect_answer(x, op, c->arg, ret);
	if (corpus_note(x, c->op, ret))
		*new = true;
}

void exec_program(struct exec *x, const struct program *p)
{
	bool new = false;
	uint32_t i;

	x->program = p;
	say_who(x);
	exec_reset(x);
	for (i = 0; i < p->n && !x->leave; i++)
		run_call(x, &p->call[i], i, &new);
	sched_reset(x);
	atomic_fetch_add(&sh->programs, 1);
	if (new)
		corpus_add(p);
}
