// Options of the running kernel's configuration. SPDX-License-Identifier: Apache-2.0
#include "probe/kernel-config.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <string.h>
#ifdef HP_HAVE_ZLIB
#include <zlib.h>
#endif

enum { CONFIG_LIMIT = 1 << 20 };

// In byte order. What rules ask, and what a person who reads the facts would look up next.
static const char *const wanted_options[] = {
    "CONFIG_AMD_IOMMU",
    "CONFIG_AMD_MEM_ENCRYPT",
    "CONFIG_ARM64_64K_PAGES",
    "CONFIG_ARM_SMMU_V3",
    "CONFIG_ARM_SMMU_V3_SVA",
    "CONFIG_CMA",
    "CONFIG_CRYPTO_LZ4",
    "CONFIG_DMAR_TABLE",
    "CONFIG_DRM_ACCEL_HABANALABS",
    "CONFIG_DRM_AMDGPU",
    "CONFIG_DRM_I915",
    "CONFIG_DRM_I915_GVT",
    "CONFIG_DRM_I915_GVT_KVMGT",
    "CONFIG_DRM_NOUVEAU",
    "CONFIG_DRM_NOVA",
    "CONFIG_DRM_SIMPLEDRM",
    "CONFIG_DRM_XE",
    "CONFIG_FB_EFI",
    "CONFIG_FRAMEBUFFER_CONSOLE",
    "CONFIG_HMM_MIRROR",
    "CONFIG_HOTPLUG_PCI",
    "CONFIG_HOTPLUG_PCI_PCIE",
    "CONFIG_HSA_AMD",
    "CONFIG_HUGETLBFS",
    "CONFIG_INFINIBAND_USER_MAD",
    "CONFIG_INTEL_IOMMU",
    "CONFIG_INTEL_IOMMU_DEFAULT_ON",
    "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF",
    "CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON",
    "CONFIG_IOMMUFD",
    "CONFIG_IOMMUFD_VFIO_CONTAINER",
    "CONFIG_IOMMU_DEFAULT_DMA_LAZY",
    "CONFIG_IOMMU_DEFAULT_DMA_STRICT",
    "CONFIG_IOMMU_DEFAULT_PASSTHROUGH",
    "CONFIG_IOMMU_SUPPORT",
    "CONFIG_IRQ_REMAP",
    "CONFIG_KVM",
    "CONFIG_KVM_AMD",
    "CONFIG_KVM_AMD_SEV",
    "CONFIG_KVM_GUEST",
    "CONFIG_KVM_INTEL",
    "CONFIG_KVM_PVM",
    "CONFIG_KVM_VFIO",
    "CONFIG_MLX5_INFINIBAND",
    "CONFIG_MODULES",
    "CONFIG_MODULE_SIG",
    "CONFIG_MODULE_SIG_FORCE",
    "CONFIG_NOUVEAU_DEBUG",
    "CONFIG_NOVA_CORE",
    "CONFIG_NVGRACE_GPU_VFIO_PCI",
    "CONFIG_PCI_IOV",
    "CONFIG_PCI_MMCONFIG",
    "CONFIG_PCI_P2PDMA",
    "CONFIG_PCI_PF_STUB",
    "CONFIG_PCI_REALLOC_ENABLE_AUTO",
    "CONFIG_PCI_STUB",
    "CONFIG_PVM_GUEST",
    "CONFIG_SECURITY_LOCKDOWN_LSM",
    "CONFIG_SWIOTLB",
    "CONFIG_SYSFB_SIMPLEFB",
    "CONFIG_TRANSPARENT_HUGEPAGE",
    "CONFIG_VFIO",
    "CONFIG_VFIO_CONTAINER",
    "CONFIG_VFIO_DEVICE_CDEV",
    "CONFIG_VFIO_GROUP",
    "CONFIG_VFIO_IOMMU_TYPE1",
    "CONFIG_VFIO_MDEV",
    "CONFIG_VFIO_NOIOMMU",
    "CONFIG_VFIO_PCI",
    "CONFIG_VFIO_PCI_CORE",
    "CONFIG_VFIO_PCI_DMABUF",
    "CONFIG_VFIO_PCI_VGA",
    "CONFIG_X86_X2APIC",
    "CONFIG_ZONE_DEVICE",
};

bool hp_kernel_config_line(char *line, char **ret_option, char **ret_value)
{
	static const char not_set[] = " is not set";
	if (hp_starts_with(line, "# CONFIG_") && hp_ends_with(line, not_set)) {
		line[strlen(line) - strlen(not_set)] = '\0';
		*ret_option = line + 2;
		*ret_value = (char *)"n";
		return true;
	}
	char *equals = strchr(line, '=');
	if (!hp_starts_with(line, "CONFIG_") || !equals)
		return false;
	*equals = '\0';
	*ret_option = line;
	*ret_value = equals + 1;
	return true;
}

#ifdef HP_HAVE_ZLIB
/* Unpacks gzip; whether it could. */
static bool gunzip(const struct hp_text *packed, struct hp_text *ret)
{
	z_stream stream = {.next_in = (Bytef *)packed->data, .avail_in = (uInt)packed->length};
	unsigned char chunk[16384];
	int r = inflateInit2(&stream, 16 + MAX_WBITS);
	if (r != Z_OK)
		return false;
	while (r == Z_OK && ret->length < CONFIG_LIMIT) {
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		r = inflate(&stream, Z_NO_FLUSH);
		hp_text_add(ret, (const char *)chunk, sizeof(chunk) - stream.avail_out);
	}
	inflateEnd(&stream);
	return r == Z_STREAM_END;
}

static bool read_packed(struct hp_host *host, struct hp_facts *facts, struct hp_text *ret)
{
	static const char path[] = "/proc/config.gz";
	hp_cleanup_text struct hp_text packed = {0};
	if (hp_host_read_text(host, path, CONFIG_LIMIT, &packed) < 0)
		return false;
	if (gunzip(&packed, ret))
		return true;
	hp_facts_gap(facts, "malformed", path, "expected a gzip file");
	return false;
}
#else
static bool read_packed(struct hp_host *host, struct hp_facts *facts, struct hp_text *ret)
{
	(void)host, (void)facts, (void)ret;
	return false;
}
#endif

/* Finds the configuration of `release`; returns the file's path, a new string, or NULL. */
static char *read_config(struct hp_host *host, struct hp_facts *facts, const char *release,
                         struct hp_text *ret)
{
	static const char *const places[] = {
	    "/boot/config-%s",
	    "/lib/modules/%s/config",
	    "/usr/lib/modules/%s/config",
	    "/usr/lib/kernel/config-%s",
	    "/lib/modules/%s/build/.config",
	    "/usr/src/linux-headers-%s/.config",
	};
	// The kernel's own word is the best, but costs unpacking: the distribution's file is the
	// same.
	for (size_t i = 0; i < HP_COUNT(places); i++) {
		const char *mark = strstr(places[i], "%s");
		hp_cleanup_free char *path =
		    hp_asprintf("%.*s%s%s", (int)(mark - places[i]), places[i], release, mark + 2);
		if (hp_host_read_text(host, path, CONFIG_LIMIT, ret) >= 0)
			return hp_steal(path);
	}
	return read_packed(host, facts, ret) ? hp_strdup("/proc/config.gz") : NULL;
}

static int compare_option(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *)element);
}

static int put_option(struct hp_facts *facts, const char *option, const char *value,
                      const char *path, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_KERNEL_CONFIG);
	hp_row_text(&row, HP_KERNEL_CONFIG_OPTION, option);
	hp_row_text(&row, HP_KERNEL_CONFIG_VALUE, value);
	int r = hp_row_put(&row, err);
	if (r == 0)
		r = hp_facts_origin(facts, HP_TBL_KERNEL_CONFIG, option, "value", path, err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_KERNEL_CONFIG, option, "complete", err);
}

int hp_probe_kernel_config(struct hp_host *host, struct hp_facts *facts,
                           const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	char release[256];
	hp_cleanup_text struct hp_text text = {0};
	const char *values[HP_COUNT(wanted_options)] = {NULL};
	if (hp_host_read(host, "/proc/sys/kernel/osrelease", release, sizeof(release)) <= 0)
		return 0;
	hp_cleanup_free char *path = read_config(host, facts, release, &text);
	if (!path)
		return hp_facts_gap(facts, "missing-tool", "kernel configuration",
		                    "neither /boot/config-%s nor a readable /proc/config.gz",
		                    release);
	char *cursor = text.data, *option, *value;
	for (char *line; (line = hp_next_line(&cursor));) {
		if (!hp_kernel_config_line(line, &option, &value))
			continue;
		const char *const *found = bsearch(option, wanted_options, HP_COUNT(wanted_options),
		                                   sizeof(wanted_options[0]), compare_option);
		if (found)
			values[found - wanted_options] = value;
	}
	// An option that the file does not even name cannot be had with this kernel.
	int r = 0;
	for (size_t i = 0; r == 0 && i < HP_COUNT(wanted_options); i++)
		r = put_option(facts, wanted_options[i], values[i] ? values[i] : "n", path, err);
	return r;
}
