// The pure part of reading CDI specifications. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* What a specification says; texts are owned by the document. */
struct hp_cdi {
	const char *kind, *version;
	size_t devices;
};

typedef void hp_cdi_path_seen(void *data, const char *host_path);

/* Takes a specification apart; `seen` is told each hostPath. Returns NULL, or what is missing in
 * it. */
const char *hp_cdi_read(const json_t *root, struct hp_cdi *ret, hp_cdi_path_seen *seen, void *data);

/* The driver version at the end of a library's name, as in /usr/lib/libcuda.so.580.95.05; NULL
 * without. */
const char *hp_cdi_driver_version(const char *path);
