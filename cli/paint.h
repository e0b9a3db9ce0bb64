// Colours and line breaks for people. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum hp_color { HP_PLAIN, HP_BOLD, HP_DIM, HP_GREEN, HP_YELLOW, HP_RED, HP_MAGENTA, HP_BLUE };

struct hp_paint {
	FILE *to;
	bool color;
	int width; // of the terminal, 0 without one
};

/* What COLUMNS says, else the terminal's width; 0 if `to` is none. */
int hp_terminal_width(FILE *to);
/* Whether to colour: a terminal, and neither --no-color nor NO_COLOR. */
bool hp_wants_color(bool no_color);
/* Prints text, filled up with blanks to `width` columns. */
void hp_paint(const struct hp_paint *paint, enum hp_color color, const char *text, int width);
/* Prints words from column `at` on, breaking lines at the width and starting each at column
 * `indent`. */
void hp_paint_words(const struct hp_paint *paint, enum hp_color color, const char *text, int at,
                    int indent);
