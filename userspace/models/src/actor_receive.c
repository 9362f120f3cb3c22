// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Receiving, and what is done with messages that were received. */
#include "actor_internal.h"

static int receive(struct ksync_message **m,
		   bool (*match)(const struct ksync_message *m, void *arg), void *arg,
		   const struct timespec *abs)
{
	struct actor *self = ksync_actor_current();
	uint64_t deadline;
	int ret = self ? ksync_deadline_ns(abs, &deadline) : -EINVAL;

	return ret ? ret : ksync_mailbox_receive(self, m, match, arg, deadline);
}

EXPORT int ksync_actor_receive(struct ksync_message **m)
{
	return receive(m, NULL, NULL, NULL);
}

EXPORT int ksync_actor_receive_timed(struct ksync_message **m, const struct timespec *abs)
{
	return receive(m, NULL, NULL, abs);
}

EXPORT int ksync_actor_receive_try(struct ksync_message **m)
{
	const struct timespec over = { 0, 0 };
	int ret = receive(m, NULL, NULL, &over);

	return ret == -ETIMEDOUT ? -EAGAIN : ret;
}

EXPORT int ksync_actor_receive_if(struct ksync_message **m,
				  bool (*match)(const struct ksync_message *m, void *arg),
				  void *arg, const struct timespec *abs)
{
	return receive(m, match, arg, abs);
}

struct tags {
	const uint32_t *tags;
	size_t n;
};

static bool has_tag(const struct ksync_message *m, void *arg)
{
	const struct tags *t = arg;
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->tags[i] == m->tag)
			return true;
	return false;
}

EXPORT int ksync_actor_receive_tags(struct ksync_message **m, const uint32_t *tags, size_t n,
				    const struct timespec *abs)
{
	struct tags t = { tags, n };

	return receive(m, has_tag, &t, abs);
}

EXPORT void ksync_message_free(struct ksync_message *m)
{
	if (!m)
		return;
	ksync_mailbox_unlist(envelope_of(m));
	ksync_mailbox_free(envelope_of(m));
}

/*
 * What is sent is another message with the same contents if it cannot be this one: those
 * of the library are parts of something else.
 */
EXPORT int ksync_actor_forward(struct ksync_pid to, struct ksync_message *m)
{
	struct envelope *e = envelope_of(m), *copy;
	int ret = ksync_envelope_check(m->tag, m->size);

	if (ret)
		return ret;
	copy = ksync_envelope(m->tag, m->data, m->size);
	if (!copy)
		return -ENOMEM;
	copy->kind = e->kind == ENVELOPE_CALL ? ENVELOPE_CALL : ENVELOPE_PLAIN;
	copy->m.from = m->from;
	copy->m.ref = m->ref;
	ret = ksync_envelope_send(to, copy, NEVER);
	if (!ret)
		ksync_message_free(m);
	return ret;
}
