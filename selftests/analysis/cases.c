// SPDX-License-Identifier: GPL-2.0
/*
 * What clang's thread safety analysis says of users of the library: compiled,
 * never run, by tools/check-style, as C and as C++.  Without a FAULT_ there is
 * nothing to say.  Each FAULT_ is a program with one mistake, FAULT_CXX_ in C++
 * only; the comment behind it is part of what clang has to say of it.
 */
#include <ksync.h>

struct account {
	struct ksync_mutex mutex;
	int balance[2] KSYNC_MEMBER_GUARDED_BY(mutex);
};

static struct ksync_mutex mutex;
static struct ksync_spin spin;
static struct ksync_rwlock rwlock;
static struct ksync_cond cond;
static int total KSYNC_GUARDED_BY(&mutex);
static int hits KSYNC_GUARDED_BY(&spin);
static int table[2] KSYNC_GUARDED_BY(&rwlock);

static void add(struct account *a, int sum)
	KSYNC_REQUIRES(&a->mutex)
{
	a->balance[0] += sum;
	a->balance[1] -= sum;
}

/* The errors that leave it locked are seen to in here. */
static void must_lock(void)
	KSYNC_ACQUIRE(&mutex) KSYNC_NO_ANALYSIS
{
	int ret = ksync_mutex_lock(&mutex);

	if (ret == -EOWNERDEAD)
		ret = ksync_mutex_consistent(&mutex);
	if (ret)
		__builtin_trap();
}

int correct_mutex(void)
{
	int ret = ksync_mutex_lock(&mutex);

	if (ret)
		return ret;
	total++;
	return ksync_mutex_unlock(&mutex);
}

int correct_timed(const struct timespec *t)
{
	if (ksync_mutex_lock_timed(&mutex, CLOCK_REALTIME, t) != 0)
		return 0;
	total++;
	return ksync_mutex_unlock(&mutex);
}

int correct_try(const struct ksync_thread *t)
{
	if (ksync_spin_lock_try_as(&spin, t) == 0) {
		hits++;
		return ksync_spin_unlock_as(&spin, t);
	}
	return -EBUSY;
}

int correct_member(struct account *a)
{
	if (ksync_mutex_lock_interruptible(&a->mutex))
		return -EINTR;
	add(a, 1);
	return ksync_mutex_unlock(&a->mutex);
}

int correct_wrapper(void)
{
	must_lock();
	total++;
	return ksync_mutex_unlock(&mutex);
}

int correct_guard(struct account *a)
{
	KSYNC_GUARD(guard, mutex, &a->mutex);

	if (guard.err)
		return guard.err;
	add(a, 1);
	return 0;
}

static int look_up(void)
	KSYNC_REQUIRES_SHARED(&rwlock)
{
	return table[1];
}

int correct_read(struct ksync_thread *t)
{
	int found;

	if (ksync_rwlock_read_lock_try_as(&rwlock, t))
		return -EBUSY;
	found = look_up();
	ksync_rwlock_unlock_as(&rwlock, t);
	return found;
}

int correct_write(void)
{
	int ret = ksync_rwlock_write_lock(&rwlock);

	if (ret)
		return ret;
	table[0] = look_up();
	ksync_rwlock_downgrade(&rwlock);
	ret = table[0];
	ksync_rwlock_unlock(&rwlock);
	return ret;
}

int correct_read_guard(void)
{
	KSYNC_GUARD(guard, rwlock_read, &rwlock);

	return guard.err ? guard.err : look_up();
}

int correct_write_guard(struct ksync_thread *t)
{
	KSYNC_GUARD_AS(guard, rwlock_write, &rwlock, t);

	return guard.err ? guard.err : table[0]++;
}

int correct_wait(const struct timespec *t)
{
	int ret = ksync_mutex_lock(&mutex);

	if (ret)
		return ret;
	while (total == 0) {
		if (ksync_cond_wait_timed(&cond, &mutex, CLOCK_MONOTONIC, t))
			break;
	}
	total--;
	return ksync_mutex_unlock(&mutex);
}

#ifdef FAULT_NO_LOCK		/* requires holding mutex 'mutex' */
int faulty(void)
{
	return total++;
}
#endif

#ifdef FAULT_NO_UNLOCK		/* 'mutex' is not held on every path */
int faulty(void)
{
	if (ksync_mutex_lock(&mutex))
		return -1;
	return total++;
}
#endif

#ifdef FAULT_NO_SPIN_UNLOCK	/* 'spin' is not held on every path */
int faulty(const struct ksync_thread *t)
{
	if (!ksync_spin_lock_as(&spin, t))
		hits++;
	return 0;
}
#endif

#ifdef FAULT_RESULT_IGNORED	/* requires holding mutex 'mutex' */
int faulty(void)
{
	ksync_mutex_lock(&mutex);
	total++;
	return ksync_mutex_unlock(&mutex);
}
#endif

#ifdef FAULT_WRONG_BRANCH	/* requires holding mutex 'mutex' */
int faulty(void)
{
	if (ksync_mutex_lock_try(&mutex)) {
		total++;
		ksync_mutex_unlock(&mutex);
	}
	return 0;
}
#endif

#ifdef FAULT_UNLOCK_ONLY	/* 'spin' that was not held */
int faulty(void)
{
	return ksync_spin_unlock(&spin);
}
#endif

#ifdef FAULT_MEMBER_NO_LOCK	/* requires holding mutex 'a->mutex' */
void faulty(struct account *a)
{
	add(a, 1);
}
#endif

#ifdef FAULT_OTHER_MEMBER	/* requires holding mutex 'b->mutex' */
int faulty(struct account *a, struct account *b)
{
	if (ksync_mutex_lock(&a->mutex))
		return -1;
	add(b, 1);
	return ksync_mutex_unlock(&a->mutex);
}
#endif

#ifdef FAULT_CXX_MEMBER_USED	/* requires holding mutex 'a->mutex' */
int faulty(const struct account *a)
{
	return a->balance[0];
}
#endif

#ifdef FAULT_TWICE		/* acquiring mutex 'mutex' that is already held */
void faulty(void)
{
	must_lock();
	must_lock();
	ksync_mutex_unlock(&mutex);
}
#endif

#ifdef FAULT_GUARD_UNREAD	/* unused variable 'guard' */
void faulty(void)
{
	KSYNC_GUARD(guard, mutex, &mutex);

	total++;
}
#endif

#ifdef FAULT_GUARD_OF_ANOTHER	/* requires holding mutex 'mutex' */
int faulty(void)
{
	KSYNC_GUARD(guard, spin, &spin);

	return guard.err ? guard.err : total++;
}
#endif

#ifdef FAULT_NO_READ_LOCK	/* requires holding mutex 'rwlock' */
int faulty(void)
{
	return table[0];
}
#endif

#ifdef FAULT_NO_READ_UNLOCK	/* 'rwlock' is not held on every path */
int faulty(void)
{
	if (ksync_rwlock_read_lock(&rwlock))
		return -1;
	return table[0];
}
#endif

#ifdef FAULT_NO_READ_UNLOCK_AS	/* 'rwlock' is not held on every path */
int faulty(struct ksync_thread *t)
{
	if (ksync_rwlock_read_lock_as(&rwlock, t))
		return -1;
	return table[0];
}
#endif

#ifdef FAULT_NO_WRITE_UNLOCK	/* 'rwlock' is not held on every path */
int faulty(void)
{
	if (ksync_rwlock_write_lock(&rwlock))
		return -1;
	return table[0]++;
}
#endif

#ifdef FAULT_READER_WRITES	/* requires holding mutex 'rwlock' exclusively */
int faulty(void)
{
	if (ksync_rwlock_read_lock(&rwlock))
		return -1;
	table[0]++;
	return ksync_rwlock_unlock(&rwlock);
}
#endif

#ifdef FAULT_DOWNGRADED_WRITES	/* requires holding mutex 'rwlock' exclusively */
int faulty(void)
{
	if (ksync_rwlock_write_lock(&rwlock))
		return -1;
	ksync_rwlock_downgrade(&rwlock);
	table[0]++;
	return ksync_rwlock_unlock(&rwlock);
}
#endif

#ifdef FAULT_RWLOCK_UNLOCK_ONLY	/* 'rwlock' that was not held */
int faulty(void)
{
	return ksync_rwlock_unlock(&rwlock);
}
#endif

#ifdef FAULT_READ_GUARD_WRITES	/* requires holding mutex 'rwlock' exclusively */
int faulty(void)
{
	KSYNC_GUARD(guard, rwlock_read, &rwlock);

	return guard.err ? guard.err : table[0]++;
}
#endif

#ifdef FAULT_WAIT_NO_MUTEX	/* requires holding mutex 'mutex' */
int faulty(void)
{
	return ksync_cond_wait(&cond, &mutex);
}
#endif

#ifdef FAULT_WAIT_NO_MUTEX_AS	/* requires holding mutex 'mutex' */
int faulty(const struct ksync_thread *t)
{
	return ksync_cond_wait_interruptible_as(&cond, &mutex, t, CLOCK_REALTIME, 0);
}
#endif

#ifdef FAULT_WAIT_OTHER_MUTEX	/* requires holding mutex 'a->mutex' */
int faulty(struct account *a)
{
	if (ksync_mutex_lock(&mutex))
		return -1;
	ksync_cond_wait_timed(&cond, &a->mutex, CLOCK_REALTIME, 0);
	return ksync_mutex_unlock(&mutex);
}
#endif
