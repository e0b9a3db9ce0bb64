// The tree drawn by Graphviz. SPDX-License-Identifier: Apache-2.0
#include "emit/topology.h"
#include "base/cleanup.h"
#include "base/library.h"
#include "base/worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#ifdef HP_HAVE_GRAPHVIZ
#include <gvc.h>

#define FUNCTIONS(F)                                                                               \
	F(agseterr)                                                                                \
	F(aglasterr)                                                                               \
	F(agmemread)                                                                               \
	F(gvContext)                                                                               \
	F(gvLayout)                                                                                \
	F(gvRenderData)

struct graphviz {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
};

#define SYMBOL(function) {.name = #function, .offset = offsetof(struct graphviz, function)},
static const struct hp_symbol symbols[] = {FUNCTIONS(SYMBOL)};

/* What the child is given, and what it has to say: an error, or the picture. */
struct drawn {
	const char *dot;
	struct hp_error error;
	char *svg;
};

/* From the element on: what stands before it has no place within a page. */
static int keep_element(struct hp_worker *worker, const char *document, struct drawn *drawn)
{
	const char *start = strstr(document, "<svg");
	size_t length = start ? strlen(start) + 1 : 0;
	drawn->svg = start ? hp_worker_alloc(worker, length) : NULL;
	if (!drawn->svg)
		return hp_fail(&drawn->error, -EMSGSIZE,
		               "the picture of the topology is too large");
	memcpy(drawn->svg, start, length);
	return 0;
}

static void render(const struct graphviz *by, GVC_t *context, graph_t *graph,
                   struct hp_worker *worker, struct drawn *drawn)
{
	char *data = NULL;
	size_t length = 0; // unsigned before Graphviz 13: as good for those, since it starts as 0
	if (by->gvLayout(context, graph, "dot") ||
	    by->gvRenderData(context, graph, "svg", &data, (void *)&length) || !data) {
		const char *why = by->aglasterr();
		hp_fail(&drawn->error, -EIO, "Graphviz cannot draw the topology: %s",
		        why ? why : "it does not say why");
		return;
	}
	keep_element(worker, data, drawn);
}

/* In a child, which ends when it has drawn: Graphviz and what it draws text with leave memory
 * behind, and a drawing that goes wrong shall not take the report with it. */
static int draw(void *data, struct hp_worker *worker)
{
	enum { PATIENCE = 60 };
	alarm(PATIENCE); // laying out a hostile graph can take for ever
	struct drawn *drawn = data;
	struct graphviz by;
	if (hp_library_open(HP_GRAPHVIZ_LIBRARY, symbols, HP_COUNT(symbols), &by, &drawn->error))
		return 0;
	by.agseterr(AGMAX); // it would print what it thinks
	GVC_t *context = by.gvContext();
	graph_t *graph = context ? by.agmemread(drawn->dot) : NULL;
	if (graph)
		render(&by, context, graph, worker, drawn);
	else
		hp_fail(&drawn->error, -EIO, "Graphviz cannot read the topology");
	return 0;
}

static int draw_aside(struct hp_worker *worker, const char *dot, char **ret, struct hp_error *err)
{
	struct drawn *drawn = worker ? hp_worker_alloc(worker, sizeof(*drawn)) : NULL;
	if (drawn)
		drawn->dot = dot;
	if (!drawn || !hp_worker_start(worker, draw, drawn))
		return hp_fail(err, -EAGAIN,
		               "no process for drawing the topology could be started");
	if (!hp_worker_done(worker))
		return hp_fail(err, -EIO, "Graphviz did not come to an end with the topology");
	if (drawn->error.code)
		return hp_fail(err, drawn->error.code, "%s", drawn->error.message);
	*ret = hp_strdup(drawn->svg);
	return 0;
}

int hp_topology_svg(const struct hp_topology *topology, char **ret, struct hp_error *err)
{
	enum { LARGEST = 256 << 20 };
	hp_cleanup_text struct hp_text dot = {0};
	hp_topology_dot(topology, &dot);
	struct hp_worker *worker = hp_worker_new(LARGEST);
	int code = draw_aside(worker, dot.data, ret, err);
	hp_worker_free(worker);
	return code;
}

#else

int hp_topology_svg(const struct hp_topology *topology HP_UNUSED, char **ret HP_UNUSED,
                    struct hp_error *err)
{
	return hp_fail(err, -ENOTSUP, "this happypath was built without Graphviz");
}
#endif
