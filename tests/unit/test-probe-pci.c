// What the probes of PCI make of trees that were built for it. SPDX-License-Identifier: Apache-2.0
#include "ask.h"
#include "tree.h"

#include "base/cleanup.h"
#include "host/host.h"
#include "probe/bar.h"
#include "probe/config.h"
#include "probe/guest.h"
#include "probe/pci.h"
#include "probe/probe.h"

#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// -- config space --

struct image {
	uint8_t bytes[HP_CONFIG_EXTENDED];
};

static void put16(struct image *image, size_t at, unsigned value)
{
	image->bytes[at] = value & 0xff;
	image->bytes[at + 1] = value >> 8 & 0xff;
}

static void put32(struct image *image, size_t at, uint32_t value)
{
	put16(image, at, value & 0xffff);
	put16(image, at + 2, value >> 16);
}

static void put_capability(struct image *image, size_t at, unsigned id, unsigned next)
{
	image->bytes[at] = id & 0xff;
	image->bytes[at + 1] = next & 0xff;
}

static void put_extended(struct image *image, size_t at, unsigned id, unsigned next)
{
	put32(image, at, id | 1u << 16 | next << 20);
}

/* A GPU: MSI-X with 6 vectors, MSI with 16, FLR, ACS, SR-IOV with one implemented VF BAR. */
static struct image gpu(void)
{
	struct image image = {0};
	put16(&image, PCI_STATUS, PCI_STATUS_CAP_LIST);
	image.bytes[PCI_HEADER_TYPE] = 0x80;
	image.bytes[PCI_INTERRUPT_PIN] = 1;
	image.bytes[PCI_CAPABILITY_LIST] = 0x40;
	put32(&image, PCI_BASE_ADDRESS_0, 0x93000000);
	put32(&image, PCI_BASE_ADDRESS_1, 0xc);
	put32(&image, PCI_BASE_ADDRESS_2, 0x394); // upper half of BAR 1: no BAR of its own
	put_capability(&image, 0x40, PCI_CAP_ID_MSIX, 0x50);
	put16(&image, 0x40 + PCI_MSIX_FLAGS, 5);
	put_capability(&image, 0x50, PCI_CAP_ID_MSI, 0x60);
	put16(&image, 0x50 + PCI_MSI_FLAGS, 4 << 1);
	put_capability(&image, 0x60, PCI_CAP_ID_EXP, 0);
	put16(&image, 0x60 + PCI_EXP_FLAGS, 2);
	put32(&image, 0x60 + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR);
	put32(&image, 0x60 + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_ATOMIC_ROUTE | PCI_EXP_DEVCAP2_ARI);
	put_extended(&image, 0x100, PCI_EXT_CAP_ID_ACS, 0x110);
	put16(&image, 0x100 + PCI_ACS_CAP, PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_DT);
	put16(&image, 0x100 + PCI_ACS_CTRL, PCI_ACS_RR);
	put_extended(&image, 0x110, PCI_EXT_CAP_ID_SRIOV, 0x160);
	put32(&image, 0x110 + PCI_SRIOV_BAR, 0xc);
	put_extended(&image, 0x160, PCI_EXT_CAP_ID_REBAR, 0);
	return image;
}

static void test_config_whole(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_null(config.problem);
	assert_string_equal(config.header_type, "endpoint");
	assert_string_equal(config.port_type, "endpoint");
	assert_string_equal(config.interrupt_pin, "A");
	assert_int_equal(config.multifunction, 1);
	assert_int_equal(config.msix_vectors, 6);
	assert_int_equal(config.msi_vectors, 16);
	assert_int_equal(config.flr, 1);
	assert_int_equal(config.resizable_bar, 1);
	assert_int_equal(config.ats, 0);
	assert_int_equal(config.atomic_routing, 1);
	assert_int_equal(config.ari_forwarding_capable, 0); // an endpoint forwards nothing
	assert_string_equal(config.acs_capable, "SV+RR+CR+DT");
	assert_string_equal(config.acs_enabled, "RR");
	assert_int_equal(config.p2p_clique, HP_CONFIG_NO_CLIQUE);
	assert_int_equal(config.bar_bits[1], 0xc);
	assert_false(config.bar_bits[2]);
	assert_true(config.vf_bar_bits[0]);
	assert_false(config.vf_bar_bits[1]);
}

/* The bytes that QEMU writes for x-nv-gpudirect-clique=5, and what else they could be. */
static void test_config_clique(void **state HP_UNUSED)
{
	static const uint8_t clique[] = {PCI_CAP_ID_VNDR, 0, 8, 'P', '2', 'P', 5 << 3, 0};
	struct image image = gpu();
	struct hp_config config;
	put16(&image, PCI_VENDOR_ID, 0x10de);
	image.bytes[0x60 + PCI_CAP_LIST_NEXT] = 0xc8;
	memcpy(image.bytes + 0xc8, clique, sizeof(clique));
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_int_equal(config.p2p_clique, 5);
	put16(&image, PCI_VENDOR_ID, 0x1002);
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_int_equal(config.p2p_clique, HP_CONFIG_NO_CLIQUE);
	put16(&image, PCI_VENDOR_ID, 0x10de);
	image.bytes[0xc8 + 2] = 0x14; // an H100's own
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_int_equal(config.p2p_clique, 5);
	image.bytes[0xc8 + 4] = 0;
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_int_equal(config.p2p_clique, HP_CONFIG_NO_CLIQUE);
	hp_config_decode(image.bytes, HP_CONFIG_HEADER, &config);
	assert_int_equal(config.p2p_clique, -1);
}

static void test_config_port(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	image.bytes[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	put16(&image, 0x60 + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ROOT_PORT << 4);
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_string_equal(config.header_type, "bridge");
	assert_string_equal(config.port_type, "root-port");
	assert_int_equal(config.ari_forwarding_capable, 1);
	assert_int_equal(config.ari_forwarding, 0);
}

/* Without privilege the kernel shows the header: the rest is unknown, not absent. */
static void test_config_header_only(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	hp_config_decode(image.bytes, HP_CONFIG_HEADER, &config);
	assert_null(config.problem);
	assert_int_equal(config.multifunction, 1);
	assert_int_equal(config.flr, -1);
	assert_int_equal(config.msix_vectors, -1);
	assert_null(config.port_type);
	assert_string_equal(config.acs_capable, "");
}

/* 256 bytes: the kernel found no extended space, so what lives there is not there. Anything between
 * is a copy that was cut. */
static void test_config_lengths(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	hp_config_decode(image.bytes, HP_CONFIG_CONVENTIONAL, &config);
	assert_string_equal(config.acs_capable, "none");
	assert_int_equal(config.flr, 1);
	hp_config_decode(image.bytes, 1024, &config);
	assert_string_equal(config.acs_capable, "SV+RR+CR+DT");
	assert_int_equal(config.ats, -1);
	hp_config_decode(image.bytes, 40, &config);
	assert_non_null(config.problem);
	assert_null(config.header_type);
}

static void test_config_broken(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	put_capability(&image, 0x50, PCI_CAP_ID_MSI, 0x40);
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_string_equal(config.problem, "the capability list loops");
	assert_int_equal(config.msix_vectors, 6); // what was found counts
	assert_int_equal(config.flr, -1);         // what was not is unknown
	memset(image.bytes, 0xff, sizeof(image.bytes));
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_string_equal(config.header_type, "broken");
	assert_int_equal(config.msix_vectors, -1);
}

static void test_config_extended_loop(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	put_extended(&image, 0x160, PCI_EXT_CAP_ID_REBAR, 0x100);
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	assert_string_equal(config.problem, "the extended capability list loops");
	assert_int_equal(config.ats, -1);
}

// -- BARs --

static struct hp_facts *new_facts(void)
{
	struct hp_facts *facts = NULL;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	hp_facts_set_host(facts, "h");
	return facts;
}

#define ZERO  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
#define BAR0  "0x0000000093000000 0x0000000093ffffff 0x0000000000040200\n"
#define BAR1  "0x0000039000000000 0x00000393ffffffff 0x000000000014220c\n"
#define IO    "0x000000000000e000 0x000000000000e0ff 0x0000000000040101\n"
#define UNSET "0x0000000000000000 0x00000000ffffffff 0x000000002014220c\n"

static void test_bars(void **state HP_UNUSED)
{
	struct hp_facts *facts = new_facts();
	hp_probe_bars(facts, "0000:08:00.0", BAR0 BAR1 ZERO IO ZERO ZERO ZERO, NULL, NULL);
	assert_fact(facts, "SELECT count(*) FROM pci_bar", "3");
	assert_fact(facts, "SELECT size_bytes FROM pci_bar WHERE bar = 1", "17179869184");
	assert_fact(facts, "SELECT start_address FROM pci_bar WHERE bar = 1", "3917010173952");
	assert_fact(facts,
	            "SELECT bits64 || prefetchable || assigned || io FROM pci_bar WHERE bar = 1",
	            "1110");
	assert_fact(facts, "SELECT io FROM pci_bar WHERE bar = 3", "1");
	assert_fact(facts, "SELECT state FROM observed WHERE subject = '0000:08:00.0'", "complete");
	hp_facts_free(facts);
}

/* 13 lines: VF BARs follow the ROM. 17: windows of a bridge come last. */
static void test_bar_layouts(void **state HP_UNUSED)
{
	struct hp_facts *facts = new_facts();
	hp_probe_bars(facts, "0000:01:00.0",
	              ZERO ZERO ZERO ZERO ZERO ZERO BAR0 BAR1 ZERO ZERO ZERO ZERO ZERO, NULL, NULL);
	assert_fact(facts, "SELECT group_concat(kind || bar) FROM pci_bar", "rom0,vf-bar0");
	hp_probe_bars(
	    facts, "0000:00:01.0",
	    ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO IO BAR0 BAR1 ZERO,
	    NULL, NULL);
	assert_fact(facts,
	            "SELECT group_concat(kind || bar) FROM pci_bar WHERE address = '0000:00:01.0'",
	            "window0,window1,window2");
	hp_facts_free(facts);
}

/* A BAR without an address is implemented and unassigned: by the kernel's mark, or, where the
 * kernel dropped it altogether, by the type bits that its register keeps. */
static void test_bars_unassigned(void **state HP_UNUSED)
{
	struct image image = gpu();
	struct hp_config config;
	struct hp_facts *facts = new_facts();
	hp_config_decode(image.bytes, HP_CONFIG_EXTENDED, &config);
	hp_probe_bars(facts, "0000:08:00.0",
	              UNSET ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO, &config,
	              NULL);
	assert_fact(facts, "SELECT size_bytes FROM pci_bar WHERE kind = 'bar' AND bar = 0",
	            "4294967296");
	assert_fact(facts, "SELECT sum(assigned) FROM pci_bar", "0");
	assert_fact(facts, "SELECT size_bytes FROM pci_bar WHERE kind = 'bar' AND bar = 1", "NULL");
	assert_fact(facts, "SELECT size_bytes FROM pci_bar WHERE kind = 'vf-bar'", "NULL");
	hp_facts_free(facts);
}

static void test_bars_garbage(void **state HP_UNUSED)
{
	static const char *const texts[] = {"", "x", BAR0, BAR0 "0x1 0x2\n",
	                                    ZERO ZERO ZERO ZERO ZERO ZERO ZERO ZERO};
	for (size_t i = 0; i < HP_COUNT(texts); i++) {
		struct hp_facts *facts = new_facts();
		assert_int_equal(hp_probe_bars(facts, "0000:08:00.0", texts[i], NULL, NULL), 0);
		assert_fact(facts, "SELECT count(*) FROM pci_bar", "0");
		assert_fact(facts, "SELECT count(*) FROM observed", "0");
		assert_fact(facts, "SELECT kind || what FROM gap",
		            "malformed/sys/bus/pci/devices/0000:08:00.0/resource");
		hp_facts_free(facts);
	}
}

// -- addresses --

static void test_addresses(void **state HP_UNUSED)
{
	char parent[HP_ADDRESS_SIZE];
	assert_true(hp_is_pci_address("0000:08:00.0"));
	assert_true(hp_is_pci_address("10000:e1:00.0"));
	assert_false(hp_is_pci_address("0000:08:00.8"));
	assert_false(hp_is_pci_address("0000:08:00.0x"));
	assert_false(hp_is_pci_address("pci0000:00"));
	assert_true(hp_pci_address_in("../../devices/pci0000:00/0000:00:03.0/0000:08:00.0", 1,
	                              parent, sizeof(parent)));
	assert_string_equal(parent, "0000:00:03.0");
	assert_false(
	    hp_pci_address_in("../../devices/pci0000:00/0000:00:03.0", 1, parent, sizeof(parent)));
	assert_string_equal(parent, "none");
}

// -- trees --

#define DEVICES "/sys/bus/pci/devices/"

/* A function below `where` ("pci0000:00/0000:00:01.0"), with what every one has. */
static void put_function(const struct tree *tree, const char *where, const char *vendor,
                         const char *device, const char *class)
{
	const char *address = strrchr(where, '/') + 1;
	const struct {
		const char *name, *value;
	} files[] = {{"vendor", vendor},
	             {"device", device},
	             {"class", class},
	             {"power_state", "D0\n"},
	             {"power/runtime_status", "active\n"},
	             {"enable", "1\n"},
	             {"numa_node", "0\n"},
	             {"driver_override", "(null)\n"}};
	char path[256], target[256];
	for (size_t i = 0; i < HP_COUNT(files); i++) {
		snprintf(path, sizeof(path), "/sys/devices/%s/%s", where, files[i].name);
		tree_put(tree, path, files[i].value);
	}
	snprintf(path, sizeof(path), DEVICES "%s", address);
	snprintf(target, sizeof(target), "../../../devices/%s", where);
	tree_put_link(tree, path, target);
}

static struct hp_facts *probe(const struct tree *tree, int level)
{
	struct hp_host_options options = {.level = level};
	struct hp_facts *facts = new_facts();
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	if (hp_host_open_root(tree->path, &options, &host, &err) < 0 ||
	    hp_probe_all(host, facts, NULL, &err) < 0)
		fail_msg("%s", err.message);
	hp_host_close(host);
	return facts;
}

static void put_gpu(const struct tree *tree)
{
	put_function(tree, "pci0000:00/0000:00:01.0", "0x8086\n", "0x2f02\n", "0x060400\n");
	put_function(tree, "pci0000:00/0000:00:01.0/0000:01:00.0", "0x10de\n", "0x2330\n",
	             "0x030200\n");
}

static void test_tree(void **state HP_UNUSED)
{
	struct tree tree;
	struct image image = gpu();
	tree_make(&tree);
	put_gpu(&tree);
	tree_put_link(&tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/driver",
	              "../../../../bus/pci/drivers/vfio-pci");
	tree_put_bytes(&tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config",
	               image.bytes, sizeof(image.bytes));
	tree_put(&tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/reset_method",
	         "flr bus\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT count(*) FROM pci_function", "2");
	assert_fact(facts,
	            "SELECT vendor || device || class || driver || parent || driver_override "
	            "FROM pci_function WHERE address = '0000:01:00.0'",
	            "10de2330030200vfio-pci0000:00:01.0none");
	assert_fact(facts,
	            "SELECT flr || msix_vectors FROM pci_function WHERE address = '0000:01:00.0'",
	            "16");
	assert_fact(facts, "SELECT reset_methods FROM pci_function WHERE address = '0000:00:01.0'",
	            "none");
	assert_fact(facts, "SELECT parent FROM pci_function WHERE address = '0000:00:01.0'",
	            "none");
	assert_fact(facts, "SELECT driver FROM pci_function WHERE address = '0000:00:01.0'",
	            "none");
	assert_fact(facts, "SELECT state FROM observed WHERE tbl = 'pci_function'", "complete");
	hp_facts_free(facts);
	tree_remove(&tree);
}

/* Level 0 leaves config space alone, and says once what it did not see. */
static void test_level_0(void **state HP_UNUSED)
{
	struct tree tree;
	struct image image = gpu();
	tree_make(&tree);
	put_gpu(&tree);
	tree_put_bytes(&tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config",
	               image.bytes, sizeof(image.bytes));
	struct hp_facts *facts = probe(&tree, 0);
	assert_fact(facts, "SELECT flr FROM pci_function WHERE address = '0000:01:00.0'", "NULL");
	assert_fact(facts, "SELECT count(*) FROM gap WHERE kind = 'level'", "1");
	hp_facts_free(facts);
	tree_remove(&tree);
}

static void test_asleep(void **state HP_UNUSED)
{
	struct tree tree;
	struct image image = gpu();
	tree_make(&tree);
	put_gpu(&tree);
	tree_put_bytes(&tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config",
	               image.bytes, sizeof(image.bytes));
	tree_put(&tree, "/sys/devices/pci0000:00/0000:00:01.0/power/runtime_status", "suspended\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT flr FROM pci_function WHERE address = '0000:01:00.0'", "NULL");
	assert_fact(facts, "SELECT kind FROM gap WHERE what = '" DEVICES "0000:01:00.0/config'",
	            "asleep");
	hp_facts_free(facts);
	tree_remove(&tree);
}

/* One function is gone when it is read, one says nonsense: gaps, and the others are read. */
static void test_trouble(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	put_gpu(&tree);
	tree_put_link(&tree, DEVICES "0000:02:00.0", "../../../devices/pci0000:00/0000:02:00.0");
	put_function(&tree, "pci0000:00/0000:00:03.0", "banana\n", "0x0001\n", "0x020000\n");
	tree_put(&tree, "/sys/devices/pci0000:00/0000:00:03.0/power_state", "D9\n");
	tree_put(&tree, "/sys/devices/pci0000:00/0000:00:03.0/numa_node", "\xff\x01\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT count(*) FROM pci_function", "3");
	assert_fact(facts, "SELECT state FROM observed WHERE tbl = 'pci_function'", "partial");
	assert_fact(facts, "SELECT kind FROM gap WHERE what = '" DEVICES "0000:02:00.0'",
	            "vanished");
	assert_fact(facts,
	            "SELECT group_concat(replace(what, '" DEVICES
	            "0000:00:03.0/', '')) FROM gap WHERE "
	            "kind = 'malformed'",
	            "numa_node,power_state,vendor");
	assert_fact(
	    facts,
	    "SELECT vendor IS NULL AND numa_node IS NULL AND power_state IS NULL AND device = "
	    "'0001' FROM pci_function WHERE address = '0000:00:03.0'",
	    "1");
	hp_facts_free(facts);
	tree_remove(&tree);
}

// -- reading ahead --

/* A child reads all of it ahead; `meanwhile` is then done to the tree before we come to it. */
static struct hp_facts *probe_behind(const struct tree *tree, const char *memory,
                                     void (*meanwhile)(const struct tree *))
{
	struct hp_host_options options = {.level = 1, .memory = memory};
	struct hp_probe_options probes = {.ahead = hp_ahead_new()};
	struct hp_facts *facts = new_facts();
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	int status;
	if (hp_host_open_root(tree->path, &options, &host, &err) < 0)
		fail_msg("%s", err.message);
	pid_t child = fork();
	if (child == 0) {
		hp_probe_ahead(host, probes.ahead);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	if (meanwhile)
		meanwhile(tree);
	if (hp_probe_all(host, facts, &probes, &err) < 0)
		fail_msg("%s", err.message);
	hp_host_close(host);
	hp_ahead_free(probes.ahead);
	return facts;
}

static void change_vendor(const struct tree *tree)
{
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/vendor", "0x1002\n");
}

static void add_function(const struct tree *tree)
{
	change_vendor(tree);
	put_function(tree, "pci0000:00/0000:00:00.0", "0x8086\n", "0x2f00\n", "0x060000\n");
}

static void assert_same_facts(struct hp_facts *ours, struct hp_facts *theirs)
{
	struct hp_error err = {0};
	json_t *left = hp_facts_export(ours, hp_facts_host(ours), &err);
	json_t *right = hp_facts_export(theirs, hp_facts_host(theirs), &err);
	char *texts[] = {json_dumps(left, JSON_SORT_KEYS), json_dumps(right, JSON_SORT_KEYS)};
	assert_non_null(strstr(texts[0], "0000:01:00.0"));
	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
	json_decref(left);
	json_decref(right);
}

/* A GPU with config space and BARs, one that sleeps, one that shows no more than a header, one that
 * is gone, one that says nonsense. */
static void put_mixed(const struct tree *tree)
{
	struct image image = gpu();
	put16(&image, PCI_VENDOR_ID, 0x10de);
	put16(&image, PCI_DEVICE_ID, 0x2330);
	put_gpu(tree);
	put_function(tree, "pci0000:00/0000:00:02.0", "0x10de\n", "0x2330\n", "0x030200\n");
	put_function(tree, "pci0000:00/0000:00:03.0", "banana\n", "0x0001\n", "0x020000\n");
	put_function(tree, "pci0000:00/0000:00:04.0", "0x10de\n", "0x2330\n", "0x030200\n");
	tree_put_bytes(tree, "/sys/devices/pci0000:00/0000:00:04.0/config", image.bytes,
	               HP_CONFIG_HEADER);
	tree_put_link(tree, DEVICES "0000:02:00.0", "../../../devices/pci0000:00/0000:02:00.0");
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:02.0/power/runtime_status", "suspended\n");
	tree_put_bytes(tree, "/sys/devices/pci0000:00/0000:00:02.0/config", image.bytes,
	               sizeof(image.bytes));
	tree_put_bytes(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/config",
	               image.bytes, sizeof(image.bytes));
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/resource",
	         "0x0000000093000000 0x0000000093ffffff 0x0000000000040200\n");
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/reset_method", "flr\n");
	tree_put(tree, "/proc/sys/kernel/random/boot_id", "b00\n");
}

static void test_ahead(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	put_mixed(&tree);
	struct hp_facts *alone = probe(&tree, 1), *behind = probe_behind(&tree, NULL, NULL);
	assert_fact(behind,
	            "SELECT count(DISTINCT kind) FROM gap WHERE kind IN ('asleep', 'vanished')",
	            "2");
	assert_same_facts(alone, behind);
	hp_facts_free(behind);
	/* What it read counts, where it read it. */
	behind = probe_behind(&tree, NULL, change_vendor);
	assert_fact(behind, "SELECT vendor FROM pci_function WHERE address = '0000:01:00.0'",
	            "10de");
	hp_facts_free(behind);
	/* The list has changed meanwhile: nothing of it is where it was. */
	behind = probe_behind(&tree, NULL, add_function);
	assert_fact(behind, "SELECT vendor FROM pci_function WHERE address = '0000:01:00.0'",
	            "1002");
	hp_facts_free(behind);
	hp_facts_free(alone);
	tree_remove(&tree);
}

static void fall_asleep(const struct tree *tree)
{
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/power/runtime_status",
	         "suspended\n");
}

/* What a child read is remembered as if we had read it. */
static void test_ahead_remembers(void **state HP_UNUSED)
{
	struct tree tree;
	char memory[96];
	tree_make(&tree);
	put_mixed(&tree);
	snprintf(memory, sizeof(memory), "%s/memory", tree.path);
	hp_facts_free(probe_behind(&tree, memory, fall_asleep));
	struct hp_facts *facts = probe_behind(&tree, memory, NULL);
	assert_fact(facts, "SELECT flr FROM pci_function WHERE address = '0000:01:00.0'", "1");
	assert_fact(facts,
	            "SELECT count(*) > 0 FROM origin WHERE tbl = 'pci_function' AND subject = "
	            "'0000:01:00.0' AND col = 'flr'",
	            "1");
	hp_facts_free(facts);
	tree_remove(&tree);
}

// -- nothing --

/* A root without a PCI directory has said nothing about PCI. */
static void test_nothing(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	tree_put(&tree, "/etc/hostname", "h\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts,
	            "SELECT count(*) FROM observed WHERE tbl IN ('pci_function', 'pci_bar', "
	            "'iommu_group', 'mdev', 'vgpu_type', 'framebuffer')",
	            "0");
	assert_fact(facts, "SELECT coalesce(state, kind, interrupt_remapping) FROM iommu", "NULL");
	hp_facts_free(facts);
	tree_remove(&tree);
}

// -- vGPU --

static void put_vf(const struct tree *tree, const char *vf, int number)
{
	char where[96], path[160], target[64];
	snprintf(where, sizeof(where), "pci0000:00/0000:00:01.0/%s", vf);
	put_function(tree, where, "0x10de\n", "0x2330\n", "0x030200\n");
	snprintf(path, sizeof(path), "/sys/devices/%s/physfn", where);
	tree_put_link(tree, path, "../0000:01:00.0");
	snprintf(path, sizeof(path), "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/virtfn%d",
	         number);
	snprintf(target, sizeof(target), "../%s", vf);
	tree_put_link(tree, path, target);
}

static void put_pf(const struct tree *tree, const char *vfs)
{
	put_gpu(tree);
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/sriov_totalvfs", "16\n");
	tree_put(tree, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/sriov_numvfs", vfs);
}

static void assert_modes(const struct tree *tree, const char *modes)
{
	struct hp_facts *facts = probe(tree, 1);
	assert_fact(
	    facts,
	    "SELECT group_concat(coalesce(vgpu_mode, '?')) FROM (SELECT * FROM pci_function "
	    "WHERE class = '030200' ORDER BY address)",
	    modes);
	hp_facts_free(facts);
}

static void test_vendor_vfio(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	put_pf(&tree, "2\n");
	put_vf(&tree, "0000:01:00.4", 0);
	put_vf(&tree, "0000:01:00.5", 1);
	tree_put(&tree, DEVICES "0000:01:00.4/nvidia/current_vgpu_type", "1148\n");
	tree_put(&tree, DEVICES "0000:01:00.5/nvidia/current_vgpu_type", "0\n");
	tree_put(&tree, DEVICES "0000:01:00.5/nvidia/creatable_vgpu_types",
	         "ID    : vGPU Name\n1148  : NVIDIA L40S-2Q\nnonsense\n1149  : NVIDIA L40S-3Q\n");
	assert_modes(&tree, "vendor-vfio,vendor-vfio,vendor-vfio");
	struct hp_facts *facts = probe(&tree, 0);
	assert_fact(facts,
	            "SELECT group_concat(vgpu_type_current) FROM (SELECT * FROM pci_function WHERE "
	            "physical_function = '0000:01:00.0' ORDER BY address)",
	            "1148,none");
	assert_fact(facts,
	            "SELECT group_concat(address || type || name || available) FROM vgpu_type",
	            "0000:01:00.51148NVIDIA L40S-2Q1,0000:01:00.51149NVIDIA L40S-3Q1");
	assert_fact(
	    facts, "SELECT source FROM origin WHERE col = 'vgpu_mode' AND subject = '0000:01:00.0'",
	    DEVICES "0000:01:00.4/nvidia/current_vgpu_type");
	hp_facts_free(facts);
	tree_remove(&tree);
}

static void test_mdev_modes(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	put_pf(&tree, "1\n");
	put_vf(&tree, "0000:01:00.4", 0);
	tree_put_link(&tree, "/sys/class/mdev_bus/0000:01:00.4",
	              "../../devices/pci0000:00/0000:00:01.0/0000:01:00.4");
	tree_put(&tree, DEVICES "0000:01:00.4/mdev_supported_types/nvidia-742/name",
	         "NVIDIA A2-1B\n");
	tree_put(&tree, DEVICES "0000:01:00.4/mdev_supported_types/nvidia-742/available_instances",
	         "1\n");
	assert_modes(&tree, "sriov-mdev,sriov-mdev");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT type || name || available FROM vgpu_type",
	            "nvidia-742NVIDIA A2-1B1");
	hp_facts_free(facts);
	tree_remove(&tree);

	tree_make(&tree);
	put_gpu(&tree);
	tree_put_link(&tree, "/sys/class/mdev_bus/0000:01:00.0",
	              "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0");
	assert_modes(&tree, "mdev");
	tree_remove(&tree);
}

/* 'none' must be seen: classes that were not copied, and VFs that do not show, leave it unknown. */
static void test_no_mode(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	put_pf(&tree, "0\n");
	assert_modes(&tree, "?");
	tree_put(&tree, "/sys/class/net/lo", "");
	assert_modes(&tree, "?");
	mkdir(strcat(strcpy((char[128]){0}, tree.path), "/sys/class/mdev_bus"), 0755);
	assert_modes(&tree, "none");
	tree_put(&tree, DEVICES "0000:01:00.0/sriov_numvfs", "2\n");
	assert_modes(&tree, "?");
	tree_remove(&tree);
}

// -- IOMMU --

static void put_group(const struct tree *tree, const char *group, const char *type,
                      const char *regions)
{
	char path[96];
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/type", group);
	tree_put(tree, path, type);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/reserved_regions", group);
	tree_put(tree, path, regions);
}

static void test_iommu(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	tree_put(&tree, "/etc/hostname", "h\n");
	put_group(&tree, "7", "DMA-FQ\n",
	          "0x00000000bdf6f000 0x00000000bdf7efff direct\n"
	          "0x00000000bdf80000 0x00000000bdf8ffff direct-relaxable\n"
	          "0x00000000fee00000 0x00000000feefffff msi\n");
	tree_put(&tree, "/sys/class/iommu/dmar0/intel-iommu/cap", "d2078c106f0466\n");
	tree_put(&tree, "/sys/class/iommu/dmar1/intel-iommu/cap", "d2008c22260206\n");
	tree_put(&tree, "/sys/firmware/acpi/tables/DMAR", "DMAR");
	tree_put(&tree, "/sys/kernel/irq/24/chip_name", "IR-IO-APIC\n");
	tree_put(&tree, "/dev/vfio/7", "");
	tree_put(&tree, "/dev/vfio/vfio", "");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT state || kind || units || firmware_table FROM iommu",
	            "onintel2DMAR");
	assert_fact(facts, "SELECT address_bits FROM iommu", "39");
	assert_fact(facts, "SELECT source FROM origin WHERE col = 'address_bits'",
	            "/sys/class/iommu/dmar1/intel-iommu/cap");
	assert_fact(facts, "SELECT interrupt_remapping || passthrough FROM iommu", "on0");
	assert_fact(facts, "SELECT iommufd || vfio_cdev FROM iommu", "nonenone");
	assert_fact(facts,
	            "SELECT type || reserved_direct || reserved_relaxable || vfio_node || "
	            "vfio_node_owner FROM iommu_group",
	            "DMA-FQ11presentroot:root");
	hp_facts_free(facts);
	tree_remove(&tree);
}

/* Groups that VFIO made for its unsafe mode are no IOMMU; an empty directory is one that is off. */
static void test_iommu_off(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	tree_put(&tree, "/etc/hostname", "h\n");
	tree_put(&tree, "/sys/kernel/iommu_groups/0/name", "vfio-noiommu\n");
	tree_put(&tree, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	tree_put(&tree, "/proc/cmdline", "quiet intel_iommu=on iommu=soft,pt\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT state || noiommu FROM iommu", "off1");
	assert_fact(facts, "SELECT passthrough FROM iommu", "1");
	hp_facts_free(facts);
	tree_remove(&tree);
}

// -- guests --

static const char guest_iomem[] = "00000000-00000fff : Reserved\n"
				  "000a0000-000bffff : PCI Bus 0000:00\n"
				  "c0000000-febfffff : PCI Bus 0000:00\n"
				  "  fe800000-fe9fffff : PCI Bus 0000:01\n"
				  "    fe800000-fe8fffff : PCI Bus 0000:02\n"
				  "e0000000-efffffff : PCI MMCONFIG 0000 [bus 00-ff]\n"
				  "fd00000000-ffffffffff : Reserved\n"
				  "  fd00000000-fdffffffff : PCI Bus 0001:80\n"
				  "2000000000-5fffffffff : PCI Bus 0000:00\n"
				  "  2000000000-5fffffffff : PCI Bus 0000:01\n";

/* What bridges forward and what memory maps registers is no window of a host bridge. */
static void test_root_windows(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	tree_put(&tree, "/proc/cpuinfo", "flags\t\t: fpu hypervisor\n");
	tree_put(&tree, "/proc/iomem", guest_iomem);
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts,
	            "SELECT group_concat(bus || '+' || start_address || '-' || end_address) FROM "
	            "(SELECT * FROM pci_root_window ORDER BY start_address)",
	            "0000:00+655360-786431,0000:00+3221225472-4273995775,"
	            "0000:00+137438953472-412316860415,0001:80+1086626725888-1090921693183");
	assert_fact(facts, "SELECT state FROM observed WHERE tbl = 'pci_root_window'", "complete");
	hp_facts_free(facts);
	tree_remove(&tree);
}

/* Without privilege all addresses are 0: not known, not absent. A host's own are nobody's setting.
 */
static void test_root_windows_hidden(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	tree_put(&tree, "/proc/cpuinfo", "flags\t\t: fpu hypervisor\n");
	tree_put(&tree, "/proc/iomem", "00000000-00000000 : PCI Bus 0000:00\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts, "SELECT kind FROM gap WHERE what = '/proc/iomem'", "permission");
	assert_fact(facts, "SELECT count(*) FROM observed WHERE tbl = 'pci_root_window'", "0");
	hp_facts_free(facts);
	tree_put(&tree, "/proc/cpuinfo", "flags\t\t: fpu\n");
	tree_put(&tree, "/proc/iomem", guest_iomem);
	facts = probe(&tree, 1);
	assert_fact(facts, "SELECT count(*) FROM pci_root_window", "0");
	hp_facts_free(facts);
	tree_remove(&tree);
}

// -- framebuffers --

static void test_framebuffer(void **state HP_UNUSED)
{
	struct tree tree;
	tree_make(&tree);
	put_gpu(&tree);
	tree_put(&tree, DEVICES "0000:01:00.0/resource", BAR0 BAR1 ZERO ZERO ZERO ZERO ZERO);
	tree_put(&tree, DEVICES "0000:00:01.0/resource", ZERO ZERO ZERO ZERO ZERO ZERO ZERO);
	tree_put(&tree, "/sys/devices/platform/simple-framebuffer.0/drm/card0/dev", "226:0\n");
	tree_put_link(&tree, "/sys/devices/platform/simple-framebuffer.0/driver",
	              "../../../bus/platform/drivers/simple-framebuffer");
	tree_put_link(&tree, "/sys/bus/platform/devices/simple-framebuffer.0",
	              "../../../devices/platform/simple-framebuffer.0");
	tree_put(&tree, "/proc/iomem",
	         "00000000-00000fff : Reserved\n"
	         "39000000000-393ffffffff : 0000:01:00.0\n"
	         "  39000000000-390002fffff : simpledrm\n");
	struct hp_facts *facts = probe(&tree, 1);
	assert_fact(facts,
	            "SELECT driver || ' ' || address || ' ' || start_address FROM framebuffer",
	            "simpledrm 0000:01:00.0 3917010173952");
	hp_facts_free(facts);
	tree_put(&tree, "/proc/iomem",
	         "00000000-00000000 : Reserved\n00000000-00000000 : simpledrm\n");
	facts = probe(&tree, 1);
	assert_fact(facts, "SELECT start_address IS NULL AND address IS NULL FROM framebuffer",
	            "1");
	hp_facts_free(facts);
	tree_remove(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_config_whole),
	    cmocka_unit_test(test_config_clique),
	    cmocka_unit_test(test_config_port),
	    cmocka_unit_test(test_config_header_only),
	    cmocka_unit_test(test_config_lengths),
	    cmocka_unit_test(test_config_broken),
	    cmocka_unit_test(test_config_extended_loop),
	    cmocka_unit_test(test_bars),
	    cmocka_unit_test(test_bar_layouts),
	    cmocka_unit_test(test_bars_unassigned),
	    cmocka_unit_test(test_bars_garbage),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_level_0),
	    cmocka_unit_test(test_asleep),
	    cmocka_unit_test(test_trouble),
	    cmocka_unit_test(test_ahead),
	    cmocka_unit_test(test_ahead_remembers),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_vendor_vfio),
	    cmocka_unit_test(test_mdev_modes),
	    cmocka_unit_test(test_no_mode),
	    cmocka_unit_test(test_iommu),
	    cmocka_unit_test(test_iommu_off),
	    cmocka_unit_test(test_root_windows),
	    cmocka_unit_test(test_root_windows_hidden),
	    cmocka_unit_test(test_framebuffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
