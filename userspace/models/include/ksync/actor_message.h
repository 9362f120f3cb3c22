/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Messages of actors with a type: what the compiler can look at, it does.
 * <ksync/actor.h> includes this.
 */
#ifndef KSYNC_ACTOR_MESSAGE_H
#define KSYNC_ACTOR_MESSAGE_H

#include <ksync/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What messages of that name carry. */
#define ksync_carried_(name_)	__typeof__(((struct name_##carries_ *)0)->data)

/* Does not compile, if it is. */
#define ksync_tag_not_reserved_(tag)						\
	((void)sizeof(char[(uint32_t)(tag) < KSYNC_TAG_RESERVED ? 1 : -1]))

/**
 * KSYNC_MESSAGE() - declare a message, so that the compiler looks at what it carries
 * @name: of the message, a part of the names of the functions
 * @tag_: number, the same in all programs that exchange it
 * @type: what it carries: a type without pointers, if it is to leave the process
 *
 *	KSYNC_MESSAGE(deposit, 7, struct amount)
 *
 * declares deposit_tag, and
 *
 *	int deposit_send(struct ksync_pid to, const struct amount *data);
 *	int deposit_reply(const struct ksync_message *call, const struct amount *data);
 *	const struct amount *deposit_of(const struct ksync_message *m);
 *
 * of which the last one returns NULL if @m is another message.
 */
#define KSYNC_MESSAGE(name, tag_, type)						\
	enum { name##_tag = (tag_) };						\
	struct name##_carries_ {						\
		__typeof__(type) data;						\
	};									\
	static inline __attribute__((unused)) int				\
	name##_send(struct ksync_pid to,					\
		    const ksync_carried_(name##_) * data)		\
	{									\
		ksync_tag_not_reserved_(name##_tag);				\
		return ksync_actor_send(to, name##_tag, data, sizeof(*data));	\
	}									\
	static inline __attribute__((unused)) int				\
	name##_reply(const struct ksync_message *call,				\
		     const ksync_carried_(name##_) * data)		\
	{									\
		return ksync_actor_reply(call, name##_tag, data, sizeof(*data));	\
	}									\
	static inline __attribute__((unused)) const ksync_carried_(name##_) *	\
	name##_of(const struct ksync_message *m)				\
	{									\
		if (m->tag != (uint32_t)name##_tag ||				\
		    m->size != sizeof(struct name##_carries_))			\
			return NULL;						\
		return &((const struct name##_carries_ *)(const void *)m->data)->data; \
	}

/**
 * KSYNC_SIGNAL() - declare a message that carries nothing
 * @name: of the message
 * @tag_: number
 *
 * declares name_tag, and
 *
 *	int name_send(struct ksync_pid to);
 *	int name_reply(const struct ksync_message *call);
 *	bool name_is(const struct ksync_message *m);
 */
#define KSYNC_SIGNAL(name, tag_)						\
	enum { name##_tag = (tag_) };						\
	static inline __attribute__((unused)) int				\
	name##_send(struct ksync_pid to)					\
	{									\
		ksync_tag_not_reserved_(name##_tag);				\
		return ksync_actor_send(to, name##_tag, NULL, 0);		\
	}									\
	static inline __attribute__((unused)) int				\
	name##_reply(const struct ksync_message *call)				\
	{									\
		return ksync_actor_reply(call, name##_tag, NULL, 0);		\
	}									\
	static inline __attribute__((unused)) bool				\
	name##_is(const struct ksync_message *m)				\
	{									\
		return m->tag == (uint32_t)name##_tag;				\
	}

/** ksync_message_ended() - what one of KSYNC_TAG_DOWN or _EXIT says; NULL: it is neither */
static inline
const struct ksync_ended *ksync_message_ended(const struct ksync_message *m)
{
	return m->tag == KSYNC_TAG_DOWN || m->tag == KSYNC_TAG_EXIT ?
		(const struct ksync_ended *)(const void *)m->data : NULL;
}

#ifdef __cplusplus
}
#endif

#endif /* KSYNC_ACTOR_MESSAGE_H */
