// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Calls: a message and its answer, as gen_server:call of Erlang.
 *
 * The caller monitors whom it calls; the number of the monitor goes along with the
 * message, and comes back with the answer.  What has that number, answer or end, is what
 * the caller waits for.  An answer that comes when the caller does not wait for it any
 * more is not put into its queue.
 */
#include "actor_internal.h"
#include "actor_remote.h"

static bool answers(const struct ksync_message *m, void *arg)
{
	const uint64_t *ref = arg;
	const struct envelope *e = envelope_of(m);

	return m->ref == *ref && (e->kind == ENVELOPE_REPLY || e->kind == ENVELOPE_DOWN);
}

/* It has ended instead. */
static int ended(struct ksync_message *m)
{
	const struct ksync_ended *e = ksync_message_ended(m);
	int ret = e->reason == KSYNC_EXIT_NOCONNECTION ? -ENOTCONN : -ESRCH;

	ksync_message_free(m);
	return ret;
}

static int ask(struct actor *self, struct ksync_pid to, struct envelope *e, uint64_t ref,
	       struct ksync_message **answer, uint64_t deadline)
{
	int ret;

	e->kind = ENVELOPE_CALL;
	e->m.ref = ref;
	self->awaited = ref;
	ret = ksync_envelope_send(to, e, deadline ? deadline : 1);
	if (!ret)
		ret = ksync_mailbox_receive(self, answer, answers, &ref, deadline);
	self->awaited = 0;
	return ret;
}

EXPORT int ksync_actor_call(struct ksync_pid to, uint32_t tag, const void *data, size_t size,
			    struct ksync_message **answer, const struct timespec *abs)
{
	struct actor *self = ksync_actor_current();
	uint64_t deadline, ref;
	struct envelope *e;
	int ret = ksync_envelope_check(tag, size);

	if (!ret)
		ret = self ? ksync_deadline_ns(abs, &deadline) : -EINVAL;
	if (!ret)
		ret = ksync_watch_make(self, to, &ref);
	if (ret)
		return ret;
	e = ksync_envelope(tag, data, size);
	ret = e ? ask(self, to, e, ref, answer, deadline) : -ENOMEM;
	if (!ret && (*answer)->tag == KSYNC_TAG_DOWN)
		return ended(*answer);
	ksync_actor_demonitor(ref, KSYNC_DEMONITOR_FLUSH);
	return ret;
}

EXPORT int ksync_actor_reply(const struct ksync_message *call, uint32_t tag,
			     const void *data, size_t size)
{
	int ret = ksync_envelope_check(tag, size);
	struct envelope *e;

	if (!ret && envelope_of(call)->kind != ENVELOPE_CALL)
		ret = -EINVAL;
	if (ret)
		return ret;
	e = ksync_envelope(tag, data, size);
	if (!e)
		return -ENOMEM;
	e->kind = ENVELOPE_REPLY;
	e->m.ref = call->ref;
	if (call->from.node)
		return ksync_remote_reply(call->from, e);
	e->to = call->from.id;
	return ksync_mailbox_post(e);
}
