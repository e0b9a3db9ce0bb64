// The driver of a PCI function. SPDX-License-Identifier: Apache-2.0
//
// Subject: the function's address. Words: a driver's name ("nvidia", "vfio-pci"), "vfio" (the
// variant of vfio-pci that the kernel has for this device, else vfio-pci), "none". State:
// {"driver": name or null, "override": driver_override or null, "power": power/control, "on" or
// "auto", where it matters}: vfio-pci leaves "on" behind, whatever was there before.
//
// A bind is a request: without an IOMMU group the kernel takes the one to vfio-pci and leaves the
// function without a driver. So the write looks at the link afterwards, and says why.
#include "step/holders.h"
#include "step/kinds.h"

#include "base/cleanup.h"
#include "host/change.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"

enum {
	NAME_SIZE = 64,
	ALIASES_LIMIT = 16 << 20,
	LOAD_MS = 60000,
};

struct path {
	char text[128];
};

static struct path path_of(const char *address, const char *name)
{
	struct path path;
	snprintf(path.text, sizeof(path.text), DEVICES "/%s%s%s", address, *name ? "/" : "", name);
	return path;
}

/* "" where there is none. */
static int read_driver_name(struct hp_host *host, const char *address, char name[NAME_SIZE],
                            struct hp_error *err)
{
	return hp_step_link_name(host, path_of(address, "driver").text, name, NAME_SIZE, err);
}

static int read_override(struct hp_host *host, const char *address, char name[NAME_SIZE],
                         struct hp_error *err)
{
	int r = hp_step_read(host, path_of(address, "driver_override").text, name, NAME_SIZE, err);
	if (strcmp(name, "(null)") == 0)
		*name = '\0';
	return r;
}

static void add_power(struct hp_host *host, const char *address, json_t *state)
{
	char control[NAME_SIZE];
	if (hp_host_read(host, path_of(address, "power/control").text, control, sizeof(control)) >=
	    0)
		json_object_set_new(state, "power", json_string(control));
}

static int read_driver(struct hp_host *host, const char *subject, json_t **ret,
                       struct hp_error *err)
{
	char driver[NAME_SIZE], override[NAME_SIZE];
	int r = hp_step_check_address(subject, err);
	int there = r < 0 ? r : hp_host_exists(host, path_of(subject, "").text);
	if (r == 0 && there < 0)
		r = hp_fail(err, there, "cannot look for %s: %s", subject, strerror(-there));
	if (r == 0 && there)
		r = read_driver_name(host, subject, driver, err);
	if (r >= 0 && there)
		r = read_override(host, subject, override, err);
	if (r < 0)
		return r;
	*ret = there ? json_pack("{s:o, s:o}", "driver", hp_text_or_null(driver), "override",
	                         hp_text_or_null(override))
	             : hp_absent();
	if (there)
		add_power(host, subject, *ret);
	return 0;
}

// == what a word asks for

/* Drivers that claim no device by its id: they need the override to stay. */
static bool needs_override(const char *driver)
{
	static const char *const names[] = {"pci-stub", "pci-pf-stub", "pciback", "uio_pci_generic",
	                                    "igb_uio"};
	for (size_t i = 0; i < HP_COUNT(names); i++)
		if (strcmp(driver, names[i]) == 0)
			return true;
	return strstr(driver, "vfio") != NULL;
}

static bool is_vfio(const char *driver)
{
	return strstr(driver, "vfio") != NULL;
}

/* The driver that the kernel has for passing this very device on: modules say so by an alias
 * "vfio_pci:v000010DEd00002342…". Their drivers are called like the modules, but for vfio-pci. */
static void find_variant(struct hp_host *host, const char *address, char driver[NAME_SIZE])
{
	char release[128], modalias[128];
	hp_cleanup_text struct hp_text aliases = {0};
	snprintf(driver, NAME_SIZE, "vfio-pci");
	if (hp_host_ask(host, "release", release, sizeof(release)) < 0 &&
	    hp_host_read(host, "/proc/sys/kernel/osrelease", release, sizeof(release)) < 0)
		return;
	hp_cleanup_free char *path = hp_asprintf("/lib/modules/%s/modules.alias", release);
	if (hp_host_read(host, path_of(address, "modalias").text, modalias, sizeof(modalias)) < 0 ||
	    !hp_starts_with(modalias, "pci:") ||
	    hp_host_read_text(host, path, ALIASES_LIMIT, &aliases) < 0)
		return;
	char *at = aliases.data;
	for (char *line; at && (line = strsep(&at, "\n"));) {
		char pattern[256], module[NAME_SIZE];
		if (sscanf(line, "alias vfio_pci:%255s %63s", pattern, module) == 2 &&
		    strcmp(module, "vfio_pci") != 0 &&
		    fnmatch(pattern, modalias + strlen("pci:"), 0) == 0)
			snprintf(driver, NAME_SIZE, "%s", module);
	}
}

static int want_driver(struct hp_host *host, const char *subject, const char *word,
                       const json_t *before HP_UNUSED, json_t **ret, struct hp_error *err)
{
	char driver[NAME_SIZE];
	int r = hp_step_check_address(subject, err);
	if (r < 0)
		return r;
	if (!*word || strlen(word) >= sizeof(driver) || strpbrk(word, "/ \t\n"))
		return hp_fail(err, -EINVAL,
		               "driver %s: '%s': expected a driver's name, 'vfio' or 'none'",
		               subject, word);
	memcpy(driver, word, strlen(word) + 1);
	if (strcmp(word, "vfio") == 0)
		find_variant(host, subject, driver);
	bool none = strcmp(word, "none") == 0;
	bool stays = !none && needs_override(driver);
	*ret = json_pack("{s:o, s:o}", "driver", hp_text_or_null(none ? "" : driver), "override",
	                 hp_text_or_null(stays ? driver : ""));
	return 0;
}

// == who stands in the way

/* Bridges are no obstacle to a group, whatever drives them (drivers/vfio/vfio_main.c asks the IOMMU
 * core, which lets pcieport keep what it has). */
static bool is_bridge(struct hp_host *host, const char *address)
{
	char class[16] = "";
	hp_host_read(host, path_of(address, "class").text, class, sizeof(class));
	return hp_starts_with(class, "0x06");
}

static void check_sibling(struct hp_host *host, const char *subject, const char *sibling,
                          struct hp_obstacles *ret)
{
	char driver[NAME_SIZE] = "";
	if (strcmp(subject, sibling) == 0 || is_bridge(host, sibling))
		return;
	read_driver_name(host, sibling, driver, NULL);
	if (!*driver || is_vfio(driver) || strcmp(driver, "pci-stub") == 0)
		return;
	hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, sibling,
	                 "%s shares the IOMMU group of %s and is with %s: no guest gets one "
	                 "without the other leaving its driver",
	                 sibling, subject, driver);
}

static void check_group(struct hp_host *host, const char *subject, struct hp_obstacles *ret)
{
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, path_of(subject, "iommu_group/devices").text, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		check_sibling(host, subject, names.names[i], ret);
}

static int driver_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                            const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	const char *from = hp_state_text(before, "driver"), *to = hp_state_text(after, "driver");
	if (hp_is_absent(before))
		hp_obstacles_add(ret, HP_OBSTACLE_BROKEN, subject, "%s is not there", subject);
	if (hp_is_absent(before) || strcmp(from, to) == 0)
		return 0;
	int r = *from ? hp_step_holders(host, subject, ret, err) : 0;
	if (*from) {
		hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, subject, "%s would leave its driver %s",
		                 subject, from);
		hp_step_networks(host, subject, ret);
	}
	if (is_vfio(to))
		check_group(host, subject, ret);
	hp_step_owners(host, subject, to, ret);
	return r;
}

// == bringing it about

static int set_override(struct hp_host *host, const char *address, const char *name,
                        struct hp_error *err)
{
	char now[NAME_SIZE], value[NAME_SIZE + 1];
	int r = read_override(host, address, now, err);
	if (r < 0 || strcmp(now, name) == 0)
		return r < 0 ? r : 0;
	snprintf(value, sizeof(value), "%s\n", name); // a lone newline clears it
	return hp_host_write(host, path_of(address, "driver_override").text, value,
	                     HP_STEP_DEADLINE_MS, err);
}

/* A driver that is not there may be a module that nobody loaded yet. */
static int load_driver(struct hp_host *host, const char *driver, struct hp_error *err)
{
	const char *const argv[] = {"modprobe", driver, NULL};
	hp_cleanup_text struct hp_text output = {0};
	hp_cleanup_free char *path = hp_asprintf(DRIVERS "/%s", driver);
	if (hp_host_exists(host, path) == 1)
		return 0;
	int r = hp_host_change_run(host, argv, LOAD_MS, &output);
	if (r == 0)
		return 0;
	const char *why = r < 0 ? strerror(-r) : output.data ? hp_trim(output.data) : "it failed";
	return hp_fail(err, -ENOENT, "there is no driver %s: modprobe: %s", driver, why);
}

/* The kernel ends a PF's VFs when its driver leaves, without a word. */
static int check_vfs(struct hp_host *host, const char *address, struct hp_error *err)
{
	uint64_t count;
	if (hp_host_read_u64(host, path_of(address, "sriov_numvfs").text, &count) < 0 || !count)
		return 0;
	return hp_fail(err, -EBUSY,
	               "%s has %u VFs, which would go with its driver: remove them first", address,
	               (unsigned)count);
}

/* So it does with its mdevs, of which the state of a driver knows nothing: undo would not make them
 * again. */
static int check_mdevs(struct hp_host *host, const char *address, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, "/sys/bus/mdev/devices", &names) < 0)
		return 0;
	for (size_t i = 0; i < names.count; i++)
		if (hp_host_exists(host, path_of(address, names.names[i]).text) == 1)
			return hp_fail(err, -EBUSY,
			               "%s has the mdev %s, which would go with its driver: remove "
			               "it first",
			               address, names.names[i]);
	return 0;
}

static int unbind(struct hp_host *host, const char *address, const char *driver,
                  struct hp_error *err)
{
	int r = check_vfs(host, address, err);
	if (r == 0)
		r = check_mdevs(host, address, err);
	if (r < 0)
		return r;
	hp_cleanup_free char *path = hp_asprintf(DRIVERS "/%s/unbind", driver);
	return hp_host_write(host, path, address, HP_STEP_DEADLINE_MS, err);
}

static int explain(struct hp_host *host, const char *address, const char *wanted,
                   struct hp_error *err)
{
	char now[NAME_SIZE] = "";
	read_driver_name(host, address, now, NULL);
	if (strcmp(now, wanted) == 0)
		return 0;
	if (is_vfio(wanted) && hp_host_exists(host, path_of(address, "iommu_group").text) == 0)
		return hp_fail(err, -ENODEV,
		               "%s did not take %s: it is in no IOMMU group, so the IOMMU is off "
		               "(the kernel said nothing)",
		               wanted, address);
	return hp_fail(err, -ENODEV,
	               "%s did not take %s, which is with %s now: see the kernel's log", wanted,
	               address, *now ? now : "no driver");
}

/* While the override names the driver no other can come first, whatever ids they claim. */
static int bind(struct hp_host *host, const char *address, const char *driver, struct hp_error *err)
{
	int r =
	    hp_host_write(host, "/sys/bus/pci/drivers_probe", address, HP_STEP_DEADLINE_MS, err);
	if (r < 0 || hp_host_rehearsing(host))
		return r;
	return explain(host, address, driver, err);
}

static int move(struct hp_host *host, const char *address, const char *from, const char *to,
                struct hp_error *err)
{
	int r = *to ? load_driver(host, to, err) : 0;
	if (r == 0 && *to)
		r = set_override(host, address, to, err);
	if (r == 0 && *from)
		r = unbind(host, address, from, err);
	if (r == 0 && *to)
		r = bind(host, address, to, err);
	return r;
}

static int set_power(struct hp_host *host, const char *address, const char *wanted,
                     struct hp_error *err)
{
	char now[NAME_SIZE];
	struct path path = path_of(address, "power/control");
	if (!*wanted || hp_host_read(host, path.text, now, sizeof(now)) < 0 ||
	    strcmp(now, wanted) == 0)
		return 0;
	return hp_host_write(host, path.text, wanted, HP_STEP_DEADLINE_MS, err);
}

static int write_driver(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                        const json_t *after, struct hp_error *err)
{
	char now[NAME_SIZE];
	const char *to = hp_state_text(after, "driver"),
		   *override = hp_state_text(after, "override");
	int there = hp_host_exists(host, path_of(subject, "").text);
	if (there != 1)
		return hp_fail(err, -ENODEV, "%s is not there any more", subject);
	int r = read_driver_name(host, subject, now, err);
	bool moves = r >= 0 && strcmp(now, to) != 0;
	if (moves)
		r = move(host, subject, now, to, err);
	/* The move left the driver's name in it. */
	if (r >= 0 && !(moves && *to && strcmp(to, override) == 0))
		r = set_override(host, subject, override, err);
	return r < 0 ? r : set_power(host, subject, hp_state_text(after, "power"), err);
}

/* What a driver does to the device's power is its own business, unless it was there before. */
static bool same_driver(const char *subject HP_UNUSED, const json_t *wanted, const json_t *found,
                        struct hp_text *ret_note HP_UNUSED)
{
	const char *power = hp_state_text(wanted, "power");
	return strcmp(hp_state_text(wanted, "driver"), hp_state_text(found, "driver")) == 0 &&
	       strcmp(hp_state_text(wanted, "override"), hp_state_text(found, "override")) == 0 &&
	       (!*power || strcmp(power, hp_state_text(found, "power")) == 0);
}

static void tell_driver(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	const char *driver = hp_state_text(state, "driver");
	const char *override = hp_state_text(state, "override");
	hp_text_puts(ret, *driver ? driver : "no driver");
	if (*override && strcmp(driver, override) != 0)
		hp_text_printf(ret, " (to be %s)", override);
}

const struct hp_kind hp_kind_driver = {
    .name = "driver",
    .help = "the driver of a PCI function, and its driver_override",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .disrupts = true,
    .appears = true,
    .read = read_driver,
    .want = want_driver,
    .obstacles = driver_obstacles,
    .write = write_driver,
    .same = same_driver,
    .tell = tell_driver,
};
