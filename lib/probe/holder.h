// The pure parts of finding who holds a device. SPDX-License-Identifier: Apache-2.0
#pragma once

/* The VMM that a program is, by its name: 'custom' for those nobody knows. */
const char *hp_vmm_of(const char *program);
