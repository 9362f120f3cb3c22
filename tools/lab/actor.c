// SPDX-License-Identifier: GPL-2.0
/*
 * An actor: a process with private state and a mailbox.  Others send it messages and do
 * not wait for it; it takes them one after the other, and so needs no lock.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lab.h"

#define SENDERS		4
#define MESSAGES	2000	/* of each */

/* The actor's state, of which each process has its own. */
static long sum;

struct message {
	long add;	/* 0: say what the sum is */
};

static void run_actor(int mailbox)
{
	struct message m;

	/* It does not hurry: those who send do not wait for it. */
	nap(0.1);
	while (read(mailbox, &m, sizeof(m)) == sizeof(m)) {
		if (!m.add)
			break;
		sum += m.add;
	}
	m.add = sum;
	if (write(mailbox, &m, sizeof(m)) != sizeof(m))
		_exit(1);
	_exit(0);
}

static void send_many(int actor)
{
	const struct message m = { .add = 1 };

	for (int i = 0; i < MESSAGES; i++)
		if (write(actor, &m, sizeof(m)) != sizeof(m))
			_exit(1);
	_exit(0);
}

/* How many messages were sent before the actor looked at the first. */
static int send_early(int actor)
{
	const struct message m = { .add = 1 };
	const double begin = now();
	int sent = 0;

	fcntl(actor, F_SETFL, O_NONBLOCK);
	while (sent < 50 && write(actor, &m, sizeof(m)) == sizeof(m))
		sent++;
	fcntl(actor, F_SETFL, 0);
	show("50 messages: %d sent in %.0f us, while the actor slept", sent, (now() - begin) * 1e6);
	return sent;
}

void lab_actor(void)
{
	struct message m = { .add = 0 };
	pid_t child, sender[SENDERS];
	int pair[2], early, failed = 0, status;

	/* Datagrams keep their bounds and their order, and fill a queue. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		err(1, "mailbox");
	child = lab_fork();
	if (!child)
		run_actor(pair[1]);
	early = send_early(pair[0]);
	for (int i = 0; i < SENDERS; i++) {
		sender[i] = lab_fork();
		if (!sender[i])
			send_many(pair[0]);
	}
	for (int i = 0; i < SENDERS; i++)
		failed += waitpid(sender[i], &status, 0) != sender[i] || status;
	if (write(pair[0], &m, sizeof(m)) != sizeof(m) || read(pair[0], &m, sizeof(m)) != sizeof(m))
		err(1, "the actor does not answer");
	lab_end(child);
	fact("sent", early + SENDERS * MESSAGES);
	fact("counted", m.add);
	fact("sum_of_others", sum);
	fact("sent_early", early);
	show("the actor counted %ld; in its parent the same variable is %ld", m.add, sum);
	cure("messages in the place of locks",
	     failed || m.add != early + SENDERS * MESSAGES || sum,
	     "%d sent by %d processes, %ld counted, without a lock", early + SENDERS * MESSAGES,
	     SENDERS + 1, m.add);
}
