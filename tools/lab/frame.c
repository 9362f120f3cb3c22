// SPDX-License-Identifier: GPL-2.0
/* What experiments write, and the processes, threads and clocks that they use. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lab.h"

#define WIDTH	79

struct lab_record *lab_record;
double lab_seconds = 5;

/* Words, in lines of at most WIDTH. */
void wrap(unsigned int indent, const char *text)
{
	unsigned int column = 0;

	while (*text) {
		size_t word = strcspn(text, "\n ");

		if (column && column + 1 + word > WIDTH) {
			putchar('\n');
			column = 0;
		}
		if (!column)
			column = printf("%*s", indent, "");
		else
			column += printf(" ");
		column += printf("%.*s", (int)word, text);
		text += word;
		text += strspn(text, "\n ");
	}
	putchar('\n');
	fflush(stdout);
}

static void format_into(char *to, size_t size, const char *format, va_list args)
{
	vsnprintf(to, size, format, args);
}

void say(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	format_into(text, sizeof(text), format, args);
	va_end(args);
	wrap(2, text);
}

void show(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	format_into(text, sizeof(text), format, args);
	va_end(args);
	printf("    %.75s\n", text);
	fflush(stdout);
}

/* At most 26 columns of label, 30 of bar, and the figure. */
void bar(const char *label, double value, double most, const char *unit)
{
	int length = most > 0 ? (int)(value / most * 30 + 0.5) : 0;

	if (length > 30)
		length = 30;
	printf("    %-26.26s |%.*s%*s %.5g %s\n", label, length,
	       "##############################", 30 - length, "", value, unit);
	fflush(stdout);
}

void fact(const char *key, double value)
{
	struct lab_fact *f = &lab_record->fact[lab_record->facts];

	if (lab_record->facts == LAB_FACTS)
		errx(1, "there is no room for %s", key);
	snprintf(f->key, sizeof(f->key), "%s", key);
	f->value = value;
	lab_record->facts++;
}

static void phase(const char *name, enum lab_outcome outcome, const char *format, va_list args)
{
	static const char * const words[] = {
		"SEEN", "NOT SEEN", "GONE", "STILL THERE", "NOT RUN",
	};
	struct lab_phase *p = &lab_record->phase[lab_record->phases];
	char text[400];

	if (lab_record->phases == LAB_PHASES)
		errx(1, "there is no room for the outcome of %s", name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	format_into(p->note, sizeof(p->note), format, args);
	p->outcome = outcome;
	lab_record->phases++;
	snprintf(text, sizeof(text), "%s: %s: %s", words[outcome], name, p->note);
	wrap(2, text);
}

void hazard(const char *name, bool seen, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	phase(name, seen ? LAB_SEEN : LAB_NOT_SEEN, format, args);
	va_end(args);
}

void cure(const char *name, bool seen, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	phase(name, seen ? LAB_STILL : LAB_GONE, format, args);
	va_end(args);
}

void cannot(const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	phase(name, LAB_CANNOT, format, args);
	va_end(args);
}

double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void nap(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };

	t.tv_nsec = (seconds - t.tv_sec) * 1e9;
	while (nanosleep(&t, &t))
		;
}

/* Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003. */
uint32_t dice(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

pid_t lab_fork(void)
{
	pid_t parent = getpid(), child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		err(1, "cannot make a process");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return child;
}

void lab_end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void *lab_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "cannot have %zu bytes of memory", size);
	return p;
}

static pthread_barrier_t beginning;

void begin_together(void)
{
	pthread_barrier_wait(&beginning);
}

void together(unsigned int n, void *(*fn)(void *arg), void *args, size_t size)
{
	pthread_t thread[64];

	pthread_barrier_init(&beginning, NULL, n);
	for (unsigned int i = 0; i < n; i++)
		must(-pthread_create(&thread[i], NULL, fn, (char *)args + i * size), "thread");
	for (unsigned int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&beginning);
}

unsigned int cpus_usable(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		err(1, "cannot see which CPUs there are");
	return CPU_COUNT(&set);
}

void on_cpu(unsigned int n)
{
	cpu_set_t usable, one;

	if (sched_getaffinity(0, sizeof(usable), &usable))
		err(1, "cannot see which CPUs there are");
	CPU_ZERO(&one);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &usable) && n-- == 0) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	if (sched_setaffinity(0, sizeof(one), &one))
		err(1, "cannot stay on one CPU");
}

struct ksync *lab_domain(void)
{
	static struct ksync *d;

	if (!d)
		d = open_domain();
	return d;
}

bool lab_has(struct ksync *d, uint64_t feature)
{
	struct ksync_info info;

	must(ksync_info(d, &info), "info");
	return info.features & feature;
}

void lab_mutex(struct ksync *d, struct ksync_mutex *m, const char *name, unsigned int flags)
{
	must(ksync_mutex_init(m, d, flags), "mutex");
	must(ksync_name(m, name), "name");
}
