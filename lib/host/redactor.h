// Inside of the redactor. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"
#include "host/redact.h"

struct hp_redactor {
	uint8_t key[16];
	struct hp_names hosts; // names of this host, without their domains
};
