// Parsing a kernel command line as the kernel does. SPDX-License-Identifier: Apache-2.0
#pragma once

/* Called for each option; `name` has dashes turned to underscores, `value` is NULL without '='. */
typedef void hp_cmdline_option(void *data, const char *name, const char *value);

/* Splits `text` as the kernel's lib/cmdline.c next_arg does: white space separates, double quotes
 * hold together (around the whole or the value), and what follows "--" is init's, not the kernel's.
 */
void hp_cmdline_parse(const char *text, hp_cmdline_option *option, void *data);
