// SPDX-License-Identifier: GPL-2.0
/*
 * What the uapi header allows: which errno a call may answer with, what it may
 * write, and what that may look like.
 */
#include <errno.h>
#include <string.h>
#include "fuzz.h"

/* The kernel's own, that no user may see. */
#define FIRST_INTERNAL	512

#define KEY(op, what)	((uint32_t)((op) - ops) << 16 | (uint16_t)(what))

static uint32_t flags_of(const struct op *op, const uint64_t *a)
{
	unsigned int i;

	for (i = 0; i < op->nr_args; i++)
		if (op->args[i].type == ARG_FLAGS)
			return a[i];
	return 0;
}

static uint64_t value_of(const struct op *op, const uint64_t *a, enum arg_type type)
{
	unsigned int i;

	for (i = 0; i < op->nr_args; i++)
		if (op->args[i].type == type)
			return a[i];
	return 0;
}

/* Something about its memory is wrong. */
static bool memory_is_bad(const struct op *op, const uint64_t *a)
{
	const uint32_t array = (uint32_t)(value_of(op, a, ARG_IDS_IN) |
					  value_of(op, a, ARG_IDS_OUT) |
					  value_of(op, a, ARG_ITEMS));

	return a[1] >= PLACE_FIRST_BAD || array || a[2] > 2;
}

static bool documented(const struct op *op, const uint64_t *a, int err)
{
	const struct answer *answer;

	if (err == EFAULT)
		return memory_is_bad(op, a);
	if (err == EINVAL || err == E2BIG)
		return true;
	/* Where others overwrite the argument, it is not known. */
	for (answer = op->answers; answer->err; answer++)
		if (answer->err == err)
			return !answer->flags || flags_of(op, a) & answer->flags ||
			       a[1] == PLACE_ARENA || a[1] == PLACE_VOLATILE;
	return false;
}

static bool on_right_fd(const struct exec *x, const struct op *op, uint64_t slot)
{
	const bool polled = slot >= POLLED_FIRST && slot < POLLED_FIRST + POLLED;

	(void)x;
	return op->on == POLLED_FD ? polled : slot < DOMAINS;
}

/* How the call ended, if it did. */
void expect_answer(struct exec *x, const struct op *op, const uint64_t *a, long ret)
{
	const int err = ret < 0 ? -ret : 0;

	if (ret == ABANDONED)
		return;
	if (err >= FIRST_INTERNAL) {
		finding(PROPERTY_ERRNO, KEY(op, err), x->program,
			"%s: the kernel's own error %d reaches the user", op->name, err);
		return;
	}
	if (!op->answers || !err)
		return;
	if (x->fd[a[0] % SLOTS] < 0) {
		if (err != EBADF)
			finding(PROPERTY_ERRNO, KEY(op, err), x->program,
				"%s on no descriptor says errno %d", op->name, err);
		return;
	}
	if (!on_right_fd(x, op, a[0]))
		return;
	if (!documented(op, a, err))
		finding(PROPERTY_ERRNO, KEY(op, err), x->program,
			"%s: errno %d (%s) is not documented for it, flags 0x%x", op->name, err,
			strerrorname_np(err), flags_of(op, a));
}

static uint64_t number_at(const unsigned char *p, size_t width)
{
	uint64_t n = 0;

	memcpy(&n, p, width <= 8 ? width : 8);
	return n;
}

static void check_out(const struct exec *x, const struct op *op, const struct out *o,
		      const unsigned char *after)
{
	const unsigned char *p = after + o->at;
	const uint64_t n = number_at(p, o->width);
	bool good = true;
	size_t i;

	if (o->rule == OUT_PAD) {
		good = !n;
	} else if (o->rule == OUT_BOUND) {
		good = n < o->bound;
	} else if (o->rule == OUT_TEXT) {
		i = strnlen((const char *)p, o->width);
		good = i < o->width;
		for (; i < o->width; i++)
			good = good && !p[i];
	}
	if (!good)
		finding(PROPERTY_LEAK, KEY(op, o->at), x->program,
			"%s: what it writes at offset %u cannot be: 0x%llx", op->name, o->at,
			(unsigned long long)n);
}

/* Addresses of the kernel, of 4 or 5 levels of pages, are unlike anything else passed on. */
static void check_pointers(const struct exec *x, const struct op *op,
			   const unsigned char *before, const unsigned char *after, size_t size)
{
	uint64_t n;
	size_t i;

	for (i = 0; i + 8 <= size; i += 8) {
		n = number_at(after + i, 8);
		if (n >> 56 == 0xff && ~n >> 32 && n != number_at(before + i, 8))
			finding(PROPERTY_LEAK, KEY(op, 0x8000 | i), x->program,
				"%s writes what looks like an address of the kernel: 0x%llx",
				op->name, (unsigned long long)n);
	}
}

static const struct out *out_at(const struct op *op, size_t at)
{
	unsigned int i;

	for (i = 0; i < op->nr_outs; i++)
		if (at >= op->outs[i].at && at < op->outs[i].at + op->outs[i].width)
			return &op->outs[i];
	return NULL;
}

/* INFO and QUERY say how long what they fill in is. */
static bool may_change(const struct op *op, size_t at, long ret)
{
	const struct out *o = out_at(op, at);

	if (at < 4)
		return !ret && (op->cmd == KSYNC_IOC_INFO || op->cmd == KSYNC_IOC_QUERY);
	return o && o->rule != OUT_PAD && at < op->size && (!ret || o->also);
}

/*
 * What the argument was, and is; with what lies behind it.  Of a call that was
 * broken off, the kernel may have written nothing.
 */
void expect_outs(struct exec *x, const struct op *op, const unsigned char *before,
		 const unsigned char *after, size_t size, long ret)
{
	unsigned int i;
	size_t at;

	if (ret == ABANDONED)
		return;
	for (at = 0; at < size; at++) {
		if (before[at] == after[at] || may_change(op, at, ret))
			continue;
		finding(PROPERTY_OUT, KEY(op, at), x->program,
			"%s answers %ld and changes the byte at %zu from 0x%x to 0x%x",
			op->name, ret, at, before[at], after[at]);
		break;
	}
	if (ret)
		return;
	for (i = 0; i < op->nr_outs; i++)
		check_out(x, op, &op->outs[i], after);
	check_pointers(x, op, before, after, op->size);
}

/* EBADF and EOPNOTSUPP are io_uring's own, when a descriptor became another one. */
static const int cqe_errors[][14] = {
	/* ACQUIRE, WAIT, LOCK, RELEASE, CANCEL */
	{ EBADF, EINVAL, ECANCELED, ETIMEDOUT, ENOSPC, ENOMEM },
	{ EBADF, EINVAL, ECANCELED, ETIMEDOUT, ENOSPC, ENOMEM, EAGAIN },
	{ EBADF, EINVAL, ECANCELED, ETIMEDOUT, ENOSPC, ENOMEM, EAGAIN, EDEADLK, ESRCH,
	  EOWNERDEAD, ENOTRECOVERABLE, EUCLEAN },
	{ EBADF, EINVAL, ECANCELED, EOVERFLOW },
	{ EINVAL, ECANCELED, ENOENT, EALREADY, EBADF },
};

/* @op: which of these; more: something else's. */
void expect_cqe(struct exec *x, uint32_t op, int res)
{
	const struct op *sqe = ops;
	unsigned int i;

	while (sqe->run != call_sqe)
		sqe++;
	if (res <= -FIRST_INTERNAL)
		finding(PROPERTY_ERRNO, KEY(sqe, op << 12 | -res), x->program,
			"a CQE has the kernel's own error %d", -res);
	if (res >= 0 || res == -EOPNOTSUPP || op >= sizeof(cqe_errors) / sizeof(*cqe_errors))
		return;
	for (i = 0; i < sizeof(*cqe_errors) / sizeof(**cqe_errors); i++)
		if (cqe_errors[op][i] == -res)
			return;
	finding(PROPERTY_ERRNO, KEY(sqe, op << 12 | -res), x->program,
		"the CQE of uring command %u says errno %d (%s), which is not documented for it",
		op, -res, strerrorname_np(-res));
}
