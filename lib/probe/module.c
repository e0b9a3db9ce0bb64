// Kernel modules that matter: loaded, built in, on disk; their parameters and directives.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/module.h"
#include "probe/module-directive.h"
#include "probe/modprobe.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum { INDEX_LIMIT = 8 << 20 };

/* The modules that are looked for, in byte order. `info`: the file's version, licence and signer
 * say something (modules made outside of the kernel); reading them may mean to unpack the file. */
static const struct wanted {
	const char *name;
	bool info;
} wanted[] = {
    {"amdgpu", true},
    {"amdkfd", false},
    {"amdxcp", false},
    {"ast", false},
    {"bochs", false},
    {"gim", true},
    {"habanalabs", false},
    {"i915", true},
    {"ib_umad", false},
    {"intel_vsec", false},
    {"iommufd", false},
    {"irqbypass", false},
    {"kvm", false},
    {"kvm_amd", false},
    {"kvm_intel", false},
    {"kvm_pvm", false},
    {"kvmgt", false},
    {"mdev", false},
    {"mei_gsc", false},
    {"mlx5_core", false},
    {"mlx5_ib", false},
    {"nouveau", false},
    {"nova_core", false},
    {"nova_drm", false},
    {"nvgrace_gpu_vfio_pci", false},
    {"nvidia", true},
    {"nvidia_drm", false},
    {"nvidia_fs", true},
    {"nvidia_modeset", false},
    {"nvidia_peermem", false},
    {"nvidia_uvm", false},
    {"nvidia_vgpu_vfio", true},
    {"nvidiafb", false},
    {"pci_pf_stub", false},
    {"pci_stub", false},
    {"radeon", false},
    {"simpledrm", false},
    {"snd_hda_intel", false},
    {"vendor_reset", true},
    {"vfio", false},
    {"vfio_iommu_spapr_tce", false},
    {"vfio_iommu_type1", false},
    {"vfio_mdev", false},
    {"vfio_pci", false},
    {"vfio_pci_core", false},
    {"vfio_virqfd", false},
    {"vhost_net", false},
    {"vhost_vsock", false},
    {"virtio_gpu", false},
    {"xe", true},
    {"xen_pciback", false},
};

static const struct {
	const char *module, *parameter;
} parameters[] = {
    {"amdgpu", "virtual_display"},
    {"i915", "enable_gvt"},
    {"i915", "enable_guc"},
    {"i915", "max_vfs"},
    {"kvm", "ignore_msrs"},
    {"kvm", "nx_huge_pages"},
    {"kvm_amd", "avic"},
    {"kvm_amd", "nested"},
    {"kvm_amd", "npt"},
    {"kvm_amd", "sev"},
    {"kvm_amd", "sev_es"},
    {"kvm_amd", "sev_snp"},
    {"kvm_intel", "enable_apicv"},
    {"kvm_intel", "ept"},
    {"kvm_intel", "nested"},
    {"kvm_intel", "tdx"},
    {"kvm_intel", "unrestricted_guest"},
    {"module", "sig_enforce"},
    {"nouveau", "modeset"},
    {"nvidia_drm", "fbdev"},
    {"nvidia_drm", "modeset"},
    {"nvidia_uvm", "uvm_disable_hmm"},
    {"nvidia_uvm", "uvm_ats_mode"},
    {"pcie_aspm", "policy"},
    {"vfio", "enable_unsafe_noiommu_mode"},
    {"vfio_iommu_type1", "allow_unsafe_interrupts"},
    {"vfio_iommu_type1", "disable_hugepages"},
    {"vfio_iommu_type1", "dma_entry_limit"},
    {"vfio_pci", "disable_denylist"},
    {"vfio_pci", "disable_idle_d3"},
    {"vfio_pci", "disable_vga"},
    {"vfio_pci", "enable_sriov"},
    {"vfio_pci", "nointxmask"},
    {"xe", "max_vfs"},
};

/* What the kernel's lists say of each wanted module. */
struct lists {
	enum hp_look loaded, builtin, disk; // whether each list could be read
	bool is_loaded[HP_COUNT(wanted)];
	bool is_builtin[HP_COUNT(wanted)];
	char *file[HP_COUNT(wanted)]; // on disk, below the directory of the release
	char release[256];
	struct hp_text early; // what the initramfs loads; without data: not known
};

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct wanted *)row)->name);
}

/* The place of a wanted module, -1 for others. */
static ptrdiff_t place_of(const char *name)
{
	const struct wanted *row =
	    bsearch(name, wanted, HP_COUNT(wanted), sizeof(wanted[0]), compare_name);
	return row ? row - wanted : -1;
}

bool hp_module_of_path(const char *line, char *buffer, size_t size)
{
	size_t length = strcspn(line, ":\n");
	const char *slash = memrchr(line, '/', length);
	const char *name = slash ? slash + 1 : line;
	const char *suffix = memmem(name, length - (size_t)(name - line), ".ko", 3);
	if (!suffix || (size_t)(suffix - name) >= size)
		return false;
	memcpy(buffer, name, (size_t)(suffix - name));
	buffer[suffix - name] = '\0';
	hp_module_normalise(buffer);
	return true;
}

typedef void path_seen(struct lists *lists, size_t place, const char *path, size_t length);

static void mark_builtin(struct lists *lists, size_t place, const char *path, size_t length)
{
	(void)path, (void)length;
	lists->is_builtin[place] = true;
}

static void mark_file(struct lists *lists, size_t place, const char *path, size_t length)
{
	free(lists->file[place]);
	lists->file[place] = hp_strndup(path, length);
}

/* Walks a list of modules' paths, one at the head of each line. */
static enum hp_look walk_paths(struct hp_host *host, struct hp_facts *facts, const char *file,
                               path_seen *seen, struct lists *lists)
{
	hp_cleanup_text struct hp_text text = {0};
	hp_cleanup_free char *path = hp_asprintf("/lib/modules/%s/%s", lists->release, file);
	char name[128];
	enum hp_look look = hp_look_text(host, facts, path, INDEX_LIMIT, &text);
	for (const char *line = hp_text_get(&text); *line;
	     line = strchrnul(line, '\n'), line += *line == '\n') {
		ptrdiff_t place = hp_module_of_path(line, name, sizeof(name)) ? place_of(name) : -1;
		if (place >= 0)
			seen(lists, (size_t)place, line, strcspn(line, ":\n"));
	}
	return look;
}

static enum hp_look mark_loaded(struct hp_host *host, struct hp_facts *facts, struct lists *lists)
{
	hp_cleanup_text struct hp_text text = {0};
	// A kernel without modules has no such file: then none is loaded, and that is seen.
	enum hp_look look = hp_look_text(host, facts, "/proc/modules", INDEX_LIMIT, &text);
	char *cursor = text.data;
	for (char *line; (line = hp_next_line(&cursor));) {
		line[strcspn(line, " ")] = '\0';
		ptrdiff_t place = place_of(line);
		if (place >= 0)
			lists->is_loaded[place] = true;
	}
	return look;
}

static void read_lists(struct hp_host *host, struct hp_facts *facts, struct lists *lists)
{
	lists->loaded = mark_loaded(host, facts, lists);
	if (hp_host_read(host, "/proc/sys/kernel/osrelease", lists->release,
	                 sizeof(lists->release)) <= 0) {
		lists->release[0] = '\0';
		return;
	}
	lists->builtin = walk_paths(host, facts, "modules.builtin", mark_builtin, lists);
	lists->disk = walk_paths(host, facts, "modules.dep", mark_file, lists);
}

/* The state of a wanted module; NULL where the lists do not decide. */
static const char *state_of(struct hp_host *host, const struct lists *lists, size_t i)
{
	hp_cleanup_free char *path = hp_asprintf("/sys/module/%s", wanted[i].name);
	int in_sysfs = hp_host_exists(host, path);
	if (lists->is_loaded[i])
		return "loaded";
	// What shows in sysfs and was not loaded is part of the kernel.
	if (lists->is_builtin[i] || (in_sysfs > 0 && lists->loaded != HP_LOOK_UNKNOWN))
		return "builtin";
	if (in_sysfs > 0)
		return "loaded";
	if (lists->file[i])
		return in_sysfs == 0 ? "available" : NULL;
	// A kernel without modules: what has parameters would show in sysfs, and what is made
	// outside of the kernel cannot be part of it.
	if (in_sysfs == 0 && lists->loaded == HP_LOOK_ABSENT && wanted[i].info)
		return "absent";
	bool all_seen =
	    in_sysfs == 0 && lists->builtin == HP_LOOK_SEEN && lists->disk == HP_LOOK_SEEN;
	return all_seen ? "absent" : NULL;
}

/* Version, licence and signer of the module's file. */
static void put_info(struct hp_host *host, struct hp_row *row, const char *release,
                     const char *file)
{
	static const struct {
		const char *key;
		int column;
		const char *absent;
	} keys[] = {
	    {"version", HP_MODULE_DISK_VERSION, NULL},
	    {"license", HP_MODULE_LICENSE, "none"},
	    {"signer", HP_MODULE_SIGNER, "none"},
	};
	char answer[2048], value[1024];
	// Paths of modules outside of the release's directory are absolute.
	hp_cleanup_free char *question =
	    *file == '/' ? hp_asprintf("modinfo %s", file)
			 : hp_asprintf("modinfo /lib/modules/%s/%s", release, file);
	ssize_t length = hp_host_ask(host, question, answer, sizeof(answer));
	if (length < 0 && length != -ENODATA)
		hp_facts_gap(row->facts, hp_probe_gap_kind((int)length), question, "%s",
		             strerror((int)-length));
	if (length < 0)
		return;
	for (size_t i = 0; i < HP_COUNT(keys); i++)
		if (hp_find_value(answer, keys[i].key, '=', value, sizeof(value)))
			hp_row_text(row, keys[i].column, value);
		else
			hp_row_text(row, keys[i].column, keys[i].absent);
}

static void put_loaded(struct hp_host *host, struct hp_row *row, const char *name)
{
	hp_cleanup_free char *version = hp_asprintf("/sys/module/%s/version", name);
	hp_cleanup_free char *count = hp_asprintf("/sys/module/%s/refcnt", name);
	hp_look_put_file(host, row, HP_MODULE_VERSION, version);
	hp_look_put_number(host, row, HP_MODULE_REFCOUNT, count, NULL);
}

/* Whether the kernel trusted the loaded module's signature: else it carries the taint E. A kernel
 * without module signatures trusts nothing, and taints nothing. Of a module that is not loaded the
 * signer's name alone says too little: names are not keys. */
static void put_trusted(struct hp_host *host, struct hp_row *row, const char *name)
{
	char taint[32];
	if (hp_host_exists(host, "/sys/module/module/parameters/sig_enforce") > 0 &&
	    hp_host_readf(host, taint, sizeof(taint), "/sys/module/%s/taint", name) >= 0)
		hp_row_number(row, HP_MODULE_SIGNATURE_TRUSTED, strchr(taint, 'E') == NULL);
}

static int put_module(struct hp_host *host, struct hp_facts *facts, const struct lists *lists,
                      size_t i, struct hp_error *err)
{
	const char *name = wanted[i].name, *state = state_of(host, lists, i);
	if (!state && !lists->file[i] && !lists->early.data)
		return 0;
	struct hp_row row = hp_row_begin(facts, HP_TBL_MODULE);
	hp_row_text(&row, HP_MODULE_MODULE, name);
	hp_row_text(&row, HP_MODULE_STATE, state);
	if (state && strcmp(state, "loaded") == 0) {
		put_loaded(host, &row, name);
		put_trusted(host, &row, name);
	}
	if (lists->file[i] && wanted[i].info)
		put_info(host, &row, lists->release, lists->file[i]);
	else if (lists->disk == HP_LOOK_SEEN && !lists->file[i])
		hp_row_text(&row, HP_MODULE_DISK_VERSION, "none");
	if (lists->early.data)
		hp_row_number(&row, HP_MODULE_LOADED_EARLY, hp_has_word(lists->early.data, name));
	int r = hp_row_put(&row, err);
	return r < 0 || !state ? r : hp_facts_observed(facts, HP_TBL_MODULE, name, "complete", err);
}

static int put_parameter(struct hp_facts *facts, const char *module, const char *parameter,
                         const char *value, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_MODULE_PARAMETER);
	hp_row_text(&row, HP_MODULE_PARAMETER_MODULE, module);
	hp_row_text(&row, HP_MODULE_PARAMETER_PARAMETER, parameter);
	hp_row_text(&row, HP_MODULE_PARAMETER_VALUE, value);
	return hp_row_put(&row, err);
}

/* One parameter: what came of looking, or a negative errno. */
static int look_parameter(struct hp_host *host, struct hp_facts *facts, size_t i, enum hp_look *ret,
                          struct hp_error *err)
{
	char value[1024];
	hp_cleanup_free char *path = hp_asprintf("/sys/module/%s/parameters/%s",
	                                         parameters[i].module, parameters[i].parameter);
	*ret = hp_look_read(host, facts, path, value, sizeof(value));
	if (*ret != HP_LOOK_SEEN)
		return 0;
	return put_parameter(facts, parameters[i].module, parameters[i].parameter, value, err);
}

/* The rows come module by module. One that may not be read leaves its module partly seen: that it
 * is not among the rows must not read as "there is none". */
static int put_parameters(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	for (size_t i = 0, next; i < HP_COUNT(parameters); i = next) {
		const char *module = parameters[i].module;
		size_t unknown = 0;
		for (next = i;
		     next < HP_COUNT(parameters) && strcmp(parameters[next].module, module) == 0;
		     next++) {
			enum hp_look look;
			int r = look_parameter(host, facts, next, &look, err);
			if (r < 0)
				return r;
			unknown += look == HP_LOOK_UNKNOWN;
		}
		int r = unknown == next - i
		            ? 0
		            : hp_facts_observed(facts, HP_TBL_MODULE_PARAMETER, module,
		                                unknown ? "partial" : "complete", err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* NVIDIA's module keeps its parameters in a file of its own, without the prefix that modprobe
 * wants. */
static int put_nvidia_parameters(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	hp_cleanup_text struct hp_text text = {0};
	if (hp_look_text(host, facts, "/proc/driver/nvidia/params", 65536, &text) != HP_LOOK_SEEN)
		return 0;
	char *cursor = text.data;
	int r = 0;
	for (char *line; r == 0 && (line = hp_next_line(&cursor));) {
		char *colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		hp_cleanup_free char *parameter = hp_asprintf("NVreg_%s", hp_trim(line));
		r = put_parameter(facts, "nvidia", parameter, hp_trim(colon + 1), err);
	}
	return r;
}

int hp_probe_module(struct hp_host *host, struct hp_facts *facts,
                    const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	struct lists lists = {0};
	read_lists(host, facts, &lists);
	int r = hp_module_directives_put(host, facts, &lists.early, err);
	for (size_t i = 0; r == 0 && i < HP_COUNT(wanted); i++)
		r = put_module(host, facts, &lists, i, err);
	hp_text_free(&lists.early);
	for (size_t i = 0; i < HP_COUNT(wanted); i++)
		free(lists.file[i]);
	if (r == 0)
		r = put_parameters(host, facts, err);
	return r < 0 ? r : put_nvidia_parameters(host, facts, err);
}
