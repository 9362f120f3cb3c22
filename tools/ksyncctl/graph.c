// SPDX-License-Identifier: GPL-2.0
/*
 * ksyncctl graph: who waits for what that whom has, for dot(1).
 *
 * Threads and objects are nodes.  The module refuses cycles; should there be one,
 * through a lock that it does not see or by a lie in a word, it is red.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "ksyncctl.h"

/**
 * struct node - a thread or an object
 * @domain: of the object; of the thread, if it has no pid here
 * @object: its number, or -1: a thread
 * @who: the thread
 * @kind: of the object
 * @waits: the thread waits for something
 * @waited_for: somebody waits for it, or for what it has
 * @order: in which it was first visited; 0: it was not
 * @low: the first visited of those that it leads to
 * @stacked: it may be part of a cycle yet
 * @cycle: number of the cycle that it is in, 0: none
 */
struct node {
	uint64_t domain;
	int64_t object;
	const struct who *who;
	const char *kind;
	bool waits;
	bool waited_for;
	size_t order;
	size_t low;
	bool stacked;
	size_t cycle;
};

enum edge_kind { WAITS, OWNED, READS };

struct edge {
	size_t from;
	size_t to;
	enum edge_kind kind;
	const struct waiter *waiter;
	bool steady;
};

struct net {
	const struct snapshot *s;
	struct node *nodes;
	size_t nr_nodes;
	struct edge *edges;
	size_t nr_edges;
};

/* Room for one more, in powers of two. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	array = realloc(array, (n ? 2 * n : 1) * size);
	if (!array) {
		fputs("ksyncctl: there is not enough memory\n", stderr);
		exit(EXIT_NO_DATA);
	}
	return array;
}

static size_t new_node(struct net *net, const struct node *node)
{
	net->nodes = grow(net->nodes, net->nr_nodes, sizeof(*net->nodes));
	net->nodes[net->nr_nodes] = *node;
	return net->nr_nodes++;
}

static size_t thread_node(struct net *net, const struct who *who, uint64_t domain)
{
	const struct node new = { .domain = domain, .object = -1, .who = who };
	size_t i;

	for (i = 0; i < net->nr_nodes; i++)
		if (net->nodes[i].who &&
		    same_thread(net->nodes[i].who, net->nodes[i].domain, who, domain))
			return i;
	return new_node(net, &new);
}

static size_t object_node(struct net *net, uint64_t domain, uint32_t id, const char *kind)
{
	const struct node new = { .domain = domain, .object = id, .kind = kind };
	size_t i;

	for (i = 0; i < net->nr_nodes; i++)
		if (net->nodes[i].object == id && net->nodes[i].domain == domain)
			return i;
	return new_node(net, &new);
}

static void new_edge(struct net *net, const struct edge *edge)
{
	size_t i;

	for (i = 0; i < net->nr_edges; i++)
		if (net->edges[i].from == edge->from && net->edges[i].to == edge->to)
			return;
	net->edges = grow(net->edges, net->nr_edges, sizeof(*net->edges));
	net->edges[net->nr_edges++] = *edge;
	net->nodes[edge->to].waited_for = true;
	if (edge->kind == WAITS)
		net->nodes[edge->from].waits = true;
}

static void add_readers(struct net *net, const struct waiter *w, size_t object)
{
	const struct thread *th, *end = net->s->threads + net->s->nr_threads;

	for (th = net->s->threads; th < end; th++)
		if (th->domain == w->domain && thread_reads(th, w->object))
			new_edge(net, &(struct edge){
				.from = object,
				.to = thread_node(net, &th->who, th->domain),
				.kind = READS,
				.steady = true,
			});
}

static void add_waiter(struct net *net, const struct waiter *w)
{
	const size_t object = object_node(net, w->domain, w->object, w->kind);

	new_edge(net, &(struct edge){
		.from = thread_node(net, &w->who, w->domain),
		.to = object,
		.kind = WAITS,
		.waiter = w,
		.steady = w->steady,
	});
	if (w->drains)
		add_readers(net, w, object);
	else if (w->owner.pid != NOBODY)
		new_edge(net, &(struct edge){
			.from = object,
			.to = thread_node(net, &w->owner, w->domain),
			.kind = OWNED,
			.steady = w->steady && w->owner_steady,
		});
}

/*
 * Tarjan's strongly connected components (1972): where more than one node leads to
 * each other, there is a cycle.  An rwlock on which one drains while others wait for
 * its word is joined with the one that drains, which is in order: the writer waits
 * for the readers, not for itself.
 */
struct search {
	struct net *net;
	size_t *stack;
	size_t depth;
	size_t visited;
	size_t cycles;
};

static bool is_way(const struct net *net, const struct edge *e, size_t from)
{
	const struct node *to = &net->nodes[e->to];
	size_t i;

	if (e->from != from || !e->steady)
		return false;
	if (e->kind != OWNED || !to->waits)
		return true;
	for (i = 0; i < net->nr_edges; i++)
		if (net->edges[i].from == e->to && net->edges[i].to == from &&
		    net->edges[i].waiter && net->edges[i].waiter->drains)
			return false;
	return true;
}

static void close_component(struct search *f, size_t n)
{
	const size_t top = f->depth;
	size_t i;

	while (f->stack[--f->depth] != n)
		;
	if (top - f->depth > 1)
		f->cycles++;
	for (i = f->depth; i < top; i++) {
		f->net->nodes[f->stack[i]].stacked = false;
		if (top - f->depth > 1)
			f->net->nodes[f->stack[i]].cycle = f->cycles;
	}
}

static void visit(struct search *f, size_t n)
{
	struct net *net = f->net;
	struct node *node = &net->nodes[n], *to;
	size_t i;

	node->order = ++f->visited;
	node->low = node->order;
	node->stacked = true;
	f->stack[f->depth++] = n;
	for (i = 0; i < net->nr_edges; i++) {
		if (!is_way(net, &net->edges[i], n))
			continue;
		to = &net->nodes[net->edges[i].to];
		if (!to->order)
			visit(f, net->edges[i].to);
		if (to->stacked && to->low < node->low)
			node->low = to->low;
	}
	if (node->low == node->order)
		close_component(f, n);
}

static void find_cycles(struct net *net)
{
	struct search f = { .net = net, .stack = calloc(net->nr_nodes + 1, sizeof(size_t)) };
	size_t i;

	for (i = 0; f.stack && i < net->nr_nodes; i++)
		if (!net->nodes[i].order)
			visit(&f, i);
	free(f.stack);
}

/* In dot's quotes; the text has no line ends. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void print_thread(const struct net *net, size_t i)
{
	const struct node *n = &net->nodes[i];
	const bool culprit = n->waited_for && !n->waits;
	char text[TEXT_MAX] = "", state[TEXT_MAX] = "";

	add_who(text, sizeof(text), n->who);
	printf("\tn%zu [shape=box, label=\"", i);
	print_escaped(text);
	if (!n->waits) {
		state_of(net->s, n->who->pid, state, sizeof(state));
		printf("\\n");
		print_escaped(state);
	}
	printf("\"%s%s];\n", culprit ? ", style=filled, fillcolor=gold" : "",
	       n->cycle ? ", color=red" : "");
}

static void print_object(const struct net *net, size_t i)
{
	const struct node *n = &net->nodes[i];
	char text[TEXT_MAX] = "";

	add_object(text, sizeof(text), net->s, n->domain, n->object, n->kind);
	printf("\tn%zu [shape=ellipse, label=\"", i);
	print_escaped(text);
	printf("\"%s];\n", n->cycle ? ", color=red" : "");
}

static void print_edge(const struct net *net, const struct edge *e)
{
	static const char *const names[] = { "waits", "owned by", "read by" };
	const size_t cycle = net->nodes[e->from].cycle;
	char text[TEXT_MAX] = "";

	add(text, sizeof(text), "%s", names[e->kind]);
	if (e->waiter) {
		if (strcmp(e->waiter->what, "wait"))
			add(text, sizeof(text), " to %s", e->waiter->what);
		add(text, sizeof(text), ", ");
		add_duration(text, sizeof(text), e->waiter->waited);
	}
	printf("\tn%zu -> n%zu [label=\"", e->from, e->to);
	print_escaped(text);
	printf("\"%s%s];\n", e->steady ? "" : ", style=dotted",
	       cycle && cycle == net->nodes[e->to].cycle ? ", color=red" : "");
}

int graph(const struct snapshot *s, uint64_t domain)
{
	struct net net = { .s = s };
	size_t i;

	for (i = 0; i < s->nr_waiters; i++)
		if (!domain || s->waiters[i].domain == domain)
			add_waiter(&net, &s->waiters[i]);
	find_cycles(&net);
	printf("digraph ksync {\n\trankdir=LR;\n");
	printf("\tnode [fontname=\"sans-serif\"];\n\tedge [fontname=\"sans-serif\"];\n");
	for (i = 0; i < net.nr_nodes; i++)
		if (net.nodes[i].who)
			print_thread(&net, i);
		else
			print_object(&net, i);
	for (i = 0; i < net.nr_edges; i++)
		print_edge(&net, &net.edges[i]);
	printf("}\n");
	free(net.nodes);
	free(net.edges);
	return EXIT_DONE;
}
