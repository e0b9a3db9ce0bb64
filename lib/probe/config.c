// What PCI config space says of a function. SPDX-License-Identifier: Apache-2.0
#include "probe/config.h"

#include "base/cleanup.h"

#include <linux/pci_regs.h>
#include <string.h>

/* A capability list can hold at most one entry a dword; longer is a loop. */
enum {
	MOST_CAPABILITIES = (HP_CONFIG_CONVENTIONAL - HP_CONFIG_HEADER) / 4,
	MOST_EXTENDED = (HP_CONFIG_EXTENDED - HP_CONFIG_CONVENTIONAL) / 8,
};

struct space {
	const uint8_t *bytes;
	size_t length;
};

static const char *const port_types[16] = {
    [PCI_EXP_TYPE_ENDPOINT] = "endpoint",       [PCI_EXP_TYPE_LEG_END] = "legacy-endpoint",
    [PCI_EXP_TYPE_ROOT_PORT] = "root-port",     [PCI_EXP_TYPE_UPSTREAM] = "upstream",
    [PCI_EXP_TYPE_DOWNSTREAM] = "downstream",   [PCI_EXP_TYPE_PCI_BRIDGE] = "pcie-to-pci",
    [PCI_EXP_TYPE_PCIE_BRIDGE] = "pci-to-pcie", [PCI_EXP_TYPE_RC_END] = "root-complex-endpoint",
    [PCI_EXP_TYPE_RC_EC] = "event-collector",
};

static const struct {
	unsigned bit;
	const char *name;
} acs_controls[] = {
    {PCI_ACS_SV, "SV"}, {PCI_ACS_TB, "TB"}, {PCI_ACS_RR, "RR"}, {PCI_ACS_CR, "CR"},
    {PCI_ACS_UF, "UF"}, {PCI_ACS_EC, "EC"}, {PCI_ACS_DT, "DT"},
};

/* Little-endian reads; 0 where the space ends: callers check the place of a capability as a whole.
 */
static unsigned get16(const struct space *space, size_t at)
{
	if (at + 2 > space->length)
		return 0;
	return space->bytes[at] | (unsigned)space->bytes[at + 1] << 8;
}

static uint32_t get32(const struct space *space, size_t at)
{
	return get16(space, at) | (uint32_t)get16(space, at + 2) << 16;
}

static void acs_text(unsigned bits, char *text)
{
	char *end = text;
	for (size_t i = 0; i < HP_COUNT(acs_controls); i++)
		if (bits & acs_controls[i].bit)
			end = stpcpy(stpcpy(end, end == text ? "" : "+"), acs_controls[i].name);
	if (end == text)
		strcpy(text, "none");
}

static void decode_msi(const struct space *space, size_t at, struct hp_config *config)
{
	unsigned flags = get16(space, at + PCI_MSI_FLAGS);
	config->msi_vectors = 1 << ((flags & PCI_MSI_FLAGS_QMASK) >> 1);
}

static void decode_msix(const struct space *space, size_t at, struct hp_config *config)
{
	config->msix_vectors = (get16(space, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1;
}

/* Like the kernel: the AF capability resets only if it can also tell that no transaction is
 * pending. */
static void decode_af(const struct space *space, size_t at, struct hp_config *config)
{
	unsigned both = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	if ((get16(space, at + PCI_AF_CAP) & both) == both)
		config->flr = 1;
}

/* What hypervisors add to an NVIDIA GPU that may reach its peers directly: "P2P", then version and
 * clique (GPUDirect P2P in virtual machines, as QEMU's x-nv-gpudirect-clique writes it). */
static void decode_vendor(const struct space *space, size_t at, struct hp_config *config)
{
	enum { NVIDIA = 0x10de, LENGTH = 2, SIGNATURE = 3, CLIQUE = 6 };
	if (get16(space, PCI_VENDOR_ID) != NVIDIA || space->bytes[at + LENGTH] < 8 ||
	    at + 8 > space->length || memcmp(space->bytes + at + SIGNATURE, "P2P", 3) != 0)
		return;
	config->p2p_clique = space->bytes[at + CLIQUE] >> 3 & 0xf;
}

static bool is_switching_port(const char *port_type)
{
	return port_type && (!strcmp(port_type, "root-port") || !strcmp(port_type, "downstream"));
}

static void decode_express(const struct space *space, size_t at, struct hp_config *config)
{
	unsigned flags = get16(space, at + PCI_EXP_FLAGS);
	config->express = true;
	config->port_type = port_types[(flags & PCI_EXP_FLAGS_TYPE) >> 4];
	if (get32(space, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR)
		config->flr = 1;
	if ((flags & PCI_EXP_FLAGS_VERS) < 2)
		return;
	uint32_t capable = get32(space, at + PCI_EXP_DEVCAP2);
	config->atomic_routing = !!(capable & PCI_EXP_DEVCAP2_ATOMIC_ROUTE);
	if (!is_switching_port(config->port_type))
		return;
	config->ari_forwarding_capable = !!(capable & PCI_EXP_DEVCAP2_ARI);
	config->ari_forwarding = !!(get16(space, at + PCI_EXP_DEVCTL2) & PCI_EXP_DEVCTL2_ARI);
}

static void decode_acs(const struct space *space, size_t at, struct hp_config *config)
{
	acs_text(get16(space, at + PCI_ACS_CAP), config->acs_capable);
	if (!strcmp(config->acs_capable, "none"))
		strcpy(config->acs_capable, "empty"); // unlike a function without ACS
	acs_text(get16(space, at + PCI_ACS_CTRL), config->acs_enabled);
}

/* The type bits of a BAR stay when its address is gone. The upper half of a 64-bit BAR has none. */
static void decode_bars(const struct space *space, size_t at, uint8_t *bits)
{
	for (int i = 0; i < HP_CONFIG_BARS; i++, at += 4) {
		uint32_t bar = get32(space, at);
		bits[i] = bar & 0xf;
		if ((bar & (PCI_BASE_ADDRESS_SPACE | PCI_BASE_ADDRESS_MEM_TYPE_64)) ==
		    PCI_BASE_ADDRESS_MEM_TYPE_64)
			i++, at += 4;
	}
}

static void decode_sriov(const struct space *space, size_t at, struct hp_config *config)
{
	decode_bars(space, at + PCI_SRIOV_BAR, config->vf_bar_bits);
}

static void decode_ari(const struct space *space HP_UNUSED, size_t at HP_UNUSED,
                       struct hp_config *config)
{
	config->ari = 1;
}

static void decode_ats(const struct space *space HP_UNUSED, size_t at HP_UNUSED,
                       struct hp_config *config)
{
	config->ats = 1;
}

static void decode_pasid(const struct space *space HP_UNUSED, size_t at HP_UNUSED,
                         struct hp_config *config)
{
	config->pasid = 1;
}

static void decode_rebar(const struct space *space HP_UNUSED, size_t at HP_UNUSED,
                         struct hp_config *config)
{
	config->resizable_bar = 1;
}

static void decode_serial(const struct space *space HP_UNUSED, size_t at HP_UNUSED,
                          struct hp_config *config)
{
	config->serial_capability = 1;
}

struct capability {
	unsigned id;
	unsigned size; // least bytes that `decode` reads
	void (*decode)(const struct space *space, size_t at, struct hp_config *config);
};

static const struct capability capabilities[] = {
    {PCI_CAP_ID_MSI, 4, decode_msi},
    {PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, decode_msix},
    {PCI_CAP_ID_VNDR, 3, decode_vendor},
    {PCI_CAP_ID_AF, PCI_CAP_AF_SIZEOF, decode_af},
    {PCI_CAP_ID_EXP, PCI_EXP_DEVSTA, decode_express},
    {0},
};

static const struct capability extended_capabilities[] = {
    {PCI_EXT_CAP_ID_ACS, 8, decode_acs},
    {PCI_EXT_CAP_ID_ARI, 8, decode_ari},
    {PCI_EXT_CAP_ID_ATS, 8, decode_ats},
    {PCI_EXT_CAP_ID_DSN, 12, decode_serial},
    {PCI_EXT_CAP_ID_PASID, 8, decode_pasid},
    {PCI_EXT_CAP_ID_REBAR, 12, decode_rebar},
    {PCI_EXT_CAP_ID_SRIOV, PCI_EXT_CAP_SRIOV_SIZEOF, decode_sriov},
    {0},
};

static void decode_one(const struct capability *table, unsigned id, const struct space *space,
                       size_t at, struct hp_config *config)
{
	const struct capability *row = table;
	while (row->decode && row->id != id)
		row++;
	if (!row->decode)
		return;
	if (at + row->size > space->length)
		config->problem = "a capability lies beyond the end of config space";
	else
		row->decode(space, at, config);
}

static void walk(const struct space *space, struct hp_config *config)
{
	size_t at = space->bytes[PCI_CAPABILITY_LIST] & ~3u;
	if (!(get16(space, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return;
	int left = MOST_CAPABILITIES;
	for (; at >= HP_CONFIG_HEADER && at + 2 <= space->length && left > 0; left--) {
		unsigned id = space->bytes[at];
		if (id == 0xff) {
			config->problem = "the capability list runs into bytes of all ones";
			return;
		}
		decode_one(capabilities, id, space, at, config);
		at = space->bytes[at + PCI_CAP_LIST_NEXT] & ~3u;
	}
	if (left == 0)
		config->problem = "the capability list loops";
}

static void walk_extended(const struct space *space, struct hp_config *config)
{
	size_t at = HP_CONFIG_CONVENTIONAL;
	int left = MOST_EXTENDED;
	for (; at >= HP_CONFIG_CONVENTIONAL && at + 4 <= space->length && left > 0; left--) {
		uint32_t header = get32(space, at);
		if (header == 0 || header == UINT32_MAX)
			return;
		decode_one(extended_capabilities, PCI_EXT_CAP_ID(header), space, at, config);
		at = PCI_EXT_CAP_NEXT(header);
	}
	if (left == 0)
		config->problem = "the extended capability list loops";
}

static void absent(int64_t *value)
{
	if (*value < 0)
		*value = 0;
}

/* What whole walks did not find is not there. */
static void conventional_absent(struct hp_config *config)
{
	int64_t *const values[] = {
	    &config->msi_vectors,    &config->msix_vectors,           &config->flr,
	    &config->atomic_routing, &config->ari_forwarding_capable, &config->ari_forwarding,
	};
	for (size_t i = 0; i < HP_COUNT(values); i++)
		absent(values[i]);
	if (!config->express)
		config->port_type = "conventional";
	if (config->p2p_clique == -1)
		config->p2p_clique = HP_CONFIG_NO_CLIQUE;
}

static void extended_absent(struct hp_config *config)
{
	int64_t *const values[] = {
	    &config->ari,
	    &config->ats,
	    &config->pasid,
	    &config->resizable_bar,
	    &config->serial_capability,
	};
	for (size_t i = 0; i < HP_COUNT(values); i++)
		absent(values[i]);
	if (!config->acs_capable[0])
		strcpy(config->acs_capable, "none");
	if (!config->acs_enabled[0])
		strcpy(config->acs_enabled, "none");
}

static const char *header_type(uint8_t type)
{
	static const char *const types[] = {
	    [PCI_HEADER_TYPE_NORMAL] = "endpoint",
	    [PCI_HEADER_TYPE_BRIDGE] = "bridge",
	    [PCI_HEADER_TYPE_CARDBUS] = "cardbus",
	};
	type &= 0x7f;
	return type < HP_COUNT(types) ? types[type] : "broken";
}

static void decode_header(const struct space *space, struct hp_config *config)
{
	static const char *const pins[] = {"none", "A", "B", "C", "D"};
	uint8_t type = space->bytes[PCI_HEADER_TYPE], pin = space->bytes[PCI_INTERRUPT_PIN];
	config->header_type = header_type(type);
	if (!strcmp(config->header_type, "broken")) {
		config->problem = space->bytes[PCI_HEADER_TYPE] == 0xff
		                      ? "config space reads as all ones: the device does not answer"
		                      : "config space has no known header type";
		return;
	}
	config->multifunction = type >> 7;
	config->interrupt_pin = pin < HP_COUNT(pins) ? pins[pin] : NULL;
	if ((type & 0x7f) == PCI_HEADER_TYPE_NORMAL)
		decode_bars(space, PCI_BASE_ADDRESS_0, config->bar_bits);
}

void hp_config_decode(const uint8_t *bytes, size_t length, struct hp_config *ret)
{
	struct space space = {bytes, length};
	*ret = (struct hp_config){
	    .multifunction = -1,
	    .msi_vectors = -1,
	    .msix_vectors = -1,
	    .flr = -1,
	    .ari = -1,
	    .ari_forwarding_capable = -1,
	    .ari_forwarding = -1,
	    .atomic_routing = -1,
	    .ats = -1,
	    .pasid = -1,
	    .resizable_bar = -1,
	    .serial_capability = -1,
	    .p2p_clique = -1,
	};
	if (length < HP_CONFIG_HEADER) {
		ret->problem = "config space is shorter than its header";
		return;
	}
	decode_header(&space, ret);
	// A header that is broken makes the rest worthless; without privilege there is no rest.
	if (ret->problem || length < HP_CONFIG_CONVENTIONAL)
		return;
	walk(&space, ret);
	if (!ret->problem)
		conventional_absent(ret);
	if (length > HP_CONFIG_CONVENTIONAL)
		walk_extended(&space, ret);
	bool whole = length == HP_CONFIG_CONVENTIONAL || length >= HP_CONFIG_EXTENDED;
	if (whole && !ret->problem)
		extended_absent(ret);
}
