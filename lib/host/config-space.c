// Where in a config space things stand. Offsets: <linux/pci_regs.h>.
// SPDX-License-Identifier: Apache-2.0
#include "host/record.h"

#include "base/cleanup.h"

#include <linux/pci_regs.h>

#define MAX_CAPABILITIES 48 // more than fit into 192 bytes: a longer chain is a loop

struct spans {
	struct hp_span *rows;
	size_t count, size; // size: of the config space
};

static void add(struct spans *spans, size_t offset, size_t length, const char *why)
{
	if (spans->count < HP_SPANS && offset + length <= spans->size)
		spans->rows[spans->count++] = (struct hp_span){offset, length, why};
}

static unsigned word(const uint8_t *bytes, size_t at)
{
	return bytes[at] | (unsigned)bytes[at + 1] << 8;
}

/* Registers that change by themselves, by capability: offset in it and length. */
struct volatile_register {
	unsigned capability, offset, length;
	const char *why;
};

static const struct volatile_register basic[] = {
    {PCI_CAP_ID_PM, PCI_PM_CTRL, 2, "power state and PME status"},
    {PCI_CAP_ID_EXP, PCI_EXP_DEVSTA, 2, "status bits"},
    {PCI_CAP_ID_EXP, PCI_EXP_LNKSTA, 2, "link status: speed follows load"},
    {PCI_CAP_ID_EXP, PCI_EXP_SLTSTA, 2, "status bits"},
    {PCI_CAP_ID_EXP, PCI_EXP_RTSTA, 4, "status bits"},
    {PCI_CAP_ID_EXP, PCI_EXP_LNKSTA2, 2, "status bits"},
    {PCI_CAP_ID_MSI, PCI_MSI_ADDRESS_LO, 10, "address and data: the interrupt's number"},
};

static const struct volatile_register extended[] = {
    {PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_STATUS, 4, "status bits"},
    {PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_STATUS, 4, "status bits"},
    {PCI_EXT_CAP_ID_ERR, PCI_ERR_HEADER_LOG, 16, "log of the last error"},
    {PCI_EXT_CAP_ID_ERR, PCI_ERR_ROOT_STATUS, 8, "status bits, source of the last error"},
    {PCI_EXT_CAP_ID_PRI, PCI_PRI_STATUS, 2, "status bits"},
};

static const struct volatile_register secret[] = {
    {PCI_EXT_CAP_ID_DSN, 4, 8, "Device Serial Number"},
};

static void add_rows(struct spans *spans, const struct volatile_register *rows, size_t count,
                     unsigned capability, size_t at)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].capability == capability)
			add(spans, at + rows[i].offset, rows[i].length, rows[i].why);
}

static void walk_basic(const uint8_t *bytes, struct spans *spans)
{
	if (spans->size < 64 || !(word(bytes, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return;
	size_t at = bytes[PCI_CAPABILITY_LIST] & ~3u;
	for (int i = 0; i < MAX_CAPABILITIES && at >= 64 && at + 1 < spans->size && at < 256; i++) {
		add_rows(spans, basic, HP_COUNT(basic), bytes[at], at);
		at = bytes[at + 1] & ~3u;
	}
}

static void walk_extended(const uint8_t *bytes, struct spans *spans,
                          const struct volatile_register *rows, size_t count)
{
	size_t at = 256;
	for (int i = 0; i < 960 && at >= 256 && at + 4 <= spans->size; i++) {
		unsigned capability = word(bytes, at);
		if (!capability || capability == 0xffff)
			return;
		add_rows(spans, rows, count, capability, at);
		at = word(bytes, at + 2) >> 4 & ~3u;
	}
}

size_t hp_config_volatile(const uint8_t *bytes, size_t size, struct hp_span spans[HP_SPANS])
{
	struct spans found = {.rows = spans, .size = size};
	add(&found, PCI_STATUS, 2, "status bits");
	if (size > PCI_HEADER_TYPE && (bytes[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_TYPE_BRIDGE)
		add(&found, PCI_SEC_STATUS, 2, "status bits");
	walk_basic(bytes, &found);
	walk_extended(bytes, &found, extended, HP_COUNT(extended));
	return found.count;
}

size_t hp_config_secret(const uint8_t *bytes, size_t size, struct hp_span spans[HP_SPANS])
{
	struct spans found = {.rows = spans, .size = size};
	walk_extended(bytes, &found, secret, HP_COUNT(secret));
	return found.count;
}
