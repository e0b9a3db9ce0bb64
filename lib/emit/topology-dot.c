// The tree in Graphviz's language. SPDX-License-Identifier: Apache-2.0
//
// It grows from left to right, since devices have long names: a box for each root bus with its root
// ports as rows, one for each switch with its ports, one for each device with its VFs. A box for
// each bridge was tried first: an 8×H100 host has 43 of them, and nobody found the accelerators.
#include "emit/topology.h"
#include "base/cleanup.h"

#include <string.h>

/* Fill and line of a box, dark enough for text, apart without colour by their words. */
static const struct {
	const char *fill, *line;
} paints[] = {
    [HP_TOPOLOGY_READY] = {"#d5f0de", "#187a41"},   [HP_TOPOLOGY_NEAR] = {"#d8e9fb", "#1d66b0"},
    [HP_TOPOLOGY_CAUTION] = {"#ffefc2", "#a3690c"}, [HP_TOPOLOGY_OPEN] = {"#eae4f6", "#6a4ea3"},
    [HP_TOPOLOGY_OFF] = {"#fad9d9", "#b02323"},     [HP_TOPOLOGY_PLAIN] = {"#ffffff", "#9aa1ab"},
};

#define ALARM "#b02323"
#define QUIET "#5b6470"

struct drawing {
	const struct hp_topology *topology;
	struct hp_text *to;
	size_t *boxes; // of each node: the node in whose box it is a row, or itself
};

/* Text within markup. The language of Graphviz has no library but Graphviz, and this must work
 * without. */
static void add_text(struct hp_text *to, const char *text)
{
	hp_cleanup_free char *line = hp_strdup(text);
	hp_one_line(line);
	for (const char *at = line; *at; at++) {
		const char *entity = *at == '&'    ? "&amp;"
		                     : *at == '<'  ? "&lt;"
		                     : *at == '>'  ? "&gt;"
		                     : *at == '"'  ? "&quot;"
		                     : *at == '\\' ? "&#92;&#92;" // \N would be a name
		                                   : NULL;
		if (entity)
			hp_text_puts(to, entity);
		else
			hp_text_add(to, at, 1);
	}
}

/* Shortens what a stranger could have made endless; never within a character. */
static char *cut(const char *text, int most)
{
	char *copy = hp_strdup(text);
	hp_one_line(copy);
	int width = 0;
	for (char *at = copy; *at; at++) {
		width += ((unsigned char)*at & 0xc0) != 0x80;
		if (width > most) {
			*at = '\0';
			char *shorter = hp_asprintf("%s…", copy);
			free(copy);
			return shorter;
		}
	}
	return copy;
}

/* Text with room behind it: who looks at the picture may have a wider font than who draws it. */
static void add_cut(struct hp_text *to, const char *text, int most)
{
	hp_cleanup_free char *short_ = cut(text, most);
	add_text(to, short_);
	for (int i = 0; i <= hp_text_width(short_) / 9; i++)
		hp_text_puts(to, "&#160;");
}

static void begin_cell(struct hp_text *to, const char *more, const char *color, int size)
{
	hp_text_printf(to, "<TD ALIGN=\"LEFT\"%s><FONT COLOR=\"%s\" POINT-SIZE=\"%d\">", more,
	               color, size);
}

static void end_cell(struct hp_text *to)
{
	hp_text_puts(to, "</FONT></TD>");
}

// -- boxes --

static size_t box_of(const struct drawing *drawing, size_t at)
{
	const struct hp_topology_node *nodes = drawing->topology->nodes;
	size_t parent = nodes[at].parent;
	if (parent == HP_TOPOLOGY_TOP)
		return at;
	enum hp_topology_kind kind = nodes[at].kind, above = nodes[parent].kind;
	bool row = kind == HP_TOPOLOGY_VF ||
	           (kind == HP_TOPOLOGY_PORT && above == HP_TOPOLOGY_ROOT) ||
	           (kind == HP_TOPOLOGY_DOWN && above == HP_TOPOLOGY_SWITCH) ||
	           (kind == HP_TOPOLOGY_FOLD && above != HP_TOPOLOGY_NODE);
	return row ? drawing->boxes[parent] : at;
}

static void add_joined(struct hp_text *text, const char *more)
{
	if (more)
		hp_text_printf(text, "%s%s", text->length ? " · " : "", more);
}

static char *group_words(const struct hp_topology_node *node)
{
	if (!node->group)
		return NULL;
	if (strcmp(node->group, "none") == 0)
		return hp_strdup("no IOMMU group");
	return hp_asprintf("group%s %s%s", strpbrk(node->group, ",-") ? "s" : "", node->group,
	                   node->group_predicted ? " (predicted)" : "");
}

static char *link_of(const struct hp_topology_node *node)
{
	if (node->kind == HP_TOPOLOGY_VF || (!node->link && !node->link_max))
		return NULL; // a VF's link is its PF's
	if (!node->link)
		return hp_asprintf("up to %s", node->link_max);
	return node->link_reduced ? hp_asprintf("%s of %s", node->link, node->link_max)
	                          : hp_strdup(node->link);
}

static char *details(const struct hp_topology_node *node)
{
	hp_cleanup_text struct hp_text text = {0};
	hp_cleanup_free char *group = group_words(node), *link = link_of(node);
	bool unbound = node->driver && strcmp(node->driver, "none") == 0;
	add_joined(&text, unbound ? "no driver" : node->driver);
	add_joined(&text, group);
	add_joined(&text, link);
	if (node->vgpu) {
		hp_cleanup_free char *vgpu = hp_asprintf("vGPU type %s", node->vgpu);
		add_joined(&text, vgpu);
	}
	return hp_strdup(hp_text_get(&text));
}

enum { NAME_WIDTH = 44, DETAIL_WIDTH = 76 };

/* Devices are of one width, where their text allows it: what the place leaves of it. */
static int rest_of(const char *place)
{
	enum { WHOLE = 345, CHARACTER = 7 };
	int rest = WHOLE - CHARACTER * hp_text_width(place);
	return rest > 0 ? rest : 0;
}

static void add_device_head(struct hp_text *to, const struct hp_topology_node *node)
{
	hp_cleanup_free char *place = hp_topology_place(node);
	hp_cleanup_free char *port = hp_asprintf(" PORT=\"in\" WIDTH=\"%d\"", rest_of(place));
	hp_text_puts(to, "<TR>");
	begin_cell(to, port, "#14181d", 12);
	hp_text_puts(to, "<B>");
	if (node->count > 1)
		hp_text_printf(to, "%zu × ", node->count);
	add_cut(to, node->what, NAME_WIDTH);
	hp_text_puts(to, "</B>");
	end_cell(to);
	hp_text_puts(to, "<TD ALIGN=\"RIGHT\" PORT=\"out\"><FONT POINT-SIZE=\"11\">");
	add_cut(to, place, NAME_WIDTH);
	hp_text_puts(to, "</FONT></TD></TR>");
}

static void add_line(struct hp_text *to, const char *text, const char *color, int size, bool bold)
{
	if (!text || !*text)
		return;
	hp_text_puts(to, "<TR>");
	begin_cell(to, " COLSPAN=\"2\"", color, size);
	hp_text_puts(to, bold ? "<B>" : "");
	add_cut(to, text, DETAIL_WIDTH);
	hp_text_puts(to, bold ? "</B>" : "");
	end_cell(to);
	hp_text_puts(to, "</TR>");
}

static void add_device(struct hp_text *to, const struct hp_topology_node *node)
{
	hp_cleanup_free char *verdict = hp_topology_verdict(node), *more = details(node);
	add_device_head(to, node);
	add_line(to, verdict, paints[node->color].line, 12, true);
	add_line(to, more, QUIET, 10, false);
	if (node->peers == HP_TOPOLOGY_PEERS_BYPASS)
		add_line(to, "its neighbours can reach it below the IOMMU", ALARM, 10, true);
}

static void add_vfs(struct hp_text *to, const struct hp_topology_node *node)
{
	hp_cleanup_free char *place = hp_topology_place(node), *more = details(node);
	hp_cleanup_free char *line =
	    hp_asprintf("%zu VF%s · %s · %s", node->count, node->count > 1 ? "s" : "", place, more);
	add_line(to, line, "#14181d", 10, false);
}

/* What ACS does for those below: the words of a row. */
static const char *acs_words(const struct hp_topology_node *node)
{
	if (!node->acs)
		return "ACS not seen";
	if (strcmp(node->acs, "none") == 0 || strcmp(node->acs, "empty") == 0)
		return "no ACS";
	bool redirects = strstr(node->acs, "RR") && strstr(node->acs, "CR");
	if (node->acs_off)
		return redirects ? "ACS could redirect" : "ACS could not redirect";
	return redirects ? "ACS redirects" : "ACS does not redirect";
}

static void add_port(struct hp_text *to, const struct hp_topology_node *node, size_t number)
{
	const char *color = node->open ? ALARM : QUIET;
	hp_text_puts(to, "<TR>");
	begin_cell(to, "", "#14181d", 11);
	add_cut(to, node->address, NAME_WIDTH);
	end_cell(to);
	hp_text_printf(to,
	               "<TD ALIGN=\"RIGHT\" PORT=\"r%zu\"><FONT COLOR=\"%s\" POINT-SIZE=\"10\">",
	               number, color);
	hp_text_puts(to, node->open ? "<B>" : "");
	add_cut(to, acs_words(node), NAME_WIDTH);
	hp_text_puts(to, node->open ? "</B>" : "");
	hp_text_puts(to, "</FONT></TD></TR>");
}

static void add_fold(struct hp_text *to, const struct hp_topology_node *node)
{
	hp_cleanup_free char *line = hp_asprintf("and %zu %s", node->count, node->what);
	add_line(to, line, QUIET, 10, false);
}

static void add_row(const struct drawing *drawing, size_t at)
{
	const struct hp_topology_node *node = &drawing->topology->nodes[at];
	if (node->kind == HP_TOPOLOGY_VF)
		add_vfs(drawing->to, node);
	else if (node->kind == HP_TOPOLOGY_FOLD)
		add_fold(drawing->to, node);
	else
		add_port(drawing->to, node, at);
}

/* The head of a root bus or a switch. */
static void add_title(struct hp_text *to, const struct hp_topology_node *node)
{
	hp_text_puts(to, "<TR>");
	begin_cell(to, " PORT=\"in\" WIDTH=\"90\" BGCOLOR=\"#e9ecf0\"", "#14181d", 11);
	hp_text_puts(to, "<B>");
	bool ids = node->vendor && node->device;
	hp_cleanup_free char *name =
	    ids ? hp_asprintf("%s %s:%s", node->what, node->vendor, node->device)
		: hp_strdup(node->what);
	add_cut(to, name, NAME_WIDTH);
	hp_text_puts(to, "</B>");
	end_cell(to);
	hp_text_puts(to, "<TD PORT=\"out\" WIDTH=\"130\" BGCOLOR=\"#e9ecf0\" ALIGN=\"RIGHT\"><FONT "
	                 "POINT-SIZE=\"11\">");
	add_cut(to, node->address ? node->address : "", NAME_WIDTH);
	hp_text_puts(to, "</FONT></TD></TR>");
}

static bool is_bridge(enum hp_topology_kind kind)
{
	return kind >= HP_TOPOLOGY_ROOT && kind <= HP_TOPOLOGY_DOWN;
}

/* A box is called by its address: browsers show that when one points at it. */
static void add_name(const struct drawing *drawing, size_t at)
{
	const char *address = drawing->topology->nodes[at].address;
	if (address && strspn(address, "0123456789abcdef:.") == strlen(address))
		hp_text_printf(drawing->to, "\"%s\"", address);
	else
		hp_text_printf(drawing->to, "n%zu", at);
}

static void add_box(const struct drawing *drawing, size_t at)
{
	const struct hp_topology *topology = drawing->topology;
	const struct hp_topology_node *node = &topology->nodes[at];
	struct hp_text *to = drawing->to;
	bool alarmed = node->peers == HP_TOPOLOGY_PEERS_BYPASS;
	add_name(drawing, at);
	hp_text_printf(to,
	               " [label=<<TABLE BORDER=\"%d\" COLOR=\"%s\" BGCOLOR=\"%s\""
	               " STYLE=\"ROUNDED\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"3\">",
	               node->offer || alarmed ? 2 : 1, paints[node->color].line,
	               paints[node->color].fill);
	if (node->kind == HP_TOPOLOGY_FOLD)
		add_fold(to, node);
	else if (is_bridge(node->kind))
		add_title(to, node);
	else
		add_device(to, node);
	for (size_t i = at + 1; i < topology->count && topology->nodes[i].depth > node->depth; i++)
		if (drawing->boxes[i] == at)
			add_row(drawing, i);
	hp_text_puts(to, "</TABLE>>];\n");
}

static void add_edge(const struct drawing *drawing, size_t at)
{
	const struct hp_topology_node *node = &drawing->topology->nodes[at];
	size_t parent = node->parent, box = drawing->boxes[parent];
	if (drawing->topology->nodes[parent].kind == HP_TOPOLOGY_NODE)
		return;
	add_name(drawing, box);
	if (box == parent)
		hp_text_puts(drawing->to, ":out:e -> ");
	else
		hp_text_printf(drawing->to, ":r%zu:e -> ", parent);
	add_name(drawing, at);
	hp_text_printf(drawing->to, ":in:w [color=\"%s\"%s];\n",
	               node->offer ? paints[node->color].line : "#8a919c",
	               node->link_reduced ? " style=\"dashed\""
	               : node->offer      ? " penwidth=2"
	                                  : "");
}

/* A NUMA node and all below it. */
static void add_cluster(const struct drawing *drawing, size_t at)
{
	const struct hp_topology *topology = drawing->topology;
	hp_text_printf(drawing->to,
	               "subgraph cluster_%zu {\nstyle=\"rounded,filled\"; color=\"#c8ccd2\";"
	               " fillcolor=\"#f6f7f9\"; fontsize=13; margin=12;\nlabel=<<B>",
	               at);
	add_cut(drawing->to, topology->nodes[at].what, NAME_WIDTH);
	hp_text_puts(drawing->to, "</B>>;\n");
	for (size_t i = at + 1; i < topology->count && topology->nodes[i].depth; i++)
		if (drawing->boxes[i] == i)
			add_box(drawing, i);
	hp_text_puts(drawing->to, "}\n");
}

/* Graphviz puts the cluster that it reads first at the bottom. */
static void add_boxes(const struct drawing *drawing)
{
	const struct hp_topology *topology = drawing->topology;
	for (size_t i = topology->count; i-- > 0;)
		if (topology->nodes[i].kind == HP_TOPOLOGY_NODE)
			add_cluster(drawing, i);
	for (size_t i = 0; i < topology->count; i++)
		if (drawing->boxes[i] == i && topology->nodes[i].kind != HP_TOPOLOGY_NODE)
			add_edge(drawing, i);
}

// -- head and legend --

/* The next piece of a text for one line; NULL at its end. */
static char *next_piece(const char **text, size_t most)
{
	const char *start = *text + strspn(*text, " ");
	size_t length = strlen(start);
	if (!length)
		return NULL;
	if (length > most) {
		length = most;
		while (length && start[length] != ' ')
			length--;
		length = length ? length : strlen(start);
	}
	*text = start + length;
	return hp_strndup(start, length);
}

static void add_head_line(struct hp_text *to, const char *text, int size, bool bold)
{
	enum { LINE = 110 };
	for (char *piece; text && (piece = next_piece(&text, LINE)); free(piece)) {
		hp_text_printf(to, "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"%d\">%s", size,
		               bold ? "<B>" : "");
		add_cut(to, piece, 2 * LINE);
		hp_text_printf(to, "%s</FONT></TD></TR>", bold ? "</B>" : "");
	}
}

static void add_legend(struct hp_text *to)
{
	hp_text_puts(to, "<TR><TD ALIGN=\"LEFT\"><TABLE BORDER=\"0\" CELLBORDER=\"0\""
	                 " CELLSPACING=\"5\"><TR><TD><FONT POINT-SIZE=\"11\">Best offer:&#160;"
	                 "</FONT></TD>");
	for (int color = HP_TOPOLOGY_READY; color < HP_TOPOLOGY_PLAIN; color++)
		hp_text_printf(to,
		               "<TD BORDER=\"2\" COLOR=\"%s\" BGCOLOR=\"%s\" CELLPADDING=\"4\">"
		               "<FONT POINT-SIZE=\"11\">&#160;%s&#160;&#160;</FONT></TD>",
		               paints[color].line, paints[color].fill,
		               hp_topology_color_title((enum hp_topology_color)color));
	hp_text_puts(to, "</TR></TABLE></TD></TR>");
}

struct notable {
	bool bypass, reduced, acs_off;
};

static struct notable look(const struct hp_topology *topology)
{
	struct notable seen = {0};
	for (size_t i = 0; i < topology->count; i++) {
		const struct hp_topology_node *node = &topology->nodes[i];
		seen.bypass |= node->peers == HP_TOPOLOGY_PEERS_BYPASS;
		seen.reduced |= node->link_reduced && node->kind > HP_TOPOLOGY_DOWN;
		seen.acs_off |= node->acs_off;
	}
	return seen;
}

static void add_head(const struct hp_topology *topology, struct hp_text *to)
{
	struct notable seen = look(topology);
	hp_cleanup_free char *state = hp_asprintf("%s; %s", topology->summary, topology->iommu);
	hp_text_puts(to, "label=<<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"3\">");
	add_head_line(to, topology->host, 18, true);
	add_head_line(to, state, 12, false);
	add_head_line(to, topology->fabric, 12, false);
	add_legend(to);
	if (seen.bypass)
		add_head_line(
		    to,
		    "Below a switch whose ports do not redirect (ACS), devices reach each "
		    "other past the IOMMU, whatever their groups say.",
		    11, false);
	if (seen.acs_off)
		add_head_line(
		    to,
		    "ACS could redirect: the port has it, and the kernel turns it on with "
		    "the IOMMU.",
		    11, false);
	if (seen.reduced)
		add_head_line(
		    to, "Dashed: the link is slower or narrower than the device could have it.", 11,
		    false);
	hp_text_puts(to, "</TABLE>>;\n");
}

void hp_topology_dot(const struct hp_topology *topology, struct hp_text *to)
{
	size_t *boxes = hp_calloc(topology->count + 1, sizeof(*boxes));
	struct drawing drawing = {.topology = topology, .to = to, .boxes = boxes};
	for (size_t i = 0; i < topology->count; i++)
		boxes[i] = box_of(&drawing, i);
	hp_text_puts(to, "digraph topology {\n"
	                 "charset=\"UTF-8\"; rankdir=LR; bgcolor=\"#ffffff\"; pad=0.3;"
	                 " nodesep=0.12; ranksep=0.7; splines=true;\n"
	                 "labelloc=t; labeljust=l; fontname=\"Helvetica,Arial,sans-serif\";\n"
	                 "node [shape=plain fontname=\"Helvetica,Arial,sans-serif\" fontsize=11];\n"
	                 "edge [dir=none];\n");
	add_head(topology, to);
	add_boxes(&drawing);
	hp_text_puts(to, "}\n");
	free(boxes);
}
