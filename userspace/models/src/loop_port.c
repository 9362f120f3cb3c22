// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What is known of descriptors that tasks wait for: a table of blocks that are made when
 * they are needed, by whoever comes first, and stay until the loop ends.
 */
#include <stdlib.h>
#include "loop.h"

static struct port **blocks(struct ksync_loop *l)
{
	struct port **ports = load_acquire(&l->ports), **none = NULL;

	if (ports)
		return ports;
	ports = calloc(PORT_BLOCKS, sizeof(*ports));
	if (!ports || __atomic_compare_exchange_n(&l->ports, &none, ports, false,
						  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return ports;
	free(ports);
	return none;
}

static struct port *new_block(struct port **at)
{
	struct port *block = calloc(PORTS, sizeof(*block)), *none = NULL;

	if (!block || __atomic_compare_exchange_n(at, &none, block, false, __ATOMIC_ACQ_REL,
						  __ATOMIC_ACQUIRE))
		return block;
	free(block);
	return none;
}

/** ksync_port_find() - NULL: nobody has ever waited for @fd, or one near it */
struct port *ksync_port_find(struct ksync_loop *l, int fd)
{
	struct port **ports = load_acquire(&l->ports);
	struct port *block;

	if (!ports || fd < 0 || (uint32_t)fd >= PORTS * PORT_BLOCKS)
		return NULL;
	block = load_acquire(&ports[fd / PORTS]);
	return block ? &block[fd % PORTS] : NULL;
}

/** ksync_port_get() - NULL: no memory */
struct port *ksync_port_get(struct ksync_loop *l, int fd)
{
	struct port *p = ksync_port_find(l, fd), **ports, *block;

	if (p)
		return p;
	ports = blocks(l);
	if (!ports || (uint32_t)fd >= PORTS * PORT_BLOCKS)
		return NULL;
	block = load_acquire(&ports[fd / PORTS]);
	if (!block)
		block = new_block(&ports[fd / PORTS]);
	return block ? &block[fd % PORTS] : NULL;
}

/** ksync_ports_free() - nobody waits any more */
void ksync_ports_free(struct ksync_loop *l)
{
	uint32_t i;

	for (i = 0; l->ports && i < PORT_BLOCKS; i++)
		free(l->ports[i]);
	free(l->ports);
}
