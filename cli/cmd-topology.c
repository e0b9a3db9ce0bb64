// happypath topology: the PCI tree with what matters for handing devices over, coloured by verdict.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"
#include "emit/topology.h"
#include "paint.h"

#include <string.h>

// -- text --

static enum hp_color paint_of(enum hp_topology_color color)
{
	static const enum hp_color colors[] = {
	    [HP_TOPOLOGY_READY] = HP_GREEN,    [HP_TOPOLOGY_NEAR] = HP_BLUE,
	    [HP_TOPOLOGY_CAUTION] = HP_YELLOW, [HP_TOPOLOGY_OPEN] = HP_MAGENTA,
	    [HP_TOPOLOGY_OFF] = HP_RED,        [HP_TOPOLOGY_PLAIN] = HP_PLAIN,
	};
	return colors[color];
}

/* The cells of a row behind the tree. */
enum { GROUP, LINK, ACS, DRIVER, CELLS };

struct line {
	char *tree, *what, *cells[CELLS], *verdict;
};

static bool is_last(const struct hp_topology *topology, size_t at)
{
	const struct hp_topology_node *nodes = topology->nodes;
	for (size_t i = at + 1; i < topology->count && nodes[i].depth >= nodes[at].depth; i++)
		if (nodes[i].depth == nodes[at].depth)
			return false;
	return true;
}

static void add_branches(const struct hp_topology *topology, size_t at, struct hp_text *text)
{
	size_t parent = topology->nodes[at].parent;
	if (parent == HP_TOPOLOGY_TOP)
		return;
	add_branches(topology, parent, text);
	if (topology->nodes[parent].parent != HP_TOPOLOGY_TOP)
		hp_text_puts(text, is_last(topology, parent) ? "  " : "│ ");
}

static char *tree_of(const struct hp_topology *topology, size_t at)
{
	const struct hp_topology_node *node = &topology->nodes[at];
	struct hp_text text = {0};
	add_branches(topology, at, &text);
	if (node->parent != HP_TOPOLOGY_TOP)
		hp_text_puts(&text, is_last(topology, at) ? "└─" : "├─");
	hp_text_puts(&text, node->address ? node->address : "");
	return text.data ? text.data : hp_strdup("");
}

static char *what_of(const struct hp_topology_node *node)
{
	bool ids = node->vendor && node->device;
	hp_cleanup_free char *times =
	    node->kind == HP_TOPOLOGY_VF
		? hp_asprintf("%zu VF%s", node->count, node->count == 1 ? "" : "s")
	    : node->kind == HP_TOPOLOGY_FOLD ? hp_asprintf("and %zu ", node->count)
	    : node->count > 1                ? hp_asprintf("%zu × ", node->count)
					     : hp_strdup("");
	return hp_asprintf("%s%s%s%s%s%s%s", times, node->kind == HP_TOPOLOGY_VF ? "" : node->what,
	                   ids ? " [" : "", ids ? node->vendor : "", ids ? ":" : "",
	                   ids ? node->device : "", ids ? "]" : "");
}

static char *acs_of(const struct hp_topology_node *node)
{
	if (!node->acs)
		return hp_strdup("");
	return hp_asprintf("%s%s%s", node->acs_off ? "(" : "", node->acs, node->acs_off ? ")" : "");
}

static char *link_of(const struct hp_topology_node *node)
{
	if (!node->link)
		return node->link_max ? hp_asprintf("? of %s", node->link_max) : hp_strdup("");
	return node->link_reduced ? hp_asprintf("%s of %s", node->link, node->link_max)
	                          : hp_strdup(node->link);
}

static char *group_of(const struct hp_topology_node *node)
{
	const char *group = node->group && strcmp(node->group, "none") != 0 ? node->group : "";
	return hp_asprintf("%s%s", group, *group && node->group_predicted ? "?" : "");
}

static char *verdict_of(const struct hp_topology_node *node)
{
	hp_cleanup_free char *verdict = hp_topology_verdict(node);
	bool bypass = node->peers == HP_TOPOLOGY_PEERS_BYPASS;
	hp_cleanup_free char *vgpu =
	    node->vgpu ? hp_asprintf("vGPU type %s", node->vgpu) : hp_strdup("");
	return hp_asprintf("%s%s%s%s", verdict ? verdict : "", vgpu,
	                   bypass && (verdict || *vgpu) ? "; " : "",
	                   bypass ? "peers bypass the IOMMU" : "");
}

static struct line make_line(const struct hp_topology *topology, size_t at)
{
	const struct hp_topology_node *node = &topology->nodes[at];
	return (struct line){
	    .tree = tree_of(topology, at),
	    .what = what_of(node),
	    .cells = {[GROUP] = group_of(node),
	              [LINK] = link_of(node),
	              [ACS] = acs_of(node),
	              [DRIVER] = hp_strdup(
			  node->driver && strcmp(node->driver, "none") != 0 ? node->driver : "")},
	    .verdict = verdict_of(node),
	};
}

static void free_line(struct line *line)
{
	free(line->tree);
	free(line->what);
	for (size_t i = 0; i < CELLS; i++)
		free(line->cells[i]);
	free(line->verdict);
}

struct widths {
	int tree, cells[CELLS];
};

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static void measure(const struct line *line, struct widths *widths)
{
	int what = *line->tree ? 1 + hp_text_width(line->what) : hp_text_width(line->what);
	widths->tree = larger(widths->tree, hp_text_width(line->tree) + what);
	for (size_t i = 0; i < CELLS; i++)
		widths->cells[i] = larger(widths->cells[i], hp_text_width(line->cells[i]));
}

static bool is_bridge(const struct hp_topology_node *node)
{
	return node->kind <= HP_TOPOLOGY_DOWN;
}

/* How many cells there are up to the last one that says something. */
static size_t cells_of(const struct line *line)
{
	size_t count = CELLS;
	while (!*line->verdict && count && !*line->cells[count - 1])
		count--;
	return count;
}

static void print_cells(const struct hp_paint *paint, const struct line *line, bool alarmed,
                        const struct widths *widths)
{
	size_t count = cells_of(line);
	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count && !*line->verdict;
		if (!widths->cells[i])
			continue;
		fputs("  ", paint->to);
		hp_paint(paint, i == ACS && alarmed ? HP_RED : HP_DIM, line->cells[i],
		         last ? 0 : widths->cells[i]);
	}
}

static enum hp_color color_of(const struct hp_topology_node *node)
{
	if (node->offer)
		return paint_of(node->color);
	if (node->kind == HP_TOPOLOGY_NODE)
		return HP_BOLD;
	return is_bridge(node) || node->kind == HP_TOPOLOGY_FOLD ? HP_DIM : HP_PLAIN;
}

static void print_line(const struct hp_paint *paint, const struct hp_topology_node *node,
                       const struct line *line, const struct widths *widths)
{
	int tree = hp_text_width(line->tree) + (*line->tree ? 1 : 0);
	bool alarmed = node->open || node->peers == HP_TOPOLOGY_PEERS_BYPASS;
	hp_paint(paint, HP_PLAIN, line->tree, tree);
	hp_paint(paint, color_of(node), line->what, cells_of(line) ? widths->tree - tree : 0);
	print_cells(paint, line, alarmed, widths);
	if (*line->verdict)
		fputs("  ", paint->to);
	hp_paint(paint, node->offer ? paint_of(node->color) : HP_RED, line->verdict, 0);
	fputc('\n', paint->to);
}

static void print_heads(const struct hp_paint *paint, const struct widths *widths)
{
	static const char *const heads[] = {
	    [GROUP] = "GROUP", [LINK] = "LINK", [ACS] = "ACS", [DRIVER] = "DRIVER"};
	hp_paint(paint, HP_DIM, "DEVICE", widths->tree);
	for (size_t i = 0; i < CELLS; i++) {
		if (!widths->cells[i])
			continue;
		fputs("  ", paint->to);
		hp_paint(paint, HP_DIM, heads[i], widths->cells[i]);
	}
	hp_paint(paint, HP_DIM, "  BEST OFFER", 0);
	fputc('\n', paint->to);
}

static void print_foot(const struct hp_paint *paint, const struct hp_topology *topology)
{
	bool bypass = false, off = false, predicted = false, judged = false;
	for (size_t i = 0; i < topology->count; i++) {
		bypass |= topology->nodes[i].peers == HP_TOPOLOGY_PEERS_BYPASS;
		off |= topology->nodes[i].acs_off;
		predicted |= topology->nodes[i].group_predicted;
		judged |= topology->nodes[i].offer != NULL;
	}
	fputc('\n', paint->to);
	if (judged && paint->color) {
		fputs("Best offer: ", paint->to);
		for (int color = HP_TOPOLOGY_READY; color < HP_TOPOLOGY_PLAIN; color++) {
			fputs(color ? " · " : "", paint->to);
			hp_paint(paint, paint_of((enum hp_topology_color)color),
			         hp_topology_color_title((enum hp_topology_color)color), 0);
		}
		fputc('\n', paint->to);
	}
	if (bypass)
		hp_paint_words(
		    paint, HP_DIM,
		    "Peers bypass the IOMMU: a switch above does not redirect their "
		    "requests (ACS), so devices below it reach each other whatever their "
		    "groups say.",
		    0, 2);
	if (off)
		hp_paint_words(paint, HP_DIM,
		               "ACS in parentheses is what a port has: the kernel turns it on with "
		               "the IOMMU.",
		               0, 2);
	if (predicted)
		hp_paint_words(paint, HP_DIM, "A group with ? is predicted.", 0, 2);
	if (topology->folded)
		hp_paint_words(paint, HP_DIM, "--all shows every function.", 0, 2);
}

static void print_text(const struct hp_topology *topology, const struct hp_paint *paint)
{
	struct line *lines = hp_calloc(topology->count + 1, sizeof(*lines));
	struct widths widths = {.tree = 6};
	for (size_t i = 0; i < topology->count; i++) {
		lines[i] = make_line(topology, i);
		measure(&lines[i], &widths);
	}
	hp_paint(paint, HP_BOLD, topology->host, 0);
	fprintf(paint->to, ": %s; %s\n", topology->summary, topology->iommu);
	if (topology->fabric)
		hp_paint_words(paint, HP_PLAIN, topology->fabric, 0, 2);
	if (topology->count)
		print_heads(paint, &widths);
	for (size_t i = 0; i < topology->count; i++) {
		print_line(paint, &topology->nodes[i], &lines[i], &widths);
		free_line(&lines[i]);
	}
	print_foot(paint, topology);
	free(lines);
}

// -- forms --

struct printer {
	const struct hp_options *options;
	struct hp_paint paint;
	struct hp_table *table;
	size_t hosts;
};

static int print_svg(const struct hp_topology *topology, struct hp_error *err)
{
	hp_cleanup_free char *svg = NULL;
	int code = hp_topology_svg(topology, &svg, err);
	if (code)
		return code == -ENOTSUP ? hp_wrap(err, "-o svg wants Graphviz (-o dot does not)")
		                        : code;
	puts("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
	fputs(svg, stdout);
	return 0;
}

static int print_one(const struct printer *printer, const struct hp_topology *topology,
                     struct hp_error *err)
{
	const char *form = printer->options->form;
	if (form && strcmp(form, "svg") == 0)
		return print_svg(topology, err);
	hp_cleanup_text struct hp_text dot = {0};
	if (form) {
		hp_topology_dot(topology, &dot);
		fputs(dot.data, stdout);
	} else if (printer->table) {
		hp_topology_add_rows(topology, printer->table);
	} else {
		print_text(topology, &printer->paint);
	}
	return 0;
}

static int print_all(const struct printer *printer, const struct hp_session *session,
                     const struct hp_verdict *verdict, struct hp_error *err)
{
	size_t count;
	int code = 0;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(verdict, &count);
	if (printer->options->form && strcmp(printer->options->form, "svg") == 0 && count > 1)
		return hp_fail(err, HP_MISUSE, "-o svg draws one host, not %zu", count);
	for (size_t i = 0; !code && i < count; i++) {
		struct hp_topology *topology = NULL;
		code = hp_topology_new(hp_facts_db(session->facts), &hosts[i],
		                       printer->options->all, &topology, err);
		if (!code && i && !printer->table)
			putchar('\n');
		if (!code)
			code = print_one(printer, topology, err);
		hp_topology_free(topology);
	}
	if (!code && printer->table)
		code = hp_table_print(printer->table, printer->options->format,
		                      "happypath.topology/1", "rows", stdout, err);
	return code;
}

static void complain(void *data HP_UNUSED, const char *message)
{
	hp_say("%s", message);
}

static int show(const struct hp_session *session, const struct hp_options *options,
                struct hp_error *err)
{
	struct hp_verdict_options how = {.as_of = hp_as_of(options), .complain = complain};
	struct hp_verdict *verdict = NULL;
	int code = hp_verdict_new(session->facts, session->knowledge, &how, &verdict, err);
	if (code)
		return code;
	struct printer printer = {.options = options,
	                          .paint = {.to = stdout,
	                                    .color = hp_wants_color(options->no_color),
	                                    .width = hp_terminal_width(stdout)}};
	if (!options->form && options->format != HP_FORMAT_TABLE)
		printer.table = hp_table_new(hp_topology_columns, hp_topology_column_count);
	code = print_all(&printer, session, verdict, err);
	hp_table_free(printer.table);
	hp_verdict_free(verdict);
	return code ? code : session->failed ? HP_EXIT_FAILED : HP_EXIT_OK;
}

int hp_cmd_topology(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {0};
	int code = hp_session_open(options, &session, &error);
	if (!code)
		code = show(&session, options, &error);
	hp_session_close(&session);
	return code < 0 ? hp_give_up(&error) : code;
}
