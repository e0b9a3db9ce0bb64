// Fuzz target: CSV. SPDX-License-Identifier: Apache-2.0
#include "base/csv.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_csv *csv = hp_csv_open("fuzz", (const char *)data, size);
	struct hp_csv_record record;
	size_t total = 0;
	while (hp_csv_next(csv, &record, NULL) == 1)
		for (size_t i = 0; i < record.count; i++)
			total += strlen(record.fields[i]);
	hp_csv_close(csv);
	if (total > size) // fields never hold more than the file
		__builtin_trap();
	return 0;
}
