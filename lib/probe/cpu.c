// The processor: maker, address width, virtualization. SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/cpu.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// vendor_id of x86 and s390, "CPU implementer" of ARM, the first word of POWER's cpu.
static const struct {
	const char *word, *vendor;
} vendors[] = {
    {"GenuineIntel", "intel"}, {"AuthenticAMD", "amd"}, {"0x41", "arm"},
    {"0x4e", "nvidia"},        {"IBM/S390", "ibm"},     {"POWER", "ibm"},
};

static const char *vendor_of(const char *text, char *buffer, size_t size)
{
	static const char *const keys[] = {"vendor_id", "CPU implementer", "cpu"};
	for (size_t i = 0; i < HP_COUNT(keys); i++) {
		if (!hp_find_value(text, keys[i], ':', buffer, size))
			continue;
		for (size_t k = 0; k < HP_COUNT(vendors); k++)
			if (hp_starts_with(buffer, vendors[k].word))
				return vendors[k].vendor;
		return "other";
	}
	return NULL;
}

static void put_number(struct hp_row *row, int column, const char *text, const char *key)
{
	char value[64];
	int64_t number;
	if (hp_find_value(text, key, ':', value, sizeof(value)) && hp_parse_s64(value, &number))
		hp_row_number(row, column, number);
}

bool hp_cpu_address_bits(const char *text, int64_t *ret)
{
	char value[64];
	int bits;
	if (!hp_find_value(text, "address sizes", ':', value, sizeof(value)) ||
	    sscanf(value, "%d bits physical", &bits) != 1 || bits <= 0 || bits > 64)
		return false;
	*ret = bits;
	return true;
}

const char *hp_cpu_virtualization(const char *text)
{
	char flags[8192];
	if (!hp_find_value(text, "flags", ':', flags, sizeof(flags)))
		return NULL;
	return hp_has_word(flags, "vmx") ? "vmx" : hp_has_word(flags, "svm") ? "svm" : "none";
}

// The strongest first: each of AMD's implies the next.
static const struct {
	const char *path, *mode;
} confidential[] = {
    {"/sys/module/kvm_amd/parameters/sev_snp", "sev-snp"},
    {"/sys/module/kvm_amd/parameters/sev_es", "sev-es"},
    {"/sys/module/kvm_amd/parameters/sev", "sev"},
    {"/sys/module/kvm_intel/parameters/tdx", "tdx"},
};

static void put_confidential(struct hp_host *host, struct hp_row *row)
{
	bool all_seen = true;
	for (size_t i = 0; i < HP_COUNT(confidential); i++) {
		char value[16];
		enum hp_look look =
		    hp_look_read(host, row->facts, confidential[i].path, value, sizeof(value));
		if (look == HP_LOOK_SEEN && hp_look_flag(value) == 1) {
			hp_row_text(row, HP_CPU_CONFIDENTIAL, confidential[i].mode);
			return;
		}
		all_seen = all_seen && look != HP_LOOK_UNKNOWN;
	}
	// Only KVM's modules tell: without one of them nothing was asked.
	if (all_seen && (hp_host_exists(host, "/sys/module/kvm_amd") > 0 ||
	                 hp_host_exists(host, "/sys/module/kvm_intel") > 0))
		hp_row_text(row, HP_CPU_CONFIDENTIAL, "none");
}

/* ARM's processors do not say whether the kernel was entered at EL2, but KVM only starts there. */
static void put_virtualization(struct hp_host *host, struct hp_row *row, const char *text)
{
	const char *virtualization = hp_cpu_virtualization(text);
	char implementer[16];
	if (!virtualization &&
	    hp_find_value(text, "CPU implementer", ':', implementer, sizeof(implementer)) &&
	    hp_host_exists(host, "/dev/kvm") > 0)
		virtualization = "el2";
	hp_row_text(row, HP_CPU_VIRTUALIZATION, virtualization);
}

int hp_probe_cpu(struct hp_host *host, struct hp_facts *facts,
                 const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	static const char path[] = "/proc/cpuinfo";
	// The first processor speaks for all, and making the rest of the text costs the kernel
	// milliseconds.
	char text[8192], value[256];
	int64_t bits;
	struct hp_row row = hp_row_begin(facts, HP_TBL_CPU);
	if (hp_look_result(host, facts, path, hp_host_read_head(host, path, text, sizeof(text))) !=
	    HP_LOOK_SEEN)
		text[0] = '\0';
	hp_utf8_repair(text);
	hp_row_text(&row, HP_CPU_VENDOR, vendor_of(text, value, sizeof(value)));
	if (hp_find_value(text, "model name", ':', value, sizeof(value)))
		hp_row_text(&row, HP_CPU_MODEL, value);
	put_number(&row, HP_CPU_FAMILY, text, "cpu family");
	put_number(&row, HP_CPU_MODEL_NUMBER, text, "model");
	put_number(&row, HP_CPU_STEPPING, text, "stepping");
	if (hp_cpu_address_bits(text, &bits))
		hp_row_number(&row, HP_CPU_PHYSICAL_ADDRESS_BITS, bits);
	put_virtualization(host, &row, text);
	put_confidential(host, &row);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_CPU, "/proc", err);
}
