// Fuzz target: PCI config space, and the text of `resource`. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "probe/bar.h"
#include "probe/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_number(int64_t value)
{
	if (value < -1 || value > 4096)
		abort();
}

static void decode(const uint8_t *data, size_t size)
{
	struct hp_config config;
	hp_config_decode(data, size, &config);
	check_number(config.msi_vectors);
	check_number(config.msix_vectors);
	check_number(config.flr);
	if (strlen(config.acs_capable) >= sizeof(config.acs_capable))
		abort();
	// A header that is broken, or not whole, tells nothing else.
	if ((size < HP_CONFIG_HEADER || !strcmp(config.header_type, "broken")) &&
	    (config.multifunction != -1 || config.port_type || !config.problem))
		abort();
	// Nothing is known of capabilities that were not there to be read.
	if (size < HP_CONFIG_CONVENTIONAL && (config.flr != -1 || *config.acs_capable))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hp_facts *facts;
	if (!facts && hp_facts_new(&facts, NULL) < 0)
		abort();
	hp_facts_set_host(facts, "h");
	decode(data, size);
	char *text = hp_strndup((const char *)data, size);
	if (hp_probe_bars(facts, "0000:01:00.0", text, NULL, NULL) < 0)
		abort();
	free(text);
	return 0;
}
