// Colours and line breaks. SPDX-License-Identifier: Apache-2.0
#include "paint.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <string.h>
#include <sys/ioctl.h>

static const char *const escapes[] = {
    [HP_PLAIN] = "0",   [HP_BOLD] = "1", [HP_DIM] = "2",      [HP_GREEN] = "32",
    [HP_YELLOW] = "33", [HP_RED] = "31", [HP_MAGENTA] = "35", [HP_BLUE] = "34",
};

int hp_terminal_width(FILE *to)
{
	struct winsize size;
	uint64_t columns;
	const char *told = getenv("COLUMNS");
	if (told && hp_parse_u64(told, &columns) && columns > 0 && columns < 1000)
		return (int)columns;
	if (!isatty(fileno(to)))
		return 0;
	return ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

bool hp_wants_color(bool no_color)
{
	const char *no = getenv("NO_COLOR");
	return !no_color && !(no && *no) && isatty(STDOUT_FILENO);
}

void hp_paint(const struct hp_paint *paint, enum hp_color color, const char *text, int width)
{
	if (paint->color && color != HP_PLAIN)
		fprintf(paint->to, "\033[%sm%s\033[0m", escapes[color], text);
	else
		fputs(text, paint->to);
	for (int i = hp_text_width(text); i < width; i++)
		fputc(' ', paint->to);
}

void hp_paint_words(const struct hp_paint *paint, enum hp_color color, const char *text, int at,
                    int indent)
{
	int limit = paint->width > indent + 24 ? paint->width : 0;
	bool first = true;
	while (*text) {
		size_t length = strcspn(text, " \n");
		hp_cleanup_free char *word = hp_strndup(text, length);
		int width = hp_text_width(word);
		if (!first && limit && at + 1 + width > limit) {
			fprintf(paint->to, "\n%*s", indent, "");
			at = indent;
		} else if (!first) {
			fputc(' ', paint->to);
			at++;
		}
		hp_paint(paint, color, word, 0);
		at += width;
		first = false;
		text += length;
		text += strspn(text, " \n");
	}
	fputc('\n', paint->to);
}
