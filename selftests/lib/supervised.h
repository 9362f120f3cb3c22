/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Children for supervisors to look after, that end when they are told to, and what these
 * report, as text: "+a" a was started, "!a" could not be, "xa" has ended, "-a" was stopped,
 * "ka" was killed, "#a" was started too often.
 */
#ifndef KSYNC_SELFTESTS_SUPERVISED_H
#define KSYNC_SELFTESTS_SUPERVISED_H

#include <string.h>
#include <ksync/supervisor.h>
#include "actor.h"

/* What was reported. */
struct record {
	uint32_t lock;
	uint32_t len;
	char text[1024];
};

static struct record record;

static inline void record_lock(void)
{
	while (__atomic_exchange_n(&record.lock, 1, __ATOMIC_ACQUIRE))
		ksync_task_yield();
}

static inline void record_unlock(void)
{
	__atomic_store_n(&record.lock, 0, __ATOMIC_RELEASE);
}

static inline void record_add(const char *mark, const char *id)
{
	uint32_t len;

	record_lock();
	len = record.len;
	if (len + 8 < sizeof(record.text))
		len += snprintf(record.text + len, sizeof(record.text) - len, "%s%s",
				mark, id);
	__atomic_store_n(&record.len, len, __ATOMIC_RELAXED);
	record_unlock();
}

static inline void record_clear(void)
{
	record_lock();
	__atomic_store_n(&record.len, 0, __ATOMIC_RELAXED);
	record.text[0] = 0;
	record_unlock();
}

static inline bool record_is(const char *text)
{
	bool same;

	record_lock();
	same = !strcmp(record.text, text);
	record_unlock();
	return same;
}

static inline void record_report(const struct ksync_report *r, void *arg)
{
	static const char * const marks[] = { "+", "!", "x", "-", "k", "#" };

	(void)arg;
	record_add(marks[r->what], r->id);
}

static inline uint32_t record_len(void)
{
	return __atomic_load_n(&record.len, __ATOMIC_RELAXED);
}

/* In a task: until so much was reported. false: it never was. */
static inline bool record_await(const char *text)
{
	const uint64_t deadline = await_deadline();
	const uint32_t len = strlen(text);

	while (record_len() < len && !passed(deadline))
		ksync_task_yield();
	return record_is(text);
}

#define TAG_END		1U	/* int: the reason to end with */
#define TAG_ANY		2U

/* The children's function: they wait for TAG_END; told to stop, they say so. */
static inline int obeys(void *name)
{
	struct ksync_message *m;
	int reason, ret;

	while (!(ret = ksync_actor_receive(&m))) {
		if (m->tag == TAG_END) {
			memcpy(&reason, m->data, sizeof(reason));
			ksync_message_free(m);
			return reason;
		}
		ksync_message_free(m);
	}
	if (ret == -ECANCELED && name)
		record_add("<", name);
	return ret;
}

/* One that does not listen to its supervisor: KSYNC_EXIT_KILL ends it. */
static inline int obeys_not(void *name)
{
	if (ksync_actor_trap())
		return -1;
	return obeys(name);
}

static inline int end(struct ksync_pid pid, int reason)
{
	return ksync_actor_send(pid, TAG_END, &reason, sizeof(reason));
}

/* The address of a supervisor's child; id 0: it does not run, or is not there. */
static inline struct ksync_pid child_pid(struct ksync_pid supervisor, const char *id)
{
	struct ksync_child_info list[64];
	int n = ksync_supervisor_which_children(supervisor, list, 64);

	for (int i = 0; i < n && i < 64; i++)
		if (!strcmp(list[i].id, id))
			return list[i].pid;
	return (struct ksync_pid){ 0 };
}

/* In an actor: end a child, with a reason. */
static inline int end_child(struct ksync_pid supervisor, const char *id, int reason)
{
	return end(child_pid(supervisor, id), reason);
}

static inline bool no_pid(struct ksync_pid pid)
{
	return !pid.id && !pid.node;
}

/* In a task: until an actor has ended. */
static inline bool await_end_of(struct ksync_pid pid)
{
	const uint64_t deadline = await_deadline();

	while (ksync_actor_alive(pid) && !passed(deadline))
		ksync_task_yield();
	return !ksync_actor_alive(pid);
}

/* In a task: until it traps exit signals; it is alive. */
static inline bool await_trap(struct ksync_pid pid)
{
	struct ksync_actor_info info = { .traps = false };

	while (!ksync_actor_info(pid, &info) && !info.traps)
		ksync_task_yield();
	return info.traps;
}

#endif /* KSYNC_SELFTESTS_SUPERVISED_H */
