/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of /dev/ksync: what its files share.
 *
 *	main.c		options, the run as a whole, its report
 *	keeper.c	processes: starts, kills and reaps hosts
 *	host.c		a process with threads that run programs, and its watcher
 *	exec.c		runs one program
 *	program.c	makes programs: new ones, and mutations
 *	args.c		what arguments look like, and what they mean when run
 *	text.c		programs as text
 *	corpus.c	programs that are kept
 *	ops.c		the table of all calls; commands.h: of ioctls
 *	call_*.c	what they do
 *	expect.c	what the header allows them to answer
 *	report.c	findings and figures
 *	canary.c	a program that does nothing wrong, in a domain of its own
 */
#ifndef KSYNC_FUZZ_H
#define KSYNC_FUZZ_H

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/ksync.h>

#define MAX_ARGS	12
#define MAX_CALLS	40
#define MAX_OPS		80
#define NAME_LEN	48

#define MAX_HOSTS	16
#define THREADS		3	/* executors of a host */

#define SHARED_DOMAINS	4	/* of all hosts; the first two are scribbled over */
#define SCRIBBLED	2
#define DOMAINS		8	/* slots of descriptors: shared ones, then a thread's own */
#define POLLED_FIRST	8
#define POLLED		8
#define EPOLL_FIRST	16
#define EPOLLS		2
#define SOCKET_FIRST	18	/* a pair */
#define OTHER_FIRST	20	/* anything else */
#define SLOTS		24

#define KINDS		8	/* of objects: SPIN to WAITQ, by number */
#define POOL		6	/* objects of each that are remembered */

#define ARENA_CELLS	4096	/* of shared domains, that each host maps */

#define ABANDONED	(-4000)	/* a call that a watcher got us out of */

struct exec;
struct op;

/* One call, and a program of them. */
struct call {
	uint32_t op;
	uint64_t arg[MAX_ARGS];
};

struct program {
	char name[NAME_LEN];
	uint32_t n;
	struct call call[MAX_CALLS];
};

/* What an argument is. Its value in a program says how to come by the real one. */
enum arg_type {
	ARG_FD,		/* slot; @par: DOMAIN_FD and the like */
	ARG_PLACE,	/* enum place: where the structure lies */
	ARG_SIZE,	/* how long it says it is */
	ARG_ID,		/* object; @par: mask of the right kinds */
	ARG_THREAD,	/* handle */
	ARG_FLAGS,	/* @par: mask of the right ones */
	ARG_DEADLINE,
	ARG_PRIO,	/* low: the watchers' are above */
	ARG_COUNT,	/* small, seldom large */
	ARG_SMALL,	/* below @par */
	ARG_U32,
	ARG_PAD,	/* zero, seldom not */
	ARG_IDS_OUT,	/* array to be filled */
	ARG_IDS_IN,	/* array of ids */
	ARG_ITEMS,	/* array of struct ksync_item */
	ARG_NAME,	/* 32 characters */
	ARG_SEED,	/* what it decides is decided by the call */
};

/* How the value of an ARG_DEADLINE is meant. */
enum deadline_mode { UNTIL_MONOTONIC, UNTIL_REALTIME, UNTIL_EVER, UNTIL_RAW };

enum fd_kind { DOMAIN_FD, POLLED_FD, EPOLL_FD, ANY_FD, OWN_FD };

enum place {
	PLACE_PLAIN,
	PLACE_END,	/* up to the end of what is mapped */
	PLACE_CROSS,	/* over the border of two pages */
	PLACE_ODD,	/* at an odd address */
	PLACE_FIRST_BAD,
	PLACE_STRADDLE = PLACE_FIRST_BAD, /* half of it is not mapped */
	PLACE_READONLY,
	PLACE_UNMAPPED,
	PLACE_NULL,
	PLACE_KERNEL,
	PLACE_NONCANON,
	PLACE_ARENA,	/* in cells that others overwrite */
	PLACE_VOLATILE,	/* mapped and unmapped all the time */
	PLACE_ZEROS,	/* followed by 4 GiB of zeros */
	PLACES
};

/**
 * struct arg - one argument of a call
 * @name: as in the text
 * @type: enum arg_type
 * @par: depends on that
 * @at: offset in the structure; NOWHERE: not part of one
 */
struct arg {
	const char *name;
	enum arg_type type;
	uint32_t par;
	uint16_t at;
};

#define NOWHERE 0xffff

enum out_rule { OUT_ANY, OUT_PAD, OUT_BOUND, OUT_TEXT };

/**
 * struct out - what a call fills in
 * @at: offset
 * @width: bytes
 * @rule: what it may look like
 * @also: written when the call fails, too
 * @bound: OUT_BOUND: it is less than this
 */
struct out {
	uint16_t at;
	uint8_t width;
	uint8_t rule;
	bool also;
	uint64_t bound;
};

/**
 * struct answer - an errno that the header documents
 * @err: it
 * @flags: one of these is needed for it; 0: none
 */
struct answer {
	int err;
	uint32_t flags;
};

/**
 * struct op - one sort of call
 * @name: as in the text
 * @weight: how often
 * @args: arguments
 * @nr_args: how many
 * @run: makes the call; 0 or more, or a negative errno
 * @cmd: ioctl: its number
 * @size: ioctl: of its structure
 * @on: ioctl: on which descriptors it is a command
 * @outs: ioctl: what is filled in
 * @nr_outs: how many
 * @answers: documented ones, ended by zero; NULL: not for us to say
 */
struct op {
	const char *name;
	unsigned int weight;
	const struct arg *args;
	unsigned int nr_args;
	long (*run)(struct exec *x, const struct op *op, const uint64_t *a);
	unsigned long cmd;
	uint16_t size;
	enum fd_kind on;
	const struct out *outs;
	unsigned int nr_outs;
	const struct answer *answers;
};

extern const struct op ops[];
extern const unsigned int nr_ops;

/* Objects that were created and not yet destroyed, as far as anybody knows. */
struct pool {
	uint32_t id[KINDS][POOL];
	uint32_t stale[POOL];
};

/* What others may see of an executor. */
struct seat {
	_Atomic uint64_t seq;	/* of its calls */
	_Atomic int in_call;
	_Atomic int free;	/* it may take for ever */
	_Atomic int overdue;	/* it may not, and has taken long */
	_Atomic int tid;
	_Atomic uint32_t op;
	char program[NAME_LEN];
};

enum property {
	PROPERTY_ERRNO, PROPERTY_OUT, PROPERTY_LEAK, PROPERTY_HANG, PROPERTY_STUCK,
	PROPERTY_CANARY, PROPERTY_DOMAINS, PROPERTIES
};

struct finding {
	_Atomic uint32_t key;
	_Atomic bool said;
	int property;
	char text[480];
	struct program program;
};

#define FINDINGS	48
#define SEEN_BITS	20
#define CORPUS_MAX	3000

/* Memory that all processes of a run share. */
struct shared {
	uint64_t seed;
	int slow;
	uint64_t start;
	uint64_t max_ops;
	uint64_t max_programs;
	_Atomic bool stop;
	_Atomic uint64_t next;
	_Atomic uint64_t programs;
	_Atomic uint64_t total;
	_Atomic uint64_t calls[MAX_OPS];
	_Atomic uint64_t failed[MAX_OPS];
	_Atomic uint64_t abandoned;
	_Atomic uint64_t writes;
	_Atomic uint64_t triples;
	_Atomic uint64_t kills;
	_Atomic uint64_t canary[3];	/* rounds of its three games */
	_Atomic uint8_t seen[1 << (SEEN_BITS - 3)];
	struct pool pool[SHARED_DOMAINS];
	_Atomic uint32_t handle[SHARED_DOMAINS][MAX_HOSTS * THREADS];
	struct seat seat[MAX_HOSTS][THREADS];
	struct finding finding[FINDINGS];
	_Atomic int corpus_lock;
	uint32_t replayed;		/* of the corpus: those from files */
	bool replay;			/* these and nothing else */
	_Atomic uint32_t corpus_nr;
	_Atomic uint32_t printed;
	_Atomic uint32_t mutations[CORPUS_MAX];
	struct program corpus[CORPUS_MAX];
};

extern struct shared *sh;

/* Where structures are put; of one executor, but for the last two. */
struct memory {
	unsigned char *pages;	/* two, followed by one that is not there */
	unsigned char *alias;	/* what is behind the next two */
	unsigned char *readonly;
	unsigned char *changing;
	unsigned char *array;	/* ARRAY_SIZE_MAX bytes, followed by nothing */
	unsigned char *zeros;
	struct ksync_cell *cells[DOMAINS];
};

#define ARRAY_SIZE_MAX	(KSYNC_BATCH_MAX * 4)

struct ring;

/**
 * struct exec - an executor: a thread that runs programs
 * @seat: what others see of it
 * @who: number among all executors
 * @fd: descriptors, by slot
 * @handle: in each domain
 * @cell: its own cell in each
 * @own: objects of domains that are its own
 * @mem: memory
 * @ring: of io_uring
 * @rng: dice of the call that runs
 * @shape: what makes the call that runs different from others of its sort
 * @gist: the same, but for how it was put into memory and the like
 * @signals: it has got
 * @armed: a signal may leave by @out
 * @leave: the thread is to end
 * @sched: it runs otherwise than it did in the beginning
 */
struct exec {
	struct seat *seat;
	unsigned int who;
	int fd[SLOTS];
	uint32_t handle[DOMAINS];
	uint32_t cell[DOMAINS];
	struct pool own[DOMAINS - SHARED_DOMAINS];
	struct memory mem;
	struct ring *ring[2];
	const struct program *program;
	uint64_t rng;
	uint32_t shape;
	uint32_t gist;
	unsigned int signals;
	_Atomic int armed;
	sigjmp_buf out;
	bool leave;
	bool sched;
};

/* program.c */
uint64_t dice(uint64_t *rng);
uint64_t seed_of(uint64_t seed, const char *name);
static inline bool one_in(uint64_t *rng, unsigned int n)
{
	return dice(rng) % n == 0;
}

bool program_make(struct program *p, const char *name);
void program_next(struct program *p, uint64_t n);

/* args.c */
uint64_t arg_random(const struct arg *a, uint64_t *rng);
uint64_t arg_deadline(uint64_t value);
uint32_t arg_id(struct exec *x, unsigned int domain, uint64_t value);
uint32_t arg_thread(struct exec *x, unsigned int domain, uint64_t value);
uint32_t arg_size(uint64_t value, uint32_t size);
unsigned char *arg_place(struct exec *x, uint64_t value, size_t size);
void arg_fill(struct exec *x, uint64_t value, const void *from, size_t size);
struct pool *pool_of(struct exec *x, unsigned int domain);

/* text.c */
int text_print(const struct program *p, char *to, size_t size);
bool text_parse(struct program *p, const char *text);

/* corpus.c */
int corpus_load(const char *dir);
void corpus_save(const char *dir);
void corpus_say(void);
bool corpus_note(const struct exec *x, uint32_t op, long ret);
void corpus_add(const struct program *p);

/* exec.c */
void exec_program(struct exec *x, const struct program *p);
long exec_syscall(struct exec *x, long nr, const long *a);
void exec_close(struct exec *x, unsigned int slot);
void exec_fill(int fd, struct pool *pool, unsigned int slot);

/* Six arguments at most; may be broken off by the watcher. */
#define SIX(...)	((const long [6]) { __VA_ARGS__ })
#define SYS(x, nr, ...)	exec_syscall(x, nr, SIX(__VA_ARGS__))

/* expect.c */
void expect_answer(struct exec *x, const struct op *op, const uint64_t *a, long ret);
void expect_outs(struct exec *x, const struct op *op, const unsigned char *before,
		 const unsigned char *after, size_t size, long ret);
void expect_cqe(struct exec *x, uint32_t op, int res);

/* report.c */
void finding(int property, uint32_t key, const struct program *p, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void report_findings(const char *dir);
void report_progress(double seconds);
int report_end(double seconds, bool replay);
double seconds_since(uint64_t start);
uint64_t now_ns(void);

/* host.c, keeper.c, canary.c */
void host_run(unsigned int host, const int *domains) __attribute__((noreturn));
bool keeper_run(unsigned int hosts, double seconds, const char *findings);
pid_t canary_start(void);
bool canary_end(pid_t pid);

/* call_*.c */
long call_ioctl(struct exec *x, const struct op *op, const uint64_t *a);
long call_wild(struct exec *x, const struct op *op, const uint64_t *a);
long call_open(struct exec *x, const struct op *op, const uint64_t *a);
long call_close(struct exec *x, const struct op *op, const uint64_t *a);
long call_dup(struct exec *x, const struct op *op, const uint64_t *a);
long call_file(struct exec *x, const struct op *op, const uint64_t *a);
long call_proc(struct exec *x, const struct op *op, const uint64_t *a);
long call_send(struct exec *x, const struct op *op, const uint64_t *a);
long call_receive(struct exec *x, const struct op *op, const uint64_t *a);
long call_poll(struct exec *x, const struct op *op, const uint64_t *a);
long call_epoll_ctl(struct exec *x, const struct op *op, const uint64_t *a);
long call_epoll_wait(struct exec *x, const struct op *op, const uint64_t *a);
long call_map(struct exec *x, const struct op *op, const uint64_t *a);
long call_memory(struct exec *x, const struct op *op, const uint64_t *a);
long call_poke(struct exec *x, const struct op *op, const uint64_t *a);
long call_fast(struct exec *x, const struct op *op, const uint64_t *a);
long call_fork(struct exec *x, const struct op *op, const uint64_t *a);
long call_sched(struct exec *x, const struct op *op, const uint64_t *a);
long call_leave(struct exec *x, const struct op *op, const uint64_t *a);
long call_ring(struct exec *x, const struct op *op, const uint64_t *a);
long call_sqe(struct exec *x, const struct op *op, const uint64_t *a);
long call_enter(struct exec *x, const struct op *op, const uint64_t *a);
void ring_free(struct exec *x, unsigned int i);
void sched_reset(struct exec *x);

#endif /* KSYNC_FUZZ_H */
