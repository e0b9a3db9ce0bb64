// BARs of a PCI function, from its `resource` attribute. SPDX-License-Identifier: Apache-2.0
#include "probe/bar.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

/* Bits of the third number of a line: the kernel's IORESOURCE_*, which it has never changed. */
enum {
	RESOURCE_IO = 0x100,
	RESOURCE_MEMORY = 0x200,
	RESOURCE_PREFETCH = 0x2000,
	RESOURCE_64 = 0x100000,
	RESOURCE_UNSET = 0x20000000,
};

enum { MOST_LINES = 17 };

struct span {
	const char *kind;
	int first, count;
};

/* Which line is what depends on how many there are: the kernel shows BARs and ROM of all functions,
 * VF BARs if it was built with SR-IOV, windows of bridges only, which come last. */
static const struct layout {
	int lines;
	struct span spans[5]; // ends with one without a kind
} layouts[] = {
    {7, {{"bar", 0, 6}, {"rom", 6, 1}}},
    {11, {{"bar", 0, 6}, {"rom", 6, 1}, {"window", 7, 4}}},
    {13, {{"bar", 0, 6}, {"rom", 6, 1}, {"vf-bar", 7, 6}}},
    {17, {{"bar", 0, 6}, {"rom", 6, 1}, {"vf-bar", 7, 6}, {"window", 13, 4}}},
};

struct line {
	uint64_t start, end, flags;
};

/* "0x0123…" and the one character behind it, any of `ends`. Returns what follows, NULL for anything
 * else. By hand: there are thousands of these numbers on a large host. */
static const char *parse_number(const char *at, const char *ends, uint64_t *ret)
{
	*ret = 0;
	if (*at++ != '0' || *at++ != 'x')
		return NULL;
	for (int digits = 0; digits < 16 && isxdigit((unsigned char)*at); digits++, at++)
		*ret = *ret << 4 | (uint64_t)(*at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10);
	if (*at == '\0' && strchr(ends, '\n'))
		return at;
	return *at && strchr(ends, *at) ? at + 1 : NULL;
}

/* Returns the number of lines, or -EINVAL for a line that is none. */
static int parse(const char *text, struct line *lines)
{
	int count = 0;
	for (const char *at = text; *at; count++) {
		if (count == MOST_LINES)
			return -EINVAL;
		struct line *line = &lines[count];
		at = parse_number(at, " ", &line->start);
		at = at ? parse_number(at, " ", &line->end) : NULL;
		at = at ? parse_number(at, "\n", &line->flags) : NULL;
		if (!at)
			return -EINVAL;
	}
	return count;
}

static const struct layout *find_layout(int lines)
{
	for (size_t i = 0; i < HP_COUNT(layouts); i++)
		if (layouts[i].lines == lines)
			return &layouts[i];
	return NULL;
}

/* The type bits of its register, 0 for none. */
static unsigned type_bits(const struct hp_config *config, const char *kind, int bar)
{
	if (!config)
		return 0;
	if (!strcmp(kind, "bar"))
		return config->bar_bits[bar];
	return !strcmp(kind, "vf-bar") ? config->vf_bar_bits[bar] : 0;
}

static bool is_assigned(const struct line *line)
{
	return line->flags && !(line->flags & RESOURCE_UNSET) && line->end > line->start &&
	       line->end < INT64_MAX && (line->start || line->flags & RESOURCE_IO);
}

/* Nothing for a disabled window (its end is below its start), and for what no machine can have. */
static int64_t size_of(const struct line *line)
{
	if (line->end < line->start || line->end >= INT64_MAX)
		return 0;
	return (int64_t)(line->end - line->start + 1);
}

static void put_seen(struct hp_row *row, const struct line *line)
{
	hp_row_number(row, HP_PCI_BAR_SIZE_BYTES, size_of(line));
	hp_row_number(row, HP_PCI_BAR_IO, !!(line->flags & RESOURCE_IO));
	hp_row_number(row, HP_PCI_BAR_BITS64, !!(line->flags & RESOURCE_64));
	hp_row_number(row, HP_PCI_BAR_PREFETCHABLE, !!(line->flags & RESOURCE_PREFETCH));
}

/* Without flags the kernel has dropped the size too: only the register says that it is there, and
 * what it is. */
static void put_register(struct hp_row *row, unsigned bits)
{
	bool io = bits & PCI_BASE_ADDRESS_SPACE_IO;
	hp_row_number(row, HP_PCI_BAR_IO, io);
	hp_row_number(row, HP_PCI_BAR_BITS64, !io && bits & PCI_BASE_ADDRESS_MEM_TYPE_64);
	hp_row_number(row, HP_PCI_BAR_PREFETCHABLE, !io && bits & PCI_BASE_ADDRESS_MEM_PREFETCH);
}

static int put(struct hp_facts *facts, const char *address, const char *kind, int bar,
               const struct line *line, unsigned bits, struct hp_error *err)
{
	bool assigned = is_assigned(line);
	struct hp_row row = hp_row_begin(facts, HP_TBL_PCI_BAR);
	hp_row_text(&row, HP_PCI_BAR_ADDRESS, address);
	hp_row_text(&row, HP_PCI_BAR_KIND, kind);
	hp_row_number(&row, HP_PCI_BAR_BAR, bar);
	hp_row_number(&row, HP_PCI_BAR_ASSIGNED, assigned);
	hp_row_number(&row, HP_PCI_BAR_START_ADDRESS, assigned ? (int64_t)line->start : 0);
	if (line->flags)
		put_seen(&row, line);
	else
		put_register(&row, bits);
	return hp_row_put(&row, err);
}

static int put_span(struct hp_facts *facts, const char *address, const struct span *span,
                    const struct line *lines, const struct hp_config *config, struct hp_error *err)
{
	int r = 0;
	for (int i = 0; r == 0 && i < span->count; i++) {
		const struct line *line = &lines[span->first + i];
		unsigned bits = type_bits(config, span->kind, i);
		bool used = line->flags & (RESOURCE_IO | RESOURCE_MEMORY);
		if (used || (!line->flags && bits))
			r = put(facts, address, span->kind, i, line, bits, err);
	}
	return r;
}

int hp_probe_bars(struct hp_facts *facts, const char *address, const char *resource,
                  const struct hp_config *config, struct hp_error *err)
{
	struct line lines[MOST_LINES];
	int count = parse(resource, lines);
	const struct layout *layout = count < 0 ? NULL : find_layout(count);
	if (!layout) {
		char what[96];
		snprintf(what, sizeof(what), "/sys/bus/pci/devices/%s/resource", address);
		return hp_facts_gap(facts, "malformed", what,
		                    "expected 7, 11, 13 or 17 lines of three hexadecimal numbers");
	}
	int r = 0;
	for (const struct span *span = layout->spans; r == 0 && span->kind; span++)
		r = put_span(facts, address, span, lines, config, err);
	if (r == 0)
		r = hp_facts_observed(facts, HP_TBL_PCI_BAR, address, "complete", err);
	return r;
}
