// SPDX-License-Identifier: GPL-2.0
/*
 * Loading the module while memory is short: it is loaded and works, or it is not
 * there and has left nothing.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/ksft.h"
#include "lib/module.h"
#include "lib/slab.h"
#include "lib/sys.h"

/* More than a load has. */
#define FAULTS_MAX	5000
/* So many more or less a load has than the one before it. */
#define MARGIN		16
/* So many sweeps at most, or KSYNC_SWEEPS= of them. */
#define SWEEPS_MAX	2

#define TRACING "/sys/kernel/debug/tracing/"
#define SLAB "/sys/kernel/slab/ksync_state"

/* Return: of the finit_module(). @left: how many faults were still to come. */
static int load(struct fault *f, uint32_t n, long *left)
{
	int fd = open(module_file(), O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	*left = n;
	ret = fault_arm(f, FAULT_ONE, n);
	if (!ret) {
		ret = sys(SYS_finit_module, fd, "", 0);
		*left = fault_left(f);
		fault_disarm(f);
	}
	close(fd);
	return ret;
}

static bool is_there(const char *path)
{
	return !access(path, F_OK);
}

/*
 * The kernel makes and removes the node of the device in a thread of its own, and
 * destroys a cache whose objects are freed by RCU in another one.
 */
static bool is_gone(const void *arg)
{
	return !is_there(arg);
}

static void check_gone(struct __test_metadata *_metadata)
{
	EXPECT_EQ(0, await_true(is_gone, KSYNC_DEVICE));
	EXPECT_EQ(0, await_true(is_gone, SLAB));
	EXPECT_FALSE(is_there("/sys/module/ksync"));
	EXPECT_FALSE(is_there("/proc/ksync"));
	EXPECT_FALSE(is_there("/sys/class/misc/ksync"));
}

/**
 * struct rest - what a module that was not loaded may leave, and no scan finds
 * @threads: tasks of the module's own, by their name
 * @queues: links of workqueues to their pools of workers
 */
struct rest {
	long threads;
	long queues;
};

static long count_threads(void)
{
	char name[32];
	long n = 0;
	glob_t found;
	size_t i;
	FILE *f;

	if (glob("/proc/[0-9]*/comm", 0, NULL, &found))
		return -1;
	for (i = 0; i < found.gl_pathc; i++) {
		f = fopen(found.gl_pathv[i], "re");
		if (f && fgets(name, sizeof(name), f))
			n += !strncmp(name, "ksync", 5);
		if (f)
			fclose(f);
	}
	globfree(&found);
	return n;
}

static struct rest look(void)
{
	return (struct rest){
		.threads = count_threads(),
		.queues = slab_count("pool_workqueue"),
	};
}

static bool as_before(const void *arg)
{
	const struct rest *before = arg, now = look();

	return now.threads <= before->threads && now.queues <= before->queues;
}

static bool device_is_there(const void *arg)
{
	(void)arg;
	return is_there(KSYNC_DEVICE);
}

/* Reports alone may be missing. */
static void check_works(struct __test_metadata *_metadata)
{
	uint32_t id, handle;
	int fd;

	ASSERT_EQ(0, await_true(device_is_there, NULL));
	fd = open(KSYNC_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, raw_attach(fd, &handle));
	EXPECT_EQ(0, raw_create(fd, KSYNC_KIND_MUTEX, 0, &id));
	EXPECT_EQ(0, raw_lock(fd, id, handle, 0, KSYNC_NO_DEADLINE));
	EXPECT_EQ(0, raw_unlock(fd, id, handle));
	close(fd);
}

/* What the kernel traces: that a module initializes itself next; what failed. */
static const char *const events[][2] = {
	{ "module/module_load", "name == \"ksync\"" },
	{ "kmem/kmalloc", "ptr == 0" },
	{ "kmem/kmem_cache_alloc", "ptr == 0" },
	{ "kmem/mm_page_alloc", "pfn == 0xffffffffffffffff" },
};

#define EVENTS (sizeof(events) / sizeof(*events))

static int trace_write(const char *event, const char *file, const char *text)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), TRACING "%s%s", event, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void trace(struct __test_metadata *_metadata, bool on)
{
	char event[64];
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		snprintf(event, sizeof(event), "events/%s", events[i][0]);
		EXPECT_EQ(0, trace_write(event, "/filter", on ? events[i][1] : "0"));
		EXPECT_EQ(0, trace_write(event, "/enable", on ? "1" : "0"))
			TH_LOG("%s", event);
	}
	EXPECT_EQ(0, trace_write("options", "/stacktrace", on ? "1" : "0"));
	EXPECT_EQ(0, trace_write("options", "/sym-offset", on ? "1" : "0"));
}

/**
 * struct failure - that there was in a load
 * @before: the module came to initialize itself
 * @place: a hash of the stack of calls
 */
struct failure {
	bool before;
	uint32_t place;
};

/*
 * FNV-1a of a line of a stack.  Functions that a module has just for its start are
 * addresses by now: of these the place within a page is always the same.
 */
static uint32_t hash(uint32_t h, const char *text)
{
	const size_t length = strlen(text);

	if (!strncmp(text, " => 0x", 6) && length > 10)
		text += length - 4;
	while (*text)
		h = (h ^ (unsigned char)*text++) * 16777619U;
	return h;
}

static struct failure what_failed(void)
{
	struct failure found = { .place = 2166136261U };
	FILE *f = fopen(TRACING "trace", "re");
	bool begun = false, in_stack = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, " module_load: "))
			begun = true;
		else if (strstr(line, "alloc: "))
			found.before |= !begun;
		if (!strncmp(line, " => ", 4)) {
			if (in_stack)
				found.place = hash(found.place, line);
		} else if (!strstr(line, "<stack trace>")) {
			in_stack = begun && strstr(line, "alloc: ");
		}
	}
	if (f)
		fclose(f);
	found.before |= !begun;
	return found;
}

/* More than there are. */
#define PLACES_MAX	400

/**
 * struct sweep - through the faults of a load
 * @n: the next one
 * @faults: how many there were
 * @refused: by so many of them the load was
 * @places: where allocations have failed, @nplaces of them
 */
struct sweep {
	uint32_t n;
	uint32_t faults;
	uint32_t refused;
	uint32_t places[PLACES_MAX];
	uint32_t nplaces;
};

static void remember(struct sweep *s, uint32_t place)
{
	uint32_t i;

	for (i = 0; i < s->nplaces; i++)
		if (s->places[i] == place)
			return;
	if (s->nplaces < PLACES_MAX)
		s->places[s->nplaces++] = place;
}

/* One load. Return: whether there was a fault. */
static bool try_fault(struct __test_metadata *_metadata, struct fault *f, struct sweep *s)
{
	long left;
	int ret;

	EXPECT_EQ(0, trace_write("trace", "", ""));
	ret = load(f, s->n, &left);
	if (ret) {
		EXPECT_EQ(0, left);
		EXPECT_TRUE(ret == -ENOMEM || ret == -EFAULT);
		s->refused++;
	} else {
		check_works(_metadata);
		EXPECT_EQ(0, module_unload());
	}
	check_gone(_metadata);
	s->faults += !left;
	if (!_metadata->passed)
		TH_LOG("fault %u: %d", s->n, ret);
	return !left;
}

/* Return: how many there are, of the kernel's own and ours. */
static uint32_t count_faults(struct __test_metadata *_metadata, struct fault *f)
{
	long left = 0;
	int i;

	/* The first load leaves things behind that the next one finds. */
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, load(f, FAULTS_MAX, &left));
		EXPECT_EQ(0, module_unload());
	}
	EXPECT_LT(0, left);
	return FAULTS_MAX - left;
}

/*
 * From the last one down to the last one that comes before the module is called: the
 * hundreds before that are the kernel's, and some of them it warns of.
 */
static void sweep(struct __test_metadata *_metadata, struct fault *f, struct sweep *s)
{
	struct failure failure;

	s->n = count_faults(_metadata, f) + MARGIN;
	while (_metadata->passed && try_fault(_metadata, f, s))
		s->n += MARGIN;
	while (_metadata->passed && --s->n) {
		if (!try_fault(_metadata, f, s))
			continue;
		failure = what_failed();
		if (failure.before)
			break;
		remember(s, failure.place);
	}
}

/*
 * A load has a few more or less than the one before it, and so a sweep misses some of
 * the places: until one finds no more of them.
 */
static void sweep_all(struct __test_metadata *_metadata, struct fault *f, struct sweep *s)
{
	const char *asked = getenv("KSYNC_SWEEPS");
	const uint32_t max = asked ? atoi(asked) : SWEEPS_MAX;
	uint32_t before, sweeps = 0;

	do {
		before = s->nplaces;
		sweep(_metadata, f, s);
		sweeps++;
		TH_LOG("sweep %u: allocations have failed in %u places", sweeps, s->nplaces);
	} while (_metadata->passed && s->nplaces > before && sweeps < max);
	EXPECT_LT(s->nplaces, PLACES_MAX);
}

FIXTURE(load)
{
};

FIXTURE_SETUP(load)
{
}

FIXTURE_TEARDOWN(load)
{
}

/* Some hundred loads. */
TEST_F(load, loading)
{
	struct sweep s = {};
	struct rest before;
	struct fault f;

	if (fault_missing())
		SKIP(return, "%s", fault_missing());
	if (!module_file())
		SKIP(return, "KSYNC_KO= does not name the module to load again");
	if (!is_there(TRACING "events/module/module_load"))
		SKIP(return, "this kernel does not trace that modules are loaded");
	ASSERT_EQ(0, fault_setup());
	ASSERT_EQ(0, fault_open(&f));
	ASSERT_EQ(0, module_unload());
	before = look();
	trace(_metadata, true);
	sweep_all(_metadata, &f, &s);
	trace(_metadata, false);
	EXPECT_EQ(0, await_true(as_before, &before));
	ASSERT_EQ(0, module_load(""));
	EXPECT_LT(0, s.refused);
	EXPECT_LT(s.refused, s.faults);
	TH_LOG("%u faults from the %uth on, loading was refused because of %u", s.faults, s.n,
	       s.refused);
	dprintf(1, "# figure: faults injected in loading = %u faults\n", s.faults);
}

/*
 * Linux 6.1 loses the name of a cache whose files in /sys it cannot make, 16 bytes (mended in 6.2):
 * nobody puts the kobject.  The scan after all tests must not find that.
 */
TEST_F(load, nothing_is_leaked)
{
	if (fault_missing() || leak_missing())
		SKIP(return, "%s", fault_missing() ?: leak_missing());
	EXPECT_EQ(0, leak_count_but("kobject_set_name_vargs"));
	EXPECT_EQ(0, leak_forget());
}

KSFT_MAIN
