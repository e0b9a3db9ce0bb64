// What modprobe.d and its kin say: pure parsers. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"

#include <stddef.h>

/* One directive: `line` is where it starts, `module` has underscores, `argument` is "" if there is
 * none. */
struct hp_directive {
	int line;
	const char *directive;
	const char *module;
	const char *argument;
};

typedef void hp_directive_seen(void *data, const struct hp_directive *directive);
typedef void hp_directive_bad(void *data, int line, const char *expected);

/* How the files of one program are written. */
enum hp_module_syntax {
	HP_MODULES_MODPROBE, // modprobe.d: a command, a module, the rest
	HP_MODULES_LIST, // modules-load.d, /etc/modules, initramfs-tools/modules: a module a line
	HP_MODULES_MKINITCPIO, // MODULES=(a b)
	HP_MODULES_DRACUT,     // add_drivers+=" a b ", force_drivers+=
	HP_MODULES_BOOSTER,    // modules_force_load: a,b
};

/* Reads a file's text; `seen` is called for each directive, `bad` for each line that is none. A
 * line that loads several modules is one directive: `module` is the first, `argument` all of them.
 */
void hp_modprobe_read(enum hp_module_syntax syntax, const char *text, hp_directive_seen *seen,
                      hp_directive_bad *bad, void *data);

/* Dashes become underscores, in place, but not inside of brackets (aliases are patterns). */
void hp_module_normalise(char *name);
