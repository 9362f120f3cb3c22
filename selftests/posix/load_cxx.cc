// SPDX-License-Identifier: GPL-2.0
//
// A C++ program: what libstdc++ makes of the functions, and exceptions through them.
// The kernel's harness is C, so this prints the same lines by itself.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <queue>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

static const char *failed_at;
static int failed_line;

#define CHECK(what)					\
do {							\
	if (!(what)) {					\
		failed_at = #what;			\
		failed_line = __LINE__;			\
		return false;				\
	}						\
} while (0)

static bool mutex_counts()
{
	std::mutex m;
	long n = 0;
	std::vector<std::thread> threads;

	for (int i = 0; i < 4; i++)
		threads.emplace_back([&] {
			for (int k = 0; k < 10000; k++) {
				std::lock_guard<std::mutex> guard(m);
				n++;
			}
		});
	for (auto &t : threads)
		t.join();
	CHECK(n == 40000);
	return true;
}

static bool try_lock_is_busy()
{
	std::mutex m;
	std::recursive_mutex r;
	bool busy = true, busy_r = true;

	m.lock();
	r.lock();
	r.lock();
	std::thread([&] { busy = !m.try_lock(); busy_r = !r.try_lock(); }).join();
	CHECK(busy);
	CHECK(busy_r);
	r.unlock();
	r.unlock();
	m.unlock();
	std::thread([&] {
		busy = !m.try_lock();
		busy_r = !r.try_lock();
		if (!busy)
			m.unlock();
		if (!busy_r)
			r.unlock();
	}).join();
	CHECK(!busy);
	CHECK(!busy_r);
	return true;
}

static bool timed_mutex_times_out()
{
	std::timed_mutex m;
	bool got = true;

	m.lock();
	auto before = std::chrono::steady_clock::now();
	std::thread([&] { got = m.try_lock_for(30ms); }).join();
	CHECK(!got);
	CHECK(std::chrono::steady_clock::now() - before >= 30ms);
	std::thread([&] {
		got = m.try_lock_until(std::chrono::system_clock::now() + 30ms);
	}).join();
	CHECK(!got);
	m.unlock();
	return true;
}

static bool queue_hands_over_all()
{
	std::mutex m;
	std::condition_variable cv;
	std::queue<int> q;
	long sum = 0;
	std::vector<std::thread> threads;

	for (int i = 0; i < 3; i++)
		threads.emplace_back([&] {
			for (;;) {
				std::unique_lock<std::mutex> lock(m);
				cv.wait(lock, [&] { return !q.empty(); });
				int x = q.front();
				q.pop();
				if (x < 0)
					return;
				sum += x;
			}
		});
	for (int i = 1; i <= 3000; i++) {
		{
			std::lock_guard<std::mutex> guard(m);
			q.push(i);
		}
		cv.notify_one();
	}
	{
		std::lock_guard<std::mutex> guard(m);
		for (int i = 0; i < 3; i++)
			q.push(-1);
	}
	cv.notify_all();
	for (auto &t : threads)
		t.join();
	CHECK(sum == 3000L * 3001 / 2);
	return true;
}

static bool wait_for_times_out()
{
	std::mutex m;
	std::condition_variable cv;
	std::condition_variable_any any;
	std::unique_lock<std::mutex> lock(m);
	auto before = std::chrono::steady_clock::now();

	CHECK(!cv.wait_for(lock, 20ms, [] { return false; }));
	CHECK(std::chrono::steady_clock::now() - before >= 20ms);
	CHECK(lock.owns_lock());
	CHECK(!any.wait_for(lock, 20ms, [] { return false; }));
	CHECK(!cv.wait_until(lock, std::chrono::system_clock::now() + 20ms, [] { return false; }));
	return true;
}

static bool shared_mutex_shares()
{
	std::shared_mutex m;
	bool reader = false, writer = true;

	m.lock_shared();
	std::thread([&] {
		reader = m.try_lock_shared();
		writer = m.try_lock();
		if (reader)
			m.unlock_shared();
	}).join();
	CHECK(reader);
	CHECK(!writer);
	m.unlock_shared();
	m.lock();
	std::thread([&] { reader = m.try_lock_shared(); }).join();
	CHECK(!reader);
	m.unlock();
	std::shared_timed_mutex t;
	t.lock();
	std::thread([&] { reader = t.try_lock_shared_for(20ms); }).join();
	CHECK(!reader);
	t.unlock();
	return true;
}

static bool call_once_runs_once()
{
	std::once_flag flag;
	std::atomic<int> runs{0};
	std::vector<std::thread> threads;

	for (int i = 0; i < 8; i++)
		threads.emplace_back([&] { std::call_once(flag, [&] { runs++; }); });
	for (auto &t : threads)
		t.join();
	CHECK(runs == 1);
	return true;
}

// The routine throws: the flag is as if call_once had not been called.
static bool call_once_that_throws()
{
	std::once_flag flag;
	int runs = 0, caught = 0;

	for (int i = 0; i < 3; i++) {
		try {
			std::call_once(flag, [&] {
				if (++runs < 3)
					throw std::runtime_error("not yet");
			});
		} catch (const std::runtime_error &) {
			caught++;
		}
	}
	std::call_once(flag, [&] { runs++; });
	CHECK(runs == 3);
	CHECK(caught == 2);
	return true;
}

// The same with others behind it: one of them runs its own.
static bool call_once_that_throws_with_waiters()
{
	std::once_flag flag;
	std::atomic<int> runs{0}, caught{0};
	std::vector<std::thread> threads;

	for (int i = 0; i < 6; i++)
		threads.emplace_back([&] {
			try {
				std::call_once(flag, [&] {
					if (++runs <= 3) {
						std::this_thread::yield();
						throw 1;
					}
				});
			} catch (int) {
				caught++;
			}
		});
	for (auto &t : threads)
		t.join();
	CHECK(runs == 4);
	CHECK(caught == 3);
	return true;
}

// An exception that passes a lock's owner unlocks it.
static bool exception_unlocks()
{
	std::mutex m;

	try {
		std::lock_guard<std::mutex> guard(m);
		throw 1;
	} catch (int) {
	}
	CHECK(m.try_lock());
	m.unlock();
	return true;
}

static bool future_is_waited_for()
{
	std::promise<int> promise;
	auto later = std::async(std::launch::async, [&] { return promise.get_future().get() + 1; });

	promise.set_value(41);
	CHECK(later.get() == 42);
	return true;
}

// Two by two, in any order: std::lock() takes both or none.
static bool lock_of_two()
{
	std::mutex a, b;
	long n = 0;
	auto run = [&](std::mutex &x, std::mutex &y) {
		for (int i = 0; i < 3000; i++) {
			std::scoped_lock lock(x, y);
			n++;
		}
	};
	std::thread t([&] { run(a, b); }), u([&] { run(b, a); });

	t.join();
	u.join();
	CHECK(n == 6000);
	return true;
}

// A static of a function, made by many threads at once.
struct made {
	static std::atomic<int> times;
	made() { times++; }
};

std::atomic<int> made::times{0};

static bool function_static_is_made_once()
{
	std::vector<std::thread> threads;

	for (int i = 0; i < 8; i++)
		threads.emplace_back([] { static made m; (void)m; });
	for (auto &t : threads)
		t.join();
	CHECK(made::times == 1);
	return true;
}

// A global whose constructor locks and makes a thread, before main().
struct early {
	std::mutex m;
	int seen = 0;
	early()
	{
		std::unique_lock<std::mutex> lock(m);
		std::thread t([this] { std::lock_guard<std::mutex> guard(m); seen++; });

		seen++;
		lock.unlock();
		t.join();
	}
} early_global;

static bool global_constructor()
{
	CHECK(early_global.seen == 2);
	CHECK(early_global.m.try_lock());
	early_global.m.unlock();
	return true;
}

static const struct {
	const char *name;
	bool (*fn)();
} tests[] = {
	{ "mutex_counts", mutex_counts },
	{ "try_lock_is_busy", try_lock_is_busy },
	{ "timed_mutex_times_out", timed_mutex_times_out },
	{ "queue_hands_over_all", queue_hands_over_all },
	{ "wait_for_times_out", wait_for_times_out },
	{ "shared_mutex_shares", shared_mutex_shares },
	{ "call_once_runs_once", call_once_runs_once },
	{ "call_once_that_throws", call_once_that_throws },
	{ "call_once_that_throws_with_waiters", call_once_that_throws_with_waiters },
	{ "exception_unlocks", exception_unlocks },
	{ "future_is_waited_for", future_is_waited_for },
	{ "lock_of_two", lock_of_two },
	{ "function_static_is_made_once", function_static_is_made_once },
	{ "global_constructor", global_constructor },
};

int main()
{
	const char *slow = getenv("KSYNC_SLOW");
	int n = 0, bad = 0;

	setvbuf(stdout, nullptr, _IOLBF, 0);
	alarm(60 * (slow && atoi(slow) > 0 ? atoi(slow) : 1));
	printf("TAP version 13\n1..%zu\n", sizeof(tests) / sizeof(tests[0]));
	for (auto &t : tests) {
		printf("#  RUN           global.%s ...\n", t.name);
		n++;
		if (t.fn()) {
			printf("ok %d global.%s\n", n, t.name);
		} else {
			bad++;
			printf("# line %d: %s\n", failed_line, failed_at);
			printf("not ok %d global.%s\n", n, t.name);
		}
	}
	return bad ? 1 : 0;
}
