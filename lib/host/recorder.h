// The recorder's memory, for who writes it down. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/record.h"

struct hp_recorder {
	const struct hp_backend *inner; // what is looked through
	struct hp_capture capture;
	void *met; // of tsearch: paths that walks came by
};
