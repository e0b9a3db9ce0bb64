// The pure parts of reading what NVIDIA's driver says. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Version and flavour ("open", "proprietary") of /proc/driver/nvidia/version. */
bool hp_nvidia_version(const char *text, char *version, size_t size, const char **ret_flavour);

/* The flavour that a module's licence means; NULL if it is neither's. */
const char *hp_nvidia_flavour(const char *license);

/* Whether the text is a version of the driver: numbers, two or three of them, with dots. */
bool hp_nvidia_is_version(const char *text);
