// What PCI config space says of a function. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HP_CONFIG_HEADER = 64,        // what anyone may read
	HP_CONFIG_CONVENTIONAL = 256, // all there is without PCI Express
	HP_CONFIG_EXTENDED = 4096,
	HP_CONFIG_BARS = 6,
	HP_CONFIG_NO_CLIQUE = -2,
	HP_CONFIG_ACS_SIZE = 24, // "SV+TB+RR+CR+UF+EC+DT"
};

/* Decoded config space. Numbers are -1, texts NULL or "" while unknown. */
struct hp_config {
	const char *header_type, *port_type, *interrupt_pin;
	int64_t multifunction;
	int64_t msi_vectors, msix_vectors;
	int64_t flr, ari, ari_forwarding_capable, ari_forwarding, atomic_routing;
	int64_t ats, pasid, resizable_bar, serial_capability;
	int64_t p2p_clique; // HP_CONFIG_NO_CLIQUE without the capability
	char acs_capable[HP_CONFIG_ACS_SIZE], acs_enabled[HP_CONFIG_ACS_SIZE];
	// Type bits of BAR registers: with any the BAR is implemented, even where the kernel gave
	// up on it.
	uint8_t bar_bits[HP_CONFIG_BARS], vf_bar_bits[HP_CONFIG_BARS];
	bool express;        // it has the PCI Express capability
	const char *problem; // what is wrong with it, NULL if nothing is
};

/* Decodes `length` bytes. What lies beyond them stays unknown, but for a length of 256: that is how
 * the kernel shows a function without extended space. Any bytes will do: walks are bounded. */
void hp_config_decode(const uint8_t *bytes, size_t length, struct hp_config *ret);
