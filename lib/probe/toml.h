// Reading TOML, as far as configuration files of container runtimes use it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

/* A value: its path with dots ('plugins.io.containerd.grpc.v1.cri.enable_cdi'; the quotes around
 * parts are gone), and its text. An array's elements are one text, separated by blanks. */
typedef void hp_toml_seen(void *data, const char *path, const char *value);
typedef void hp_toml_bad(void *data, int line, const char *expected);

/* Reads a whole text. `bad` is told what is no TOML, line by line; the rest is read. */
void hp_toml_read(const char *text, hp_toml_seen *seen, hp_toml_bad *bad, void *data);
