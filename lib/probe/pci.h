// Names of PCI functions, for probes that meet them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { HP_ADDRESS_SIZE = 20 }; // "10000:e1:00.0", and domains of eight digits

/* Whether the text is a whole PCI address: DDDD:BB:DD.F, with 4 to 8 digits of domain. */
bool hp_is_pci_address(const char *text);
/* The address that a resolved sysfs path lies below: the last component that is an address, but for
 * the path's own last `skip` components. Writes "none" (and returns false) if there is none. */
bool hp_pci_address_in(const char *path, int skip, char *ret, size_t size);
