// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Signals of a loop: by signalfd(2), or by a handler that writes to a pipe (D. J.
 * Bernstein, "The self-pipe trick", about 1990).
 *
 * The handler of the pipe may run on any thread while the loop takes it away: it counts
 * itself in before it looks for the pipe, and who takes it away waits for it to be out.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "loop.h"

struct note {
	int signo;
	pid_t pid;
	uid_t uid;
	int code;
};

static int pipes[NSIG];		/* where its handler writes to, plus one */
static uint32_t inside;		/* handlers that run now */

static void caught(int signo, siginfo_t *info, void *context)
{
	const struct note note = { signo, info->si_pid, info->si_uid, info->si_code };
	int fd;

	(void)context;
	__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
	fd = __atomic_load_n(&pipes[signo], __ATOMIC_SEQ_CST);
	/* A full pipe has 4,096 that the loop has yet to see. */
	if (fd)
		(void)NEGATIVE(write(fd - 1, &note, sizeof(note)));
	__atomic_sub_fetch(&inside, 1, __ATOMIC_RELEASE);
}

static void deliver(struct ksync_loop *l, const struct note *note)
{
	struct ksync_loop_signal *signal;

	for (signal = l->signals; signal; signal = signal->next_) {
		if (signal->signo != note->signo)
			continue;
		signal->pid = note->pid;
		signal->uid = note->uid;
		signal->code = note->code;
		signal->fn(l, signal);
		return;
	}
}

static bool next_note(struct ksync_loop *l, struct note *note)
{
	struct signalfd_siginfo info;

	if (l->flags & KSYNC_LOOP_SELF_PIPE)
		return NEGATIVE(read(l->signal_fd, note, sizeof(*note))) == sizeof(*note);
	if (NEGATIVE(read(l->signal_fd, &info, sizeof(info))) != sizeof(info))
		return false;
	*note = (struct note){ info.ssi_signo, info.ssi_pid, info.ssi_uid, info.ssi_code };
	return true;
}

static void arrived(struct ksync_loop *l)
{
	struct note note;

	while (l->signal_fd >= 0 && next_note(l, &note))
		deliver(l, &note);
}

/* Of signalfd: the signals that are wanted. */
static int set_mask(struct ksync_loop *l)
{
	struct ksync_loop_signal *signal;
	sigset_t mask;

	sigemptyset(&mask);
	for (signal = l->signals; signal; signal = signal->next_)
		sigaddset(&mask, signal->signo);
	return NEGATIVE(signalfd(l->signal_fd, &mask, SFD_NONBLOCK | SFD_CLOEXEC));
}

static int open_fd(struct ksync_loop *l)
{
	int fds[2] = { -1, -1 };
	int ret;

	if (l->signal_fd >= 0)
		return 0;
	if (l->flags & KSYNC_LOOP_SELF_PIPE)
		ret = NEGATIVE(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
	else
		ret = set_mask(l);
	if (ret < 0)
		return ret;
	if (fds[0] < 0)
		fds[0] = ret;
	l->signal_fd = fds[0];
	l->pipe_in = fds[1];
	l->signal.fn = arrived;
	ret = l->engine->listen(l, &l->signal, fds[0]);
	if (ret) {
		NEGATIVE(close(fds[0]));
		if (fds[1] >= 0)
			NEGATIVE(close(fds[1]));
		l->signal_fd = -1;
		l->pipe_in = -1;
	}
	return ret;
}

static int catch(struct ksync_loop *l, struct ksync_loop_signal *signal)
{
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_RESTART };
	int none = 0, ret;

	sigfillset(&action.sa_mask);
	if (!__atomic_compare_exchange_n(&pipes[signal->signo], &none, l->pipe_in + 1, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return -EBUSY;
	ret = NEGATIVE(sigaction(signal->signo, &action, &signal->old_));
	if (ret)
		__atomic_store_n(&pipes[signal->signo], 0, __ATOMIC_SEQ_CST);
	return ret;
}

static void uncatch(struct ksync_loop_signal *signal)
{
	NEGATIVE(sigaction(signal->signo, &signal->old_, NULL));
	__atomic_store_n(&pipes[signal->signo], 0, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
		sched_yield();
}

static struct ksync_loop_signal **find(struct ksync_loop *l, int signo)
{
	struct ksync_loop_signal **at = &l->signals;

	while (*at && (*at)->signo != signo)
		at = &(*at)->next_;
	return at;
}

EXPORT int ksync_loop_signal_start(struct ksync_loop *l, struct ksync_loop_signal *signal)
{
	sigset_t one;
	int ret;

	sigemptyset(&one);
	if (signal->signo <= 0 || signal->signo >= NSIG ||
	    NEGATIVE(sigaddset(&one, signal->signo)) || signal->signo == SIGKILL ||
	    signal->signo == SIGSTOP)
		return -EINVAL;
	if (*find(l, signal->signo))
		return -EEXIST;
	ret = open_fd(l);
	if (ret)
		return ret;
	signal->next_ = l->signals;
	l->signals = signal;
	if (l->flags & KSYNC_LOOP_SELF_PIPE) {
		ret = catch(l, signal);
	} else {
		ret = -pthread_sigmask(SIG_BLOCK, &one, NULL);
		if (!ret)
			ret = set_mask(l);
	}
	if (ret < 0)
		l->signals = signal->next_;
	return ret < 0 ? ret : 0;
}

EXPORT void ksync_loop_signal_stop(struct ksync_loop *l, struct ksync_loop_signal *signal)
{
	struct ksync_loop_signal **at = find(l, signal->signo);

	if (*at != signal)
		return;
	*at = signal->next_;
	if (l->flags & KSYNC_LOOP_SELF_PIPE)
		uncatch(signal);
	else
		set_mask(l);
}

void ksync_loop_signals_end(struct ksync_loop *l)
{
	while (l->signals)
		ksync_loop_signal_stop(l, l->signals);
	if (l->signal_fd < 0)
		return;
	l->engine->unlisten(l, &l->signal);
	NEGATIVE(close(l->signal_fd));
	if (l->pipe_in >= 0)
		NEGATIVE(close(l->pipe_in));
	l->signal_fd = -1;
}
